package defendercloud

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are those of assessments and of alerts. NotApplicable is a finding only where
// somebody made an exemption, and not here: see applicable.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"healthy": exposure.StatusFixed, "unhealthy": exposure.StatusOpen, "exempt": exposure.StatusSuppressed,
	"active": exposure.StatusOpen, "inprogress": exposure.StatusOpen, "resolved": exposure.StatusArchived, "dismissed": exposure.StatusSuppressed,
}

// machines is the assessment above the vulnerabilities of machines: where it was
// evaluated, the machine was looked at.
const machines = "1195afff-c881-495e-9bc5-1486211ae03f"

type kind int

const (
	kindOther kind = iota
	kindAssessment
	kindVulnerability
	kindAlert
)

func (v *wireItem) kind() kind {
	typ, id := strings.ToLower(v.Type.String()), strings.ToLower(v.ID.String())
	switch {
	case id == "" || strings.HasSuffix(typ, "metadata"):
		return kindOther
	case strings.HasSuffix(typ, "/subassessments") || strings.Contains(id, "/subassessments/"):
		return kindVulnerability
	case strings.HasSuffix(typ, "microsoft.security/assessments") || typ == "" && strings.Contains(id, "/microsoft.security/assessments/"):
		return kindAssessment
	case strings.HasPrefix(typ, "microsoft.security/") && strings.HasSuffix(typ, "/alerts"):
		return kindAlert
	}
	return kindOther
}

// resource is what an item is about: the part of its ID before Microsoft.Security's own.
// The details repeat it, in examples as a template.
func (v *wireItem) resource() string {
	id := connectors.Ident(v.ID.String())
	if i := strings.Index(strings.ToLower(id), "/providers/microsoft.security/"); i > 0 {
		id = id[:i]
	}
	if !strings.HasPrefix(id, "/") {
		id = "/" + id
	}
	return id
}

// assessmentName is the GUID of the kind of assessment that an ID holds.
func assessmentName(id string) string {
	_, rest, _ := strings.Cut(strings.ToLower(id), "/microsoft.security/assessments/")
	name, _, _ := strings.Cut(rest, "/")
	return connectors.Ident(name)
}

func (v *wireItem) asset() *asset.Description {
	d := cloud.Describe(cloud.Resource{ID: v.resource(), Provider: "azure"})
	if r := &v.Properties.Resource; strings.EqualFold(r.Source.String(), "OnPremise") && r.Machine != "" {
		d.Kind, d.Name = asset.Host, connectors.Ident(r.Machine.String())
		d.Identifiers = connectors.HostIdentifiers("", []string{r.Machine.String()}, nil, nil)
		if uuid := r.UUID.String(); uuid != "" {
			d.Identifiers = append([]asset.Identifier{{Kind: asset.BIOSUUID, Value: uuid}}, d.Identifiers...)
		}
	}
	cloud.Tags(d, v.Tags)
	return d
}

// status reads an assessment's status; ok is false where it does not apply.
func (s *wireStatus) status() (status exposure.Status, note string, ok bool) {
	note = strings.Trim(s.Cause.String()+": "+s.Description.String(), ": ")
	if strings.EqualFold(s.Code.String(), "NotApplicable") {
		return statuses.Of("exempt"), note, strings.EqualFold(s.Cause.String(), "Exempt")
	}
	return statuses.Of(s.Code.String()), note, true
}

func (d *decoding) assessment(e *report.Emitter, v *wireItem, raw []byte) error {
	p := &v.Properties
	var s wireStatus
	wire.Unmarshal(p.Status, &s)
	name := cmp.Or(assessmentName(v.ID.String()), connectors.Ident(v.Name.String()))
	if name == machines && (strings.EqualFold(s.Code.String(), "Healthy") || strings.EqualFold(s.Code.String(), "Unhealthy")) {
		if err := e.Cover(exposure.Coverage{Asset: *v.asset(), Outcome: exposure.TargetOK}); err != nil {
			return err
		}
	}
	status, note, ok := s.status()
	switch {
	case name == "":
		e.Skip("assessment_without_name")
		return nil
	case !ok:
		e.Skip("assessment_that_does_not_apply")
		return nil
	}
	about := wireMetadata{}
	if p.Metadata != nil {
		about = *p.Metadata
	} else if m, ok := d.metadata[name]; ok {
		about = m
	}
	level := cmp.Or(about.Severity.String(), s.Severity.String())
	f := &exposure.Finding{
		UID: connectors.Ident(strings.ToLower(v.ID.String())), Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + name,
		Title: cmp.Or(p.DisplayName.String(), about.DisplayName.String(), name), Description: about.Description.String(), Remediation: about.Remediation.String(),
		RawSeverity: level, Severity: connectors.Severity(level), Status: status, StatusNote: note, FirstSeen: s.First.Time, LastSeen: s.Changed.Time,
		Tags: slices.Concat(about.Categories, about.Threats), Vendor: wire.Rest(raw, "id", "type", "name", "properties.displayName", "properties.status.statusChangeDate", "properties.metadata"),
	}
	if link := p.Links.Portal.String(); link != "" {
		f.References = []string{portal(link)}
	}
	d.note(f.LastSeen)
	return e.Observe(v.asset(), f)
}

