package vex

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Limits of what is kept of one document.
const (
	largestItem = 4 << 20   // bytes of one vulnerability or component
	largestHeld = 256 << 20 // bytes of all vulnerabilities, compressed
	most        = 500_000   // components, and dependencies
	shortText   = 4 << 10
)

// bom is a CycloneDX document, as far as it is needed when its vulnerabilities are told:
// the format lets them come first.
type bom struct {
	in              *Instance
	serial          string
	version         string
	meta            metadata
	parts           map[string]part // components by bom-ref
	files           []string        // bom-refs of components that are files of packages
	depends         map[string][]string
	edges           int
	vulnerabilities *jsonpull.Hold
	listed          bool // there is a list of vulnerabilities, if an empty one
	lost            int
	seen            int // components
	asset           *asset.Description
}

// part is what is kept of a component.
type part struct{ name, version, purl, path string }

func newBOM(in *Instance) *bom {
	return &bom{in: in, parts: map[string]part{}, depends: map[string][]string{}, vulnerabilities: jsonpull.NewHold(largestHeld)}
}

// add keeps a component and those inside it.
func (b *bom) add(c *component) {
	b.seen++
	if ref := c.Ref.String(); ref != "" && len(b.parts) < most && len(ref) <= shortText {
		name := c.Name.String()
		if group := c.Group.String(); group != "" {
			name = group + "/" + name
		}
		b.parts[ref] = part{name: name, version: c.Version.String(), purl: c.PURL.String(), path: c.path()}
		if c.Type == "application" && c.property("aquasecurity:trivy:Class") == "lang-pkgs" {
			b.files = append(b.files, ref)
		}
	}
	for i := range c.Components {
		b.add(&c.Components[i])
	}
}

func (c *component) property(name string) string {
	for _, p := range c.Properties {
		if p.Name.String() == name {
			return p.Value.String()
		}
	}
	return ""
}

// path is the file that a package was found in, for packages of a language: those of a
// system are in its database.
func (c *component) path() string {
	if connectors.SystemPackage(c.PURL.String()) {
		return ""
	}
	path := cmp.Or(c.property("aquasecurity:trivy:FilePath"), c.property("syft:location:0:path"))
	if path == "" && len(c.Evidence.Occurrences) > 0 {
		path = c.Evidence.Occurrences[0].Location.String()
	}
	return strings.TrimPrefix(path, "/")
}

func (b *bom) depend(on string, refs []string) {
	if b.edges += len(refs); on != "" && b.edges <= most {
		b.depends[on] = append(b.depends[on], refs...)
	}
}

// spread gives the packages of a lock file its path: in trivy's BOMs, those that the
// file's own component depends on, however indirectly.
func (b *bom) spread() {
	for _, file := range b.files {
		path := b.parts[file].name
		queue := slices.Clone(b.depends[file])
		seen := map[string]bool{file: true}
		for len(queue) > 0 {
			ref := queue[0]
			queue = queue[1:]
			p, ok := b.parts[ref]
			if !ok || seen[ref] || slices.Contains(b.files, ref) {
				continue
			}
			seen[ref] = true
			if p.path == "" && !connectors.SystemPackage(p.purl) {
				p.path = path
				b.parts[ref] = p
			}
			queue = append(queue, b.depends[ref]...)
		}
	}
}

// tell emits what the document says.
func (b *bom) tell(e *report.Emitter, from *jsonpull.Reader) error {
	b.spread()
	err := b.vulnerabilities.Each(from, func(r *jsonpull.Reader) error {
		var v vulnerability
		raw, ok := r.Into(largestItem, &v)
		switch {
		case !r.OK():
			return nil
		case !ok || v.ID.String() == "":
			b.lost++
			e.Skip("vulnerability_without_id")
			return nil
		}
		return b.vulnerability(e, &v, raw)
	})
	if err != nil || !from.OK() || b.meta.Component.Name == "" {
		return err
	}
	if b.listed && e.Statements == 0 {
		return e.Cover(exposure.Coverage{Asset: *b.describe(), Outcome: exposure.TargetOK, CheckedAt: b.meta.Timestamp.Time})
	}
	if e.Findings > 0 || !b.listed {
		return e.Asset(b.describe())
	}
	return nil
}

// vulnerability tells of one vulnerability, for each product or component that it
// affects: what the author says of it, and that it is there.
func (b *bom) vulnerability(e *report.Emitter, v *vulnerability, raw []byte) error {
	if len(v.Affects) == 0 {
		v.Affects = append(v.Affects, affect{Ref: b.meta.Component.Ref})
	}
	for i := range v.Affects {
		a := &v.Affects[i]
		statements, unknown := b.statements(v, a)
		if unknown {
			e.Skip("analysis_of_unknown_state")
		}
		for _, st := range statements {
			if err := e.Statement(st); err != nil {
				return err
			}
		}
		_, inside := b.parts[a.Ref.String()]
		if !inside && (len(statements) > 0 || unknown) {
			continue
		}
		if !inside && b.meta.Component.Name == "" {
			e.Skip("vulnerability_of_nothing_named")
			continue
		}
		if err := e.Observe(b.describe(), b.finding(v, a, raw)); err != nil {
			return err
		}
	}
	return nil
}

