package trivyoperator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the verb of a message means for the findings in it. A deleted report
// says nothing of what it held.
var statuses = connectors.Statuses{"update": exposure.StatusOpen, "delete": exposure.StatusExpired} //nolint:gochecknoglobals // a constant table

// classes are the reports by kind, without "Cluster" before it: which checks they run.
var classes = map[string]string{ //nolint:gochecknoglobals // a constant table
	"VulnerabilityReport": "vuln", "ExposedSecretReport": "secret", "ConfigAuditReport": "misconfig", "RbacAssessmentReport": "rbac",
	"InfraAssessmentReport": "infra", "ComplianceReport": "compliance", "SbomReport": "sbom", "ImageVulnerabilityReport": "vuln",
}

func class(kind string) string {
	if c, ok := classes[kind]; ok {
		return c
	}
	return classes[strings.TrimPrefix(kind, "Cluster")]
}

func (d *decoding) base(o *envelope, raw []byte, mapped ...string) *exposure.Finding {
	return &exposure.Finding{Connector: Name, Status: statuses.Of(o.Verb.String()), StatusNote: note(o), LastSeen: o.Report.Updated.Time, Vendor: wire.Rest(raw, mapped...)}
}

func note(o *envelope) string {
	if statuses.Of(o.Verb.String()) == exposure.StatusOpen {
		return ""
	}
	return "the operator deleted its report"
}

func finish(f *exposure.Finding, severity string) *exposure.Finding {
	f.RawSeverity, f.Severity = severity, connectors.Severity(severity)
	f.UID = connectors.UID(f.Check, f.Location)
	return f
}

func (d *decoding) vulnerability(o *envelope, raw json.RawMessage) (*exposure.Finding, string) {
	var v vulnerability
	id := ""
	if wire.Unmarshal(raw, &v) {
		id = connectors.Ident(v.ID.String())
	}
	if id == "" {
		return nil, "vulnerability_without_id"
	}
	f := d.base(o, raw, "vulnerabilityID", "resource", "installedVersion", "fixedVersion", "severity", "title", "description", "primaryLink", "links", "score", "cvss", "packagePURL", "packagePath")
	name, installed, fixed := v.Resource.String(), v.Installed.String(), v.Fixed.String()
	f.Class, f.Check = exposure.ClassVulnerability, "trivy:vuln:"+id
	f.Title, f.Description = cmp.Or(v.Title.String(), name+": "+id), v.Description.String()
	if f.CVEs = connectors.CVEs([]string{id}); len(f.CVEs) == 0 {
		f.Advisories = []string{id}
	}
	f.CVSS = scores(&v)
	f.References = links(v.Link.String(), v.Links)
	purl := cmp.Or(v.PURL.String(), connectors.PURL(v.Type.String(), name, installed))
	path := cmp.Or(v.Path.String(), v.Target.String())
	if system(&v, purl) {
		purl = cmp.Or(purl, connectors.PURL(o.Report.OS.Family.String(), name, installed))
		path = ""
	}
	f.Package = &exposure.Package{Name: name, Version: installed, FixedIn: fixed, PURL: purl, Path: path}
	f.Location = connectors.PackageLocation(f.Package)
	if fixed != "" {
		f.Remediation = "Update " + name + " to " + fixed + "."
	}
	return finish(f, v.Severity.String()), ""
}

// system reports whether a package is in the system's database. Old reports don't say;
// then it is, if they name no file either.
func system(v *vulnerability, purl string) bool {
	switch v.Class {
	case "os-pkgs":
		return true
	case "lang-pkgs":
		return false
	}
	if connectors.SystemPackage(purl) {
		return true
	}
	target := v.Target.String()
	return v.Path == "" && (target == "" || strings.HasSuffix(target, ")")) // "library/nginx (alpine 3.17.2)"
}

func scores(v *vulnerability) []exposure.CVSS {
	var out []exposure.CVSS
	for _, by := range slices.Sorted(maps.Keys(v.CVSS)) {
		c := v.CVSS[by]
		out = slices.Concat(out, connectors.CVSSOf(c.Vector4.String(), c.Score4.Value, by), connectors.CVSSOf(c.Vector3.String(), c.Score3.Value, by), connectors.CVSSOf(c.Vector2.String(), c.Score2.Value, by))
	}
	if len(out) == 0 {
		out = connectors.CVSSOf("", v.Score.Value, v.ScoredBy.String())
	}
	return out
}

func links(first string, more []string) []string {
	const most = 20
	var out []string
	for _, link := range append([]string{first}, more...) {
		if link != "" && len(out) < most && !slices.Contains(out, link) {
			out = append(out, link)
		}
	}
	return out
}

