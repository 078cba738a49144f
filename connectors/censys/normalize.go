package censys

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

const largestEvent = 1 << 20

// statuses are what the last word of an event's type means. Why a risk is closed, an event
// doesn't say.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"opened": exposure.StatusOpen, "reopened": exposure.StatusOpen, "changed": exposure.StatusOpen, "updated": exposure.StatusOpen,
	"accepted": exposure.StatusSuppressed, "closed": exposure.StatusArchived, "resolved": exposure.StatusArchived,
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ids         []string
	events      int
	first, last time.Time
}

// event reads one event and emits its risk.
func (d *decoding) event(e *report.Emitter, r *jsonpull.Reader) error {
	var m message
	raw, ok := r.Into(largestEvent, &m)
	switch {
	case !ok || m.Event == nil:
		r.Fail("this is no event of Censys")
		return nil
	case m.Event.Data.Name == "" || m.Event.Data.Asset == "":
		e.Skip("event_without_risk")
		return nil
	}
	k := &m.Event.Data
	word := m.Event.Type.String()
	desc, location := d.asset(k.Asset.String())
	check := Name + ":" + connectors.Ident(k.Name.String())
	f := &exposure.Finding{
		Connector: Name, Class: class(k.Categories.String()), UID: connectors.UID(check, location), Check: check, Location: location,
		Title: cmp.Or(k.Description.String(), k.Name.String()), RawSeverity: k.Severity.String(), Severity: connectors.Severity(k.Severity.String()),
		CVEs: connectors.CVEs([]string{k.Name.String()}), Tags: categories(k.Categories.String()),
		Status: statuses.Of(word[strings.LastIndexByte(word, '_')+1:]), FirstSeen: k.FirstSeen.Time, LastSeen: k.LastSeen.Time,
		Vendor: wire.Rest(raw, "event.specversion", "event.time", "event.datacontenttype", "event.subject", "event.data.risk_name", "event.data.risk_description",
			"event.data.first_seen_at", "event.data.last_seen_at", "event.data.risk_severity", "event.data.impacted_asset", "event.data.categories", "event.data.link"),
	}
	if f.Status != exposure.StatusOpen { // what was done came after the last sight
		f.LastSeen, f.StatusNote = m.Event.Time.Time, word
	}
	if k.Link != "" {
		f.References = []string{k.Link.String()}
	}
	d.note(m.Event.ID.String(), m.Event.Time.Time)
	return e.Observe(desc, f)
}

func (d *decoding) note(id string, at time.Time) {
	const most = 4
	if d.events++; len(d.ids) < most {
		d.ids = append(d.ids, connectors.Ident(id))
	}
	if !at.IsZero() && (d.first.IsZero() || at.Before(d.first)) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

// categories reads the text that holds JSON; what is none has none.
func categories(s string) (out []string) {
	var nested [][]string
	if json.Unmarshal([]byte(s), &nested) != nil {
		var flat []string
		if json.Unmarshal([]byte(s), &flat) != nil {
			return nil
		}
		nested = [][]string{flat}
	}
	for _, list := range nested {
		out = append(out, list...)
	}
	return out
}

func class(categories string) exposure.Class {
	if strings.Contains(categories, "Vulnerab") {
		return exposure.ClassVulnerability
	}
	return exposure.ClassCompliance
}

// asset takes the impacted asset apart: its kind before a colon, then its name, and for a
// web entity the port, which is the location.
func (d *decoding) asset(impacted string) (desc *asset.Description, location string) {
	kind, name, ok := strings.Cut(impacted, ":")
	if name = connectors.Ident(name); !ok || name == "" {
		kind, name = "", connectors.Ident(impacted)
	}
	desc = &asset.Description{Kind: asset.Host, Name: name, Zone: d.config.Zone, Internet: asset.InternetYes}
	switch kind = strings.ToLower(strings.TrimSpace(kind)); kind {
	case "host", "web entity", "webentity", "domain", "subdomain":
		at := connectors.ParseAddress(name)
		desc.Identifiers = connectors.HostIdentifiers(d.config.Zone, []string{at.Host}, nil, nil)
		if at.Port != "" {
			location = connectors.Ident(at.Port + "/tcp")
		}
		if strings.Contains(kind, "domain") {
			desc.Kind = asset.Domain
		}
	case "storage bucket", "bucket", "object storage":
		desc.Kind = asset.CloudResource
	case "certificate":
		desc.Kind = asset.WebApplication
	}
	if len(desc.Identifiers) == 0 {
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: cmp.Or(strings.TrimSpace(kind+" "+name), "unnamed asset")}}
		desc.Name = cmp.Or(desc.Name, "unnamed asset")
	}
	return desc, location
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunEvent, Why: "an event is about one risk", Started: d.first, Finished: d.last, Tool: Name,
		ID: connectors.RunID(Name, d.first, d.last, d.ids...), Counts: map[string]int{"received": d.events},
	}
}
