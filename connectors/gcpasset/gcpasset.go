// Package gcpasset connects the inventory of Google Cloud: the searches of Cloud Asset
// over resources and policies, and the scans of Web Security Scanner.
package gcpasset

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/gcpapi"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "gcpasset"

const (
	format  = "cloud asset JSON"
	largest = 4 << 20 // bytes of a result: policies are long
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Google Cloud Asset",
		Summary:   "Resources of Google Cloud, who may use them, and what Web Security Scanner found.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "Cloud Asset v1, Web Security Scanner v1",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "resources.json", Assets: 4},
			{File: "policies.json", Assets: 6},
			{File: "scan.json", Findings: 2, Assets: 2},
		},
	}
}

func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	const sure, likely = 88, 60
	switch {
	case report.Has(head, "results", "policy", "bindings"), report.Has(head, "results", "assetType"), report.Has(head, "scanConfigs"), report.Has(head, "quell_scan"):
		return sure
	case report.Has(head, "scanRuns"), report.Has(head, "findings", "findingType", "trackingId"):
		return likely
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok || c.Scope == "" {
		return nil
	}
	out := []string{assetHost, gcpapi.TokenHost}
	if c.WebScanner {
		out = append(out, scanHost)
	}
	return out
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, api: gcpapi.API(env.HTTP, c.Credentials, assetHost), scans: gcpapi.API(env.HTTP, c.Credentials, scanHost)}, nil
}

// Instance is one configured Cloud Asset source.
type Instance struct {
	source     string
	config     Config
	api, scans httpclient.API
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	ctx  context.Context //nolint:containedctx // of one call of Decode
	e    *report.Emitter
	scan *scan // the scan that the findings are of, where the page says so
	last time.Time
}

// scan is what a page of findings says of the scan: written by the puller.
type scan struct {
	Config wireScan `json:"config"`
	Run    wireRun  `json:"run"`
	Whole  bool     `json:"whole"` // all findings are on the page
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{ctx: ctx}
	f := report.Format{Name: format, Sink: sink, Run: func(e *report.Emitter) exposure.Run {
		return exposure.Run{Source: in.source, Connector: Name, Kind: exposure.RunFull, ID: connectors.RunID(Name, d.last, d.last, in.source), Finished: d.last,
			Tool: "Google Cloud", Counts: map[string]int{"received": e.Findings + e.Assets}, Why: connectors.OnePage}
	}}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		d.e = e
		known := false
		err := r.Fields(func(key string) error {
			known = true
			switch key {
			case "results":
				return r.Each(ctx, func() error { return d.result(r) })
			case "scanConfigs":
				return r.Each(ctx, func() error { return d.config(r) })
			case "findings":
				return r.Each(ctx, func() error { return d.finding(r) })
			case "quell_scan":
				d.scan = &scan{}
				if _, ok := r.Into(largest, d.scan); !ok {
					d.scan = nil
					return nil
				}
				return d.covered()
			case "scanRuns", "nextPageToken": // a scan without its configuration says nothing of an asset
			default:
				known = false
			}
			return nil
		})
		if err == nil && r.OK() && !known && e.Assets == 0 && e.Findings == 0 {
			r.Fail("there is neither a result nor a scan in it: this is something else")
		}
		return err
	})
}

func (d *decoding) result(r *jsonpull.Reader) error {
	var v wireResult
	if _, ok := r.Into(largest, &v); !ok {
		if r.OK() {
			d.e.Skip("result_too_large")
		}
		return nil
	}
	about := v.describe()
	if about == nil {
		d.e.Skip("result_without_name")
		return nil
	}
	if about.SeenAt.After(d.last) {
		d.last = about.SeenAt
	}
	if err := d.e.Asset(about); err != nil {
		return err
	}
	for _, who := range v.members(about) {
		if err := d.e.Asset(who); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) config(r *jsonpull.Reader) error {
	var v wireScan
	if _, ok := r.Into(largest, &v); !ok {
		return nil
	}
	for _, site := range v.sites() {
		if err := d.e.Asset(site); err != nil {
			return err
		}
	}
	return nil
}

// covered tells of the sites that a scan was pointed at.
func (d *decoding) covered() error {
	if end := d.scan.Run.Ended.Time; end.After(d.last) {
		d.last = end
	}
	outcome := exposure.TargetPartial
	if run := &d.scan.Run; d.scan.Whole && run.State == "FINISHED" && run.Result == "SUCCESS" && len(run.Warnings) == 0 && run.Error == nil && !run.Ended.IsZero() {
		outcome = exposure.TargetOK
	}
	for _, site := range d.scan.Config.sites() {
		site.SeenAt = d.scan.Run.Ended.Time
		if err := d.e.Cover(exposure.Coverage{Asset: *site, Outcome: outcome, CheckedAt: d.scan.Run.Ended.Time}); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) finding(r *jsonpull.Reader) error {
	var v wireFinding
	raw, ok := r.Into(largest, &v)
	if !ok {
		return nil
	}
	at := connectors.ParseAddress(v.address())
	if v.Type == "" || at.Scheme == "" || at.Host == "" {
		d.e.Skip("finding_without_address")
		return nil
	}
	f := v.finding(&at, raw)
	if d.scan != nil {
		f.LastSeen = d.scan.Run.Ended.Time
	}
	return d.e.Observe(site(at.Scheme+"://"+at.HostPort()), f)
}

func site(origin string) *asset.Description {
	return &asset.Description{Kind: asset.WebApplication, Name: origin, Identifiers: []asset.Identifier{{Kind: asset.URLOrigin, Value: origin}}}
}

// sites are the origins that a scan begins at.
func (v *wireScan) sites() []*asset.Description {
	const most = 100
	var out []*asset.Description
	seen := map[string]bool{}
	for _, address := range v.URLs {
		at := connectors.ParseAddress(address)
		origin := at.Scheme + "://" + at.HostPort()
		if at.Scheme == "" || at.Host == "" || seen[origin] || len(out) == most {
			continue
		}
		seen[origin] = true
		out = append(out, site(connectors.Ident(origin)))
	}
	return out
}
