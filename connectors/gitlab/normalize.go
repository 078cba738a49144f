package gitlab

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what GitLab's states mean. Resolved is what somebody set; that the default
// branch's last scan no longer finds it is a field of its own.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"detected": exposure.StatusOpen, "confirmed": exposure.StatusOpen, "dismissed": exposure.StatusSuppressed,
	"resolved": exposure.StatusArchived, "resolved_on_default_branch": exposure.StatusFixed,
}

// prefix begins the checks of one scanner.
func (d *decoding) prefix(v *vulnerability) string {
	kind := d.scan.Type.String()
	if kind == "" && v != nil {
		kind = cmp.Or(v.Category.String(), kindOf(&v.Location))
	}
	return Name + ":" + connectors.Ident(kind) + ":" + d.scannerID(v) + ":"
}

func (d *decoding) scannerID(v *vulnerability) string {
	id := cmp.Or(d.scan.Scanner.ID.String(), d.scan.Analyzer.ID.String())
	if v != nil {
		id = cmp.Or(v.Scanner.ID.String(), id, "unknown")
	}
	return connectors.Ident(id)
}

// kindOf tells the kind of a scan that doesn't say it by where it found something.
func kindOf(l *location) string {
	switch {
	case l.Image != "":
		return "container_scanning"
	case l.Dependency.Package.Name != "":
		return "dependency_scanning"
	case l.Hostname != "":
		return "dast"
	}
	return "sast"
}

// finding makes a finding of a vulnerability in a report.
func (d *decoding) finding(v *vulnerability, raw []byte) (f *exposure.Finding, skip string) {
	id := primary(v.Identifiers, cmp.Or(v.Name.String(), v.Message.String()))
	if id == "" {
		return nil, "vulnerability_without_identifier"
	}
	f = &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Status: exposure.StatusOpen,
		Check:       d.prefix(v) + id,
		Description: v.Description.String(), Remediation: v.Solution.String(),
		RawSeverity: v.Severity.String(), Severity: connectors.Severity(v.Severity.String()),
		FirstSeen: v.Discovered.Time, LastSeen: d.scan.Ended.Time,
	}
	l := &v.Location
	f.Title = cmp.Or(v.Name.String(), v.Message.String(), titleOf(v.Identifiers, l))
	identify(f, v.Identifiers)
	scores(f, v.Vectors)
	for _, link := range v.Links {
		if link.URL != "" {
			f.References = append(f.References, link.URL.String())
		}
	}
	place(f, l)
	f.UID = connectors.UID(f.Check, f.Location, connectors.Ident(l.Method.String()), connectors.Ident(l.Param.String()))
	switch {
	case strings.Contains(f.Check, ":secret_detection:"):
		f.Class = exposure.ClassSecret
		f.Evidence = connectors.Mask(v.Extract.String())
	case v.Evidence.Summary != "":
		f.Evidence = connectors.Redact(v.Evidence.Summary.String())
	}
	if v.Evidence.Request.URL != "" {
		f.Target = withoutUser(v.Evidence.Request.URL.String())
	}
	// "cve" is a fingerprint of old, and the extract is the secret itself.
	f.Vendor = wire.Rest(raw, "name", "message", "description", "solution", "identifiers", "links", "location.dependency", "location.file", "location.image",
		"location.hostname", "location.path", "evidence", "cvss_vectors", "raw_source_code_extract", "cve")
	return f, ""
}

// primary is the identifier that stands first, by which GitLab itself tells
// vulnerabilities apart; else the name.
func primary(ids []identifier, otherwise string) string {
	for _, id := range ids {
		kind, value := cmp.Or(id.Type.String(), id.ExternalType.String()), cmp.Or(id.Value.String(), id.ExternalID.String())
		if value != "" {
			return connectors.Ident(strings.ToLower(kind) + ":" + value)
		}
	}
	return connectors.Ident(otherwise)
}

func titleOf(ids []identifier, l *location) string {
	name := ""
	for _, id := range ids {
		name = cmp.Or(name, id.Name.String(), id.Value.String())
	}
	if pkg := l.Dependency.Package.Name.String(); pkg != "" {
		return pkg + ": " + name
	}
	return cmp.Or(name, "vulnerability without a name")
}

