// Package ocsf reads findings in the Open Cybersecurity Schema Framework, whichever
// product wrote them. What its fields mean is said by connectors/ocsfmap, which others
// read theirs with too.
package ocsf

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/ocsfmap"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "ocsf"

const (
	format  = "OCSF JSON"
	largest = 1 << 20 // bytes of one object
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "OCSF findings",
		Summary:   "Findings in the Open Cybersecurity Schema Framework, of whatever product writes them.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  ocsfmap.Statuses(),
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "classes.json", Findings: 9},
			{File: "lines.jsonl", Findings: 2},
			{File: "legacy.json", Findings: 1},
		},
	}
}

// recognize wants several of the fields that OCSF requires of a finding: a body of one
// large object need not show the class in its beginning.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	const enough, sure, likely = 3, 60, 40
	seen := 0
	for _, field := range []string{"class_uid", "category_uid", "type_uid", "finding_info", "severity_id", "status_id", "activity_id"} {
		if report.Has(head, field) {
			seen++
		}
	}
	switch {
	case seen > enough:
		return sure
	case seen == enough || report.Has(head, "finding_info", "metadata"):
		return likely
	}
	return 0
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, mapper: ocsfmap.Mapper{Connector: Name, Zone: c.Zone}}, nil
}

// Instance is one configured OCSF source.
type Instance struct {
	source string
	mapper ocsfmap.Mapper
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	objects, other int // objects of OCSF and of something else
	first, last    time.Time
	tool           string
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		var err error
		if r.Kind() == jsonpull.Array {
			err = r.Each(ctx, func() error { return d.object(e, r) })
		} else {
			err = d.object(e, r)
		}
		if err == nil && r.OK() && d.objects == 0 && d.other > 0 {
			r.Fail("there is no class_uid: this is something else")
		}
		return err
	})
}

func (d *decoding) object(e *report.Emitter, r *jsonpull.Reader) error {
	var o ocsfmap.Object
	raw, ok := r.Into(largest, &o)
	switch {
	case !r.OK():
		return nil
	case !ok && raw == nil:
		e.Skip("object_too_large")
		return nil
	case !ok || !o.Class.OK:
		d.other++
		if d.objects > 0 {
			e.Skip("object_without_class")
		}
		return nil
	}
	d.objects++
	found, skip := d.mapper.Map(raw, &o)
	if skip != "" {
		e.Skip(skip)
	}
	for _, obs := range found {
		d.note(&o, obs.Finding.LastSeen)
		if err := e.Observe(obs.Asset, obs.Finding); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) note(o *ocsfmap.Object, at time.Time) {
	if d.first.IsZero() || !at.IsZero() && at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
	if product := &o.Metadata.Product; d.tool == "" {
		d.tool = product.Name.String()
		if version := product.Version.String(); version != "" {
			d.tool += " " + version
		}
	}
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunPartial, ID: connectors.RunID(Name, d.first, d.last, d.source),
		Started: d.first, Finished: d.last, Tool: d.tool, Counts: map[string]int{"received": e.Findings},
		Why: "OCSF objects don't say what else was looked at",
	}
	if d.objects == 1 {
		run.Kind = exposure.RunEvent
	}
	return run
}
