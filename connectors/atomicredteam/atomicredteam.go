// Package atomicredteam reads the execution log of Invoke-AtomicTest, a CSV. A technique
// that could be carried out is a gap in the controls.
package atomicredteam

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
const Name = "atomicredteam"

const format = "Invoke-AtomicTest CSV"

// The columns of a log.
const (
	columnTime      = "Execution Time (UTC)"
	columnTechnique = "Technique"
	columnNumber    = "Test Number"
	columnTest      = "Test Name"
	columnHost      = "Hostname"
	columnIP        = "IP Address"
	columnUser      = "Username"
	columnGUID      = "GUID"
	columnProcess   = "ProcessId"
	columnExit      = "ExitCode"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Atomic Red Team",
		Summary:   "Reads the execution log of Invoke-AtomicTest: techniques that nothing prevented.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "log.csv", Findings: 2}},
	}
}

// recognize looks for the log's own columns.
func recognize(head []byte, _ string) int {
	line, _, _ := bytes.Cut(report.Head(head), []byte("\n"))
	for _, column := range []string{columnTime, columnTechnique, columnNumber, columnGUID} {
		if !bytes.Contains(line, []byte(column)) {
			return 0
		}
	}
	return 95
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c}, nil
}

// Instance is one configured source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	return report.Format{Name: format, Sink: sink, Run: d.describeRun}.CSV(ctx, csvpull.NewReader(body, format), []string{columnTime, columnTechnique, columnHost}, d.row)
}
