package intsights

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the reasons mean for which a person closes an alert. "closed" is one
// without a reason.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"falsepositive": exposure.StatusSuppressed, "problemsolved": exposure.StatusArchived, "informationalonly": exposure.StatusArchived,
	"problemwearealreadyawareof": exposure.StatusArchived, "companyowneddomain": exposure.StatusArchived, "legitimateapplication/profile": exposure.StatusArchived,
	"notrelatedtomycompany": exposure.StatusArchived, "other": exposure.StatusArchived, "closed": exposure.StatusArchived,
}

const mostAssets = 100

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	link        string // of a row
	alerts      int
	first, last time.Time
}

// alert emits one alert on each of its assets.
func (d *decoding) alert(e *report.Emitter, a *alert, vendor json.RawMessage) error {
	id := connectors.Ident(a.ID.String())
	if id == "" {
		e.Skip("alert_without_id")
		return nil
	}
	t := &a.Details
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassDetection, UID: id, Check: Name + ":" + id, Title: cmp.Or(t.Title.String(), "IntSights alert "+id),
		Description: connectors.Redact(t.Description.String()), Remediation: t.Remediation.String(), RawSeverity: t.Severity.String(), Severity: connectors.Severity(t.Severity.String()),
		CVEs:   connectors.CVEs(strings.FieldsFunc(t.Title.String()+" "+t.Description.String(), func(c rune) bool { return strings.ContainsRune(" ,;:()[]\n.", c) })),
		Status: exposure.StatusOpen, FirstSeen: a.Found.Time, LastSeen: cmp.Or(a.Updated.Time, a.Found.Time), Target: connectors.ParseAddress(t.Source.URL.String()).Without(t.Source.URL.String()),
		Vendor: vendor,
	}
	if t.Type == "ExploitableData" || t.Type == "Exploitable Data" {
		f.Class = exposure.ClassVulnerability
	}
	for _, tag := range append([]struct {
		Name text `json:"Name"`
	}{{t.Type}, {t.SubType}}, t.Tags...) {
		if tag.Name != "" {
			f.Tags = append(f.Tags, tag.Name.String())
		}
	}
	if d.link != "" {
		f.References = []string{d.link}
	}
	if a.Closed.IsClosed {
		reason := strings.ReplaceAll(a.Closed.Reason.String(), " ", "")
		if f.Status = statuses.Of(cmp.Or(reason, "closed")); f.Status == exposure.StatusOpen { // for a reason that we don't know
			f.Status = exposure.StatusArchived
		}
		f.StatusNote, f.LastSeen = strings.TrimSpace("closed "+a.Closed.Reason.String()), cmp.Or(a.Closed.At.Time, f.LastSeen)
	}
	d.note(f)
	targets := a.Assets
	if len(targets) == 0 {
		targets = []target{{}}
	}
	for i := range targets {
		if i == mostAssets {
			e.Skip("more_assets_than_fit")
			break
		}
		if err := e.Observe(d.asset(&targets[i], a), f); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) note(f *exposure.Finding) {
	d.alerts++
	if !f.FirstSeen.IsZero() && (d.first.IsZero() || f.FirstSeen.Before(d.first)) {
		d.first = f.FirstSeen
	}
	if f.LastSeen.After(d.last) {
		d.last = f.LastSeen
	}
}

// asset is what an alert names. Of an export only the value is known, and tells what it is.
func (d *decoding) asset(t *target, a *alert) *asset.Description {
	value := connectors.Ident(t.Value.String())
	desc := &asset.Description{Kind: asset.SaaSApplication, Name: cmp.Or(value, "unnamed asset"), Zone: d.config.Zone, Internet: asset.InternetYes}
	ids := connectors.HostIdentifiers(d.config.Zone, []string{value}, nil, nil)
	switch kind := strings.ToLower(t.Type.String()); {
	case len(ids) == 0, !strings.ContainsAny(value, ".:"):
	case strings.HasPrefix(kind, "domain"), kind == "" && ids[0].Kind == asset.FQDN:
		desc.Kind, desc.Identifiers = asset.Domain, ids
	case strings.HasPrefix(kind, "ip"), kind == "" && ids[0].Kind == asset.IP:
		desc.Kind, desc.Identifiers = asset.Host, ids
	}
	if len(desc.Identifiers) == 0 { // a brand, a company, a login page: nothing that a scanner knows
		desc.Internet = asset.InternetUnknown
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: strings.TrimSpace(t.Type.String() + " " + desc.Name)}}
	}
	for _, who := range a.Assignees {
		desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: who, From: "assignee of alert " + connectors.Ident(a.ID.String())})
	}
	return desc
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Started: d.first, Finished: d.last, Tool: Name,
		ID: connectors.RunID(Name, d.first, d.last, strconv.Itoa(d.alerts)), Counts: map[string]int{"received": d.alerts},
	}
}
