package osvscanner

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what call analysis says, as the scanner's opinion.
var statuses = connectors.Statuses{"called": exposure.StatusOpen, "not called": exposure.StatusNotAffected} //nolint:gochecknoglobals // a constant table

// groups are the groups of a package's advisories. Reports of versions before 1.0 have
// none: there each advisory stands alone.
func groups(p *found) []group {
	if len(p.Groups) > 0 {
		return p.Groups
	}
	out := make([]group, 0, len(p.Vulnerabilities))
	for _, v := range p.Vulnerabilities {
		out = append(out, group{IDs: wire.Texts{v.ID.String()}, Aliases: v.Aliases})
	}
	return out
}

// finding makes a finding of one group of a package's advisories.
func (d *decoding) finding(s *source, p *found, g *group) (*exposure.Finding, string) {
	var about []*vulnerability
	names := append([]string{}, g.IDs...)
	names = append(names, g.Aliases...)
	for i := range p.Vulnerabilities {
		v := &p.Vulnerabilities[i]
		if slices.Contains(g.IDs, v.ID.String()) {
			about = append(about, v)
			names = append(names, v.Aliases...)
		}
	}
	id := principal(names)
	if id == "" {
		return nil, "group_without_id"
	}
	name, installed := p.Package.Name.String(), cmp.Or(p.Package.Version.String(), p.Package.Commit.String())
	f := &exposure.Finding{Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + id, Title: cmp.Or(name, "package") + ": " + id, CVEs: connectors.CVEs(names)}
	for _, n := range names {
		if n = connectors.Ident(n); n != "" && !connectors.IsCVE(strings.ToUpper(n)) && !slices.Contains(f.Advisories, n) {
			f.Advisories = append(f.Advisories, n)
		}
	}
	slices.Sort(f.Advisories)
	var fixes []string
	for _, v := range about {
		fixes = append(fixes, texts(f, v, name)...)
	}
	slices.Sort(fixes)
	fixed := strings.Join(slices.Compact(fixes), ", ")
	f.Severity, f.RawSeverity = severity(g, about, id)
	d.place(f, s, p, name, installed, fixed, about)
	f.Status, f.StatusNote = called(g)
	f.Vendor = wire.Fields(map[string]any{"ids": g.IDs, "max_severity": g.Max.String(), "dependency_groups": p.DependencyGroups, "source_type": s.Type.String()})
	f.UID = connectors.UID(f.Check, f.Location)
	return f, ""
}

// principal is the name by which a group is known: its CVE, which all databases share,
// else the name in the database that most others build on.
func principal(names []string) string {
	rank := func(name string) int {
		for i, prefix := range []string{"CVE-", "GHSA-", "GO-", "RUSTSEC-", "PYSEC-", "MAL-", "OSV-"} {
			if strings.HasPrefix(name, prefix) {
				return i
			}
		}
		return 100
	}
	best := ""
	for _, name := range names {
		name = connectors.Ident(name)
		if name != "" && (best == "" || cmp.Or(cmp.Compare(rank(name), rank(best)), strings.Compare(name, best)) < 0) {
			best = name
		}
	}
	return best
}

// texts fills in what an advisory tells, and gives the versions that mend the package.
func texts(f *exposure.Finding, v *vulnerability, name string) (fixes []string) {
	if f.Description == "" && v.Summary != "" {
		f.Title = v.Summary.String()
	}
	if len(v.Details) > len(f.Description) {
		f.Description = v.Details.String()
	}
	for _, s := range v.Severity {
		for _, c := range connectors.CVSSOf(s.Score.String(), 0, database(v.ID.String())) {
			if !slices.Contains(f.CVSS, c) {
				f.CVSS = append(f.CVSS, c)
			}
		}
	}
	weaknesses := v.Database.weaknesses()
	for i := range v.Affected {
		a := &v.Affected[i]
		weaknesses = append(weaknesses, a.Database.weaknesses()...)
		if !strings.EqualFold(a.Package.Name.String(), name) {
			continue
		}
		for _, r := range a.Ranges {
			for _, e := range r.Events {
				if e.Fixed != "" {
					fixes = append(fixes, e.Fixed.String())
				}
			}
		}
	}
	f.CWEs = connectors.CWEs(append(f.CWEs, weaknesses...))
	const most = 20
	for _, l := range v.References {
		if url := l.URL.String(); url != "" && len(f.References) < most && !slices.Contains(f.References, url) {
			f.References = append(f.References, url)
		}
	}
	return fixes
}

