// Package caldera reads what MITRE Caldera writes of an operation: the full report and the
// event log. A technique that could be carried out is a gap in the controls.
package caldera

import (
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "caldera"

const format = "Caldera JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "MITRE Caldera",
		Summary:   "Reads the reports and event logs of Caldera operations: techniques that nothing prevented.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "report.json", Findings: 2},
			{File: "events.json", Findings: 2},
		},
	}
}

// recognize looks for what only an operation has.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "ability_metadata", "agent_metadata"), report.Has(head, "adversary_id", "atomic_ordering"), report.Has(head, "skipped_abilities", "host_group"):
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

// Instance is one configured Caldera source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, agents: map[string]agent{}}
	return report.Format{Name: format, Sink: sink, Run: d.describeRun}.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { return d.document(e, r) })
}
