// Package report is what every decoder does around its own format: it ends at the first
// error of the sink or the context, tells of the run last, and never calls a run complete
// whose body could not be read to its end.
package report

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Emitter is the sink as a decoder uses it: it counts, and stops when nobody wants more.
type Emitter struct {
	Findings   int
	Assets     int
	Statements int
	ctx        func() error
	format     string
	sink       connectors.Sink
	at         func() connectors.Position
}

// Observe emits one finding.
func (e *Emitter) Observe(a *asset.Description, f *exposure.Finding) error {
	if err := e.Live(); err != nil {
		return err
	}
	e.Findings++
	return e.sink.Observe(exposure.Observation{Asset: a, Finding: f})
}

// Cover tells that a target was looked at, or that an asset exists.
func (e *Emitter) Cover(cov exposure.Coverage) error {
	if err := e.Live(); err != nil {
		return err
	}
	e.Assets++
	return e.sink.Cover(cov)
}

// Asset tells that an asset exists and proves nothing of what is weak in it: for sources
// that keep an inventory.
func (e *Emitter) Asset(a *asset.Description) error {
	return e.Cover(exposure.Coverage{Asset: *a, Outcome: exposure.TargetPartial, CheckedAt: a.SeenAt})
}

// Statement emits one VEX statement.
func (e *Emitter) Statement(st exposure.Statement) error {
	if err := e.Live(); err != nil {
		return err
	}
	e.Statements++
	return e.sink.Statement(st)
}

// Skip counts what was left out, by a short constant reason: "finding_without_check".
func (e *Emitter) Skip(reason string) { e.sink.Skip(reason, e.at()) }

// Live gives the context's error, if it has ended.
func (e *Emitter) Live() error {
	if err := e.ctx(); err != nil {
		return fmt.Errorf("decoding %s: %w", e.format, err)
	}
	return nil
}

// Format is one vendor's format on its way through a decoder.
type Format struct {
	Name string // in errors: "tenable JSON"
	Sink connectors.Sink
	// Run describes the run once the body is read, or has broken off with an error, and
	// then it must not be complete: Broken does that for it.
	Run func(e *Emitter) exposure.Run
}

// JSON reads a body of one or more JSON values: a document, an array, or JSON Lines. Value
// is called for each value at the top and consumes it; what it finds wrong with the body
// it tells the reader by Fail. An empty body is a syntax error.
func (f Format) JSON(ctx context.Context, body io.Reader, value func(e *Emitter, r *jsonpull.Reader) error) error {
	r := jsonpull.NewReader(body, f.Name)
	e := f.emitter(ctx, r.Position)
	err := e.Live()
	values := 0
	for err == nil && r.More() {
		values++
		if err = e.Live(); err == nil {
			err = value(e, r)
		}
	}
	if err == nil && values == 0 {
		r.Fail("there is nothing in it")
	}
	return f.end(e, err, r.Err())
}

// XML reads a body of one XML document. Root is called at its root element.
func (f Format) XML(ctx context.Context, body io.Reader, root func(e *Emitter, r *xmlpull.Reader) error) error {
	r := xmlpull.NewReader(body, f.Name)
	e := f.emitter(ctx, r.Position)
	err := e.Live()
	if err == nil && r.Child(0) {
		err = root(e, r)
	}
	for err == nil && r.Child(0) { // passes over what is left, to see that the document ends well
	}
	return f.end(e, err, r.Err())
}

// CSV reads a table that has the needed columns. Row is called for each row.
func (f Format) CSV(ctx context.Context, r *csvpull.Reader, needed []string, row func(e *Emitter, r *csvpull.Reader) error) error {
	e := f.emitter(ctx, r.Position)
	err := e.Live()
	if err == nil && r.Header(needed...) {
		for err == nil && r.Row() {
			if err = e.Live(); err == nil {
				err = row(e, r)
			}
		}
	}
	return f.end(e, err, r.Err())
}

func (f Format) emitter(ctx context.Context, at func() connectors.Position) *Emitter {
	return &Emitter{ctx: ctx.Err, format: f.Name, sink: f.Sink, at: at}
}

// end tells of the run. A sink or a context that wants no more is told no more.
func (f Format) end(e *Emitter, stopped, broken error) error {
	if stopped != nil && broken == nil {
		return stopped
	}
	run := f.Run(e)
	if broken != nil {
		run.Complete, run.Why = false, "the report could not be read to its end"
	}
	if err := f.Sink.Run(run); err != nil {
		return err
	}
	return broken
}

// Peek gives the first bytes of a body without consuming them, without a byte order mark
// and leading space, to tell formats apart; read on from the returned reader.
func Peek(body io.Reader) (head []byte, rest io.Reader) {
	br := bufio.NewReaderSize(body, connectors.RecognizeBytes)
	head, _ = br.Peek(connectors.RecognizeBytes) // an error comes again when it is read
	return Head(head), br
}

// Head is the beginning of a body without a byte order mark and leading space.
func Head(head []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
}

// Has reports whether the beginning of a JSON body names all the fields, wherever. It
// serves Recognize: sure enough to tell formats apart, and cheap.
func Has(head []byte, fields ...string) bool {
	for _, field := range fields {
		if !bytes.Contains(head, []byte(`"`+field+`"`)) {
			return false
		}
	}
	return true
}

// IsJSON reports whether a body begins as a JSON object or array does.
func IsJSON(head []byte) bool {
	head = Head(head)
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// Unknown is a body that is JSON, XML or CSV but of none of the formats of a connector.
func Unknown(name string, what ...string) error {
	text := "this is of no format that the connector reads"
	if len(what) > 0 {
		text = what[0]
	}
	return &connectors.SyntaxError{Position: connectors.Position{Line: 1}, Format: name, Err: errors.New(text)}
}