// portal is a link of Azure's as a browser wants it.
func portal(link string) string {
	if !strings.Contains(link, "://") {
		return "https://" + link
	}
	return link
}

func (d *decoding) vulnerability(e *report.Emitter, v *wireItem, raw []byte) error {
	p, a := &v.Properties, &v.Properties.Additional
	var s wireStatus
	wire.Unmarshal(p.Status, &s)
	status, note, ok := s.status()
	if !ok {
		e.Skip("assessment_that_does_not_apply")
		return nil
	}
	var ids, links []string
	for i := range a.CVEs {
		ids, links = append(ids, a.CVEs[i].Title.String()), append(links, a.CVEs[i].Link.String())
	}
	cves := connectors.CVEs(append(ids, a.Details.CVE.String(), p.VulnID.String(), v.Name.String()))
	check := cmp.Or(connectors.Ident(p.VulnID.String()), connectors.Ident(v.Name.String()))
	if len(cves) == 1 {
		check = cves[0]
	}
	if check == "" {
		e.Skip("vulnerability_without_id")
		return nil
	}
	level := cmp.Or(s.Severity.String(), a.Details.Severity.String())
	f := &exposure.Finding{
		UID: connectors.Ident(strings.ToLower(v.ID.String())), Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":vulnerability:" + check,
		Title: cmp.Or(p.DisplayName.String(), check), Description: cmp.Or(p.Description.String(), a.Threat.String()), Remediation: p.Remediation.String(),
		RawSeverity: level, Severity: connectors.Severity(level), CVEs: cves, Status: status, StatusNote: note, FirstSeen: s.First.Time, LastSeen: p.Generated.Time,
		Vendor: wire.Rest(raw, "id", "type", "name", "properties.displayName", "properties.description", "properties.remediation", "properties.timeGenerated"),
	}
	for i := range a.References {
		links = append(links, a.References[i].Link.String())
	}
	for _, link := range links {
		if link != "" && !slices.Contains(f.References, link) {
			f.References = append(f.References, link)
		}
	}
	for _, scores := range []map[string]wireCVSS{a.CVSS, a.Details.CVSS} {
		f.CVSS = append(f.CVSS, cvss(scores)...)
	}
	var cwes []string
	for i := range a.Details.Weakness.CWE {
		cwes = append(cwes, a.Details.Weakness.CWE[i].ID.String())
	}
	f.CWEs = connectors.CWEs(cwes)
	if bool(a.Details.Exploit.Public) || strings.EqualFold(a.Details.Exploit.Verified.String(), "true") || strings.EqualFold(a.Details.Exploit.Stepped.String(), "true") {
		f.Exploit = "poc"
	}
	if name := a.Software.Name.String(); name != "" {
		f.Package = &exposure.Package{Name: name, Version: a.Software.Version.String(), FixedIn: a.Software.Fixed.String()}
		f.Package.PURL = cmp.Or(connectors.PURL(a.Software.Language.String(), name, f.Package.Version), connectors.PURL(a.Software.OS.Platform.String(), name, f.Package.Version))
		f.Location = connectors.PackageLocation(f.Package)
	}
	d.note(f.LastSeen)
	return e.Observe(v.image(), f)
}

// image describes the image that a vulnerability is in, where it is in one; else the
// resource.
func (v *wireItem) image() *asset.Description {
	a := &v.Properties.Additional
	d := v.asset()
	if digest := cmp.Or(a.Artifact.Digest.String(), a.Digest.String()); digest != "" {
		repository := cmp.Or(a.Artifact.Repository.String(), a.OldRepo.String())
		in := d
		d = &asset.Description{Kind: asset.ContainerImage, Name: cmp.Or(connectors.Ident(repository), digest), Identifiers: []asset.Identifier{{Kind: asset.ImageDigest, Value: digest}}}
		if len(in.Identifiers) > 0 {
			d.Edges = []asset.Edge{{Kind: asset.EdgePartOf, To: in.Identifiers[0], ToKind: in.Kind, ToName: in.Name}}
		}
	}
	return d
}

