// Package dns reads the zones of an organization from Cloudflare, from PowerDNS, or by a
// zone transfer, and notices aliases whose target is gone.
package dns

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
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "dns"

const format = "DNS records"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "DNS zones",
		Summary:   "Reads zones from Cloudflare, PowerDNS or by AXFR, and notices dangling aliases.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Reach:     reach,
		API:       "Cloudflare API v4, PowerDNS API v1, AXFR (RFC 5936)",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "cloudflare.json", Findings: 1, Assets: 5}, {File: "powerdns.json", Findings: 1, Assets: 7}, {File: "zones.json", Assets: 1}},
	}
}

// recognize looks for the fields of Cloudflare's records and zones, and of PowerDNS's sets.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "quell_dns"):
		return 100
	case report.Has(head, "rrsets", "records", "content"), report.Has(head, "result", "proxiable", "content"), report.Has(head, "result", "name_servers", "original_name_servers"):
		return 95
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	switch {
	case !ok:
		return nil
	case c.Provider == axfr:
		return []string{c.Server}
	case c.URL != "":
		return []string{httpclient.HostOf(c.URL)}
	case c.Provider == cloudflare:
		return []string{httpclient.HostOf(cloudflareURL)}
	}
	return nil
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP, now: env.Now}, nil
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
	ctx     context.Context   //nolint:containedctx // of this one call
	zone    string            // of the page being read; empty where it doesn't say
	whole   bool              // the page is all of the zone
	lookups map[string]string // what the resolver said of targets outside
	tree    tree
	waiting []wait // aliases into the zone, until all its names are known
	account string // of PowerDNS's zone
	known   int
	all     int
	first   string
	newest  time.Time
}

// wait is an alias whose target is inside the zone.
type wait struct {
	asset *asset.Description
	to    string
}

// document reads a page of one of the providers.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	d.zone, d.whole, d.lookups, d.tree, d.waiting, d.account, d.known, d.all = "", false, nil, tree{}, nil, "", 0, 0
	var err error
	listed := false
	switch r.Kind() { //nolint:exhaustive // everything else is neither
	case jsonpull.Array: // PowerDNS's list of zones
		listed = true
		err = r.Each(d.ctx, func() error { return d.one(e, r) })
	case jsonpull.Object:
		listed, err = d.fields(e, r)
	}
	if err == nil && r.OK() {
		err = d.settle(e)
	}
	switch {
	case err != nil || !r.OK():
	case !listed:
		r.Fail("there are neither records nor zones: this is something else")
	case d.all > 0 && d.known == 0:
		r.Fail("none of it is a record or a zone")
	}
	return err
}

func (d *decoding) fields(e *report.Emitter, r *jsonpull.Reader) (listed bool, err error) {
	err = r.Fields(func(key string) error {
		switch key {
		case "zone":
			d.zone = canonical(string(r.Text(shortText)))
		case "whole":
			d.whole = r.Bool()
		case "lookups":
			_, _ = r.Into(largestRecord, &d.lookups) // without it, nothing is known of targets
		case "name": // of PowerDNS's zone, before its sets
			d.zone = canonical(string(r.Text(shortText)))
		case "account":
			d.account = string(r.Text(shortText))
		case "page":
			if r.Kind() == jsonpull.Array {
				listed = true
				return r.Each(d.ctx, func() error { return d.one(e, r) })
			}
			inner, err := d.fields(e, r)
			listed = listed || inner
			return err
		case "result", "records":
			if r.Kind() == jsonpull.Array {
				listed = true
				return r.Each(d.ctx, func() error { return d.one(e, r) })
			}
		case "rrsets":
			listed, d.whole = true, true // PowerDNS gives a zone whole, or not at all
			if d.zone != "" {
				if err := e.Asset(d.zoneOf(&record{Name: wire.Text(d.zone), Account: accountOf(d.account)})); err != nil {
					return err
				}
			}
			return r.Each(d.ctx, func() error { return d.set(e, r) })
		}
		return nil
	})
	return listed, err
}

// one reads a record, or a zone of a list, which has no content.
func (d *decoding) one(e *report.Emitter, r *jsonpull.Reader) error {
	var x record
	d.all++
	switch _, ok := r.Into(largestRecord, &x); {
	case !r.OK():
		return nil
	case !ok || x.Name == "":
		e.Skip("record_without_name")
		return nil
	case x.Content == "" && (len(x.NameServers) > 0 || x.Status != "" || x.Kind != "" || x.Account != ""):
		d.known++
		return e.Asset(d.zoneOf(&x))
	case x.Content == "" && x.Type == "":
		e.Skip("record_without_type")
		return nil
	}
	d.known++
	if d.zone == "" {
		d.zone = canonical(x.ZoneName.String())
	}
	return d.record(e, &x)
}

// set reads one of PowerDNS's sets as its records.
func (d *decoding) set(e *report.Emitter, r *jsonpull.Reader) error {
	var s rrset
	d.all++
	switch _, ok := r.Into(largestRecord, &s); {
	case !r.OK():
		return nil
	case !ok || s.Name == "" || s.Type == "":
		e.Skip("set_without_name")
		return nil
	}
	d.known++
	for _, x := range s.Records {
		rec := record{Name: s.Name, Type: s.Type, Content: x.Content, Disabled: x.Disabled, Modified: x.Modified}
		if len(s.Comments) > 0 {
			rec.Comment = s.Comments[0].Content
		}
		if err := d.record(e, &rec); err != nil {
			return err
		}
	}
	return nil
}

// record emits what a record says. An alias into a zone that is read whole waits until
// all the zone's names are known.
func (d *decoding) record(e *report.Emitter, x *record) error {
	if d.first == "" {
		d.first = canonical(x.Name.String())
	}
	if x.Modified.After(d.newest) {
		d.newest = x.Modified.Time
	}
	kind := strings.ToUpper(x.Type.String())
	if d.whole && !bool(x.Disabled) {
		d.tree.add(d.zone, canonical(x.Name.String()), kind)
	}
	a, why := d.describe(x)
	if a == nil {
		e.Skip(why)
		return nil
	}
	if kind != "CNAME" {
		return e.Asset(a)
	}
	to := x.target()
	if d.whole && inside(to, d.zone) && len(d.waiting) < mostNames {
		d.waiting = append(d.waiting, wait{a, to})
		return nil
	}
	return d.judge(e, a, to, d.lookups[to])
}

// settle judges the aliases that waited, now that the zone is known.
func (d *decoding) settle(e *report.Emitter) error {
	for _, w := range d.waiting {
		if err := d.judge(e, w.asset, w.to, d.tree.look(d.zone, w.to)); err != nil {
			return err
		}
	}
	d.waiting = nil
	return nil
}

// judge emits an alias with what is known of its target.
func (d *decoding) judge(e *report.Emitter, a *asset.Description, to, known string) error {
	switch known {
	case missing:
		if err := e.Observe(a, d.dangling(a.Name, to)); err != nil {
			return err
		}
	case found:
	default:
		return e.Asset(a)
	}
	return e.Cover(exposure.Coverage{Asset: *a, Outcome: exposure.TargetOK})
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, d.newest, d.newest, d.source, d.zone, d.first), Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage,
		Finished: d.newest, Checks: []string{checkDangling}, Tool: Name}
}
