// Package kubescape reads the JSON reports of ARMO's kubescape.
package kubescape

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
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

// Name is the connector's name.
const Name = "kubescape"

const (
	format      = "kubescape JSON"
	largest     = 8 << 20   // bytes of one resource or result
	largestHeld = 256 << 20 // bytes of all results, compressed
	mostPlaces  = 300_000
	mostChecks  = 10_000
	shortText   = 4 << 10
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Kubescape",
		Summary:   "Misconfigured Kubernetes resources, in clusters and in files, from reports of kubescape.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "cluster.json", Findings: 3, Assets: 2, Complete: true},
			{File: "files.json", Findings: 1, Assets: 1},
		},
	}
}

// recognize looks for the fields by which a report begins.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head) || report.Head(head)[0] != '{':
		return 0
	case report.Has(head, "summaryDetails", "controls"), report.Has(head, "clusterAPIServerInfo", "customerGUID"), report.Has(head, "resourceID", "controlID"):
		return 95
	}
	return 0
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c}, nil
}

// Instance is one configured kubescape source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	at       time.Time
	id       string
	cluster  string
	meta     metadata
	chunk    int
	controls map[string]control
	places   map[string]*place
	results  *jsonpull.Hold // what they are of, and by which controls, may come behind them
	listed   bool
	lost     int
	repo     *asset.Description

	seen     map[string]bool // controls that passed or failed somewhere
	skipped  map[string]bool // controls that were not evaluated somewhere
	files    []string        // places in files that were looked at
	tooMany  bool
	evaluate int
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, controls: map[string]control{}, places: map[string]*place{}, results: jsonpull.NewHold(largestHeld), seen: map[string]bool{}, skipped: map[string]bool{}}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if d.listed {
		r.Fail("something follows the report")
		return nil
	}
	err := r.Fields(func(key string) error {
		switch key {
		case "generationTime":
			d.at = wire.Moment(string(r.Text(shortText)))
		case "reportGUID":
			d.id = connectors.Ident(string(r.Text(shortText)))
		case "clusterName":
			d.cluster = string(r.Text(shortText))
		case "metadata":
			r.Into(largest, &d.meta)
		case "paginationInfo":
			var page struct {
				Chunk wire.Number `json:"chunkNumber"`
			}
			r.Into(largest, &page)
			d.chunk = page.Chunk.Int()
		case "summaryDetails":
			return d.summary(e, r)
		case "resources":
			return d.resources(e, r)
		case "results":
			d.listed = r.Kind() == jsonpull.Array || r.Kind() == jsonpull.Null
			return d.hold(e, r)
		}
		return nil
	})
	if err == nil && r.OK() && (!d.listed || len(d.controls) == 0) {
		r.Fail("there are no results or no controls: this is not of kubescape, or of format version 1")
	}
	if err != nil || !r.OK() {
		return err
	}
	return d.tell(e, r)
}

func (d *decoding) summary(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		if key != "controls" {
			return nil
		}
		return r.Fields(func(id string) error {
			var c control
			if r.Into(largest, &c); len(d.controls) < mostChecks {
				d.controls[connectors.Ident(id)] = c
			}
			return e.Live()
		})
	})
}

func (d *decoding) resources(e *report.Emitter, r *jsonpull.Reader) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		var res resource
		if _, ok := r.Into(largest, &res); ok && res.ID != "" && len(d.places) < mostPlaces {
			d.places[res.ID.String()] = d.place(&res)
		}
	}
	return nil
}

func (d *decoding) hold(e *report.Emitter, r *jsonpull.Reader) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		raw := r.Raw(largest)
		switch {
		case !r.OK():
		case raw == nil:
			d.lost++
			e.Skip("result_too_large_or_null")
		case !d.results.Add(raw):
			r.Fail("more results than fit")
		}
	}
	return nil
}

func (d *decoding) tell(e *report.Emitter, from *jsonpull.Reader) error {
	err := d.results.Each(from, func(r *jsonpull.Reader) error {
		var res result
		_, ok := r.Into(largest, &res)
		if !r.OK() {
			return nil
		}
		p := d.places[res.ID.String()]
		if !ok || p == nil {
			d.lost++
			e.Skip("result_of_no_known_resource")
			return nil
		}
		return d.resource(e, &res, p)
	})
	if err != nil || !from.OK() || len(d.files) == 0 {
		return err
	}
	return e.Cover(exposure.Coverage{Asset: *d.repository(), Outcome: exposure.TargetOK, CheckedAt: d.at, Locations: d.files})
}

// resource tells of one resource. One in a file is covered with all the others of its
// repository.
func (d *decoding) resource(e *report.Emitter, res *result, p *place) error {
	a := d.describe(p)
	for i := range res.Controls {
		c := &res.Controls[i]
		id := connectors.Ident(c.ID.String())
		found, evaluated, as := verdict(&c.Status)
		switch {
		case id == "":
			d.lost++
			e.Skip("control_without_id")
			continue
		case !evaluated:
			d.skipped[id] = true
			e.Skip("control_skipped")
			continue
		}
		d.evaluate++
		if d.seen[id] = true; !found {
			e.Skip("control_passed")
			continue
		}
		if err := e.Observe(a, d.finding(p, c, as)); err != nil {
			return err
		}
	}
	if p.location == "" {
		return e.Cover(exposure.Coverage{Asset: *a, Outcome: exposure.TargetOK, CheckedAt: d.at})
	}
	if d.tooMany = d.tooMany || len(d.files) == mostPlaces; !d.tooMany {
		d.files = append(d.files, p.location)
	}
	return nil
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, d.at, d.at, d.id, d.clusterName(), strconv.Itoa(d.results.Len()), strconv.Itoa(d.evaluate)),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   d.at,
		Finished:  d.at,
		Targets:   e.Assets,
		Counts:    map[string]int{"resources": d.results.Len(), "evaluated": d.evaluate, "findings": e.Findings},
		Tool:      strings.TrimSpace(Name + " " + d.meta.Scan.Version.String()),
	}
	for _, id := range slices.Sorted(maps.Keys(d.seen)) {
		if !d.skipped[id] && len(run.Checks) < mostChecks {
			run.Checks = append(run.Checks, Name+":"+id)
		}
	}
	switch {
	case d.at.IsZero():
		run.Why = "the report does not say when the scan was"
	case d.chunk > 0:
		run.Why = "the report is a part of a series"
	case d.lost > 0 || d.tooMany:
		run.Why = "some results could not be read"
	case len(run.Checks) == 0:
		run.Why = "no control was evaluated on any resource"
	default:
		run.Complete = true
	}
	return run
}
