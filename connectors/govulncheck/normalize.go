package govulncheck

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// reach is how far a vulnerability reaches into the code: the more, the worse.
type reach int

const (
	required reach = iota
	imported
	called
)

// words are what the reaches are called, here and in the table of statuses.
var words = [...]string{required: "required", imported: "imported", called: "called"} //nolint:gochecknoglobals // a constant table

// statuses are what a reach means in a scan that looked at symbols. A scan of packages or
// modules alone can't tell what is called, and all that it finds is open.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"called": exposure.StatusOpen, "imported": exposure.StatusNotAffected, "required": exposure.StatusNotAffected,
}

// hit is a vulnerability in a module, by the way that reaches farthest.
type hit struct {
	osv, module, version, fixed string
	reach                       reach
	way                         string
	ways                        int
}

// take gathers the ways to one vulnerability.
func (d *decoding) take(f *finding) bool {
	if f.OSV == "" || len(f.Trace) == 0 {
		return false
	}
	sink := &f.Trace[0]
	h := hit{osv: connectors.Ident(f.OSV.String()), module: connectors.Ident(sink.Module.String()), version: sink.Version.String(), fixed: f.Fixed.String()}
	switch {
	case sink.Function != "":
		h.reach = called
	case sink.Package != "":
		h.reach = imported
	}
	const longest = 40
	for i := len(f.Trace) - 1; i >= 0 && len(f.Trace)-i <= longest; i-- {
		step := &f.Trace[i]
		name := cmp.Or(step.Package.String(), step.Module.String())
		if step.Receiver != "" {
			name += "." + strings.TrimPrefix(step.Receiver.String(), "*")
		}
		if step.Function != "" {
			name += "." + step.Function.String()
		}
		h.way += "\n" + name
	}
	return d.keep(h)
}

func (d *decoding) keep(h hit) bool {
	if h.osv == "" || h.module == "" {
		return false
	}
	key := h.osv + " " + h.module
	have, ok := d.hits[key]
	switch {
	case !ok && len(d.hits) == mostHits:
		d.why = "more vulnerabilities than can be kept"
	case !ok || h.reach > have.reach:
		h.ways = have.ways + 1
		d.hits[key] = h
	default:
		have.ways++
		d.hits[key] = have
	}
	return true
}

func (d *decoding) finding(h *hit) *exposure.Finding {
	e := d.entries[h.osv]
	names := append([]string{h.osv}, e.Aliases...)
	version := strings.TrimPrefix(strings.TrimPrefix(h.version, "v"), "go")
	fixed := strings.TrimPrefix(h.fixed, "v")
	if fixed == "" {
		fixed = fixes(&e, h.module)
	}
	purl := connectors.PURL("go", h.module, version)
	file := d.file()
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + h.osv, Title: cmp.Or(e.Summary.String(), h.module+": "+h.osv), Description: e.Details.String(),
		Severity: exposure.SeverityUnknown, CVEs: connectors.CVEs(names), Evidence: strings.TrimSpace(h.way),
		Package: &exposure.Package{Name: h.module, Version: version, FixedIn: fixed, PURL: purl, Path: file}, Status: exposure.StatusOpen,
		Vendor: wire.Fields(map[string]any{"reach": words[h.reach], "ways": h.ways, "scan_level": d.settings.Level.String(), "withdrawn": e.Withdrawn.String()}),
	}
	for _, name := range names {
		if name = connectors.Ident(name); name != "" && !connectors.IsCVE(strings.ToUpper(name)) {
			f.Advisories = append(f.Advisories, name)
		}
	}
	if level := d.settings.Level; level == "" || level == "symbol" {
		f.Status = statuses.Of(words[h.reach])
		if f.Status != exposure.StatusOpen {
			f.StatusNote = words[h.reach] + ", not called"
		}
	}
	if fixed != "" {
		f.Remediation = "Update " + h.module + " to " + fixed + "."
	}
	const most = 20
	for _, l := range append([]link{{e.Database.URL}}, e.References...) {
		if url := l.URL.String(); url != "" && len(f.References) < most && !slices.Contains(f.References, url) {
			f.References = append(f.References, url)
		}
	}
	f.Location = connectors.PackageLocation(f.Package)
	f.UID = connectors.UID(f.Check, f.Location)
	return f
}

// fixes are the versions of a module that an advisory says are mended.
func fixes(e *entry, module string) string {
	var out []string
	for _, a := range e.Affected {
		if a.Package.Name.String() != module {
			continue
		}
		for _, r := range a.Ranges {
			for _, event := range r.Events {
				if v := event.Fixed.String(); v != "" && !slices.Contains(out, v) {
					out = append(out, v)
				}
			}
		}
	}
	return strings.Join(out, ", ")
}

// file is where the modules are named; binaries name them themselves.
func (d *decoding) file() string {
	if d.settings.Mode == "binary" || d.settings.Mode == "extract" {
		return ""
	}
	return d.config.File
}

// describe describes what was scanned: the configured repository, else that of the main
// module where its path is one, else what is left is the source's name.
func (d *decoding) describe() *asset.Description {
	repository := d.config.Repository
	if repository == "" && d.config.Artifact == "" {
		repository = forge(d.root)
	}
	if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.RepositoryName, Value: repository}); ok && repository != "" {
		return &asset.Description{Kind: asset.Repository, Name: id.Value, Identifiers: []asset.Identifier{id}}
	}
	name := connectors.Ident(cmp.Or(d.config.Artifact, d.root, d.source, Name))
	return &asset.Description{Kind: asset.Repository, Name: name, Identifiers: []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: name}}}
}

// forge is the repository in a module's path, where the path's host is one that has them
// there.
func forge(module string) string {
	parts := strings.Split(module, "/")
	const least = 3 // host, owner, name
	if len(parts) < least || !slices.Contains([]string{"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"}, parts[0]) {
		return ""
	}
	return strings.Join(parts[:least], "/")
}
