// Package openvas reads the reports of OpenVAS and Greenbone: the XML of the Greenbone
// Management Protocol, and the table that the web interface exports as CSV.
package openvas

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "openvas"

const (
	formatXML = "OpenVAS XML"
	formatCSV = "OpenVAS CSV"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "OpenVAS / Greenbone",
		Summary:   "Reads the XML and CSV reports of OpenVAS and Greenbone.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "report.xml", Findings: 4, Assets: 3, Complete: true},
			{File: "report.csv", Findings: 2},
		},
	}
}

// recognize looks for the marks of the management protocol, or for the table's columns.
func recognize(head []byte, _ string) int {
	has := func(mark string) bool { return bytes.Contains(head, []byte(mark)) }
	switch {
	case report.IsJSON(head):
		return 0
	case has("<get_reports_response"), has("<report") && (has("<gmp>") || has("<omp>") || has("format_id=") && has("<task")), has("<report") && has("<scan_run_status>"):
		return 90
	case has("NVT OID") && has("QoD") && has("IP,"):
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

// Instance is one configured OpenVAS source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, whole := report.Peek(body)
	d := &decoding{Instance: in, full: -1, filtered: -1}
	f := report.Format{Name: formatXML, Sink: sink, Run: d.describeRun}
	if len(head) > 0 && head[0] != '<' {
		f.Name, d.table = formatCSV, true
		return f.CSV(ctx, csvpull.NewReader(whole, f.Name), []string{"IP", "NVT OID", "NVT Name", "Severity"}, d.row)
	}
	return f.XML(ctx, whole, d.xml)
}
