// Package device42 reads the devices and end users of Device42 through its REST API.
package device42

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "device42"

const format = "Device42 JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Device42",
		Summary:   "Reads devices with their owners, and end users, of Device42.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "REST API 1.0",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "devices.json", Assets: 3}, {File: "endusers.json", Assets: 2}},
	}
}

// recognize looks for the list of devices, or for the fields that only end users have.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "Devices") && (report.Has(head, "device_id") || report.Has(head, "total_count", "offset")):
		return 95
	case report.Has(head, "values", "adusername"):
		return 90
	}
	return 0
}

// reach is the configured host, and over TLS too: a plain address is redirected there.
func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok || c.URL == "" {
		return nil
	}
	out := []string{httpclient.HostOf(c.URL)}
	if u, err := url.Parse(c.URL); err == nil && u.Scheme == "http" && out[0] != "" {
		out = append(out, net.JoinHostPort(strings.ToLower(u.Hostname()), "443"))
	}
	return out
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

// InventoryOnly reports that the source tells of assets alone.
func (*Instance) InventoryOnly() bool { return true }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx    context.Context //nolint:containedctx // of this one call
	offset string          // of the page, to tell one from another
	newest time.Time
}

// document reads a page: {"Devices": […], "total_count": …} or {"values": […]}.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("a page is an object")
		return nil
	}
	found := false
	err := r.Fields(func(key string) error {
		switch key {
		case "offset":
			d.offset = string(r.Text(shortText))
		case "Devices":
			found = true
			return r.Each(d.ctx, func() error { return d.oneDevice(e, r) })
		case "values":
			found = true
			return r.Each(d.ctx, func() error { return oneUser(e, r) })
		}
		return nil
	})
	if err == nil && r.OK() && !found {
		r.Fail("there are neither Devices nor values: this is something else")
	}
	return err
}

func (d *decoding) oneDevice(e *report.Emitter, r *jsonpull.Reader) error {
	var w wireDevice
	switch _, ok := r.Into(largestDevice, &w); {
	case !r.OK():
		return nil
	case !ok:
		e.Skip("device_too_large_or_malformed")
		return nil
	case w.ID == "" && w.OldID == "":
		e.Skip("device_without_id")
		return nil
	}
	if w.Updated.After(d.newest) {
		d.newest = w.Updated.Time
	}
	return e.Asset(d.device(&w))
}

func oneUser(e *report.Emitter, r *jsonpull.Reader) error {
	var w wireUser
	switch _, ok := r.Into(largestDevice, &w); {
	case !r.OK():
		return nil
	case !ok:
		e.Skip("end_user_too_large_or_malformed")
		return nil
	case w.ID == "":
		e.Skip("end_user_without_id")
		return nil
	}
	return e.Asset(user(&w))
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, d.newest, d.newest, d.source, d.offset), Source: d.source, Connector: Name,
		Kind: exposure.RunFull, Why: connectors.OnePage, Finished: d.newest, Tool: Name}
}
