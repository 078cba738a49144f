package cycognito

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the status of an issue means. A removed one is fixed where it has a
// time of resolution too.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"new": exposure.StatusOpen, "changed": exposure.StatusOpen, "normal": exposure.StatusOpen, "removed": exposure.StatusArchived,
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	issues      int
	first, last time.Time
}

// issue reads one issue and emits it. It reports false for what is none.
func (d *decoding) issue(e *report.Emitter, r *jsonpull.Reader) (known bool, err error) {
	var is issue
	raw, ok := r.Into(largestIssue, &is)
	id := connectors.Ident(is.ID.String())
	if !ok || id == "" || is.Asset == "" {
		return false, nil
	}
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, UID: id, Check: Name + ":" + connectors.Ident(cmp.Or(is.IssueID.String(), is.ID.String())),
		Title: cmp.Or(is.Title.String(), is.IssueID.String(), id), Description: is.Summary.String(), Remediation: strings.Join(is.Steps, "\n\n"), References: is.References,
		RawSeverity: is.Severity.String(), Severity: connectors.Severity(is.Severity.String()), CVEs: connectors.CVEs(is.CVEs), CWEs: connectors.CWEs(is.CWEs),
		CVSS: connectors.CVSSOf("", is.Score.Value, "cycognito"), Evidence: connectors.Redact(is.Evidence.Evidence.String()), Target: is.Evidence.Hostname.String(),
		FirstSeen: is.FirstDetected.Time, LastSeen: is.LastDetected.Time, Tags: append(append(wire.Texts(nil), is.Types...), is.Compliance...),
		Vendor: wire.Rest(raw, "id", "affected_asset", "port", "title", "summary", "remediation_steps", "references", "severity", "cve_ids", "first_detected", "last_detected", "evidence",
			"tech_owners", "business_units", "teams", "organizations", "environments", "compliance_violations", "issue_types", "tags"),
	}
	if port := is.Port.Int(); port > 0 && port <= 65535 {
		f.Location = strconv.Itoa(port) + "/tcp"
	}
	switch strings.ToLower(is.Exploit.String()) {
	case "", "none", "unknown", "not available", "no":
	default:
		f.Exploit = "poc"
	}
	is.state(f, d.config.ResolvedFixed)
	d.note(f)
	return true, e.Observe(d.asset(&is), f)
}

func (is *issue) state(f *exposure.Finding, resolvedFixed bool) {
	f.Status = statuses.Of(is.Status.String())
	switch {
	case !is.ResolvedAt.IsZero():
		removed := strings.EqualFold(is.Status.String(), "removed")
		f.Status, f.StatusNote, f.LastSeen = exposure.StatusArchived, "resolved, status "+is.Status.String(), is.ResolvedAt.Time
		if removed || resolvedFixed {
			f.Status = exposure.StatusFixed
		}
	case f.Status == exposure.StatusArchived:
		f.StatusNote = is.Status.String()
	case bool(is.Snoozed):
		f.Status, f.StatusNote = exposure.StatusSuppressed, strings.TrimSpace("snoozed until "+cmp.Or(is.SnoozedUntil.String(), "further notice"))
	default:
		f.StatusNote = is.Investigation.String()
	}
}

func (d *decoding) note(f *exposure.Finding) {
	d.issues++
	if !f.FirstSeen.IsZero() && (d.first.IsZero() || f.FirstSeen.Before(d.first)) {
		d.first = f.FirstSeen
	}
	if f.LastSeen.After(d.last) {
		d.last = f.LastSeen
	}
}

// asset is the affected one: its kind before a slash, then its name.
func (d *decoding) asset(is *issue) *asset.Description {
	whole := connectors.Ident(is.Asset.String())
	kind, name, ok := strings.Cut(whole, "/")
	if !ok || name == "" {
		kind, name = "", whole
	}
	desc := &asset.Description{
		Kind: asset.Host, Name: name, Zone: d.config.Zone, Internet: asset.InternetYes, SeenAt: is.LastDetected.Time, Tags: map[string]string{},
		Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: whole}},
	}
	switch kind {
	case "ip", "domain", "webapp":
		desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{connectors.ParseAddress(name).Host}, nil, nil)...)
		if kind == "domain" {
			desc.Kind = asset.Domain
		}
		if kind == "webapp" {
			desc.Kind = asset.WebApplication
		}
	case "cert":
		desc.Kind = asset.WebApplication
	}
	for key, list := range map[string]wire.Texts{"organizations": is.Organizations, "environments": is.Environments, "tags": is.Tags} {
		if len(list) > 0 {
			desc.Tags[key] = strings.Join(list, ", ")
		}
	}
	hint := func(from string, list wire.Texts) {
		for _, value := range list {
			if _, short, ok := strings.Cut(value, "/"); ok && short != "" {
				value = short
			}
			desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: value, From: from})
		}
	}
	hint("tech_owners", is.TechOwners)
	hint("teams", is.Teams)
	hint("business_units", is.BusinessUnits)
	return desc
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Started: d.first, Finished: d.last, Tool: Name,
		ID: connectors.RunID(Name, d.first, d.last, strconv.Itoa(d.issues)), Counts: map[string]int{"received": d.issues},
	}
}
