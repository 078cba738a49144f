// Package zap reads the reports of ZAP, once OWASP ZAP: the traditional XML and JSON
// reports, with requests and responses or without.
package zap

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "zap"

const (
	formatXML  = "ZAP XML"
	formatJSON = "ZAP JSON"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "ZAP",
		Summary:   "Reads the XML and JSON reports of ZAP (Zed Attack Proxy).",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "report.xml", Findings: 4, Assets: 2},
			{File: "report.json", Findings: 4, Assets: 2},
		},
	}
}

// recognize looks for the root element, or for what the JSON report has in its place.
func recognize(head []byte, _ string) int {
	switch {
	case bytes.Contains(head, []byte("<OWASPZAPReport")):
		return 100
	case report.Has(head, "scanned_resources"): // GitLab's DAST report, which repeats ZAP's first fields
	case report.IsJSON(head) && report.Has(head, "@version", "@generated", "site"):
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

// Instance is one configured ZAP source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, whole := report.Peek(body)
	d := &decoding{Instance: in}
	f := report.Format{Name: formatJSON, Sink: sink, Run: d.describeRun}
	if report.IsJSON(head) {
		return f.JSON(ctx, whole, d.json)
	}
	f.Name = formatXML
	return f.XML(ctx, whole, d.xml)
}
