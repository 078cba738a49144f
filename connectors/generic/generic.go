// Package generic reads reports in a format of our own, as JSON, JSON Lines or CSV, for
// everything that has no connector: schema.json describes it. The columns of DefectDojo's
// generic findings import are understood too.
package generic

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Name is the connector's name.
const Name = "generic"

// Schema is the JSON Schema (draft 2020-12) of the format.
//
//go:embed schema.json
var Schema []byte

const (
	jsonFormat = "generic JSON"
	csvFormat  = "generic CSV"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Generic JSON and CSV",
		Summary:   "Reads findings in a documented JSON, JSON Lines or CSV format of our own.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "report.json", Findings: 4, Complete: true},
			{File: "findings.jsonl", Findings: 2},
			{File: "findings.csv", Findings: 3},
			{File: "defectdojo.json", Findings: 3},
		},
	}
}

// recognize looks for findings under our names. It is never very sure: others use the
// same words.
func recognize(head []byte, _ string) int {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	has := func(field string) bool { return bytes.Contains(head, []byte(`"`+field+`"`)) }
	switch {
	case len(head) == 0, bytes.Contains(head, []byte("sarif")):
		return 0
	case head[0] == '{' && has("findings") && (has("title") || has("run")):
		return 50
	case (head[0] == '{' || head[0] == '[') && has("title") && has("severity"):
		return 30
	case head[0] == '{' || head[0] == '[' || head[0] == '<':
		return 0
	}
	line, _, whole := bytes.Cut(head, []byte("\n"))
	found := 0
	for column := range bytes.SplitSeq(line, []byte{delimiter(line)}) {
		switch canonical(strings.Trim(string(bytes.TrimSpace(column)), `"`)) {
		case "":
			return 0 // somebody else's table
		case fieldTitle, fieldSeverity:
			found++
		default: // another column of ours
		}
	}
	if whole && found == 2 {
		return 50
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

// Instance is one configured generic source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder. The first character tells JSON from CSV.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx.Err, sink: sink, assets: map[string]*assetEntry{}}
	br := bufio.NewReaderSize(body, connectors.RecognizeBytes)
	head, _ := br.Peek(connectors.RecognizeBytes) // an error comes again when it is read
	start := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	var syntax, err error
	if len(start) == 0 || start[0] == '{' || start[0] == '[' || !hasHeader(start) {
		syntax, err = d.json(br)
	} else {
		syntax, err = d.csv(br, head)
	}
	if err != nil {
		return err // the sink's, or the context's: whoever wants no more is told no more
	}
	if err := sink.Run(d.describeRun(syntax)); err != nil {
		return err
	}
	return syntax
}

// hasHeader reports whether what isn't JSON looks like a table rather than like nothing
// we know.
func hasHeader(start []byte) bool {
	return start[0] != '<' && !bytes.HasPrefix(start, []byte("\xff\xfe")) && !bytes.HasPrefix(start, []byte("\xfe\xff")) && !bytes.Contains(start, []byte{0})
}