// secret makes a finding of a leaked secret. Trivy hides the secret itself behind
// asterisks; a line without them comes from a rule that did not.
func (d *decoding) secret(o *envelope, raw json.RawMessage) (*exposure.Finding, string) {
	var s leak
	rule := ""
	if wire.Unmarshal(raw, &s) {
		rule = connectors.Ident(s.Rule.String())
	}
	if rule == "" {
		return nil, "secret_without_rule"
	}
	f := d.base(o, raw, "ruleID", "severity", "title", "target", "match")
	f.Class, f.Check, f.Title = exposure.ClassSecret, "trivy:secret:"+rule, cmp.Or(s.Title.String(), rule)
	f.Remediation = "Revoke the secret, then remove it from the image and from the layers that still hold it."
	f.Location = connectors.Ident(s.Target.String())
	f.Evidence = connectors.Mask(s.Match.String())
	if strings.Contains(s.Match.String(), "****") {
		f.Evidence = connectors.Redact(s.Match.String())
	}
	return finish(f, s.Severity.String()), ""
}

var shortID = regexp.MustCompile(`^([A-Z]+)(\d+)$`)

// canonical is a check's ID in its newest form: KSV014 and AVD-KSV-0014 are KSV-0014.
func canonical(id string) string {
	id = strings.TrimPrefix(connectors.Ident(id), "AVD-")
	if m := shortID.FindStringSubmatch(id); m != nil {
		return fmt.Sprintf("%s-%04s", m[1], m[2])
	}
	return id
}

func (d *decoding) check(o *envelope, raw json.RawMessage) (*exposure.Finding, string) {
	var c check
	if !wire.Unmarshal(raw, &c) || c.ID.String() == "" {
		return nil, "check_without_id"
	}
	if c.Success != nil && bool(*c.Success) {
		return nil, passed
	}
	f := d.base(o, raw, "checkID", "title", "description", "severity", "messages", "remediation", "success")
	id := canonical(c.ID.String())
	f.Class, f.Check, f.Title = exposure.ClassCompliance, "trivy:"+class(o.Kind.String())+":"+id, cmp.Or(c.Title.String(), id)
	f.Description, f.Remediation = c.Description.String(), c.Remediation.String()
	f.Evidence = connectors.Redact(strings.Join(c.Messages, "\n"))
	f.References = []string{"https://avd.aquasec.com/misconfig/" + strings.ToLower(id)}
	return finish(f, c.Severity.String()), ""
}

const passed = "check_passed"

// controls makes findings of the controls of a compliance report that failed, and names
// those that were assessed.
func (d *decoding) controls(o *envelope) (found []*exposure.Finding, assessed []string) {
	prefix := "trivy:compliance:" + connectors.Ident(cmp.Or(o.Spec.Compliance.ID.String(), o.Metadata.Name.String())) + ":"
	about := map[string]control{}
	for _, c := range o.Spec.Compliance.Controls {
		about[c.ID.String()] = c
	}
	add := func(id, name, severity, text, evidence string, failed bool) {
		check := prefix + connectors.Ident(id)
		assessed = append(assessed, check)
		if !failed {
			return
		}
		c := about[id]
		f := &exposure.Finding{Connector: Name, Class: exposure.ClassCompliance, Check: check, Title: cmp.Or(name, c.Name.String(), id), Description: cmp.Or(text, c.Description.String()),
			Status: statuses.Of(o.Verb.String()), StatusNote: note(o), LastSeen: o.Status.Updated.Time, References: links("", o.Spec.Compliance.Related), Evidence: connectors.Redact(evidence)}
		for _, check := range c.Checks {
			f.Tags = append(f.Tags, check.ID.String())
		}
		found = append(found, finish(f, cmp.Or(severity, c.Severity.String())))
	}
	for _, c := range o.Status.Detail.Results {
		var failures []string
		for _, check := range c.Checks {
			if check.Success == nil || !bool(*check.Success) {
				failures = append(failures, strings.Trim(check.Target.String()+": "+strings.Join(check.Messages, "; "), ": "))
			}
		}
		if len(c.Checks) > 0 && c.ID != "" {
			add(c.ID.String(), c.Name.String(), c.Severity.String(), c.Description.String(), strings.Join(failures, "\n"), len(failures) > 0)
		}
	}
	if len(assessed) > 0 {
		return found, assessed
	}
	for _, c := range o.Status.Summary.Controls {
		if c.Fails != nil && c.ID != "" { // without a number it was not assessed
			add(c.ID.String(), c.Name.String(), c.Severity.String(), "", fmt.Sprintf("%d checks failed", c.Fails.Int()), c.Fails.Value > 0)
		}
	}
	return found, assessed
}
