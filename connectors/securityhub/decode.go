package securityhub

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/ocsfmap"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	largest    = 1 << 20 // bytes of a finding, or of a message with one
	deepest    = 4       // messages in messages: SQS, SNS, event, finding
	mostFields = 200     // of an object that may be a finding
)

func contains(head []byte, text string) bool { return bytes.Contains(head, []byte(text)) }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx         context.Context //nolint:containedctx // of one call of Decode, which nested messages need too
	known       bool            // the body is of ours
	page        bool            // it is an answer of the API
	list        bool            // it is a bare list
	event       string          // ID of the event it is
	first, last time.Time
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		err := d.value(e, r, 0)
		if err == nil && r.OK() && !d.known {
			r.Fail("there is no finding in it, nor a message that has one")
		}
		return err
	})
}

// value reads whatever may hold findings: a list of them, an object with a list, an event,
// a message, or a finding itself, which is known only once its fields were seen.
func (d *decoding) value(e *report.Emitter, r *jsonpull.Reader, depth int) error {
	switch r.Kind() {
	case jsonpull.Array:
		empty := true
		err := r.Each(d.ctx, func() error {
			empty = false
			return d.finding(e, r)
		})
		d.known, d.list = d.known || empty, true
		return err
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
				return r.Each(d.ctx, func() error { return d.finding(e, r) })
			}
		case "detail":
			return d.value(e, r, depth+1)
		case "Records":
			return r.Each(d.ctx, func() error { return d.record(e, r, depth+1) })
		case "Message":
			return d.message(e, string(r.Text(largest)), depth+1)
		case "Type":
			d.subscription(string(r.Text(64)))
			return nil
		case "id":
			if depth == 0 || d.event == "" {
				d.event = connectors.Ident(string(r.Text(largest)))
			}
			return nil
		}
		raw := r.Raw(largest)
		if raw == nil || fields >= mostFields || loose.Len()+len(raw) > largest {
			return nil
		}
		fields++
		loose.WriteByte("{,"[min(fields-1, 1)])
		loose.WriteString(`"` + plainKey(key) + `":`)
		loose.Write(raw)
		return nil
	})
	if err != nil || !r.OK() || fields == 0 {
		return err
	}
	loose.WriteByte('}')
	var f wireFinding
	if raw := loose.Bytes(); wire.Unmarshal(raw, &f) && f.is() {
		return d.one(e, &f, raw)
	}
	return nil
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
func (d *decoding) subscription(typ string) {
	if typ == "SubscriptionConfirmation" || typ == "UnsubscribeConfirmation" {
		d.known = true
	}
}

func (d *decoding) record(e *report.Emitter, r *jsonpull.Reader, depth int) error {
	var record wireRecord
	if _, ok := r.Into(largest, &record); !ok {
		return nil
	}
	if text := string(record.Detail); text != "" {
		return d.message(e, text, depth)
	}
	if text := record.SNS.Message.String(); text != "" {
		return d.message(e, text, depth)
	}
	return d.message(e, record.Body.String(), depth)
}

// message reads a message in a message. One that is no JSON is somebody else's.
func (d *decoding) message(e *report.Emitter, text string, depth int) error {
	if depth > deepest || !report.IsJSON([]byte(text)) {
		return nil
	}
	var inner jsonpull.Reader
	inner.Reset([]byte(text), format)
	err := d.value(e, &inner, depth)
	if err == nil && inner.Err() != nil {
		e.Skip("message_that_is_no_json")
	}
	return err
}

func (d *decoding) finding(e *report.Emitter, r *jsonpull.Reader) error {
	var f wireFinding
	raw, ok := r.Into(largest, &f)
	switch {
	case !r.OK():
		return nil
	case raw == nil:
		e.Skip("finding_too_large")
		return nil
	case !ok || !f.is():
		e.Skip("finding_without_id")
		return nil
	}
	return d.one(e, &f, raw)
}

// is reports whether an object is a finding, of either version.
func (f *wireFinding) is() bool {
	return f.Class.OK || f.ID != "" && (f.ProductARN != "" || f.Schema != "" || len(f.Resources) > 0)
}

func (d *decoding) one(e *report.Emitter, f *wireFinding, raw []byte) error {
	d.known = true
	found, skip := d.observations(f, raw)
	if skip != "" {
		e.Skip(skip)
	}
	for _, obs := range found {
		at := obs.Finding.LastSeen
		if d.first.IsZero() || !at.IsZero() && at.Before(d.first) {
			d.first = at
		}
		if at.After(d.last) {
			d.last = at
		}
		if err := e.Observe(obs.Asset, obs.Finding); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) observations(f *wireFinding, raw []byte) ([]ocsfmap.Observation, string) {
	if !f.Class.OK {
		return f.observations(raw)
	}
	var o ocsfmap.Object
	if !wire.Unmarshal(raw, &o) {
		return nil, "finding_without_id"
	}
	return d.mapper.Map(raw, &o)
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunEvent, ID: connectors.RunID(Name, d.first, d.last, d.source, d.event),
		Started: d.first, Finished: d.last, Tool: "AWS Security Hub", Counts: map[string]int{"received": e.Findings},
		Why: "findings of a hub don't say what else was looked at",
	}
	if d.list {
		run.Kind = exposure.RunPartial
	}
	if d.page {
		run.Kind, run.Why = exposure.RunPartial, connectors.OnePage
	}
	return run
}
