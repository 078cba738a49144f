package trivy

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/internal/exposure"
)

// item reads one element of a list and makes a finding of it, or says why it is none.
func (d *decoding) item(r *jsonpull.Reader, name string) (obs exposure.Observation, skip string) {
	f := &exposure.Finding{Connector: Name, Status: exposure.StatusOpen, LastSeen: d.report.created}
	switch name {
	case "Vulnerabilities":
		d.vuln.read(r)
		skip = d.vulnerability(&d.vuln.vulnerability, f)
	case "Misconfigurations":
		var m misconfiguration
		m.read(r)
		skip = d.misconfiguration(&m, f)
	case "Secrets":
		var l leak
		l.read(r)
		skip = d.secret(&l, f)
	case "Licenses":
		var l license
		l.read(r)
		skip = d.license(&l, f)
	case "ExperimentalModifiedFindings":
		var m modified
		m.read(r)
		return d.modified(&m)
	}
	if skip != "" {
		return obs, skip
	}
	f.Severity = connectors.Severity(f.RawSeverity)
	f.UID = cmp.Or(f.UID, connectors.UID(f.Check, f.Location))
	return exposure.Observation{Asset: d.describe(), Finding: f}, ""
}

func (d *decoding) vulnerability(v *vulnerability, f *exposure.Finding) (skip string) {
	id := connectors.Ident(v.id)
	if id == "" {
		return "vulnerability_without_id"
	}
	purl := cmp.Or(v.purl, connectors.PURL(d.current.kind, v.pkg, v.installed)) // old reports have none
	f.UID = v.fingerprint
	f.Class = exposure.ClassVulnerability
	f.Check = Name + ":" + vulnScanner + ":" + id
	f.Title = cmp.Or(v.title, v.pkg+": "+id)
	f.Description = v.description
	f.RawSeverity = v.severity
	if cve := strings.ToUpper(id); connectors.IsCVE(cve) {
		f.CVEs = []string{cve}
	} else {
		f.Advisories = append(f.Advisories, id)
	}
	f.Advisories = append(f.Advisories, v.vendorIDs...)
	f.CWEs = connectors.CWEs(v.cwes)
	f.CVSS = v.cvss
	f.References = v.references
	if v.url != "" && !slices.Contains(v.references, v.url) {
		f.References = append([]string{v.url}, v.references...)
	}
	f.Package = &exposure.Package{Name: v.pkg, Version: v.installed, FixedIn: v.fixed, PURL: purl, Path: d.packagePath(v), Status: v.status}
	f.Location = connectors.PackageLocation(f.Package)
	if v.fixed != "" {
		f.Remediation = "Update " + v.pkg + " to " + v.fixed + "."
	}
	f.Vendor = vulnVendor(v)
	return ""
}

// packagePath is the file that names the package: its own, or the lock file that was
// looked at. Packages of an operating system are in its database and have none.
func (d *decoding) packagePath(v *vulnerability) string {
	switch {
	case v.path != "":
		return v.path
	case d.current.class == "os-pkgs" || connectors.System(d.current.kind):
		return ""
	}
	return d.current.target
}

// vulnVendor keeps what has no field of ours.
func vulnVendor(v *vulnerability) json.RawMessage {
	if len(v.vendorSeverity) == 0 && v.severitySource == "" && v.published == "" {
		return nil
	}
	out := make([]byte, 0, len(v.vendorSeverity)+128)
	out = append(out, '{')
	if len(v.vendorSeverity) > 0 {
		out = append(append(append(out, `"VendorSeverity":`...), v.vendorSeverity...), ',')
	}
	out = appendField(out, "SeveritySource", v.severitySource)
	out = appendField(out, "PublishedDate", v.published)
	if len(out) == 1 {
		return nil
	}
	out[len(out)-1] = '}'
	return out
}

// appendField adds a field, unless its value needs escapes: then it is neither a date nor
// the name of a vendor.
func appendField(out []byte, name, value string) []byte {
	if value == "" || !simple(value) {
		return out
	}
	out = append(appendKey(out, name), '"')
	return append(append(out, value...), `",`...)
}

