// Package fake is a real connector to a scanner that does not exist. Tests and the demo
// use it, and the next connector begins as a copy of it: config.go is what an operator
// sets, client.go what is asked of the vendor, wire.go what the vendor writes,
// normalize.go what that means in our words, and this file the roles it plays.
package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "fake"

const format = "fake JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Fake scanner",
		Summary:   "A scanner that does not exist, for tests, the demo and the author of the next connector.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "version 1",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "complete.json", Findings: 3, Complete: true},
			{File: "unfinished.json", Findings: 1},
		},
	}
}

// recognize looks for the field by which every report of the fake scanner begins.
func recognize(head []byte, _ string) int {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	rest, ok := bytes.CutPrefix(head, []byte("{"))
	if ok && bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(`"fake_report"`)) {
		return 100
	}
	return 0
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP}, nil
}

// Instance is one configured fake source.
type Instance struct {
	source string
	config Config
	http   doer
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := newDecoding(in, body, sink)
	broken := d.r.Err
	if err := d.document(ctx); err != nil && broken() == nil {
		return err // the sink's, or the context's: whoever wants no more is told no more
	}
	if err := sink.Run(d.describeRun(broken())); err != nil {
		return err
	}
	return broken()
}
