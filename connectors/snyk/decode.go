package snyk

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	largestItem  = 4 << 20
	largestHold  = 64 << 20 // compressed
	mostProjects = 1000
	shortText    = 1 << 10
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	projects map[string]*project
	isEvent  bool
	isReport bool
	failed   int
	items    int
	latest   time.Time
	first    time.Time
	id       string
}

// value reads a page of the REST API, one that Pull wrote, a webhook's event, or a report
// of the command line, of one project or several.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	switch r.Kind() {
	case jsonpull.Array:
		results := 0
		err := r.Each(ctx, func() error {
			results++
			return d.object(ctx, e, r)
		})
		if err == nil && results == 0 {
			r.Fail("there is no report in it")
		}
		return err
	case jsonpull.Object:
		return d.object(ctx, e, r)
	default:
		r.Fail("a report is an object")
		return nil
	}
}

// object reads one of them. What a report found comes before the project that it is in,
// so it is held.
func (d *decoding) object(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	var res result
	var hooked *hookProject
	found, ignored, added, removed := jsonpull.NewHold(largestHold), jsonpull.NewHold(largestHold), jsonpull.NewHold(largestHold), jsonpull.NewHold(largestHold)
	hold := func(h *jsonpull.Hold) error {
		return r.Each(ctx, func() error {
			if raw := r.Raw(largestItem); raw != nil && !h.Add(raw) {
				r.Fail("more issues than fit")
			}
			return nil
		})
	}
	known := false
	err := r.Fields(func(key string) error {
		switch key {
		case "data", "issues", "projects":
			known = true
			return d.page(ctx, e, r, key == "projects")
		case "vulnerabilities":
			known, d.isReport = true, true
			return hold(found)
		case "filtered":
			return r.Fields(func(key string) error {
				if key == "ignore" {
					return hold(ignored)
				}
				return nil
			})
		case "applications": // the packages inside an image, by manifest
			return r.Each(ctx, func() error { return d.object(ctx, e, r) })
		case "newIssues":
			known, d.isEvent = true, true
			return hold(added)
		case "removedIssues":
			known, d.isEvent = true, true
			return hold(removed)
		case "project":
			hooked = &hookProject{}
			r.Into(largestItem, hooked)
		case "webhookId", "hookId":
			known, d.isEvent = true, true
		default:
			res.field(key, r)
		}
		return nil
	})
	if err != nil || !r.OK() {
		return err
	}
	switch {
	case res.failure != "" && found.Len() == 0:
		d.isReport, d.failed = true, d.failed+1
		e.Skip("project_that_could_not_be_tested")
		return nil
	case !known:
		r.Fail("this is neither a report nor a page of issues")
		return nil
	}
	if err := d.report(e, r, &res, found, ignored); err != nil {
		return err
	}
	return d.event(e, r, hooked, added, removed)
}

// field takes what a report says of its project.
func (res *result) field(key string, r *jsonpull.Reader) {
	switch key {
	case "projectName":
		res.name = string(r.Text(shortText))
	case "displayTargetFile", "targetFile":
		if v := string(r.Text(shortText)); res.target == "" {
			res.target = strings.ReplaceAll(v, "\\", "/")
		}
	case "path":
		res.path = string(r.Text(shortText))
	case "packageManager":
		res.manager = string(r.Text(shortText))
	case "error":
		res.failure = string(r.Text(shortText))
	case "docker":
		res.docker = r.Kind() == jsonpull.Object
		r.Skip()
	}
}

// page reads the elements of a REST answer, given bare or with what is around them.
func (d *decoding) page(ctx context.Context, e *report.Emitter, r *jsonpull.Reader, lookup bool) error {
	if r.Kind() == jsonpull.Object {
		return r.Fields(func(key string) error {
			if key == "data" {
				return d.page(ctx, e, r, lookup)
			}
			return nil
		})
	}
	return r.Each(ctx, func() error {
		var res resource
		if _, ok := r.Into(largestItem, &res); !ok {
			e.Skip("resource_unreadable")
			return nil
		}
		switch res.Type {
		case "project":
			p := res.project()
			if lookup {
				d.know(p)
				return nil
			}
			return e.Asset(p.describe())
		case "issue":
			return d.restIssue(e, &res)
		default:
			e.Skip("resource_of_another_kind")
			return nil
		}
	})
}

