package awsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	largestObject = 1 << 20 // bytes of a finding, or of a message with one
	deepest       = 4       // messages in messages: SQS, SNS, event, finding
	mostFields    = 200     // of an object that may be a finding
)

// Envelope reads the findings out of whatever Amazon's services put them into: an answer
// of an API, a list, an event of EventBridge, a message of SNS, the records that a
// function is called with, or nothing.
type Envelope struct {
	Connector, Source, Format, Tool string
	Why                             string // why what is no page proves nothing
	// Object takes one finding; ours is false where it is something else. A finding that is
	// left out it counts itself.
	Object func(e *report.Emitter, raw []byte) (ours bool, err error)

	ctx         context.Context //nolint:containedctx // of one call of Decode, which nested messages need too
	known       bool            // the body is of ours
	page, list  bool
	event       string // ID of the event it is
	first, last time.Time
}

// Decode reads a body. A value may be used once.
func (d *Envelope) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d.ctx = ctx
	f := report.Format{Name: d.Format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { //nolint:wrapcheck // it says what was read
		err := d.value(e, r, 0)
		if err == nil && r.OK() && !d.known {
			r.Fail("there is no finding in it, nor a message that has one")
		}
		return err
	})
}

// Saw notes when a finding was seen last, for the run.
func (d *Envelope) Saw(at time.Time) {
	if d.first.IsZero() || !at.IsZero() && at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

// value reads whatever may hold findings; an object is known for a finding only once its
// fields were seen.
func (d *Envelope) value(e *report.Emitter, r *jsonpull.Reader, depth int) error {
	switch r.Kind() {
	case jsonpull.Array:
		empty := true
		err := r.Each(d.ctx, func() error {
			empty = false
			return d.element(e, r)
		})
		d.known, d.list = d.known || empty, true
		return err //nolint:wrapcheck // it says what was read
	case jsonpull.Object:
	default:
		r.Skip()
		return nil
	}
	var loose bytes.Buffer // the fields that a finding would have
	fields := 0
	err := r.Fields(func(key string) error {
		switch key {
		case "Findings", "findings":
			if r.Kind() == jsonpull.Array {
				d.known = true
				d.page = d.page || depth == 0
				return r.Each(d.ctx, func() error { return d.element(e, r) }) //nolint:wrapcheck // likewise
			}
		case "detail":
			return d.value(e, r, depth+1)
		case "Records":
			return r.Each(d.ctx, func() error { return d.record(e, r, depth+1) }) //nolint:wrapcheck // likewise
		case "Message":
			return d.message(e, string(r.Text(largestObject)), depth+1)
		case "Type":
			d.subscription(string(r.Text(64)))
			return nil
		case "id":
			if d.event == "" {
				d.event = connectors.Ident(string(r.Text(largestObject)))
			}
			return nil
		}
		raw := r.Raw(largestObject)
		if raw == nil || fields >= mostFields || loose.Len()+len(raw) > largestObject {
			return nil
		}
		fields++
		loose.WriteByte("{,"[min(fields-1, 1)])
		loose.WriteString(`"` + plainKey(key) + `":`)
		loose.Write(raw)
		return nil
	})
	if err != nil || !r.OK() || fields == 0 {
		return err //nolint:wrapcheck // likewise
	}
	loose.WriteByte('}')
	ours, err := d.Object(e, loose.Bytes())
	d.known = d.known || ours
	return err
}

// plainKey is a field's name as it needs no escapes; others are no field of ours.
func plainKey(key string) string {
	for i := range len(key) {
		if c := key[i]; c < ' ' || c == '"' || c == '\\' {
			return "_"
		}
	}
	return key
}

// subscription knows the messages by which SNS manages a subscription: they hold nothing,
// and are no error.
func (d *Envelope) subscription(typ string) {
	if typ == SubscriptionConfirmation || typ == unsubscribeConfirmation {
		d.known = true
	}
}

// record reads one of the records that a function is called with.
func (d *Envelope) record(e *report.Emitter, r *jsonpull.Reader, depth int) error {
	var record struct {
		SNS struct {
			Message wire.Text `json:"Message"`
		} `json:"Sns"`
		Body wire.Text `json:"body"` // of SQS
	}
	if _, ok := r.Into(largestObject, &record); !ok {
		return nil
	}
	if text := record.SNS.Message.String(); text != "" {
		return d.message(e, text, depth)
	}
	return d.message(e, record.Body.String(), depth)
}

// message reads a message in a message. One that is no JSON is somebody else's.
func (d *Envelope) message(e *report.Emitter, text string, depth int) error {
	if depth > deepest || !report.IsJSON([]byte(text)) {
		return nil
	}
	var inner jsonpull.Reader
	inner.Reset([]byte(text), d.Format)
	err := d.value(e, &inner, depth)
	if err == nil && inner.Err() != nil {
		e.Skip("message_that_is_no_json")
	}
	return err
}

func (d *Envelope) element(e *report.Emitter, r *jsonpull.Reader) error {
	raw := r.Raw(largestObject)
	switch {
	case !r.OK():
		return nil
	case raw == nil:
		e.Skip("finding_too_large")
		return nil
	}
	ours, err := d.Object(e, raw)
	d.known = d.known || ours
	switch {
	case ours || err != nil:
	case !json.Valid(raw):
		r.Fail("a value that is no JSON")
	default:
		e.Skip("finding_without_id")
	}
	return err
}

func (d *Envelope) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.Source, Connector: d.Connector, Kind: exposure.RunEvent, ID: connectors.RunID(d.Connector, d.first, d.last, d.Source, d.event),
		Started: d.first, Finished: d.last, Tool: d.Tool, Counts: map[string]int{"received": e.Findings}, Why: d.Why,
	}
	if d.list {
		run.Kind = exposure.RunPartial
	}
	if d.page {
		run.Kind, run.Why = exposure.RunPartial, connectors.OnePage
	}
	return run
}
