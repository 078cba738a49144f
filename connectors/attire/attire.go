// Package attire reads execution logs in ATTiRe 1.1, the format in which Invoke-AtomicTest,
// VECTR and others exchange what an attack exercise ran. A technique that could be
// carried out is a gap in the controls.
package attire

import (
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "attire"

const format = "ATTiRe JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "ATTiRe",
		Summary:   "Reads execution logs in ATTiRe 1.1, of Invoke-AtomicTest and others: techniques that nothing prevented.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "attire.json", Findings: 2}},
	}
}

// recognize looks for the version that every log bears, or for its two halves.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "attire-version"):
		return 100
	case report.Has(head, "mitre-technique-id", "procedure-name"), report.Has(head, "execution-data", "procedures"):
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

// Instance is one configured ATTiRe source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	return report.Format{Name: format, Sink: sink, Run: d.describeRun}.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { return d.document(e, r) })
}
