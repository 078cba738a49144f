// Package upwind reads the detections of Upwind: vulnerabilities that are in use, and
// threats at run time.
package upwind

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "upwind"

const (
	format  = "upwind JSON"
	largest = 1 << 20 // bytes of one detection
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Upwind",
		Summary:   "Vulnerabilities in use and threats at run time, detected by Upwind.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "detections.json", Findings: 4},
			{File: "lines.jsonl", Findings: 2},
		},
	}
}

func recognize(head []byte, _ string) int {
	const sure, likely = 90, 70
	switch {
	case !report.IsJSON(head):
	case report.Has(head, "upwind_asset_id") || report.Has(head, "upwind_console_link"):
		return sure
	case report.Has(head, "mitre_attacks", "occurrence_count", "resource"):
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

// Instance is one configured Upwind source.
type Instance struct{ source string }

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	known, other int
	first, last  time.Time
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{}
	f := report.Format{Name: format, Sink: sink, Run: func(e *report.Emitter) exposure.Run {
		return exposure.Run{Source: in.source, Connector: Name, Kind: exposure.RunPartial, ID: connectors.RunID(Name, d.first, d.last, in.source), Started: d.first, Finished: d.last,
			Tool: "Upwind", Counts: map[string]int{"received": e.Findings}, Why: "detections don't say what else was looked at"}
	}}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		var err error
		if r.Kind() == jsonpull.Array {
			err = r.Each(ctx, func() error { return d.detection(e, r) })
		} else {
			err = d.detection(e, r)
		}
		if err == nil && r.OK() && d.known == 0 && d.other > 0 {
			r.Fail("there is no detection in it: this is something else")
		}
		return err
	})
}

func (d *decoding) detection(e *report.Emitter, r *jsonpull.Reader) error {
	var v wireDetection
	raw, ok := r.Into(largest, &v)
	switch {
	case !r.OK():
		return nil
	case !ok && raw == nil:
		e.Skip("detection_too_large")
		return nil
	case !ok || v.ID == "" || v.Resource == nil:
		d.other++
		if d.known > 0 {
			e.Skip("element_that_is_no_detection")
		}
		return nil
	}
	d.known++
	f, about := v.finding(raw), v.Resource.asset()
	if len(about.Identifiers) == 0 {
		e.Skip("detection_without_asset")
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
