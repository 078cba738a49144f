// Package prowler reads the reports of Prowler: OCSF JSON of versions 4 and 5, their CSV,
// and the JSON of version 3.
package prowler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/ocsfmap"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "prowler"

const (
	format  = "prowler JSON"
	table   = "prowler CSV"
	largest = 1 << 20 // bytes of one finding
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Prowler",
		Summary:   "Cloud, Kubernetes and GitHub posture checks of Prowler, versions 3 to 5.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "v5.ocsf.json", Findings: 5},
			{File: "v3.json", Findings: 3},
			{File: "v5.csv", Findings: 3},
		},
	}
}

// recognize is surer than that of OCSF in general, by the product's name beside its check.
func recognize(head []byte, _ string) int {
	const sure = 95
	switch {
	case report.IsJSON(head) && report.Has(head, "finding_info", "event_code") && (report.Has(head, "Prowler") || bytes.Contains(head, []byte(`"prowler-`))),
		report.IsJSON(head) && report.Has(head, "FindingUniqueId", "CheckID", "StatusExtended"),
		bytes.HasPrefix(report.Head(head), []byte("AUTH_METHOD;TIMESTAMP;ACCOUNT_UID")),
		bytes.HasPrefix(report.Head(head), []byte("ASSESSMENT_START_TIME;FINDING_UNIQUE_ID")):
		return sure
	}
	return 0
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	if _, ok := config.(*Config); !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source}, nil
}

// Instance is one configured Prowler source.
type Instance struct{ source string }

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	mapper       ocsfmap.Mapper
	known, other int
	first, last  time.Time
	version      string
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, mapper: mapper()}
	head, rest := report.Peek(body)
	if begin := report.Head(head); bytes.HasPrefix(begin, []byte("A")) || bytes.HasPrefix(begin, []byte(`"A`)) {
		f := report.Format{Name: table, Sink: sink, Run: d.run}
		return f.CSV(ctx, csvpull.NewReader(rest, table), []string{"CHECK_ID", "STATUS", "RESOURCE_NAME"}, d.row)
	}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, rest, func(e *report.Emitter, r *jsonpull.Reader) error {
		var err error
		if r.Kind() == jsonpull.Array {
			err = r.Each(ctx, func() error { return d.item(e, r) })
		} else {
			err = d.item(e, r)
		}
		if err == nil && r.OK() && d.known == 0 && d.other > 0 {
			r.Fail("there is no check in it: this is something else")
		}
		return err
	})
}

// item reads one finding of either JSON format.
func (d *decoding) item(e *report.Emitter, r *jsonpull.Reader) error {
	var both struct {
		ocsfmap.Object
		old
	}
	raw, ok := r.Into(largest, &both)
	switch {
	case !r.OK():
		return nil
	case !ok && raw == nil:
		e.Skip("finding_too_large")
		return nil
	case ok && both.CheckID != "":
		d.known++
		return d.old(e, &both.old, raw)
	case ok && both.Metadata.EventCode != "":
		d.known++
		return d.ocsf(e, &both.Object, raw)
	}
	d.other++
	if d.known > 0 {
		e.Skip("finding_without_check")
	}
	return nil
}

func (d *decoding) ocsf(e *report.Emitter, o *ocsfmap.Object, raw []byte) error {
	found, skip := d.mapper.Map(raw, o)
	if skip != "" {
		e.Skip(skip)
	}
	for _, obs := range found {
		d.note(obs.Finding, o.Metadata.Product.Version.String())
		if err := e.Observe(obs.Asset, obs.Finding); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) note(f *exposure.Finding, version string) {
	if at := f.LastSeen; !at.IsZero() {
		if d.first.IsZero() || at.Before(d.first) {
			d.first = at
		}
		if at.After(d.last) {
			d.last = at
		}
	}
	if version != "" {
		d.version = " " + version
	}
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, ID: connectors.RunID(Name, d.first, d.last, d.source),
		Started: d.first, Finished: d.last, Tool: Name + d.version, Counts: map[string]int{"received": e.Findings},
		Why: "a report doesn't say what it was limited to",
	}
}
