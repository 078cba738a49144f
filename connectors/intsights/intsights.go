// Package intsights reads the alerts of IntSights (Rapid7 Threat Command) about what is said and seen of a company outside.
package intsights

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "intsights"

const format = "IntSights JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "IntSights",
		Summary:   "Reads alerts of IntSights, now Rapid7 Threat Command.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "alerts.json", Findings: 4},
			{File: "alerts.csv", Findings: 2},
		},
	}
}

// recognize looks for what only IntSights' alerts and exports hold.
func recognize(head []byte, _ string) int {
	switch {
	case report.IsJSON(head):
		if report.Has(head, "Details", "_id") && (report.Has(head, "Alerts") || report.Has(head, "FoundDate") || report.Has(head, "NetworkType")) {
			return 85
		}
	case bytes.HasPrefix(bytes.Trim(report.Head(head), `"`), []byte("Alert ID")) && bytes.Contains(head, []byte("Source URL")):
		return 85
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

// Instance is one configured IntSights source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, body := report.Peek(body)
	d := &decoding{Instance: in}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	if len(head) > 0 && !report.IsJSON(head) && head[0] != '<' {
		f.Name = "IntSights CSV"
		return f.CSV(ctx, csvpull.NewReader(body, f.Name), []string{"Alert ID", "Title"}, d.row)
	}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		return d.value(ctx, e, r)
	})
}
