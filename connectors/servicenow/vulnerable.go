package servicenow

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the states of a vulnerable item mean, with the substate behind a
// slash. "Resolved" is somebody's claim that waits for a scan, and "closed/fixed" can be
// set by hand, so neither is evidence; "source/fixed" is what the scanner itself said.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open": exposure.StatusOpen, "1": exposure.StatusOpen, "under investigation": exposure.StatusOpen, "2": exposure.StatusOpen,
	"awaiting implementation": exposure.StatusOpen, "in review": exposure.StatusOpen, "resolved": exposure.StatusOpen,
	"deferred": exposure.StatusSuppressed, "deferred/false positive": exposure.StatusSuppressed, "deferred/risk accepted": exposure.StatusSuppressed,
	"closed": exposure.StatusArchived, "3": exposure.StatusArchived, "closed/fixed": exposure.StatusArchived, "closed/cancelled": exposure.StatusArchived,
	"closed/duplicate": exposure.StatusArchived, "closed/result invalid": exposure.StatusSuppressed, "closed/false positive": exposure.StatusSuppressed,
	"closed/risk accepted": exposure.StatusSuppressed, "closed/stale": exposure.StatusExpired, "closed/ci retired": exposure.StatusGone,
	"closed/decommissioned": exposure.StatusGone, "source/fixed": exposure.StatusFixed,
}

// vulnerableItem gives a record of Vulnerability Response as a finding.
func (d *decoding) vulnerableItem(rec record) (*asset.Description, *exposure.Finding) {
	named := cmp.Or(rec.get("vulnerability.id"), rec.get("vulnerability"), "vulnerable-item")
	severity := cmp.Or(rec.get("risk_rating"), rec.get("severity"), rec.get("priority"))
	f := &exposure.Finding{
		UID:         connectors.Ident(rec.value("sys_id")),
		Connector:   Name,
		Class:       exposure.ClassVulnerability,
		Check:       connectors.Ident(Name + ":" + named),
		Title:       cmp.Or(rec.get("vulnerability.summary"), rec.get("short_description"), rec.get("vulnerability"), "Vulnerable item "+cmp.Or(rec.get("number"), rec.value("sys_id"))),
		Description: cmp.Or(rec.get("description"), rec.get("vulnerability.threat"), rec.get("short_description")),
		Remediation: rec.get("vulnerability.solution"),
		Severity:    connectors.Severity(afterDash(severity)),
		RawSeverity: severity,
		CVEs:        connectors.CVEs(append(list(rec.get("vulnerability.cves_list")), rec.get("vulnerability.id"), rec.get("vulnerability"), rec.get("cve"))),
		Location:    portOf(rec),
		Evidence:    connectors.Redact(rec.get("proof")),
		Tags:        []string{},
		FirstSeen:   rec.when("first_found"),
		LastSeen:    rec.when("last_found"),
		Vendor:      rec.vendor(),
	}
	f.Status, f.StatusNote = statusOf(rec)
	if f.Status == exposure.StatusFixed { // seen to be gone later than it was last seen
		f.LastSeen = latest(f.LastSeen, latest(rec.when("closed_at"), rec.when("sys_updated_on")))
	}
	if scanner := rec.get("source"); scanner != "" {
		f.Tags = append(f.Tags, "source:"+scanner)
	}
	return d.vulnerableAsset(rec), f
}

// statusOf reads state, substate and the scanner's own status together.
func statusOf(rec record) (exposure.Status, string) {
	state, sub, source := strings.ToLower(rec.get("state")), strings.ToLower(cmp.Or(rec.get("substate"), rec.get("close_reason"))), strings.ToLower(rec.get("source_status"))
	note := rec.get("state")
	if sub != "" {
		note += ": " + cmp.Or(rec.get("substate"), rec.get("close_reason"))
	}
	if source != "" {
		note += " (source: " + rec.get("source_status") + ")"
	}
	status := statuses.Of(state)
	if _, known := statuses[state+"/"+sub]; known {
		status = statuses.Of(state + "/" + sub)
	}
	if status == exposure.StatusArchived && source == "fixed" && (sub == "fixed" || sub == "") {
		status = statuses.Of("source/fixed")
	}
	return status, note
}

// vulnerableAsset is the item's configuration item; where it names none, what it says of
// the host; where it says nothing, the item's own number stands for an asset nobody knows.
func (d *decoding) vulnerableAsset(rec record) *asset.Description {
	a := &asset.Description{Kind: asset.Host, Zone: d.config.Zone, OwnerHints: d.hints(rec), SeenAt: rec.when("last_found")}
	if ci := rec.value("cmdb_ci"); ci != "" {
		if kind, ok := d.kindOf(rec.value("cmdb_ci.sys_class_name")); ok {
			a.Kind = kind
		}
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: ci})
	}
	a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, list(rec.get("dns")), list(rec.get("ip_address")), nil)...)
	a.Name = cmp.Or(rec["cmdb_ci"].Display, rec.get("dns"), rec.get("ip_address"), rec.value("cmdb_ci"))
	if len(a.Identifiers) == 0 {
		number := cmp.Or(rec.get("number"), rec.value("sys_id"))
		a.Name = "unknown item of " + number
		a.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: "vulnerable item " + number}}
	}
	return a
}

func portOf(rec record) string {
	port := rec.get("port")
	if port == "" || strings.Trim(port, "0123456789") != "" || port == "0" {
		return ""
	}
	return connectors.Ident(port + "/" + cmp.Or(strings.ToLower(rec.get("protocol")), "tcp"))
}

// afterDash takes "High" out of "2 - High".
func afterDash(text string) string {
	if _, word, ok := strings.Cut(text, " - "); ok {
		return word
	}
	return text
}

// mapped are the columns of a vulnerable item that have a field of ours.
var mapped = []string{ //nolint:gochecknoglobals // a constant table
	"sys_id", "state", "substate", "short_description", "description", "vulnerability", "vulnerability.id", "vulnerability.summary", "vulnerability.solution", "vulnerability.threat",
	"vulnerability.cves_list", "first_found", "last_found", "proof", "port", "protocol", "cmdb_ci", "dns", "ip_address", "source_status", "cve",
}

// vendor is what the record says beyond that.
func (r record) vendor() json.RawMessage {
	rest := make(map[string]any, len(r))
	for column, f := range r {
		if text := f.text(); text != "" && !slices.Contains(mapped, column) {
			rest[column] = text
		}
	}
	return wire.Fields(rest)
}
