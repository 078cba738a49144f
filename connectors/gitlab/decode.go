package gitlab

import (
	"bytes"
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	largestItem = 4 << 20
	largestHold = 64 << 20 // compressed
	mostImages  = 1000
	shortText   = 1 << 10
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	hold    *jsonpull.Hold
	scan    scan
	isEvent bool
	report  bool
	page    bool
	id      string
	latest  time.Time
	items   int
	covered map[string]bool
}

// value reads a report, an event of the webhook, or a Code Quality file.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	switch r.Kind() {
	case jsonpull.Array:
		return d.qualities(ctx, e, r)
	case jsonpull.Object:
		return d.object(ctx, e, r)
	default:
		r.Fail("a report is an object")
		return nil
	}
}

// object reads a report or an event. In a report the scan may come behind what it found,
// and it says what kind of scan it was: so that is held.
func (d *decoding) object(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	kind := ""
	var attributes *hook
	var raw []byte
	scanned, listed, pages := false, false, false
	d.hold = jsonpull.NewHold(largestHold)
	err := r.Fields(func(key string) error {
		switch key {
		case "object_kind":
			kind = string(r.Text(shortText))
		case "object_attributes":
			attributes = &hook{}
			got, _ := r.Into(largestItem, attributes)
			raw = bytes.Clone(got)
		case "data":
			pages = true
			return d.graph(ctx, e, r)
		case "scan":
			d.scan = scan{}
			_, scanned = r.Into(largestItem, &d.scan)
		case "vulnerabilities":
			listed = r.Kind() == jsonpull.Array
			return d.each(ctx, r, func() error {
				if item := r.Raw(largestItem); item != nil && !d.hold.Add(item) {
					r.Fail("more vulnerabilities than fit")
				}
				return nil
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case attributes != nil && r.OK():
		d.isEvent = true
		if kind != "vulnerability" {
			e.Skip("event_of_another_kind")
			return nil
		}
		return d.event(e, attributes, raw)
	case pages:
		return nil
	case !r.OK() && !scanned:
		return nil // whose findings these are was still to come
	case !listed && !scanned:
		r.Fail("this is neither a report nor an event")
		return nil
	}
	d.report = true
	if err := d.hold.Each(r, func(h *jsonpull.Reader) error { return d.vulnerability(e, h) }); err != nil || !r.OK() {
		return err
	}
	return d.coverProject(e)
}

func (d *decoding) each(ctx context.Context, r *jsonpull.Reader, fn func() error) error {
	return r.Each(ctx, fn)
}

// vulnerability reads one of a report.
func (d *decoding) vulnerability(e *report.Emitter, r *jsonpull.Reader) error {
	var v vulnerability
	raw, ok := r.Into(largestItem, &v)
	if !ok {
		e.Skip("vulnerability_unreadable")
		return nil
	}
	f, why := d.finding(&v, raw)
	if why != "" {
		e.Skip(why)
		return nil
	}
	desc := d.asset(&v.Location)
	d.items++
	if v.Location.Image != "" && d.complete() && !d.covered[desc.Name] && len(d.covered) < mostImages {
		if d.covered == nil {
			d.covered = map[string]bool{}
		}
		d.covered[desc.Name] = true
		if err := e.Cover(exposure.Coverage{Asset: *desc, Outcome: exposure.TargetOK}); err != nil {
			return err
		}
	}
	return e.Observe(desc, f)
}

func (d *decoding) event(e *report.Emitter, h *hook, raw []byte) error {
	f, why := hooked(h, raw)
	if why != "" {
		e.Skip(why)
		return nil
	}
	d.latest, d.id = f.LastSeen, connectors.UID(h.ProjectID.String(), f.UID, string(f.Status))
	d.items++
	return e.Observe(project(h), f)
}

// qualities reads a Code Quality file.
func (d *decoding) qualities(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	known := 0
	err := d.each(ctx, r, func() error {
		var q quality
		raw, ok := r.Into(largestItem, &q)
		if !ok || q.CheckName == "" && q.Fingerprint == "" {
			e.Skip("issue_unreadable")
			return nil
		}
		known++
		f, why := qualityFinding(&q, raw)
		if why != "" {
			e.Skip(why)
			return nil
		}
		d.items++
		return e.Observe(d.qualityAsset(&q), f)
	})
	if err == nil && known == 0 && r.OK() {
		r.Fail("there is no issue in it")
	}
	return err
}

// coverProject tells that the report's scan looked at all of the project, if it did.
func (d *decoding) coverProject(e *report.Emitter) error {
	if !d.complete() || len(d.covered) > 0 {
		return nil
	}
	return e.Cover(exposure.Coverage{Asset: *d.asset(&location{}), Outcome: exposure.TargetOK})
}

// complete reports whether the report proves that it looked at everything.
func (d *decoding) complete() bool { return d.why() == "" }

func (d *decoding) why() string {
	s := &d.scan
	switch {
	case !d.report:
		return "a Code Quality file does not say what was scanned"
	case !strings.EqualFold(s.Status.String(), "success"):
		return "the scan's status is " + cmp.Or(s.Status.String(), "not told")
	case s.Ended.IsZero():
		return "the scan has no end"
	case s.Type == "" || d.scannerID(nil) == "":
		return "the report names neither the kind of scan nor its scanner"
	case !d.config.FullScan:
		return "a report does not say of which branch it is; see full_scan in the source's configuration"
	case s.Type == "container_scanning" && d.items == 0:
		return "the report names no image"
	case s.Type != "container_scanning" && s.Type != "dependency_scanning" && s.Type != "sast" && s.Type != "secret_detection":
		return "a " + s.Type.String() + " report covers only what it lists"
	}
	return ""
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	s := &d.scan
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Started: s.Started.Time, Finished: s.Ended.Time,
		ID:   connectors.RunID(Name, s.Started.Time, s.Ended.Time, s.Type.String(), d.scannerID(nil), d.id, strconv.Itoa(d.items)),
		Tool: strings.TrimSpace(cmp.Or(s.Scanner.Name.String(), s.Analyzer.Name.String()) + " " + cmp.Or(s.Scanner.Version.String(), s.Analyzer.Version.String())),
	}
	if d.isEvent {
		run.Kind, run.Finished, run.Why, run.Tool = exposure.RunEvent, d.latest, "an event is about one vulnerability", Name
		return run
	}
	if d.page {
		run.Finished, run.Why, run.Tool, run.Counts = d.latest, connectors.OnePage, Name, map[string]int{"received": d.items}
		return run
	}
	if run.Why = d.why(); run.Why == "" {
		run.Complete, run.Checks, run.Targets = true, []string{d.prefix(nil) + "*"}, max(1, len(d.covered))
	}
	return run
}
