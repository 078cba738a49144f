// Package snipeit reads the assets and users of Snipe-IT, and who has what.
package snipeit

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "snipeit"

const format = "Snipe-IT JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Snipe-IT",
		Summary:   "Reads assets and users of Snipe-IT, and who has what.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "REST API v1",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "hardware.json", Assets: 6}, {File: "users.json", Assets: 2}},
	}
}

// recognize looks for the rows of assets and of users.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "quell_snipeit"):
		return 100
	case report.Has(head, "total", "rows") && (report.Has(head, "asset_tag", "status_label") || report.Has(head, "employee_num", "autoassign_licenses") || report.Has(head, "rtd_assets_count", "ldap_ou")):
		return 95
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
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("opening source %s: time_zone: %w", env.Source, err)
	}
	return &Instance{source: env.Source, config: *c, zone: zone, http: env.HTTP}, nil
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx, holders: map[string]holder{}}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx     context.Context   //nolint:containedctx // of this one call
	holders map[string]holder // who has which asset, as far as is known
	waiting []wait            // assets that are checked out to others, until all are known
	first   string
	newest  time.Time
	alone   bool // no rows came: the body is something else
}

// wait is an asset whose holder is another asset.
type wait struct {
	asset *asset.Description
	by    *holder
}

// document reads a page, bare or in its envelope.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("a page is an object")
		return nil
	}
	d.alone = true
	err := r.Fields(func(key string) error {
		switch key {
		case "holders":
			_, _ = r.Into(largestRow, &d.holders) // without them, some assets have no owner
			if d.holders == nil {
				d.holders = map[string]holder{}
			}
		case "page":
			return r.Fields(func(key string) error { return d.rows(e, r, key) })
		default:
			return d.rows(e, r, key)
		}
		return nil
	})
	if err != nil || !r.OK() {
		return err
	}
	if d.alone {
		r.Fail("there are no rows: this is something else")
		return nil
	}
	for _, w := range d.waiting {
		d.held(w.asset, w.by)
		if err := e.Asset(w.asset); err != nil {
			return err
		}
	}
	d.waiting = nil
	return nil
}

func (d *decoding) rows(e *report.Emitter, r *jsonpull.Reader, key string) error {
	if key != "rows" || r.Kind() != jsonpull.Array {
		return nil
	}
	d.alone = false
	return r.Each(d.ctx, func() error { return d.row(e, r) })
}

func (d *decoding) row(e *report.Emitter, r *jsonpull.Reader) error {
	var x row
	switch _, ok := r.Into(largestRow, &x); {
	case !r.OK():
		return nil
	case !ok:
		e.Skip("row_too_large_or_malformed")
		return nil
	case x.ID == "":
		e.Skip("row_without_id")
		return nil
	}
	if at := x.Updated.in(d.zone); at.After(d.newest) {
		d.newest = at
	}
	if d.first == "" {
		d.first = x.ID.String()
	}
	switch {
	case x.Tag != nil:
		return d.asset(e, &x)
	case x.Username != nil:
		return e.Asset(d.user(&x))
	}
	e.Skip("row_of_another_kind")
	return nil
}

// asset emits an asset. One that is checked out to another waits until the page is read:
// who has that one may stand further down.
func (d *decoding) asset(e *report.Emitter, x *row) error {
	if x.Assigned != nil && len(d.holders) < mostHolders {
		d.holders[x.ID.String()] = *x.Assigned
	}
	if len(d.config.Categories) > 0 && !slices.ContainsFunc(d.config.Categories, func(c string) bool { return strings.EqualFold(c, x.Category.Name.String()) }) {
		e.Skip("asset_of_another_category")
		return nil
	}
	a := d.hardware(x)
	if x.Assigned != nil && x.Assigned.Type == "asset" && len(d.waiting) < mostWaiting {
		d.waiting = append(d.waiting, wait{a, x.Assigned})
		return nil
	}
	d.held(a, x.Assigned)
	return e.Asset(a)
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, d.newest, d.newest, d.source, d.first), Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Finished: d.newest, Tool: Name}
}