// cvss reads the scores by version, of which the key may be "2.0", "3.0" or "4.0".
func cvss(scores map[string]wireCVSS) []exposure.CVSS {
	var out []exposure.CVSS
	for _, version := range []string{"2.0", "3.0", "3.1", "4.0"} {
		s, ok := scores[version]
		if !ok {
			continue
		}
		if score, ok := connectors.Score(s.Vector.String(), s.Base.Value, "microsoft"); ok {
			score.Version = cmp.Or(score.Version, version)
			out = append(out, score)
		}
	}
	return out
}

func (d *decoding) alert(e *report.Emitter, v *wireItem, raw []byte) error {
	p := &v.Properties
	word := cmp.Or(p.State.String(), text(p.Status))
	check := cmp.Or(connectors.Ident(p.AlertType.String()), connectors.Ident(p.OldType.String()))
	if check == "" {
		e.Skip("alert_without_type")
		return nil
	}
	level := cmp.Or(p.Severity.String(), p.OldSeverity.String())
	f := &exposure.Finding{
		UID: connectors.Ident(strings.ToLower(cmp.Or(p.AlertID.String(), v.Name.String(), v.ID.String()))), Connector: Name, Class: exposure.ClassDetection, Check: Name + ":alert:" + check,
		Title: cmp.Or(p.AlertName.String(), check), Description: p.Description.String(), Remediation: strings.Join(p.Steps, "\n"),
		RawSeverity: level, Severity: connectors.Severity(level), Status: statuses.Of(word),
		FirstSeen: cmp.Or(p.Started.Time, p.OldStarted.Time), LastSeen: cmp.Or(p.Ended.Time, p.AlertTime.Time, p.OldReported.Time, p.OldStarted.Time),
		Vendor: wire.Rest(raw, "id", "type", "name", "properties.alertDisplayName", "properties.description", "properties.remediationSteps"),
	}
	if f.Status != exposure.StatusOpen {
		f.StatusNote = word
	}
	if link := p.URI.String(); link != "" {
		f.References = []string{link}
	}
	if intent := connectors.Ident(p.Intent.String()); intent != "" {
		f.Tags = []string{intent}
	}
	id := p.Resource2.String()
	for i := range p.Identifiers {
		id = cmp.Or(p.Identifiers[i].ID.String(), id)
	}
	about := cloud.Describe(cloud.Resource{ID: cmp.Or(id, p.Entity.String(), v.resource()), Provider: "azure", Name: p.Entity.String()})
	d.note(f.LastSeen)
	return e.Observe(about, f)
}

// text is a JSON text; empty for anything else.
func text(raw []byte) string {
	var t wire.Text
	wire.Unmarshal(raw, &t)
	return t.String()
}

// row makes a finding of a row of the CSV of recommendations.
func (d *decoding) row(e *report.Emitter, r *csvpull.Reader) error {
	name := connectors.Ident(strings.ToLower(r.Get("recommendationName")))
	resource := r.Get("resourceId")
	s := wireStatus{Code: wire.Text(r.Get("state")), Cause: wire.Text(r.Get("notApplicableReason"))}
	status, note, ok := s.status()
	switch {
	case name == "" || resource == "":
		e.Skip("recommendation_without_resource")
		return nil
	case !ok:
		e.Skip("assessment_that_does_not_apply")
		return nil
	}
	level := r.Get("severity")
	f := &exposure.Finding{
		UID:       cmp.Or(connectors.Ident(strings.ToLower(r.Get("recommendationId"))), connectors.UID(name, strings.ToLower(resource))),
		Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + name, Title: cmp.Or(r.Get("recommendationDisplayName"), name), Description: r.Get("description"),
		Remediation: r.Get("remediationSteps"), RawSeverity: level, Severity: connectors.Severity(level), Status: status, StatusNote: note,
		FirstSeen: wire.Moment(r.Get("firstEvaluationDate")), LastSeen: wire.Moment(cmp.Or(r.Get("exportedTimestamp"), r.Get("statusChangeDate"))),
		Vendor: wire.Fields(r.Rest("resourceId", "recommendationId", "recommendationDisplayName", "description", "remediationSteps", "severity", "state", "exportedTimestamp")),
	}
	if link := r.Get("azurePortalRecommendationLink"); link != "" {
		f.References = []string{portal(link)}
	}
	about := cloud.Describe(cloud.Resource{ID: resource, Provider: "azure", Account: r.Get("subscriptionId"), Name: r.Get("resourceName"), Type: r.Get("resourceType")})
	cloud.Owner(about, r.Get("subscriptionName"), "subscription")
	d.note(f.LastSeen)
	return e.Observe(about, f)
}
