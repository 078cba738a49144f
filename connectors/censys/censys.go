// Package censys takes the risk events of Censys Attack Surface Management from its
// webhook, or from files that hold them.
package censys

import (
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "censys"

const format = "Censys JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Censys ASM",
		Summary:   "Takes risk events of Censys Attack Surface Management by webhook.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "opened.json", Findings: 1},
			{File: "events.jsonl", Findings: 4},
		},
	}
}

// recognize looks for the event's envelope and Censys' own fields.
func recognize(head []byte, _ string) int {
	if report.IsJSON(head) && report.Has(head, "event", "specversion", "risk_name", "impacted_asset") {
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

// Instance is one configured Censys source.
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