func (d *decoding) know(p *project) {
	if d.projects == nil {
		d.projects = map[string]*project{}
	}
	if len(d.projects) < mostProjects {
		d.projects[p.id.String()] = p
	}
}

func (res *resource) project() *project {
	p := &project{}
	wire.Unmarshal(res.Attributes, p)
	p.id, p.owner = res.ID, res.Relationships.Owner.Data.ID
	return p
}

func (d *decoding) restIssue(e *report.Emitter, res *resource) error {
	var is issue
	if !wire.Unmarshal(res.Attributes, &is) {
		e.Skip("issue_unreadable")
		return nil
	}
	item := res.Relationships.ScanItem.Data.ID
	f := is.finding(res.ID.String(), res.Attributes, d.config.DisappearedFixed)
	if f == nil || item == "" {
		e.Skip("issue_without_key_or_project")
		return nil
	}
	p := d.projects[item.String()]
	if p == nil {
		p = &project{id: item}
	}
	d.note(f)
	return e.Observe(p.describe(), f)
}

// report emits what the command line found in one project.
func (d *decoding) report(e *report.Emitter, r *jsonpull.Reader, res *result, found, ignored *jsonpull.Hold) error {
	if found.Len()+ignored.Len() == 0 {
		return nil
	}
	desc := res.describe()
	emit := func(suppressed bool) func(h *jsonpull.Reader) error {
		return func(h *jsonpull.Reader) error {
			var v vuln
			raw, ok := h.Into(largestItem, &v)
			f := v.reported(res, raw)
			if !ok || f == nil {
				e.Skip("issue_without_id")
				return nil
			}
			if suppressed {
				f.Status = statuses.Of("ignored")
				for _, i := range v.Filtered.Ignored {
					f.StatusNote = connectors.Redact("ignored: " + i.Reason.String())
				}
			}
			d.note(f)
			return e.Observe(desc, f)
		}
	}
	if err := found.Each(r, emit(false)); err != nil {
		return err
	}
	return ignored.Each(r, emit(true))
}

// event emits what a webhook says has come and gone.
func (d *decoding) event(e *report.Emitter, r *jsonpull.Reader, p *hookProject, added, removed *jsonpull.Hold) error {
	if added.Len()+removed.Len() == 0 {
		return nil
	}
	if p == nil || p.ID == "" {
		e.Skip("event_without_project")
		return nil
	}
	desc := p.project().describe()
	d.id, d.latest = p.ID.String(), p.LastTested.Time
	emit := func(status string) func(h *jsonpull.Reader) error {
		return func(h *jsonpull.Reader) error {
			var i hookIssue
			raw, ok := h.Into(largestItem, &i)
			f := i.finding(status, raw)
			if !ok || f == nil {
				e.Skip("issue_without_id")
				return nil
			}
			f.LastSeen = p.LastTested.Time
			d.note(f)
			return e.Observe(desc, f)
		}
	}
	if err := added.Each(r, emit("open")); err != nil {
		return err
	}
	return removed.Each(r, emit("removed"))
}

func (d *decoding) note(f *exposure.Finding) {
	d.items++
	if at := f.LastSeen; at.After(d.latest) {
		d.latest = at
	}
	if at := f.FirstSeen; !at.IsZero() && (d.first.IsZero() || at.Before(d.first)) {
		d.first = at
	}
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Tool: Name, Finished: d.latest,
		ID: connectors.RunID(Name, d.first, d.latest, d.id, strconv.Itoa(d.items)), Counts: map[string]int{"received": d.items},
	}
	switch {
	case d.isEvent:
		run.Kind, run.Why = exposure.RunEvent, "an event tells of changes alone"
	case d.failed > 0:
		run.Why = strconv.Itoa(d.failed) + " projects could not be tested"
	case d.isReport:
		run.Why = "a report of the command line has no date and may be filtered"
	}
	return run
}

// rest is what of an object has no field of ours.
func rest(raw json.RawMessage, mapped ...string) json.RawMessage { return wire.Rest(raw, mapped...) }
