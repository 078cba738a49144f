// Package orca reads the alerts of Orca Security: those of its API and webhooks, and its
// exports.
package orca

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "orca"

const (
	format  = "orca JSON"
	table   = "orca CSV"
	largest = 1 << 20 // bytes of one alert
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Orca Security",
		Summary:   "Alerts of Orca Security on clouds and code.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "alerts.json", Findings: 5},
			{File: "alert.json", Findings: 1},
			{File: "export.json", Findings: 2},
			{File: "export.csv", Findings: 2},
		},
	}
}

func recognize(head []byte, _ string) int {
	const sure, likely = 90, 80
	switch {
	case report.IsJSON(head) && (report.Has(head, "orca_score") || report.Has(head, "asset_unique_id", "alert_labels") || report.Has(head, "alert_labels", "type_key")):
		return sure
	case report.Has(head, "OrcaScore", "CloudAccount"):
		return likely
	case !report.IsJSON(head) && bytes.Contains(head[:min(len(head), 1024)], []byte("OrcaScore")):
		return likely
	}
	return 0
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	if _, ok := config.(*Config); !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source}, nil
}

// Instance is one configured Orca source.
type Instance struct{ source string }

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	source      string
	known       bool
	first, last time.Time
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{source: in.source}
	head, rest := report.Peek(body)
	if !report.IsJSON(head) && bytes.Contains(head, []byte("OrcaScore")) {
		f := report.Format{Name: table, Sink: sink, Run: d.run}
		return f.CSV(ctx, csvpull.NewReader(rest, table), []string{"Title", "Status", "OrcaScore"}, d.row)
	}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, rest, func(e *report.Emitter, r *jsonpull.Reader) error {
		err := d.value(ctx, e, r)
		if err == nil && r.OK() && !d.known {
			r.Fail("there is no alert in it: this is something else")
		}
		return err
	})
}

// value reads a list of alerts, an answer with one, or an alert, which is known only once
// it was read.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	list := func() error {
		empty := true
		err := r.Each(ctx, func() error {
			empty = false
			raw := r.Raw(largest)
			if raw == nil {
				if r.OK() {
					e.Skip("alert_too_large")
				}
				return nil
			}
			return d.alert(e, raw)
		})
		d.known = d.known || empty
		return err
	}
	if r.Kind() == jsonpull.Array {
		return list()
	}
	var loose bytes.Buffer
	fields, listed := 0, false
	const mostFields = 200
	err := r.Fields(func(key string) error {
		if (key == "data" || key == "alerts") && r.Kind() == jsonpull.Array {
			listed = true
			return list()
		}
		if raw := r.Raw(largest); raw != nil && fields < mostFields && loose.Len()+len(raw) < largest && !strings.ContainsAny(key, "\"\\\n") {
			loose.WriteByte("{,"[min(fields, 1)])
			loose.WriteString(`"` + key + `":`)
			loose.Write(raw)
			fields++
		}
		return nil
	})
	if err != nil || !r.OK() || fields == 0 || listed {
		return err
	}
	loose.WriteByte('}')
	return d.alert(e, loose.Bytes())
}

func (d *decoding) alert(e *report.Emitter, raw []byte) error {
	var v wireAlert
	if !wire.Unmarshal(raw, &v) || v.State == nil && v.Title == "" {
		if d.known {
			e.Skip("element_that_is_no_alert")
		}
		return nil
	}
	d.known = true
	return d.emit(e, &v, wire.Rest(raw, "state.alert_id", "description", "details", "recommendation", "type_string", "Title", "Status", "CreatedAt", "LastSeen"))
}

// row reads a row of the CSV as the alert of the export that it is.
func (d *decoding) row(e *report.Emitter, r *csvpull.Reader) error {
	v := wireAlert{
		Title: wire.Text(r.Get("Title")), Status: wire.Text(r.Get("Status")), Category: wire.Text(r.Get("Category")), Source: wire.Text(r.Get("Source")),
		Created: wire.Time{Time: wire.Moment(r.Get("CreatedAt"))}, Seen: wire.Time{Time: wire.Moment(r.Get("LastSeen"))},
	}
	if json.Unmarshal([]byte(r.Get("OrcaScore")), &v.Score) != nil {
		v.Score = wire.Number{}
	}
	for label := range strings.SplitSeq(strings.Trim(r.Get("Labels"), "[]"), ",") {
		v.ExportLabels = append(v.ExportLabels, strings.Trim(label, ` "'`))
	}
	v.CloudAccount.Name, v.Inventory.Name = wire.Text(r.Get("CloudAccount.Name", "CloudAccount")), wire.Text(r.Get("Inventory.Name", "Inventory"))
	return d.emit(e, &v, wire.Fields(r.Rest("Title", "Status", "CreatedAt", "LastSeen")))
}

func (d *decoding) emit(e *report.Emitter, v *wireAlert, vendor json.RawMessage) error {
	f, skip := v.finding(vendor)
	about := v.asset()
	if skip == "" && len(about.Identifiers) == 0 {
		skip = "alert_without_asset"
	}
	if skip != "" {
		e.Skip(skip)
		return nil
	}
	if d.first.IsZero() || !f.LastSeen.IsZero() && f.LastSeen.Before(d.first) {
		d.first = f.LastSeen
	}
	if f.LastSeen.After(d.last) {
		d.last = f.LastSeen
	}
	return e.Observe(about, f)
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	return exposure.Run{Source: d.source, Connector: Name, Kind: exposure.RunPartial, ID: connectors.RunID(Name, d.first, d.last, d.source), Started: d.first, Finished: d.last,
		Tool: "Orca Security", Counts: map[string]int{"received": e.Findings}, Why: "alerts don't say what else was looked at"}
}