// appendKey adds a field's name with its colon, or nothing if the name needs escapes.
func appendKey[T string | []byte](out []byte, name T) []byte {
	if !simple(name) {
		return out
	}
	out = append(out, '"')
	return append(append(out, name...), `":`...)
}

func simple[T string | []byte](text T) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			return false
		}
	}
	return true
}

func (d *decoding) misconfiguration(m *misconfiguration, f *exposure.Finding) (skip string) {
	// The same check is DS001, AVD-DS-0001 or DS-0001, by version.
	id := connectors.Ident(cmp.Or(strings.TrimPrefix(m.avdID, "AVD-"), strings.TrimPrefix(m.id, "AVD-")))
	switch {
	case m.status == "PASS":
		return "misconfiguration_passed"
	case m.status == "EXCEPTION":
		return "misconfiguration_excepted"
	case id == "":
		return "misconfiguration_without_id"
	}
	f.Class = exposure.ClassCompliance
	f.Check = Name + ":" + misconfigScanner + ":" + id
	f.Title = cmp.Or(m.title, id)
	f.Description = m.description
	f.Remediation = m.resolution
	f.RawSeverity = m.severity
	f.Location = d.current.target
	if m.resource != "" {
		f.Location += "#" + m.resource
	}
	f.Location = connectors.Ident(f.Location)
	f.Evidence = connectors.Redact(m.message)
	f.References = m.references
	if m.url != "" && !slices.Contains(m.references, m.url) {
		f.References = append([]string{m.url}, m.references...)
	}
	return ""
}

// secret makes a finding of a leaked secret. Trivy hides the secret itself behind
// asterisks; a line without them comes from a rule that did not.
func (d *decoding) secret(l *leak, f *exposure.Finding) (skip string) {
	rule := connectors.Ident(l.rule)
	if rule == "" {
		return "secret_without_rule"
	}
	f.Class = exposure.ClassSecret
	f.Check = Name + ":" + secretScanner + ":" + rule
	f.Title = cmp.Or(l.title, rule)
	f.Remediation = "Revoke the secret, then remove it from the file and from the history that still holds it."
	f.RawSeverity = l.severity
	f.Location = connectors.Ident(d.current.target)
	f.Evidence = connectors.Mask(l.match)
	if strings.Contains(l.match, "****") {
		f.Evidence = connectors.Redact(l.match)
	}
	vendor, err := json.Marshal(map[string]any{"Category": l.category, "StartLine": l.line})
	if err == nil { // a text and a number always marshal
		f.Vendor = vendor
	}
	return ""
}

func (d *decoding) license(l *license, f *exposure.Finding) (skip string) {
	name := connectors.Ident(l.name)
	if name == "" {
		return "license_without_name"
	}
	f.Class = exposure.ClassCompliance
	f.Check = Name + ":" + licenseScanner + ":" + name
	f.Title = "Licence " + name
	where := cmp.Or(l.pkg, l.path, d.current.target)
	if where != "" {
		f.Title += " in " + where
	}
	f.Description = l.category
	f.RawSeverity = l.severity
	f.Location = connectors.Ident(where)
	if l.link != "" {
		f.References = []string{l.link}
	}
	return ""
}

// modified makes a finding of one that was suppressed. What somebody wrote into an ignore
// file is an opinion: even "fixed" is no proof.
func (d *decoding) modified(m *modified) (obs exposure.Observation, skip string) {
	name := m.list()
	if name == "" || len(m.finding) == 0 {
		return obs, "modified_finding_unknown"
	}
	var r jsonpull.Reader
	r.Reset(m.finding, format)
	if obs, skip = d.item(&r, name); skip != "" {
		return obs, skip
	}
	if r.Err() != nil {
		return obs, "modified_finding_unknown"
	}
	obs.Finding.Status = exposure.StatusSuppressed
	if m.status == "not_affected" {
		obs.Finding.Status = exposure.StatusNotAffected
	}
	said := slices.DeleteFunc([]string{m.status, m.statement, m.source}, func(s string) bool { return s == "" })
	obs.Finding.StatusNote = strings.Join(said, ": ")
	return obs, ""
}
