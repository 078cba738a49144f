package bitsight

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the flag of a finding means: it has no state beside it.
var statuses = connectors.Statuses{"remediated": exposure.StatusArchived} //nolint:gochecknoglobals // a constant table

// severities are Bitsight's four.
var severities = map[string]exposure.Severity{ //nolint:gochecknoglobals // a constant table
	"minor": exposure.SeverityLow, "moderate": exposure.SeverityMedium, "material": exposure.SeverityHigh, "severe": exposure.SeverityCritical,
}

const mostAssets = 100

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	claimed, findings int
	first, last       time.Time
}

// finding emits one finding on each of its assets.
func (d *decoding) finding(e *report.Emitter, b *finding, raw []byte) error {
	if strings.EqualFold(b.Details.Grade.String(), "good") && len(b.Details.Vulnerabilities) == 0 {
		e.Skip("what_is_good")
		return nil
	}
	f := b.describe(d.config.RemediatedFixed)
	f.Vendor = wire.Rest(raw, "assets", "evidence_key", "first_seen", "last_seen", "severity_category", "risk_vector_label", "tags", "details.vulnerabilities", "details.remediations",
		"details.final_location", "details.dest_port", "details.searchable_details", "rolledup_observation_id", "temporary_id")
	d.note(f)
	if len(b.Assets) == 0 {
		return e.Observe(d.asset(connectors.ParseAddress(b.EvidenceKey.String()).Host, "", f), f)
	}
	for i := range b.Assets {
		if i == mostAssets {
			e.Skip("more_assets_than_fit")
			break
		}
		if err := e.Observe(d.asset(b.Assets[i].Asset.String(), b.Assets[i].Category.String(), f), f); err != nil {
			return err
		}
	}
	return nil
}

// describe makes the finding, without its asset.
func (b *finding) describe(remediatedFixed bool) *exposure.Finding {
	t := &b.Details
	check := Name + ":" + connectors.Ident(b.Vector.String())
	if t.Assessment != "" {
		check += ":" + connectors.Ident(t.Assessment.String())
	}
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassCompliance, Check: check, Title: cmp.Or(b.VectorLabel.String(), b.Vector.String()), RawSeverity: b.Severity.String(),
		Severity: cmp.Or(severities[strings.ToLower(b.Severity.String())], connectors.Severity(b.Severity.String())), Status: exposure.StatusOpen,
		FirstSeen: b.FirstSeen.Time, LastSeen: b.LastSeen.Time, Tags: append(wire.Texts{}, b.Tags...), Evidence: connectors.Redact(t.Searchable.String()),
		Location: b.location(), Target: connectors.ParseAddress(t.Location.String()).Without(t.Location.String()),
	}
	if t.Sampled.After(f.LastSeen) {
		f.LastSeen = t.Sampled.Time // the day alone is its beginning
	}
	if b.Category != "" {
		f.Tags = append(f.Tags, b.Category.String())
	}
	b.texts(f)
	f.UID = cmp.Or(connectors.Ident(b.ID.String()), connectors.UID(check, f.Location))
	if b.Remediated {
		f.Status, f.StatusNote = statuses["remediated"], "remediated"
		if remediatedFixed {
			f.Status = exposure.StatusFixed
			if f.LastSeen.IsZero() {
				f.LastSeen = b.FirstSeen.Time
			}
		}
	}
	return f
}

// texts fills in what is said of a finding, by its vulnerabilities and its remedies.
func (b *finding) texts(f *exposure.Finding) {
	t := &b.Details
	for _, v := range t.Vulnerabilities {
		f.Class = exposure.ClassVulnerability
		f.CVEs = append(f.CVEs, v.Name.String())
		f.CVSS = append(f.CVSS, connectors.CVSSOf("", v.CVSS.Base.Value, "bitsight")...)
		f.Title += ": " + cmp.Or(v.Display.String(), v.Name.String())
		f.Description = strings.TrimSpace(f.Description + "\n\n" + connectors.Plain(v.Description.String()))
	}
	f.CVEs = connectors.CVEs(f.CVEs)
	var tips []string
	for _, h := range t.Remediations {
		if f.Description == "" {
			f.Description = connectors.Plain(h.Help.String())
		}
		if len(t.Vulnerabilities) == 0 && h.Message != "" {
			f.Title += ": " + connectors.Plain(h.Message.String())
		}
		if h.Tip != "" {
			tips = append(tips, connectors.Plain(h.Tip.String()))
		}
	}
	f.Remediation = strings.Join(tips, "\n\n")
}

// location is the port of the evidence.
func (b *finding) location() string {
	port := b.Details.Port.Int()
	if port <= 0 || port > 65535 {
		port, _ = strconv.Atoi(connectors.ParseAddress(b.EvidenceKey.String()).Port) // what is none is zero
	}
	if port <= 0 || port > 65535 {
		return ""
	}
	transport := "tcp"
	for _, a := range b.Details.Annotations {
		if strings.EqualFold(a.Transport.String(), "udp") {
			transport = "udp"
		}
	}
	return strconv.Itoa(port) + "/" + transport
}

func (d *decoding) note(f *exposure.Finding) {
	d.findings++
	if !f.FirstSeen.IsZero() && (d.first.IsZero() || f.FirstSeen.Before(d.first)) {
		d.first = f.FirstSeen
	}
	if f.LastSeen.After(d.last) {
		d.last = f.LastSeen
	}
}

// asset is a name or an address as Bitsight attributes it.
func (d *decoding) asset(name, importance string, f *exposure.Finding) *asset.Description {
	name = connectors.Ident(name)
	desc := &asset.Description{Kind: asset.Host, Name: cmp.Or(name, "unnamed asset"), Zone: d.config.Zone, Internet: asset.InternetYes, SeenAt: f.LastSeen}
	if importance != "" {
		desc.Tags = map[string]string{"bitsight_importance": importance}
	}
	if strings.ContainsAny(name, ".:") {
		desc.Identifiers = connectors.HostIdentifiers(d.config.Zone, []string{name}, nil, nil)
	}
	if len(desc.Identifiers) == 0 {
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	return desc
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Started: d.first, Finished: d.last, Tool: Name,
		ID: connectors.RunID(Name, d.first, d.last, strconv.Itoa(d.findings)), Counts: map[string]int{"claimed": d.claimed, "received": d.findings},
	}
}
