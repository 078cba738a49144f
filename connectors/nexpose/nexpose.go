// Package nexpose reads the XML reports of Rapid7 Nexpose and InsightVM: NexposeReport
// versions 1.0 and 2.0.
package nexpose

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "nexpose"

const format = "nexpose XML"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Rapid7 Nexpose XML",
		Summary:   "Reads the XML reports of Nexpose and InsightVM.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "finished.xml", Findings: 4, Assets: 3, Complete: true},
			{File: "stopped.xml", Findings: 1, Assets: 1},
		},
	}
}

func recognize(head []byte, _ string) int {
	if head = report.Head(head); len(head) > 0 && head[0] == '<' && bytes.Contains(head, []byte("<NexposeReport")) {
		return 100
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

// Instance is one configured source of reports.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, known: map[string]*definition{}}
	return report.Format{Name: format, Sink: sink, Run: d.run}.XML(ctx, body, d.root)
}
