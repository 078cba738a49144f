package dependencytrack

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the states of an analysis mean. They are an auditor's, and none of
// them is a check; "retracted" is our word for the group VULNERABILITY_RETRACTED.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"not_set": exposure.StatusOpen, "in_triage": exposure.StatusOpen, "exploitable": exposure.StatusOpen, "false_positive": exposure.StatusSuppressed,
	"not_affected": exposure.StatusNotAffected, "resolved": exposure.StatusSuppressed, "retracted": exposure.StatusArchived,
}

// finding makes a finding of a vulnerability in a component, or says why it is none.
func (in *Instance) finding(c *component, v *vulnerability, a *analysis, at time.Time, raw []byte) (*exposure.Finding, string) {
	id := connectors.Ident(v.ID.String())
	if id == "" {
		return nil, "finding_without_vulnerability"
	}
	name := c.Name.String()
	if group := c.Group.String(); group != "" {
		name = group + "/" + name
	}
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + id, Title: cmp.Or(v.Title.String(), cmp.Or(name, "component")+": "+id),
		Description: v.Description.String(), Remediation: v.Recommendation.String(), RawSeverity: v.Severity.String(), Severity: connectors.Severity(v.Severity.String()),
		References: links(v.References.String()), LastSeen: at,
		Package: &exposure.Package{Name: name, Version: c.Version.String(), PURL: c.PURL.String()},
		CVSS: slices.Concat(connectors.CVSSOf(v.Vector4.String(), v.Score4.Value, v.Source.String()), connectors.CVSSOf(bare(v.Vector3.String()), v.Score3.Value, v.Source.String()),
			connectors.CVSSOf(v.Vector2.String(), v.Score2.Value, v.Source.String())),
		Vendor: wire.Rest(raw, "component.name", "component.group", "component.version", "component.purl", "vulnerability.vulnId", "vulnerability.title", "vulnerability.description", "vulnerability.recommendation",
			"vulnerability.severity", "vulnerability.references", "vulnerability.aliases", "vulnerability.cwes", "vulnerability.cweId", "vulnerability.cvssV2Vector", "vulnerability.cvssV3Vector", "vulnerability.cvssV4Vector",
			"vulnerability.epssScore", "analysis", "attribution.attributedOn"),
	}
	f.Location = connectors.PackageLocation(f.Package)
	if p := v.EPSS.Value; p > 0 && p <= 1 {
		f.EPSS = p
	}
	numbers := []string{v.CWE.String(), v.OneCWE.ID.String()}
	for _, w := range v.CWEs {
		numbers = append(numbers, w.ID.String())
	}
	f.CWEs = connectors.CWEs(numbers)
	named(f, id, v.Aliases)
	f.Status, f.StatusNote = status(a)
	f.UID = connectors.UID(f.Check, f.Location)
	return f, ""
}

// bare is a vector without the parentheses that NVD once wrote around it.
func bare(vector string) string { return strings.Trim(vector, "()") }

// named fills in the CVE: the finding's own, else that of its aliases.
func named(f *exposure.Finding, id string, aliases []alias) {
	names := []string{id}
	for _, a := range aliases {
		for _, other := range []wire.Text{a.CVE, a.GHSA, a.OSV, a.Snyk, a.Sonatype, a.VulnDB, a.GSD} {
			if name := connectors.Ident(other.String()); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if f.CVEs = connectors.CVEs(names[:1]); len(f.CVEs) == 0 {
		f.CVEs = connectors.CVEs(names)
	}
	for _, name := range names {
		if !connectors.IsCVE(strings.ToUpper(name)) {
			f.Advisories = append(f.Advisories, name)
		}
	}
}

func status(a *analysis) (exposure.Status, string) {
	state := a.State.String()
	said := statuses.Of(state)
	parts := slices.DeleteFunc([]string{state, a.Justification.String(), a.Response.String(), cmp.Or(a.Detail.String(), a.Details.String())}, func(s string) bool { return s == "" })
	if (bool(a.IsSuppressed) || bool(a.Suppressed)) && said == exposure.StatusOpen {
		said = exposure.StatusSuppressed
		parts = append([]string{"suppressed"}, parts...)
	}
	return said, strings.Join(parts, ": ")
}

var link = regexp.MustCompile(`https?://[^\s)\]>"]+`)

func links(markdown string) []string {
	const most = 20
	found := link.FindAllString(markdown, most)
	slices.Sort(found)
	return slices.Compact(found)
}

// describe describes a project.
func (in *Instance) describe(p *project, seen time.Time) *asset.Description {
	name := p.Name.String()
	a := &asset.Description{Kind: asset.Repository, Name: connectors.Ident(cmp.Or(strings.TrimSpace(name+" "+p.Version.String()), p.UUID.String(), Name)), SeenAt: seen}
	repository := in.config.Repositories[name]
	if path, ok := strings.CutPrefix(connectors.BarePURL(p.PURL.String()), "pkg:github/"); ok && repository == "" {
		repository = "github.com/" + path
	}
	if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.RepositoryName, Value: repository}); ok && repository != "" {
		a.Identifiers = append(a.Identifiers, id)
	}
	if id := connectors.Ident(p.UUID.String()); id != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: id})
	} else {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.Label, Scope: in.source, Value: a.Name})
	}
	tags := map[string]string{}
	for tag := range strings.SplitSeq(p.Tags.String(), ",") {
		if key, value, _ := strings.Cut(strings.TrimSpace(tag), ":"); key != "" {
			tags[key] = strings.TrimSpace(value)
		}
	}
	a.Tags, a.OwnerHints = connectors.SplitTags(tags)
	return a
}
