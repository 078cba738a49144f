// Package netbox reads the inventory of NetBox: devices, virtual machines, their addresses
// and the tenants and contacts that answer for them. It pulls the REST API and takes signed
// webhooks.
package netbox

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "netbox"

const format = "NetBox JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "NetBox",
		Summary:   "Reads devices, virtual machines, addresses, tenants and contacts of NetBox, and takes its webhooks.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "REST API of NetBox 2.10 to 4.x",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "devices.json", Assets: 4},
			{File: "addresses.json", Assets: 2},
			{File: "deleted.json", Assets: 1},
		},
	}
}

// recognize looks for the fields of a list with its links, of an object, or of a webhook.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "quell_netbox"):
		return 100
	case report.Has(head, "event", "timestamp", "data") && (report.Has(head, "model", "request_id") || report.Has(head, "object_type", "request")):
		return 90
	case report.Has(head, "device_type", "site") && report.Has(head, "slug"):
		return 90
	case report.Has(head, "count", "next", "previous", "results") && (report.Has(head, "mac_address") || report.Has(head, "slug") || report.Has(head, "vcpus") || report.Has(head, "custom_fields")):
		return 85
	}
	return 0
}

func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP}, nil
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx      context.Context //nolint:containedctx // of this one call
	endpoint string          // of the page being read; empty where it doesn't say
	hook     hook
	at       time.Time
	first    string // an object's ID, to tell one delivery from another
}

// document reads a list, one object, or a webhook.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("what NetBox says is an object")
		return nil
	}
	var single object
	found, alone := false, false
	var fields []byte // the top object's own fields, for an object that stands alone
	err := r.Fields(func(key string) error {
		if known, err := d.envelope(key, r); known || err != nil {
			return err
		}
		switch key {
		case "page":
			return r.Fields(func(key string) error {
				if key != "results" {
					return nil
				}
				found = true
				return d.results(e, r)
			})
		case "results":
			found = true
			return d.results(e, r)
		case "data":
			if d.hook.Event != "" {
				found = true
				return d.one(e, r)
			}
		}
		if raw := r.Raw(largestObject); raw != nil && len(fields)+len(raw) < largestObject {
			alone = alone || key == "id"
			fields = append(append(append(fields, ',', '"'), key...), '"', ':')
			fields = append(fields, raw...)
		}
		return nil
	})
	if err != nil || !r.OK() || found {
		return err
	}
	if alone && wire.Unmarshal(append(append([]byte{'{'}, fields[1:]...), '}'), &single) && kindOf(&single) != "" {
		return d.emit(e, &single)
	}
	r.Fail("there are no results, and it is no object of a kind that is read")
	return nil
}

// envelope takes a field that says where an object comes from, and how, and reports whether
// it was one.
func (d *decoding) envelope(key string, r *jsonpull.Reader) (bool, error) {
	switch key {
	case "endpoint":
		d.endpoint = string(r.Text(shortText))
	case "event":
		d.hook.Event = string(r.Text(shortText))
	case "model", "object_type":
		if r.Kind() != jsonpull.String || d.hook.Model != "" {
			return false, nil
		}
		d.hook.Model = modelOf(string(r.Text(shortText)))
	case "timestamp":
		d.at = wire.Moment(string(r.Text(shortText)))
	case "request_id":
		d.hook.Request = string(r.Text(shortText))
	case "request": // since 4.5 in place of request_id
		return true, r.Fields(func(key string) error {
			if key == "id" {
				d.hook.Request = string(r.Text(shortText))
			}
			return nil
		})
	default:
		return false, nil
	}
	return true, nil
}

// modelOf gives the model of "device" and of "dcim.device".
func modelOf(text string) string {
	if _, model, ok := strings.Cut(text, "."); ok {
		text = model
	}
	return strings.ToLower(text)
}

func (d *decoding) results(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Each(d.ctx, func() error { return d.one(e, r) })
}

func (d *decoding) one(e *report.Emitter, r *jsonpull.Reader) error {
	var o object
	if _, ok := r.Into(largestObject, &o); !ok {
		if r.OK() {
			e.Skip("object_too_large_or_malformed")
		}
		return nil
	}
	return d.emit(e, &o)
}

func (d *decoding) emit(e *report.Emitter, o *object) error {
	kind := d.endpoint
	if kind == "" {
		kind = models[d.hook.Model]
	}
	if kind == "" {
		kind = kindOf(o)
	}
	if o.ID == "" {
		e.Skip("object_without_id")
		return nil
	}
	if o.Updated.After(d.at) && d.hook.Event == "" {
		d.at = o.Updated.Time
	}
	if d.first == "" {
		d.first = kind + "/" + o.ID.String()
	}
	if d.hook.Event == "deleted" && kind != kindDevice && kind != kindVM && kind != kindContact {
		e.Skip("part_of_a_device_deleted") // what it said stays until another source knows better
		return nil
	}
	a, why := d.describe(kind, o)
	if a == nil {
		e.Skip(why)
		return nil
	}
	a.Gone = d.hook.Event == "deleted"
	if d.hook.Event != "" && !d.at.IsZero() {
		a.SeenAt = d.at
	}
	return e.Asset(a)
}

// run is what a body knows of its sync, or the event that it is.
func (d *decoding) run(*report.Emitter) exposure.Run {
	run := exposure.Run{
		ID: connectors.RunID(Name, d.at, d.at, d.source, d.hook.Request, d.first), Source: d.source, Connector: Name,
		Kind: exposure.RunFull, Why: connectors.OnePage, Finished: d.at, Tool: Name,
	}
	if d.hook.Event != "" {
		run.Kind, run.Why = exposure.RunEvent, "one event"
	}
	return run
}