// statements are what the analysis says of one affected product: one for all of it, or
// one for each status that its versions have.
func (b *bom) statements(v *vulnerability, a *affect) (out []exposure.Statement, unknown bool) {
	states := map[exposure.StatementStatus][]string{}
	main, known := analysisStates[v.Analysis.State.String()]
	if v.Analysis.State != "" && !known {
		return nil, true
	}
	for _, ver := range a.Versions {
		status := main
		switch ver.Status {
		case "unaffected":
			if main != exposure.StatementFixed {
				status = exposure.StatementNotAffected
			}
		case "unknown":
			status = exposure.StatementUnderInvestigation
		}
		if status != "" {
			states[status] = append(states[status], cmp.Or(ver.Version.String(), ver.Range.String()))
		}
	}
	if len(states) == 0 && main != "" {
		states[main] = nil
	}
	for _, status := range statementOrder {
		versions, ok := states[status]
		if !ok {
			continue
		}
		st := exposure.Statement{
			Vulnerability: connectors.Ident(v.ID.String()), Status: status, Justification: v.Analysis.Justification.String(), Impact: v.Analysis.Detail.String(),
			Action: strings.Join(slices.DeleteFunc([]string{strings.Join(v.Analysis.Response, ", "), v.Recommendation.String(), v.Workaround.String()}, func(s string) bool { return s == "" }), ": "),
			Author: b.author(), Document: b.serial, DocumentVersion: b.version, At: latest(v.Analysis.Updated.String(), v.Updated.String(), v.Analysis.Issued.String(), b.meta.Timestamp.Time),
		}
		for _, r := range v.References {
			if id := connectors.Ident(r.ID.String()); id != "" && id != st.Vulnerability {
				st.Aliases = append(st.Aliases, id)
			}
		}
		b.product(&st, a.Ref.String(), versions)
		st.ID = connectors.UID("cyclonedx", b.serial, b.version, cmp.Or(v.Ref.String(), st.Vulnerability), connectors.Ident(a.Ref.String()), string(status), strings.Join(versions, ","))
		out = append(out, st)
	}
	return out, false
}

// latest is when something was said last.
func latest(updated, changed, issued string, document time.Time) time.Time {
	for _, text := range []string{updated, changed, issued} {
		if at := connectors.Time(text); !at.IsZero() {
			return at
		}
	}
	return document
}

// product says what a statement is about: the document's own product, a component in it,
// or something in another document, which only its name tells of.
func (b *bom) product(st *exposure.Statement, ref string, versions []string) {
	own := &b.meta.Component
	p, inside := b.parts[ref]
	switch {
	case ref == own.Ref.String() || ref == "":
		st.Product = named(own.Name.String(), own.Version.String())
		st.PURLs = purls(own.PURL.String())
		st.Identifiers = imageIdentifiers(own)
	case inside:
		st.Product = named(own.Name.String(), own.Version.String())
		st.PURLs = purls(own.PURL.String(), p.purl)
		st.Components = purls(p.purl)
		st.Identifiers = imageIdentifiers(own)
		if p.purl == "" {
			st.Product = strings.TrimSpace(named(p.name, p.version) + " in " + st.Product)
		}
	default: // urn:cdx:serial/version#bom-ref
		name := ref
		if i := strings.LastIndexByte(ref, '#'); i >= 0 {
			name = unescape(ref[i+1:])
		}
		st.Product = connectors.Ident(name)
		st.PURLs = purls(name)
	}
	if len(versions) > 0 {
		st.Product = strings.TrimSpace(st.Product + " " + strings.Join(versions, ", "))
	}
}

func named(name, version string) string {
	if version == "" || name == "" {
		return name
	}
	return name + "@" + version
}

// purls are those of the texts that are package URLs, each once.
func purls(texts ...string) []string {
	var out []string
	for _, text := range texts {
		if strings.HasPrefix(text, "pkg:") && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// author is who says it: the people named as authors, else the maker, else the tool.
func (b *bom) author() string {
	var names []string
	for _, a := range b.meta.Authors {
		if a.Name != "" {
			names = append(names, a.Name.String())
		}
	}
	tool, _ := b.tool()
	return cmp.Or(strings.Join(names, ", "), b.meta.Maker.Name.String(), b.meta.OldMaker.Name.String(), b.meta.Supplier.Name.String(), tool)
}

// tool is the name and the version of what wrote the document.
func (b *bom) tool() (name, version string) {
	if len(b.meta.Tools.list) == 0 {
		return "", ""
	}
	return b.meta.Tools.list[0].Name.String(), b.meta.Tools.list[0].Version.String()
}

// run says what is known of the document as a run.
func (b *bom) run(e *report.Emitter) exposure.Run {
	at := b.meta.Timestamp.Time
	name, version := b.tool()
	run := exposure.Run{
		ID:        connectors.RunID(Name, at, at, connectors.Ident(cmp.Or(b.serial, b.meta.Component.Name.String())), b.version, strconv.Itoa(b.vulnerabilities.Len())),
		Source:    b.in.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   at,
		Finished:  at,
		Counts:    map[string]int{"components": b.seen, "vulnerabilities": b.vulnerabilities.Len(), "findings": e.Findings, "statements": e.Statements},
		Tool:      strings.TrimSpace(name + " " + version),
	}
	if e.Assets > 0 {
		run.Targets = 1
	}
	switch {
	case e.Statements > 0:
		run.Kind, run.Why = exposure.RunPartial, "statements say nothing of what they don't name"
	case !b.listed:
		run.Kind, run.Why = exposure.RunPartial, "the document has no list of vulnerabilities"
	case !b.in.config.FullScan:
		run.Why = "whether all vulnerabilities were looked for doesn't show in a BOM; see full_scan in the source's configuration"
	case at.IsZero():
		run.Why = "the document has no time"
	case run.Targets == 0:
		run.Why = "the document doesn't say what it is of"
	case b.lost > 0:
		run.Why = "some vulnerabilities could not be read"
	default:
		run.Complete, run.Checks = true, []string{b.check("") + "*"}
	}
	return run
}
