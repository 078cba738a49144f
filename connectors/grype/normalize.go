package grype

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what it means that a match is ignored, by the status of the VEX statement
// that its rule was made of. Even "fixed" is an opinion: grype found the package.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"ignored": exposure.StatusSuppressed, "not_affected": exposure.StatusNotAffected, "fixed": exposure.StatusSuppressed,
}

// finding makes a finding of a match, or says why it is none.
func (d *decoding) finding(m *match, raw []byte, ignored bool) (f *exposure.Finding, skip string) {
	v := &m.Vulnerability
	id := connectors.Ident(v.ID.String())
	if id == "" {
		return nil, "match_without_id"
	}
	name, installed := m.Artifact.Name.String(), m.Artifact.Version.String()
	f = &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + id, Status: exposure.StatusOpen, LastSeen: d.descriptor.Timestamp.Time,
		Title: cmp.Or(name, "package") + ": " + id, Description: v.Description.String(), RawSeverity: v.Severity.String(), Severity: connectors.Severity(v.Severity.String()),
		Vendor: wire.Rest(raw, "vulnerability.id", "vulnerability.severity", "vulnerability.description", "vulnerability.urls", "vulnerability.links", "vulnerability.cvss", "vulnerability.cvssV2",
			"vulnerability.cvssV3", "vulnerability.epss", "vulnerability.cwes", "vulnerability.fix", "vulnerability.advisories", "vulnerability.dataSource",
			"relatedVulnerabilities", "appliedIgnoreRules", "artifact.name", "artifact.version", "artifact.purl", "artifact.cpes", "artifact.id"),
	}
	aliases(f, id, m)
	texts(f, m)
	path := strings.TrimPrefix(firstPath(&m.Artifact), "/")
	if systemPackage(&m.Artifact) {
		path = "" // the files of its database
	}
	f.Package = &exposure.Package{Name: name, Version: installed, FixedIn: strings.Join(v.Fix.Versions, ", "), PURL: m.Artifact.PURL.String(), Path: path, Status: v.Fix.State.String()}
	if f.Package.PURL == "" {
		f.Package.PURL = connectors.PURL(m.Artifact.Type.String(), name, installed)
	}
	f.Location = connectors.PackageLocation(f.Package)
	if f.Package.FixedIn != "" {
		f.Remediation = "Update " + name + " to " + f.Package.FixedIn + "."
	}
	f.UID = connectors.UID(f.Check, f.Location)
	if ignored {
		f.Status, f.StatusNote = why(m.Rules)
	}
	return f, ""
}

// aliases are the names of the weakness: its CVE, or those of the CVEs that the advisory
// which grype goes by is related to.
func aliases(f *exposure.Finding, id string, m *match) {
	names := append(make([]string, 0, 1+len(m.Related)+len(m.Vulnerability.Advisories)), id)
	for i := range m.Related {
		names = append(names, connectors.Ident(m.Related[i].ID.String()))
	}
	if f.CVEs = connectors.CVEs(names[:1]); len(f.CVEs) == 0 {
		f.CVEs = connectors.CVEs(names)
	}
	for i := range m.Vulnerability.Advisories {
		names = append(names, connectors.Ident(m.Vulnerability.Advisories[i].ID.String()))
	}
	for _, name := range names {
		if name != "" && !connectors.IsCVE(strings.ToUpper(name)) && !slices.Contains(f.Advisories, name) {
			f.Advisories = append(f.Advisories, name)
		}
	}
}

// texts fills in what is told of the vulnerability, also by those related to it: an
// advisory of a distribution has little to say itself.
func texts(f *exposure.Finding, m *match) {
	for _, v := range slices.Concat([]vulnerability{m.Vulnerability}, m.Related) {
		f.Description = cmp.Or(f.Description, v.Description.String())
		for _, c := range v.CVSS {
			f.CVSS = append(f.CVSS, connectors.CVSSOf(c.Vector.String(), c.Metrics.Score.Value, cmp.Or(c.Source.String(), v.Namespace.String()))...)
		}
		for _, c := range []oldCVSS{v.CVSS3, v.CVSS2} {
			f.CVSS = append(f.CVSS, connectors.CVSSOf(c.Vector.String(), c.Score.Value, v.Namespace.String())...)
		}
		for _, e := range v.EPSS {
			if p := e.Probability.Value; p > f.EPSS && p <= 1 {
				f.EPSS = p
			}
		}
		if len(v.Exploited) > 0 {
			f.Exploit = "active"
		}
		numbers := make([]string, 0, len(v.CWEs))
		for _, c := range v.CWEs {
			numbers = append(numbers, c.ID.String())
		}
		f.CWEs = connectors.CWEs(append(f.CWEs, numbers...))
		links := append([]string{v.Source.String()}, slices.Concat(v.URLs, v.Links)...)
		for _, a := range v.Advisories {
			links = append(links, a.Link.String())
		}
		const most = 20
		for _, link := range links {
			if link != "" && len(f.References) < most && !slices.Contains(f.References, link) {
				f.References = append(f.References, link)
			}
		}
	}
	slices.SortFunc(f.CVSS, func(a, b exposure.CVSS) int { return strings.Compare(a.By+a.Vector, b.By+b.Vector) })
	f.CVSS = slices.Compact(f.CVSS)
}

func firstPath(a *artifact) string {
	if len(a.Locations) == 0 {
		return ""
	}
	return a.Locations[0].Path.String()
}

// systemPackage reports whether a package is in the system's own database, and so is
// there once, whatever files are named.
func systemPackage(a *artifact) bool {
	switch a.Type {
	case "deb", "apk", "rpm", "alpm", "portage", "nix", "linux-kernel":
		return true
	}
	return false
}

// why is what is said of an ignored match.
func why(rules []ignoreRule) (exposure.Status, string) {
	status := statuses.Of("ignored")
	var notes []string
	for _, r := range rules {
		if r.VEXStatus != "" {
			status = statuses.Of(r.VEXStatus.String())
		}
		parts := slices.DeleteFunc([]string{r.VEXStatus.String(), r.Justification.String(), r.Reason.String(), r.FixState.String(), r.MatchType.String(), r.Vulnerability.String()}, func(s string) bool { return s == "" })
		if note := strings.Join(parts, ": "); note != "" && !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	return status, cmp.Or(strings.Join(notes, "; "), "ignored by a rule")
}

// describe describes the scanned artifact.
func (d *decoding) describe() *asset.Description {
	if d.asset != nil {
		return d.asset
	}
	t := &d.origin.Target
	a := &asset.Description{Kind: asset.Repository, Name: connectors.Ident(cmp.Or(d.config.Artifact, t.Input.String(), t.path, d.source)), SeenAt: d.descriptor.Timestamp.Time,
		OS: strings.TrimSpace(d.distro.Name.String() + " " + d.distro.Version.String())}
	if d.origin.Type == "image" {
		a.Kind = asset.ContainerImage
		add := func(scope, digest string) {
			if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.ImageDigest, Scope: scope, Value: digest}); ok {
				a.Identifiers = append(a.Identifiers, id)
			}
		}
		if len(t.Repo) > 0 {
			add("", t.Repo[0])
		}
		add("config", t.ID.String())
		if len(a.Identifiers) == 0 {
			add("", t.Digest.String())
		}
	}
	if len(a.Identifiers) == 0 || d.config.Artifact != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.Label, Scope: d.source, Value: a.Name})
	}
	d.asset = a
	return a
}
