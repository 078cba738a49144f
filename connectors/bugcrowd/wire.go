package bugcrowd

import (
	"context"
	"encoding/json"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

const (
	largestItem  = 8 << 20
	largestHold  = 64 << 20 // compressed
	mostIncluded = 10_000
)

// text is what Bugcrowd writes as a text.
type text = wire.Text

// submission is one of the API.
type submission struct {
	ID            text            `json:"id"`
	Type          text            `json:"type"`
	Attributes    json.RawMessage `json:"attributes"`
	Relationships struct {
		Program     related `json:"program"`
		Target      related `json:"target"`
		Assignee    related `json:"assignee"`
		DuplicateOf related `json:"duplicate_of"`
	} `json:"relationships"`
}

type related struct {
	Data struct {
		ID   text `json:"id"`
		Type text `json:"type"`
	} `json:"data"`
}

type attributes struct {
	Title         text      `json:"title"`
	State         text      `json:"state"`
	Severity      text      `json:"severity"`
	Duplicate     wire.Flag `json:"duplicate"`
	BugURL        text      `json:"bug_url"`
	VRT           text      `json:"vrt_id"`
	Description   text      `json:"description"`
	Remediation   text      `json:"remediation_advice"`
	Request       text      `json:"http_request"`
	SubmittedAt   wire.Time `json:"submitted_at"`
	Resolved      wire.Time `json:"last_transitioned_to_resolved_at"`
	Triaged       wire.Time `json:"last_transitioned_to_triaged_at"`
	Unresolved    wire.Time `json:"last_transitioned_to_unresolved_at"`
	Informational wire.Time `json:"last_transitioned_to_informational_at"`
	NotApplicable wire.Time `json:"last_transitioned_to_not_applicable_at"`
	NotRepro      wire.Time `json:"last_transitioned_to_not_reproducible_at"`
	OutOfScope    wire.Time `json:"last_transitioned_to_out_of_scope_at"`
	WontFix       wire.Time `json:"last_transitioned_to_wont_fix_at"`
}

// included is a target, a program or a person that comes along with submissions.
type included struct {
	ID         text `json:"id"`
	Type       text `json:"type"`
	Attributes struct {
		Name     text `json:"name"`
		Code     text `json:"code"`
		Category text `json:"category"`
		URI      text `json:"uri"`
		Email    text `json:"email"`
		Username text `json:"username"`
	} `json:"attributes"`
}

// value reads a page, a list of submissions, or an event. What is included comes behind
// the submissions that it belongs to, so these are held.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	switch r.Kind() {
	case jsonpull.Array:
		unknown := 0
		err := r.Each(ctx, func() error {
			n := d.submissions
			if err := d.submission(e, r); err != nil {
				return err
			}
			if n == d.submissions {
				unknown++
			}
			return nil
		})
		if err == nil && d.submissions == 0 && unknown > 0 {
			r.Fail("none of what is listed is a submission")
		}
		return err
	case jsonpull.Object:
		return d.object(ctx, e, r)
	default:
		r.Fail("submissions come in a list or an object")
		return nil
	}
}

func (d *decoding) object(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	hold := jsonpull.NewHold(largestHold)
	add := func() {
		if raw := r.Raw(largestItem); raw != nil && !hold.Add(raw) {
			r.Fail("more submissions than fit")
		}
	}
	known := false
	err := r.Fields(func(key string) error {
		switch {
		case key == "data" && r.Kind() == jsonpull.Array:
			known = true
			return r.Each(ctx, func() error { add(); return nil })
		case key == "data" && r.Kind() == jsonpull.Object, key == "resource" && r.Kind() == jsonpull.Object:
			known, d.event = true, true
			add()
		case key == "included":
			return r.Each(ctx, func() error { return d.include(r, hold) })
		}
		return nil
	})
	if err == nil && !known {
		r.Fail("there is no data in it")
	}
	if err != nil || !r.OK() {
		return err
	}
	return hold.Each(r, func(h *jsonpull.Reader) error { return d.submission(e, h) })
}

// include keeps what comes along. In an event that may be the submission itself.
func (d *decoding) include(r *jsonpull.Reader, hold *jsonpull.Hold) error {
	var inc included
	raw, ok := r.Into(largestItem, &inc)
	switch {
	case ok && inc.Type == "submission" && d.event:
		if !hold.Add(raw) {
			r.Fail("more submissions than fit")
		}
	case ok && len(d.included) < mostIncluded:
		d.included[inc.ID.String()] = inc
	}
	return nil
}
