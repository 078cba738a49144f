// Package bitsight reads the findings of Bitsight's security ratings: what is seen of a company from outside.
package bitsight

import (
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "bitsight"

const format = "Bitsight JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Bitsight",
		Summary:   "Reads findings of Bitsight's security ratings.",
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

// recognize looks for what only Bitsight's findings hold.
func recognize(head []byte, _ string) int {
	if report.IsJSON(head) && report.Has(head, "results", "evidence_key") && (report.Has(head, "risk_vector") || report.Has(head, "rolledup_observation_id") || report.Has(head, "temporary_id")) {
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

// Instance is one configured Bitsight source.
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
