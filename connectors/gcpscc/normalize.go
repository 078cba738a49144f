package gcpscc

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are the words for a finding's state and for whether it is muted. INACTIVE is a
// fix only of what a detector looks at again: see status.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"active": exposure.StatusOpen, "inactive": exposure.StatusFixed, "muted": exposure.StatusSuppressed,
}

// rechecked are the classes of findings that their detectors look at again.
var rechecked = map[string]bool{"MISCONFIGURATION": true, "VULNERABILITY": true, "POSTURE_VIOLATION": true, "TOXIC_COMBINATION": true} //nolint:gochecknoglobals // a constant table

// class is the finding's class. Old findings name none, but their scanner.
func (f *wireFinding) class() string {
	if class := strings.ToUpper(f.Class.String()); class != "" && class != "FINDING_CLASS_UNSPECIFIED" {
		return class
	}
	if f.Source.Scanner != "" {
		return "MISCONFIGURATION"
	}
	return "OBSERVATION"
}

func (f *wireFinding) status() (exposure.Status, string) {
	status := statuses.Of(f.State.String())
	if status == exposure.StatusFixed && !rechecked[f.class()] {
		return exposure.StatusArchived, "INACTIVE"
	}
	if status == exposure.StatusOpen && strings.EqualFold(f.Mute.String(), "MUTED") {
		return exposure.StatusSuppressed, "MUTED"
	}
	if status != exposure.StatusOpen {
		return status, f.State.String()
	}
	return status, ""
}

func (f *wireFinding) ocsfClass() exposure.Class {
	switch f.class() {
	case "VULNERABILITY":
		return exposure.ClassVulnerability
	case "MISCONFIGURATION", "POSTURE_VIOLATION", "SCC_ERROR", "TOXIC_COMBINATION":
		return exposure.ClassCompliance
	}
	return exposure.ClassDetection
}

// uid is source and finding of a name: "organizations/1/sources/2/findings/3" and
// "projects/9/sources/2/locations/global/findings/3" are one.
func uid(name string) string {
	parts := strings.Split(name, "/")
	var out []string
	for i := 0; i+1 < len(parts); i += 2 {
		if parts[i] == "sources" || parts[i] == "findings" {
			out = append(out, parts[i+1])
		}
	}
	if len(out) == 0 {
		return name
	}
	return strings.Join(out, "/")
}

func (f *wireFinding) finding(text, resource []byte) *exposure.Finding {
	category := connectors.Ident(f.Category.String())
	level := cmp.Or(f.Severity.String(), f.Source.Severity.String())
	out := &exposure.Finding{
		UID: connectors.Ident(uid(cmp.Or(f.Name.String(), f.Canonical.String()))), Connector: Name, Class: f.ocsfClass(), Check: Name + ":" + category,
		Title: title(category), Description: cmp.Or(f.Description.String(), f.Source.Explanation.String()), Remediation: cmp.Or(f.NextSteps.String(), f.Source.Recommendation.String()),
		RawSeverity: level, Severity: connectors.Severity(level), FirstSeen: f.Created.Time, LastSeen: f.Event.Time,
		Vendor: wire.Rest(raw(text, resource), "name", "category", "severity", "description", "nextSteps", "externalUri", "createTime", "eventTime",
			"sourceProperties.Explanation", "sourceProperties.Recommendation", "vulnerability.cve.references"),
	}
	out.Status, out.StatusNote = f.status()
	if out.LastSeen.IsZero() {
		out.LastSeen = f.Created.Time
	}
	if link := f.URI.String(); link != "" {
		out.References = append(out.References, link)
	}
	for i := range f.Compliances {
		for _, id := range f.Compliances[i].IDs {
			if len(out.Tags) < 40 {
				out.Tags = append(out.Tags, connectors.Ident(f.Compliances[i].Standard.String()+" "+id))
			}
		}
	}
	if f.Vuln != nil {
		f.Vuln.fill(out)
	}
	return out
}

// title is the category as people write it, unless it is one already.
func title(category string) string {
	if strings.ToUpper(category) != category || !strings.Contains(category, "_") {
		return category
	}
	words := strings.ToLower(strings.ReplaceAll(category, "_", " "))
	return strings.ToUpper(words[:1]) + words[1:]
}

func (v *wireVuln) fill(f *exposure.Finding) {
	id := connectors.Ident(v.CVE.ID.String())
	if f.CVEs = connectors.CVEs([]string{id}); len(f.CVEs) > 0 {
		f.Check = Name + ":" + f.CVEs[0]
		f.Title += ": " + f.CVEs[0]
		f.Class = exposure.ClassVulnerability
	}
	if bulletin := connectors.Ident(v.Bulletin.ID.String()); bulletin != "" {
		f.Advisories = []string{bulletin}
	}
	f.CVSS = connectors.CVSSOf("", v.CVE.CVSS.Score.Value, "google")
	for i := range f.CVSS {
		f.CVSS[i].Version = "3.1" // the field is named cvssv3, and has a score without a vector
	}
	switch strings.ToUpper(v.CVE.Exploited.String()) {
	case "WIDE", "CONFIRMED":
		f.Exploit = "active"
	case "AVAILABLE":
		f.Exploit = "poc"
	}
	for i := range v.CVE.References {
		if link := v.CVE.References[i].URI.String(); link != "" {
			f.References = append(f.References, link)
		}
	}
	name := v.Offending.Name.String()
	if name == "" {
		return
	}
	version := v.Offending.Version.String()
	f.Package = &exposure.Package{Name: name, Version: version, FixedIn: v.Fixed.Version.String(),
		PURL: cmp.Or(connectors.PURL(v.Offending.Type.String(), name, version), connectors.PURL(v.Offending.CPE.String(), name, version))}
	f.Location = connectors.PackageLocation(f.Package)
	if f.Remediation == "" && f.Package.FixedIn != "" {
		f.Remediation = "Update " + name + " to " + f.Package.FixedIn + "."
	}
}

func (f *wireFinding) asset() *asset.Description {
	r := &f.Resource
	id := cmp.Or(f.ResourceName.String(), r.Name.String())
	display := cmp.Or(r.Display.String(), r.OldDisplay.String(), f.AssetName.String())
	if instance := f.Source.Properties.Instance.String(); strings.HasPrefix(instance, "/projects/") && strings.Contains(instance, "/instances/") {
		id, display = "//compute.googleapis.com"+instance, ""
	}
	d := cloud.Describe(cloud.Resource{ID: id, Provider: "gcp", Type: r.Type.String(), Name: display})
	// The inventory names an instance by its name, this by its number.
	if at := strings.LastIndex(id, "/instances/"); at >= 0 && display != "" && len(d.Identifiers) > 1 {
		d.SameAs = append(d.SameAs, asset.Identifier{Kind: asset.CloudResourceID, Value: connectors.Ident(id[:at+len("/instances/")] + display)})
	}
	project := cmp.Or(r.GCP.Project.String(), r.ProjectName.String(), r.OldProject.String())
	cloud.Owner(d, project, "project")
	for i := range r.GCP.Folders {
		cloud.Owner(d, r.GCP.Folders[i].Name.String(), "folder")
	}
	cloud.Tags(d, f.Marks.Marks)
	for _, kind := range slices.Sorted(maps.Keys(f.Contacts)) {
		// What is of another shape has no contacts.
		details, _ := f.Contacts[kind].(map[string]any)
		list, _ := details["contacts"].([]any)
		for _, c := range list {
			contact, _ := c.(map[string]any)
			email, _ := contact["email"].(string)
			cloud.Owner(d, email, "contact "+strings.ToLower(kind))
		}
	}
	return d
}
