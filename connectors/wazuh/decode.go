package wazuh

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

const largestElement = 2 << 20

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ours          bool      // an envelope of a sync, which knows the whole
	at            time.Time // when the sync asked
	first, last   time.Time
	claimed, got  int
	known, others int
	page          bool
	key           string
	asset         *asset.Description // of the last hit
	agent         *asset.Description // of an envelope
	looked        time.Time
	whole         bool
}

// value reads an answer of the indexer or of the manager, or an envelope of ours.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	d.known, d.others, d.page = 0, 0, false
	var err error
	if r.Kind() == jsonpull.Array {
		err = r.Each(ctx, func() error { return d.hit(e, r) })
	} else {
		err = r.Fields(func(key string) error { return d.field(ctx, e, r, key) })
	}
	if err == nil && d.known == 0 && (d.others > 0 || !d.page) {
		r.Fail("there are neither agents nor vulnerabilities of Wazuh's in it")
	}
	return err
}

func (d *decoding) field(ctx context.Context, e *report.Emitter, r *jsonpull.Reader, key string) error {
	switch key {
	case mark:
		d.ours, d.page = true, true
	case "at":
		d.at = wire.Moment(string(r.Text(64)))
	case "whole":
		d.whole = r.Bool()
	case "hits":
		return r.Fields(func(key string) error {
			switch key {
			case "total":
				var total struct {
					Value wire.Number `json:"value"`
				}
				if _, ok := r.Into(largestElement, &total); ok {
					d.claimed += total.Value.Int()
				}
			case "hits":
				d.page = true
				return r.Each(ctx, func() error { return d.hit(e, r) })
			}
			return nil
		})
	case "data":
		return r.Fields(func(key string) error {
			switch key {
			case "affected_items":
				d.page = true
				return r.Each(ctx, func() error { return d.item(e, r) })
			case "total_affected_items":
				n, _ := r.Int()
				d.claimed += n
			}
			return nil
		})
	case "agent":
		var w wireAgent
		if _, ok := r.Into(largestElement, &w); ok && w.ID != "" {
			d.known++
			d.agent, d.looked = d.describe(&w), w.KeepAlive.Time
			return e.Cover(d.coverage(&w, d.agent, d.whole))
		}
	case "vulnerabilities":
		return r.Each(ctx, func() error { return d.item(e, r) })
	}
	return nil
}

// hit reads a document of the indexer.
func (d *decoding) hit(e *report.Emitter, r *jsonpull.Reader) error {
	var w wireHit
	raw, ok := r.Into(largestElement, &w)
	switch {
	case !r.OK():
		return nil
	case raw == nil:
		e.Skip("hit_too_large")
		return nil
	case !ok || w.Source.Vulnerability.ID == "" && w.Source.Package.Name == "":
		d.others++
		return nil
	}
	d.known++
	d.got++
	return d.document(e, &w, raw)
}

// item reads an element of the manager's answers: an agent, or a vulnerability of one.
func (d *decoding) item(e *report.Emitter, r *jsonpull.Reader) error {
	var kind element
	raw, ok := r.Into(largestElement, &kind)
	switch {
	case !r.OK():
		return nil
	case raw == nil:
		e.Skip("element_too_large")
		return nil
	case ok && kind.CVE != "":
		d.known++
		d.got++
		var w wireItem
		wire.Unmarshal(raw, &w)
		return d.vulnerability(e, &w, raw)
	case ok && kind.ID != "" && (len(kind.KeepAlive) > 0 || kind.Status != ""):
		d.known++
		d.got++
		var w wireAgent
		wire.Unmarshal(raw, &w)
		desc := d.describe(&w)
		return e.Cover(d.coverage(&w, desc, true))
	}
	d.others++
	return nil
}

// coverage tells how far Wazuh looks at an agent.
func (d *decoding) coverage(w *wireAgent, desc *asset.Description, whole bool) exposure.Coverage {
	const old = 2 * time.Hour // inventories are taken each hour
	cov := exposure.Coverage{Asset: *desc, Outcome: exposure.TargetPartial}
	d.saw(w.KeepAlive.Time)
	if w.KeepAlive.IsZero() {
		return cov
	}
	cov.CheckedAt = w.KeepAlive.Add(-old)
	switch word(w.Status.String()) {
	case "active":
		if whole {
			cov.Outcome = exposure.TargetOK
		}
	case "never_connected":
		cov.Outcome = exposure.TargetUnreachable
	}
	return cov
}

func (d *decoding) saw(at time.Time) {
	if at.IsZero() {
		return
	}
	if d.first.IsZero() || at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

// run describes what a body is. An answer that a search cut short says so itself.
func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunPartial, Why: connectors.OnePage, Tool: "Wazuh", Checks: []string{Name + ":*"},
		ID:      connectors.RunID(Name, d.first, d.last, strconv.Itoa(e.Findings), strconv.Itoa(e.Assets)),
		Started: d.first, Finished: d.last,
	}
	if !d.ours && (d.claimed > 0 || d.got > 0) {
		run.Counts = map[string]int{"claimed": d.claimed, "received": d.got}
		if d.claimed > d.got {
			run.Why = fmt.Sprintf("the answer holds %d of %d", d.got, d.claimed)
		}
	}
	return run
}
