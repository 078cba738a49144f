// Package defendercloud connects Microsoft Defender for Cloud: assessments, the
// vulnerabilities below them and alerts over its API and as files, and the CSV of
// recommendations.
package defendercloud

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/azureapi"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "defendercloud"

const (
	format  = "defender for cloud JSON"
	table   = "defender for cloud CSV"
	largest = 1 << 20 // bytes of one item
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Microsoft Defender for Cloud",
		Summary:   "Recommendations, vulnerabilities and alerts of Azure subscriptions, found by Microsoft Defender for Cloud.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Security 2021-06-01, 2019-01-01-preview, 2022-01-01",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "assessments.json", Findings: 4, Assets: 1},
			{File: "subassessments.json", Findings: 3},
			{File: "alerts.json", Findings: 3},
			{File: "recommendations.csv", Findings: 2},
		},
	}
}

func recognize(head []byte, _ string) int {
	const sure = 90
	lower := bytes.ToLower(head)
	switch {
	case report.IsJSON(head) && (bytes.Contains(lower, []byte("microsoft.security/assessments")) || bytes.Contains(lower, []byte("microsoft.security/locations")) || bytes.Contains(lower, []byte("/subassessments"))):
		return sure
	case bytes.Contains(lower[:min(len(lower), 1024)], []byte("recommendationdisplayname")) && !report.IsJSON(head):
		return sure
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	login := c.login()
	return login.Reach()
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	in := &Instance{source: env.Source, config: *c, login: c.login()}
	if c.Cloud != "" {
		in.api = in.login.API(env.HTTP)
	}
	return in, nil
}

// Instance is one configured Defender for Cloud source.
type Instance struct {
	source string
	config Config
	login  azureapi.Login
	api    httpclient.API
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	source      string
	metadata    map[string]wireMetadata // of the page's assessments, by name
	known       bool
	first, last time.Time
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{source: in.source}
	head, rest := report.Peek(body)
	if !report.IsJSON(head) && bytes.Contains(bytes.ToLower(head), []byte("recommendation")) {
		f := report.Format{Name: table, Sink: sink, Run: d.run("a table of recommendations is as the portal filtered it")}
		return f.CSV(ctx, csvpull.NewReader(rest, table), []string{"resourceId", "recommendationName", "state"}, d.row)
	}
	f := report.Format{Name: format, Sink: sink, Run: d.run(connectors.OnePage)}
	return f.JSON(ctx, rest, func(e *report.Emitter, r *jsonpull.Reader) error {
		var err error
		switch r.Kind() {
		case jsonpull.Array:
			err = r.Each(ctx, func() error { return d.item(e, r) })
		case jsonpull.Object:
			err = d.answer(ctx, e, r)
		default:
			r.Skip()
		}
		if err == nil && r.OK() && !d.known {
			r.Fail("there is neither an assessment nor an alert in it: this is something else")
		}
		return err
	})
}

// answer reads an answer of the API, or of Azure Resource Graph, or a single item.
func (d *decoding) answer(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		switch key {
		case "quell_azure":
			var about struct {
				Metadata map[string]wireMetadata `json:"metadata"`
			}
			if _, ok := r.Into(16*largest, &about); ok {
				d.metadata = about.Metadata
			}
			d.known = true
		case "value", "data":
			empty := true
			err := r.Each(ctx, func() error {
				empty = false
				return d.item(e, r)
			})
			d.known = d.known || empty
			return err
		}
		return nil
	})
}

func (d *decoding) item(e *report.Emitter, r *jsonpull.Reader) error {
	var v wireItem
	raw, ok := r.Into(largest, &v)
	if !ok {
		if r.OK() {
			e.Skip("item_too_large")
		}
		return nil
	}
	switch v.kind() {
	case kindAssessment:
		d.known = true
		return d.assessment(e, &v, raw)
	case kindVulnerability:
		d.known = true
		return d.vulnerability(e, &v, raw)
	case kindAlert:
		d.known = true
		return d.alert(e, &v, raw)
	case kindOther:
		if d.known {
			e.Skip("item_of_another_kind")
		}
	}
	return nil
}

func (d *decoding) note(at time.Time) {
	if d.first.IsZero() || !at.IsZero() && at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

func (d *decoding) run(why string) func(e *report.Emitter) exposure.Run {
	return func(e *report.Emitter) exposure.Run {
		return exposure.Run{Source: d.source, Connector: Name, Kind: exposure.RunFull, ID: connectors.RunID(Name, d.first, d.last, d.source), Started: d.first, Finished: d.last,
			Tool: "Microsoft Defender for Cloud", Counts: map[string]int{"received": e.Findings}, Why: why}
	}
}
