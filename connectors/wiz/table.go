package wiz

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// tags reads the object that a cell holds.
func tags(about *asset.Description, cell string) {
	var m map[string]any
	if json.Unmarshal([]byte(cell), &m) == nil {
		cloud.Tags(about, m)
	}
}

func owners(about *asset.Description, names string) {
	const most = 30
	for i, name := range strings.Split(names, ",") {
		if i < most {
			cloud.Owner(about, strings.TrimSpace(name), "project")
		}
	}
}

// issueRow makes a finding of a row of the export of issues.
func (d *decoding) issueRow(e *report.Emitter, r *csvpull.Reader) error {
	id, check := connectors.Ident(r.Get("Issue ID")), connectors.Ident(r.Get("Control ID"))
	if id == "" {
		e.Skip("node_without_id")
		return nil
	}
	check = cmp.Or(check, connectors.Ident(r.Get("Title")))
	if check == "" {
		e.Skip("issue_without_rule")
		return nil
	}
	about := (&entity{r.Get("Resource vertex ID"), r.Get("Resource external ID"), "", r.Get("Resource Name"), r.Get("Resource Type"), r.Get("Resource Platform"),
		r.Get("Subscription ID"), r.Get("Subscription Name"), r.Get("Resource Region")}).describe()
	about.OS = r.Get("Resource OS")
	if len(about.Identifiers) == 0 {
		e.Skip("issue_without_resource")
		return nil
	}
	tags(about, r.Get("Resource Tags"))
	owners(about, r.Get("Project Names"))
	level := r.Get("Severity")
	created, resolved := wire.Moment(r.Get("Created At")), wire.Moment(r.Get("Resolved Time"))
	f := &exposure.Finding{
		UID: id, Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + check, Title: cmp.Or(r.Get("Title"), check), Description: r.Get("Description"),
		Remediation: r.Get("Remediation Recommendation"), RawSeverity: level, Severity: connectors.Severity(level), FirstSeen: created, LastSeen: latest(resolved, created),
		Vendor: wire.Fields(r.Rest("Issue ID", "Title", "Description", "Remediation Recommendation", "Severity", "Status", "Created At", "Resource Tags", "Resource vertex ID", "Resource external ID", "Wiz URL")),
	}
	f.Status, f.StatusNote = status(r.Get("Status"), r.Get("Resolution"))
	for _, link := range append([]string{r.Get("Wiz URL")}, strings.Split(r.Get("Ticket URLs"), ",")...) {
		if link = strings.TrimSpace(link); link != "" {
			f.References = append(f.References, link)
		}
	}
	d.note(f.LastSeen)
	return e.Observe(about, f)
}

// vulnerabilityRow makes a finding of a row of the export of vulnerabilities.
func (d *decoding) vulnerabilityRow(e *report.Emitter, r *csvpull.Reader) error {
	name := connectors.Ident(r.Get("Name"))
	if name == "" {
		e.Skip("vulnerability_without_name")
		return nil
	}
	about := (&entity{r.Get("AssetID"), r.Get("ProviderUniqueId"), "", r.Get("AssetName"), r.Get("AssetType"), r.Get("CloudPlatform"),
		r.Get("SubscriptionExternalId"), r.Get("SubscriptionName"), r.Get("AssetRegion")}).describe()
	about.OS = r.Get("OperatingSystem")
	if len(about.Identifiers) == 0 {
		e.Skip("issue_without_resource")
		return nil
	}
	tags(about, r.Get("Tags"))
	owners(about, r.Get("Projects"))
	level := cmp.Or(r.Get("VendorSeverity"), r.Get("CVSSSeverity"))
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + name, Title: title(name, r.Get("DetailedName")), Description: r.Get("CVEDescription", "Description"),
		Remediation: r.Get("Remediation"), RawSeverity: level, Severity: connectors.Severity(level), CVEs: connectors.CVEs([]string{name}),
		FirstSeen: wire.Moment(r.Get("FirstDetected")), LastSeen: wire.Moment(r.Get("LastDetected")),
		Vendor: wire.Fields(r.Rest("Name", "Description", "CVEDescription", "Remediation", "FirstDetected", "LastDetected", "FindingStatus", "WizURL", "Link", "Tags")),
	}
	f.Status, f.StatusNote = status(r.Get("FindingStatus"), r.Get("ResolutionReason"))
	if f.Status != exposure.StatusOpen {
		f.LastSeen = latest(f.LastSeen, wire.Moment(r.Get("ResolvedAt")))
	}
	switch {
	case strings.EqualFold(r.Get("HasCisaKevExploit"), "true"):
		f.Exploit = "active"
	case strings.EqualFold(r.Get("HasExploit"), "true"):
		f.Exploit = "poc"
	}
	for _, link := range []string{r.Get("WizURL"), r.Get("Link")} {
		if link != "" {
			f.References = append(f.References, link)
		}
	}
	located(f, r.Get("DetailedName"), r.Get("Version"), r.Get("FixedVersion"), r.Get("LocationPath"), about.OS, r.Get("DetectionMethod"))
	f.UID = cmp.Or(connectors.Ident(r.Get("ID")), connectors.UID(f.Check, f.Location))
	d.note(f.LastSeen)
	return e.Observe(about, f)
}