// identify sorts identifiers into CVEs, CWEs and advisories.
func identify(f *exposure.Finding, ids []identifier) {
	var cves, cwes []string
	for _, id := range ids {
		kind, value := strings.ToLower(cmp.Or(id.Type.String(), id.ExternalType.String())), cmp.Or(id.Value.String(), id.ExternalID.String())
		switch {
		case kind == "cwe":
			cwes = append(cwes, value)
		case connectors.IsCVE(strings.ToUpper(value)):
			cves = append(cves, value)
		case kind == "ghsa", kind == "rhsa", kind == "usn", kind == "elsa", kind == "osvdb", kind == "hackerone", strings.HasPrefix(value, "GHSA-"):
			f.Advisories = append(f.Advisories, value)
		}
		if id.URL != "" {
			f.References = append(f.References, id.URL.String())
		}
	}
	f.CVEs, f.CWEs = connectors.CVEs(cves), connectors.CWEs(cwes)
}

func scores(f *exposure.Finding, vectors []vector) {
	for _, v := range vectors {
		f.CVSS = append(f.CVSS, connectors.CVSSOf(v.Vector.String(), 0, v.Vendor.String())...)
	}
}

// place fills in where something was found.
func place(f *exposure.Finding, l *location) {
	name := l.Dependency.Package.Name.String()
	file := l.File.String()
	switch {
	case name != "":
		purl := connectors.PURL(ecosystem(l), name, l.Dependency.Version.String())
		if l.Image != "" {
			file = l.Path.String()
		}
		f.Package = &exposure.Package{Name: name, Version: l.Dependency.Version.String(), PURL: purl, Path: file}
		f.Location = connectors.PackageLocation(f.Package)
	case l.Hostname != "":
		target := l.Hostname.String() + l.Path.String()
		f.Location, f.Target = connectors.ParseAddress(target).Location(), withoutUser(target)
	default:
		f.Location, f.Target = connectors.Ident(file), file
		if line := l.StartLine.String(); line != "" && file != "" {
			f.Target += ":" + line
		}
	}
}

func withoutUser(target string) string { return connectors.ParseAddress(target).Without(target) }

// ecosystem tells a package's ecosystem by the operating system or the lock file.
func ecosystem(l *location) string {
	if system, _, _ := strings.Cut(strings.ToLower(l.System.String()), " "); system != "" && l.File == "" {
		return system
	}
	return connectors.FileEcosystem(l.File.String())
}

// hooked makes a finding of a vulnerability of the webhook.
func hooked(h *hook, raw []byte) (f *exposure.Finding, skip string) {
	_, number, ok := strings.Cut(h.URL.String(), "/security/vulnerabilities/")
	number = connectors.Ident(strings.Trim(number, "/"))
	if !ok || number == "" {
		return nil, "vulnerability_without_number"
	}
	id := primary(h.Identifiers, h.Title.String())
	kind := cmp.Or(connectors.Ident(h.ReportType.String()), kindOf(&h.Location))
	f = &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, UID: "vulnerability/" + number,
		Check: Name + ":" + kind + ":" + cmp.Or(id, number), Title: cmp.Or(h.Title.String(), titleOf(h.Identifiers, &h.Location)),
		RawSeverity: h.Severity.String(), Severity: connectors.Severity(h.Severity.String()),
		Status: statuses.Of(h.State.String()), FirstSeen: h.CreatedAt.Time, LastSeen: h.UpdatedAt.Time, Description: h.description.String(), Remediation: h.solution.String(),
	}
	if kind == "secret_detection" {
		f.Class = exposure.ClassSecret
	}
	identify(f, h.Identifiers)
	scores(f, h.CVSS)
	place(f, &h.Location)
	f.References = append([]string{h.URL.String()}, f.References...)
	for _, other := range append(h.links, h.Issues...) {
		f.References = append(f.References, other.URL.String())
	}
	state := strings.ToLower(h.State.String())
	switch {
	case bool(h.DefaultBranch) && f.Status != exposure.StatusSuppressed:
		f.Status, f.StatusNote = statuses["resolved_on_default_branch"], state+": no longer found on the default branch"
		if h.ResolvedAt.After(f.LastSeen) {
			f.LastSeen = h.ResolvedAt.Time
		}
	case state == "resolved":
		f.StatusNote = "resolved by somebody, while the default branch's last scan still finds it"
	case state == "dismissed":
		f.StatusNote = strings.TrimSpace("dismissed " + h.DismissReason.String() + " " + connectors.Redact(h.DismissComment.String()))
	}
	f.Vendor = wire.Rest(raw, "url", "title", "project_id", "location.dependency", "location.file", "location.image", "cvss", "identifiers", "issues", "report_type", "created_at",
		"id", "description", "solution", "webUrl", "links", "reportType", "detectedAt", "project", "location.startLine", "location.operatingSystem")
	return f, ""
}
