// Package openaudit reads the audits of Open-AudIT: XML as its scripts write it, and JSON.
package openaudit

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
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "openaudit"

const format = "Open-AudIT audit"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Open-AudIT",
		Summary:   "Reads audits of Open-AudIT, in XML and JSON.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "server.xml", Assets: 1}, {File: "two.jsonl", Assets: 2}},
	}
}

// recognize looks for the part with which audits begin.
func recognize(head []byte, _ string) int {
	begin := report.Head(head)
	switch {
	case bytes.HasPrefix(begin, []byte("<")) && bytes.Contains(begin, []byte("<system>")) && bytes.Contains(begin, []byte("<sys>")):
		return 95
	case bytes.HasPrefix(begin, []byte("{")) && report.Has(begin, "sys") && (report.Has(begin, "last_seen_by") || report.Has(begin, "hostname", "os_family") || report.Has(begin, "sysObjectID")):
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

// Instance is one configured source of audits.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// InventoryOnly reports that the source tells of assets alone.
func (*Instance) InventoryOnly() bool { return true }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	head, body := report.Peek(body)
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	if bytes.HasPrefix(head, []byte("<")) {
		return f.XML(ctx, body, d.xml)
	}
	return f.JSON(ctx, body, d.json)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	first string
}

var errNone = errors.New("there is no sys in it: it is no audit")

// xml reads <system><sys>…</sys><network><item>…</item></network>…</system>.
func (d *decoding) xml(e *report.Emitter, r *xmlpull.Reader) error {
	var x audit
	for r.Child(1) {
		name := string(r.Name())
		if !wanted[name] {
			continue
		}
		n, whole := r.Tree(largestPart)
		if r.Err() != nil { // half an audit is none
			return nil //nolint:nilerr // the reader keeps it
		}
		if !whole {
			e.Skip("part_too_large")
			continue
		}
		x.add(name, fieldsOf(n), items(n))
	}
	if r.Err() != nil {
		return nil //nolint:nilerr // the reader keeps it
	}
	if len(x.sys) == 0 {
		return &connectors.SyntaxError{Position: r.Position(), Format: format, Err: errNone}
	}
	return d.emit(e, &x)
}

// json reads the same as an object of objects and lists.
func (d *decoding) json(e *report.Emitter, r *jsonpull.Reader) error {
	var x audit
	err := r.Fields(func(name string) error {
		if !wanted[name] {
			return nil
		}
		var one fields
		var many wire.List[fields]
		raw := r.Raw(largestPart)
		if raw == nil {
			if r.OK() {
				e.Skip("part_too_large")
			}
			return nil
		}
		if raw[0] == '[' {
			_ = many.UnmarshalJSON(raw) // it never fails
		} else {
			_ = wire.Unmarshal(raw, &one) // what doesn't fit is absent
		}
		x.add(name, one, many)
		return nil
	})
	if err != nil || !r.OK() { // half an audit is none
		return err
	}
	if len(x.sys) == 0 {
		r.Fail("%v", errNone)
		return nil
	}
	return d.emit(e, &x)
}

func (d *decoding) emit(e *report.Emitter, x *audit) error {
	a := d.describe(x)
	if len(a.Identifiers) == 0 || a.Name == "" {
		e.Skip("machine_without_identity")
		return nil
	}
	if d.first == "" {
		d.first = a.Identifiers[0].Key()
	}
	return e.Asset(a)
}

// run is one machine's own audit: it says nothing of others.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, time.Time{}, time.Time{}, d.source, d.first), Source: d.source, Connector: Name, Kind: exposure.RunEvent, Why: "the audits of single machines", Tool: Name}
}
