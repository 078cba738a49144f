package vex

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// analysisStates are what the states of a CycloneDX analysis say, as a statement.
var analysisStates = map[string]exposure.StatementStatus{ //nolint:gochecknoglobals // a constant table
	"exploitable": exposure.StatementAffected, "in_triage": exposure.StatementUnderInvestigation,
	"not_affected": exposure.StatementNotAffected, "false_positive": exposure.StatementNotAffected,
	"resolved": exposure.StatementFixed, "resolved_with_pedigree": exposure.StatementFixed,
}

// statementOrder is the order in which statements of one vulnerability are told.
var statementOrder = []exposure.StatementStatus{ //nolint:gochecknoglobals // a constant list
	exposure.StatementAffected, exposure.StatementNotAffected, exposure.StatementFixed, exposure.StatementUnderInvestigation,
}

// statuses are what the same states mean for the finding on a component that the BOM
// itself lists. None is proof: the component is still there.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"exploitable": exposure.StatusOpen, "in_triage": exposure.StatusOpen, "not_affected": exposure.StatusNotAffected,
	"false_positive": exposure.StatusSuppressed, "resolved": exposure.StatusSuppressed, "resolved_with_pedigree": exposure.StatusSuppressed,
}

// writers are tools whose own reports another connector reads, and how it names checks.
var writers = map[string]string{ //nolint:gochecknoglobals // a constant table
	"trivy": "trivy:vuln:", "grype": "grype:", "syft": "grype:", "dependency-track": "dependencytrack:", "osv-scanner": "osvscanner:",
}

func (b *bom) check(id string) string {
	for _, t := range b.meta.Tools.list {
		if prefix, ok := writers[strings.ToLower(t.Name.String())]; ok {
			return prefix + id
		}
	}
	return Name + ":" + id
}

// finding is a vulnerability of one component, or of the product as a whole.
func (b *bom) finding(v *vulnerability, a *affect, raw []byte) *exposure.Finding {
	id := connectors.Ident(v.ID.String())
	p := b.parts[a.Ref.String()]
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: b.check(id), Title: cmp.Or(p.name, b.meta.Component.Name.String(), "product") + ": " + id,
		Description: cmp.Or(v.Description.String(), v.Detail.String()), Remediation: cmp.Or(v.Recommendation.String(), v.Workaround.String()),
		CWEs: connectors.CWEs(v.CWEs), LastSeen: b.meta.Timestamp.Time, Status: exposure.StatusOpen, Vendor: wire.Rest(raw, mapped...),
	}
	if state := v.Analysis.State.String(); state != "" {
		f.Status = statuses.Of(state)
		f.StatusNote = strings.Join(slices.DeleteFunc([]string{state, v.Analysis.Justification.String(), v.Analysis.Detail.String()}, func(s string) bool { return s == "" }), ": ")
	}
	f.Severity, f.RawSeverity, f.CVSS = ratings(v)
	f.CVEs = connectors.CVEs([]string{id})
	for _, r := range v.References {
		other := connectors.Ident(r.ID.String())
		if len(f.CVEs) == 0 || !connectors.IsCVE(id) {
			f.CVEs = connectors.CVEs(append(f.CVEs, other))
		}
		if other != "" && !connectors.IsCVE(strings.ToUpper(other)) && other != id {
			f.Advisories = append(f.Advisories, other)
		}
	}
	if !connectors.IsCVE(strings.ToUpper(id)) {
		f.Advisories = append([]string{id}, f.Advisories...)
	}
	f.References = links(v)
	if p != (part{}) {
		f.Package = &exposure.Package{Name: p.name, Version: p.version, PURL: p.purl, Path: p.path}
		f.Location = connectors.PackageLocation(f.Package)
	}
	f.UID = connectors.UID(f.Check, f.Location)
	return f
}

func links(v *vulnerability) []string {
	all := append(make([]string, 0, 1+len(v.Advisories)), v.Source.URL.String())
	for _, a := range v.Advisories {
		all = append(all, a.URL.String())
	}
	const mostLinks = 20
	var out []string
	for _, link := range all {
		if link != "" && len(out) < mostLinks && !slices.Contains(out, link) {
			out = append(out, link)
		}
	}
	return out
}

// ratings are the scores, and the severity: by whoever the vulnerability's name is from,
// else by NVD, else the worst of all.
func ratings(v *vulnerability) (severity exposure.Severity, word string, scores []exposure.CVSS) {
	severity = exposure.SeverityUnknown
	best := -1
	for _, r := range v.Ratings {
		score, _ := strconv.ParseFloat(r.Score.String(), 64)
		vector := r.Vector.String()
		if prefix, ok := vectorPrefixes[r.Method.String()]; ok && vector != "" && !strings.HasPrefix(vector, "CVSS:") {
			vector = prefix + vector
		}
		by := r.Source.Name.String()
		scores = append(scores, connectors.CVSSOf(vector, score, by)...)
		rank := 0
		said := connectors.Severity(r.Severity.String())
		switch {
		case said == exposure.SeverityUnknown:
			continue
		case by != "" && strings.EqualFold(by, v.Source.Name.String()):
			rank = 200
		case strings.EqualFold(by, "nvd"):
			rank = 100
		}
		if rank += said.Rank(); rank > best {
			best, severity, word = rank, said, r.Severity.String()
		}
	}
	return severity, word, scores
}

// vectorPrefixes complete vectors that some tools write without their version.
var vectorPrefixes = map[string]string{"CVSSv3": "CVSS:3.0/", "CVSSv31": "CVSS:3.1/", "CVSSv4": "CVSS:4.0/"} //nolint:gochecknoglobals // a constant table

// describe describes what the BOM is of.
func (b *bom) describe() *asset.Description {
	if b.asset != nil {
		return b.asset
	}
	c := &b.meta.Component
	name := c.Name.String()
	if group := c.Group.String(); group != "" {
		name = group + "/" + name
	}
	a := &asset.Description{Kind: asset.Repository, Name: connectors.Ident(cmp.Or(b.in.config.Artifact, name, b.in.source, Name)), SeenAt: b.meta.Timestamp.Time, Identifiers: imageIdentifiers(c)}
	if c.Type == "container" || len(a.Identifiers) > 0 {
		a.Kind = asset.ContainerImage
	}
	if len(a.Identifiers) == 0 || b.in.config.Artifact != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.Label, Scope: b.in.source, Value: a.Name})
	}
	b.asset = a
	return a
}

// imageIdentifiers are the digests of a container image: of its manifest, in trivy's
// property, its purl or its version, and of its configuration.
func imageIdentifiers(c *component) []asset.Identifier {
	var out []asset.Identifier
	add := func(scope, digest string) {
		if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.ImageDigest, Scope: scope, Value: digest}); ok && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	if c.Type != "container" && !strings.HasPrefix(c.PURL.String(), "pkg:oci/") {
		return nil
	}
	add("", c.property("aquasecurity:trivy:RepoDigest"))
	if len(out) == 0 {
		add("", ociDigest(c.PURL.String()))
	}
	if len(out) == 0 {
		add("", c.Version.String())
	}
	add("config", c.property("aquasecurity:trivy:ImageID"))
	return out
}

// ociDigest is the digest in an OCI purl: pkg:oci/shop@sha256%3Aabc….
func ociDigest(purl string) string {
	if !strings.HasPrefix(purl, "pkg:oci/") {
		return ""
	}
	purl, _, _ = strings.Cut(purl, "?")
	_, version, _ := strings.Cut(purl, "@")
	return unescape(version)
}

func unescape(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}
