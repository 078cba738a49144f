// Package nuclei reads what ProjectDiscovery's nuclei reports: JSON Lines, a JSON array
// or a single object, of version 2 and 3.
package nuclei

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
)

// Name is the connector's name.
const Name = "nuclei"

const format = "nuclei JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Nuclei",
		Summary:   "Reads JSON Lines and JSON reports of ProjectDiscovery's nuclei, versions 2 and 3.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "v3.jsonl", Findings: 6},
			{File: "v2.jsonl", Findings: 3},
			{File: "array.json", Findings: 2},
			{File: "single.json", Findings: 1},
		},
	}
}

// recognize looks for a template's id and the result's own fields.
func recognize(head []byte, _ string) int {
	begin := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n[")
	if !bytes.HasPrefix(begin, []byte("{")) {
		return 0
	}
	has := func(field string) bool { return bytes.Contains(head, []byte(`"`+field+`"`)) }
	switch {
	case (has("template-id") || has("templateID")) && has("info"):
		return 95
	case has("template-id") && has("matcher-status"):
		return 80
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

// Instance is one configured nuclei source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := newDecoding(in, jsonpull.NewReader(body, format), sink)
	if err := d.results(ctx); err != nil {
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

// results reads one result after the other, in whichever of the three shapes.
func (d *decoding) results(ctx context.Context) error {
	r := d.r
	for r.More() {
		switch r.Kind() {
		case jsonpull.Array:
			for a := r.Array(); r.Elem(a); {
				if err := d.result(ctx); err != nil {
					return err
				}
			}
		case jsonpull.Object:
			if err := d.result(ctx); err != nil {
				return err
			}
		case jsonpull.None:
		case jsonpull.String, jsonpull.Number, jsonpull.Bool, jsonpull.Null:
			r.Fail("a result is an object")
		}
	}
	return nil
}

// result reads one result and emits it if it is a finding.
func (d *decoding) result(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("decoding %s: %w", format, err)
	}
	if d.r.Kind() != jsonpull.Object {
		d.r.Fail("a result is an object")
		return nil
	}
	d.record.read(d.r)
	if !d.r.OK() { // half a result is none
		return nil
	}
	d.lines++
	reason := d.record.notAFinding()
	d.note(reason)
	if reason != "" {
		d.sink.Skip(reason, d.r.Position())
		return nil
	}
	obs, err := d.observation()
	if err != nil {
		d.r.Fail("the template's info: %w", err)
		return nil
	}
	return d.sink.Observe(obs)
}
