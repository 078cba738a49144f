// Package trivy reads the JSON reports of Aqua Security's trivy: schema version 2, and
// the bare list of results that came before it.
package trivy

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
)

// Name is the connector's name.
const Name = "trivy"

const format = "trivy JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Trivy",
		Summary:   "Reads JSON reports of Aqua Security's trivy: vulnerabilities, misconfigurations, secrets and licences.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "image.json", Findings: 5},
			{File: "repository.json", Findings: 5},
			{File: "legacy.json", Findings: 2},
			{File: "clean.json"},
		},
	}
}

// recognize looks for the fields of a report's beginning, or of the first legacy result.
func recognize(head []byte, _ string) int {
	begin := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	has := func(field string) bool { return bytes.Contains(head, []byte(`"`+field+`"`)) }
	switch {
	case bytes.HasPrefix(begin, []byte("{")) && has("SchemaVersion") && (has("ArtifactName") || has("ArtifactType")):
		return 95
	case bytes.HasPrefix(begin, []byte("[")) && has("Target") && (has("VulnerabilityID") || has("Vulnerabilities")):
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

// Instance is one configured trivy source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, r: jsonpull.NewReader(body, format), ctx: ctx.Err, sink: sink}
	if err := d.document(); err != nil {
		return err // the sink's, or the context's: whoever wants no more is told no more
	}
	if err := d.tellCoverage(); err != nil {
		return err
	}
	if err := sink.Run(d.run()); err != nil {
		return err
	}
	return d.r.Err()
}
