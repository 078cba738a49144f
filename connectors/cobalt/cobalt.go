// Package cobalt reads the findings of Cobalt's pentests, which say themselves when a fix was tested.
package cobalt

import (
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "cobalt"

const format = "Cobalt JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Cobalt",
		Summary:   "Reads findings of Cobalt's pentests, with the state of their retest.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "findings.json", Findings: 4},
		},
	}
}

// recognize looks for what only Cobalt's findings hold.
func recognize(head []byte, _ string) int {
	if report.IsJSON(head) && report.Has(head, "resource", "pentest_id") {
		return 90
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

// Instance is one configured Cobalt source.
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
		return d.value(ctx, e, r)
	})
}