// database is the database that an advisory is of, by its ID.
func database(id string) string {
	prefix, _, _ := strings.Cut(id, "-")
	return strings.ToLower(prefix)
}

func severity(g *group, about []*vulnerability, id string) (exposure.Severity, string) {
	best, word := exposure.SeverityUnknown, ""
	for _, v := range about {
		said := append(make([]string, 0, 1+len(v.Affected)), v.Database.Severity.String())
		for i := range v.Affected {
			said = append(said, v.Affected[i].Database.Severity.String())
		}
		for _, text := range said {
			if s := connectors.Severity(text); s.Rank() > best.Rank() {
				best, word = s, text
			}
		}
	}
	malicious := strings.HasPrefix(id, "MAL-") || slices.ContainsFunc(about, func(v *vulnerability) bool { return strings.HasPrefix(v.ID.String(), "MAL-") })
	if malicious {
		return exposure.SeverityCritical, cmp.Or(word, "malicious")
	}
	if best != exposure.SeverityUnknown {
		return best, word
	}
	const critical, high, medium = 9, 7, 4 // CVSS 3.1, section 5
	switch number, err := strconv.ParseFloat(g.Max.String(), 64); {
	case err != nil || number <= 0:
	case number >= critical:
		return exposure.SeverityCritical, g.Max.String()
	case number >= high:
		return exposure.SeverityHigh, g.Max.String()
	case number >= medium:
		return exposure.SeverityMedium, g.Max.String()
	default:
		return exposure.SeverityLow, g.Max.String()
	}
	return best, word
}

// place fills in the package, and where it is named.
func (d *decoding) place(f *exposure.Finding, s *source, p *found, name, installed, fixed string, about []*vulnerability) {
	ecosystem, _, _ := strings.Cut(p.Package.Ecosystem.String(), ":") // "Debian:12"
	purl := connectors.PURL(ecosystem, name, installed)
	for _, v := range about {
		for i := range v.Affected {
			if a := &v.Affected[i]; purl == "" && strings.EqualFold(a.Package.Name.String(), name) {
				purl = connectors.BarePURL(a.Package.PURL.String())
			}
		}
	}
	file := d.file(s)
	if connectors.SystemPackage(purl) {
		file = "" // in the system's database
	}
	f.Package = &exposure.Package{Name: name, Version: installed, FixedIn: fixed, PURL: purl, Path: file}
	f.Location = connectors.PackageLocation(f.Package)
	if fixed != "" {
		f.Remediation = "Update " + name + " to " + fixed + "."
	}
}

// file is the path of a lock file from the root of what was scanned.
func (d *decoding) file(s *source) string {
	file := strings.ReplaceAll(s.Path.String(), `\`, "/")
	if root := strings.TrimSuffix(d.config.Root, "/"); root != "" {
		file = strings.TrimPrefix(file, root)
	}
	if file = strings.TrimPrefix(path.Clean("/"+file), "/"); file == "." {
		return ""
	}
	return file
}

// called is what call analysis found, where there was one: not affected only if none of
// the group's advisories is about code that is called.
func called(g *group) (exposure.Status, string) {
	said := 0
	for _, a := range g.Analysis {
		if a.Called == nil || bool(*a.Called) {
			return statuses.Of("called"), ""
		}
		said++
	}
	if said == 0 {
		return statuses.Of("called"), ""
	}
	return statuses.Of("not called"), "the vulnerable code is not called"
}

// describe describes what the source is of.
func (in *Instance) describe() *asset.Description {
	if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.RepositoryName, Value: in.config.Repository}); ok && in.config.Repository != "" {
		return &asset.Description{Kind: asset.Repository, Name: id.Value, Identifiers: []asset.Identifier{id}}
	}
	name := connectors.Ident(cmp.Or(in.config.Artifact, in.source, Name))
	return &asset.Description{Kind: asset.Repository, Name: name, Identifiers: []asset.Identifier{{Kind: asset.Label, Scope: in.source, Value: name}}}
}
