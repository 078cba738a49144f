// Package runzero reads the assets, and on demand the vulnerabilities, of a runZero
// organization: from its export API, or from exported files.
package runzero

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "runzero"

const format = "runZero export"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "runZero",
		Summary:   "Reads assets and vulnerabilities that runZero has discovered.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Export API 1.0 (runZero 4.0)",
		Every:     12 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "assets.jsonl", Assets: 2}, {File: "assets.json", Assets: 2}, {File: "vulnerabilities.json", Findings: 3}},
	}
}

// recognize looks for the fields of assets, vulnerabilities and sites.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "vulnerability_asset_id"), report.Has(head, "addresses", "addresses_extra", "macs"), report.Has(head, "organization_id", "subnets", "live_asset_count"):
		return 90
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
	ctx    context.Context //nolint:containedctx // of this one call
	first  string
	newest time.Time
}

// document reads an array of records, or one record of JSON Lines.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Array {
		known, err := d.record(e, r)
		if err == nil && r.OK() && !known {
			r.Fail("it is neither an asset, a vulnerability nor a site")
		}
		return err
	}
	all, some := 0, 0
	err := r.Each(d.ctx, func() error {
		known, err := d.record(e, r)
		all++
		if known {
			some++
		}
		return err
	})
	if err == nil && r.OK() && all > 0 && some == 0 {
		r.Fail("none of it is an asset, a vulnerability or a site")
	}
	return err
}

// record emits what a record says, and reports whether it is one that is known.
func (d *decoding) record(e *report.Emitter, r *jsonpull.Reader) (bool, error) {
	var x record
	raw, ok := r.Into(largestRecord, &x)
	switch {
	case !r.OK():
		return false, nil
	case !ok && raw == nil:
		e.Skip("record_too_large")
		return true, nil
	case !ok:
		e.Skip("record_malformed")
		return false, nil
	}
	if d.first == "" {
		d.first = x.ID.String() + x.VulnRow.String()
	}
	if x.LastSeen.After(d.newest) {
		d.newest = x.LastSeen.Time
	}
	switch {
	case x.VulnAsset != "":
		if x.VulnID == "" && x.VulnName == "" && len(x.VulnCVE) == 0 && x.VulnRow == "" {
			e.Skip("vulnerability_without_name")
			return true, nil
		}
		return true, e.Observe(d.describe(&x), vulnerability(&x, raw))
	case x.ID == "":
		e.Skip("record_without_id")
		return false, nil
	case len(x.Addresses) > 0 || len(x.MACs) > 0 || len(x.Names) > 0:
		return true, e.Asset(d.describe(&x))
	case x.Subnets != nil || x.Count != "":
		e.Skip("site_is_no_asset")
		return true, nil
	}
	e.Skip("asset_without_address_and_name")
	return x.SiteID != "", nil
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, d.newest, d.newest, d.source, d.first), Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Finished: d.newest, Tool: Name}
}
