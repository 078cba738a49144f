// Package vex reads what somebody says of vulnerabilities in products, in CycloneDX,
// OpenVEX and CSAF, and the vulnerabilities that CycloneDX BOMs list.
package vex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "vex"

const format = "VEX"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "VEX and CycloneDX",
		Summary:   "Reads VEX statements in CycloneDX, OpenVEX and CSAF, and CycloneDX BOMs with vulnerabilities.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "trivy.cdx.json", Findings: 4, Assets: 1, Statements: 1},
			{File: "bom.cdx.xml", Findings: 2, Statements: 3},
			{File: "openvex.json", Statements: 4},
			{File: "csaf.json", Statements: 5},
		},
	}
}

// kind is one of the formats.
type kind int

const (
	unknown kind = iota
	cycloneDX
	cycloneDXML
	openVEXJSON
	csafJSON
)

// kindOf tells the formats apart by the first bytes.
func kindOf(head []byte) kind {
	begin := report.Head(head)
	switch {
	case len(begin) == 0:
	case begin[0] == '<' && bytes.Contains(head, []byte("cyclonedx.org/schema/bom")):
		return cycloneDXML
	case begin[0] != '{':
	case report.Has(head, "bomFormat") && bytes.Contains(head, []byte("CycloneDX")):
		return cycloneDX
	case bytes.Contains(head, []byte("openvex.dev/ns")):
		return openVEXJSON
	case report.Has(head, "document", "csaf_version"), report.Has(head, "document", "tracking", "publisher"):
		return csafJSON
	}
	return unknown
}

func recognize(head []byte, _ string) int {
	if kindOf(head) == unknown {
		return 0
	}
	return 93
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c}, nil
}

// Instance is one configured source of VEX documents.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, body := report.Peek(body)
	f := report.Format{Name: format, Sink: sink}
	switch kindOf(head) {
	case cycloneDX:
		b := newBOM(in)
		f.Run = b.run
		return f.JSON(ctx, body, once(b.readJSON))
	case cycloneDXML:
		b := newBOM(in)
		f.Run = b.run
		return f.XML(ctx, body, b.readXML)
	case openVEXJSON:
		d := &openVEX{statements: jsonpull.NewHold(largestHeld)}
		f.Run = func(e *report.Emitter) exposure.Run { return in.run(e, d.at.Time, d.id, d.version) }
		return f.JSON(ctx, body, once(func(e *report.Emitter, r *jsonpull.Reader) error {
			if err := d.read(e, r); err != nil || !r.OK() {
				return err
			}
			if !d.known {
				r.Fail("the context is not OpenVEX's")
				return nil
			}
			return d.tell(e, r)
		}))
	case csafJSON:
		d := &csaf{products: map[string]csafEntry{}, groups: map[string][]string{}, vulnerabilities: jsonpull.NewHold(largestHeld)}
		f.Run = func(e *report.Emitter) exposure.Run {
			return in.run(e, d.doc.Tracking.Current.Time, d.doc.Tracking.ID.String(), d.doc.Tracking.Version.String())
		}
		return f.JSON(ctx, body, once(func(e *report.Emitter, r *jsonpull.Reader) error {
			if err := d.read(e, r); err != nil || !r.OK() {
				return err
			}
			if d.doc.Tracking.ID == "" {
				r.Fail("there is no document with a tracking ID: this is no CSAF")
				return nil
			}
			return d.tell(e, r)
		}))
	case unknown:
	}
	return in.refuse(ctx, body)
}

// once refuses what follows the document.
func once(read func(e *report.Emitter, r *jsonpull.Reader) error) func(e *report.Emitter, r *jsonpull.Reader) error {
	done := false
	return func(e *report.Emitter, r *jsonpull.Reader) error {
		if done {
			r.Fail("something follows the document")
			return nil
		}
		done = true
		return read(e, r)
	}
}

// refuse is the answer to what is of none of the formats. A body that can't be read is
// told of as such.
func (*Instance) refuse(ctx context.Context, body io.Reader) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("decoding %s: %w", format, err)
	}
	if _, err := io.CopyN(io.Discard, body, 1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return report.Unknown(format, "this is neither CycloneDX nor OpenVEX nor CSAF")
}

// run says of a document of statements that it is no scan.
func (in *Instance) run(e *report.Emitter, at time.Time, id, version string) exposure.Run {
	return exposure.Run{
		ID: connectors.RunID(Name, at, at, connectors.Ident(id), connectors.Ident(version)), Source: in.source, Connector: Name, Kind: exposure.RunPartial,
		Why: "statements say nothing of what they don't name", Started: at, Finished: at, Counts: map[string]int{"statements": e.Statements},
	}
}
