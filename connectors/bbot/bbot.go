// Package bbot reads what the reconnaissance tool BBOT writes: one event after the other,
// of versions 1 and 2.
package bbot

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "bbot"

const format = "BBOT JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "BBOT",
		Summary:   "Reads assets and findings of the reconnaissance tool BBOT.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "v2.jsonl", Findings: 2, Assets: 6},
			{File: "v1.jsonl", Assets: 2},
		},
	}
}

// recognize looks for an event's fields and the prefix of a scan's ID.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
	case report.Has(head, "scope_distance", "type", "module"), report.Has(head, "type", "scan", "module") && bytes.Contains(head, []byte(`"SCAN:`)):
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

// Instance is one configured BBOT source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		if r.Kind() == jsonpull.Array {
			return r.Each(ctx, func() error { return d.event(e, r) })
		}
		return d.event(e, r)
	})
}
