package hackerone

import (
	"context"
	"encoding/json"

	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

const largestReport = 8 << 20

// text is what HackerOne writes as a text.
type text = wire.Text

// bounty is a report of the API.
type bounty struct {
	ID            text            `json:"id"`
	Type          text            `json:"type"`
	Attributes    json.RawMessage `json:"attributes"`
	Relationships struct {
		Program  one[program]      `json:"program"`
		Severity one[severity]     `json:"severity"`
		Weakness one[weakness]     `json:"weakness"`
		Scope    one[scope]        `json:"structured_scope"`
		Assignee one[person]       `json:"assignee"`
		Reporter one[person]       `json:"reporter"`
		Original one[struct{}]     `json:"original_report"`
		Fields   many[customField] `json:"custom_field_values"`
	} `json:"relationships"`
}

// one is a related resource.
type one[T any] struct {
	Data struct {
		ID         text `json:"id"`
		Type       text `json:"type"`
		Attributes T    `json:"attributes"`
	} `json:"data"`
}

// many are related resources.
type many[T any] struct {
	Data []T `json:"data"`
}

type attributes struct {
	Title       text       `json:"title"`
	State       text       `json:"state"`
	MainState   text       `json:"main_state"`
	Information text       `json:"vulnerability_information"`
	CreatedAt   wire.Time  `json:"created_at"`
	SubmittedAt wire.Time  `json:"submitted_at"`
	ClosedAt    wire.Time  `json:"closed_at"`
	ActivityAt  wire.Time  `json:"last_activity_at"`
	CVEs        wire.Texts `json:"cve_ids"`
	TrackerURL  text       `json:"issue_tracker_reference_url"`
}

type program struct {
	Handle text `json:"handle"`
}

type severity struct {
	Rating text        `json:"rating"`
	Score  wire.Number `json:"score"`
	Vector text        `json:"cvss_vector_string"`
}

type weakness struct {
	Name       text `json:"name"`
	ExternalID text `json:"external_id"`
}

type scope struct {
	Type       text `json:"asset_type"`
	Identifier text `json:"asset_identifier"`
	Reference  text `json:"reference"`
}

// person is a user, or a group, which has a name alone.
type person struct {
	Username text `json:"username"`
	Name     text `json:"name"`
}

type customField struct {
	Attributes struct {
		Value text `json:"value"`
	} `json:"attributes"`
	Relationships struct {
		Attribute one[struct {
			Label text `json:"label"`
		}] `json:"custom_field_attribute"`
	} `json:"relationships"`
}

// exported is a row of an export, in CSV or JSON.
type exported struct {
	ID         text `json:"id"`
	Title      text `json:"title"`
	Rating     text `json:"severity_rating"`
	Score      text `json:"severity_score"`
	State      text `json:"state"`
	Substate   text `json:"substate"`
	Weakness   text `json:"weakness"`
	ReportedAt text `json:"reported_at"`
	TriagedAt  text `json:"triaged_at"`
	ClosedAt   text `json:"closed_at"`
	Assigned   text `json:"assigned"`
	Reference  text `json:"reference_url"`
	Scope      text `json:"structured_scope"`
	CVEs       text `json:"cve_ids"`
}

// value reads a page of reports, one report, an event, or an export.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("reports come in an object")
		return nil
	}
	known := false
	err := r.Fields(func(key string) error {
		switch {
		case key == "findings":
			known, d.export = true, true
			return r.Each(ctx, func() error { return d.element(e, r) })
		case key == "data" && r.Kind() == jsonpull.Array:
			known = true
			return r.Each(ctx, func() error { return d.element(e, r) })
		case key == "data" && r.Kind() == jsonpull.Object:
			known = true
			return d.single(e, r)
		}
		return nil
	})
	if err == nil && !known {
		r.Fail("there are neither reports nor an event")
	}
	return err
}

func (d *decoding) element(e *report.Emitter, r *jsonpull.Reader) error {
	if d.export {
		var x exported
		raw, ok := r.Into(largestReport, &x)
		if !ok {
			e.Skip("report_unreadable")
			return nil
		}
		return d.emitExported(e, &x, wire.Rest(raw, "id", "title", "severity_rating", "state", "substate", "reported_at", "assigned", "reference_url", "structured_scope", "cve_ids"))
	}
	var b bounty
	if _, ok := r.Into(largestReport, &b); !ok {
		e.Skip("report_unreadable")
		return nil
	}
	return d.emit(e, &b)
}

// single reads one report, or an event: an activity with the report that it is about.
func (d *decoding) single(e *report.Emitter, r *jsonpull.Reader) error {
	var s struct {
		bounty
		Activity *struct {
			ID   text `json:"id"`
			Type text `json:"type"`
		} `json:"activity"`
		Report *struct {
			bounty
			Data *bounty `json:"data"` // some have it one deeper
		} `json:"report"`
	}
	if _, ok := r.Into(largestReport, &s); !ok {
		e.Skip("report_unreadable")
		return nil
	}
	if s.Activity != nil {
		d.event, d.id = true, s.Activity.ID.String()
	}
	switch {
	case s.Report != nil && s.Report.Data != nil:
		return d.emit(e, s.Report.Data)
	case s.Report != nil:
		return d.emit(e, &s.Report.bounty)
	case s.Activity != nil:
		e.Skip("event_about_no_report")
		return nil
	}
	return d.emit(e, &s.bounty)
}

// row reads a row of a CSV export.
func (d *decoding) row(e *report.Emitter, r *csvpull.Reader) error {
	x := &exported{
		ID: text(r.Get("id")), Title: text(r.Get("title")), Rating: text(r.Get("severity_rating")), Score: text(r.Get("severity_score")), State: text(r.Get("state")),
		Substate: text(r.Get("substate")), Weakness: text(r.Get("weakness")), ReportedAt: text(r.Get("reported_at")), TriagedAt: text(r.Get("triaged_at")),
		ClosedAt: text(r.Get("closed_at")), Assigned: text(r.Get("assigned")), Reference: text(r.Get("reference_url")), Scope: text(r.Get("structured_scope")), CVEs: text(r.Get("cve_ids")),
	}
	return d.emitExported(e, x, wire.Fields(r.Rest("id", "title", "severity_rating", "state", "substate", "reported_at", "assigned", "reference_url", "structured_scope", "cve_ids")))
}
