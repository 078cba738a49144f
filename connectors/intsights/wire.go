package intsights

import (
	"context"
	"strings"

	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

const largestAlert = 8 << 20

// text is what IntSights writes as a text.
type text = wire.Text

type alert struct {
	ID        text       `json:"_id"`
	Details   details    `json:"Details"`
	Assignees wire.Texts `json:"Assignees"`
	Found     wire.Time  `json:"FoundDate"`
	Updated   wire.Time  `json:"UpdateDate"`
	Assets    []target   `json:"Assets"`
	Closed    struct {
		IsClosed wire.Flag `json:"IsClosed"`
		Reason   text      `json:"CloseReason"`
		At       wire.Time `json:"CloseDate"`
	} `json:"Closed"`
}

type details struct {
	Title       text `json:"Title"`
	Description text `json:"Description"`
	Remediation text `json:"Remediation"`
	Severity    text `json:"Severity"`
	Type        text `json:"Type"`
	SubType     text `json:"SubType"`
	Source      struct {
		URL  text      `json:"URL"`
		Date wire.Time `json:"Date"`
	} `json:"Source"`
	Tags []struct {
		Name text `json:"Name"`
	} `json:"Tags"`
}

type target struct {
	Type  text `json:"Type"`
	Value text `json:"Value"`
}

// value reads alerts: an object that lists them, a list, or one.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	known := false
	each := func() error {
		var a alert
		raw, ok := r.Into(largestAlert, &a)
		if !ok {
			e.Skip("alert_unreadable")
			return nil
		}
		return d.alert(e, &a, wire.Rest(raw, "_id", "Details", "Assignees", "FoundDate", "UpdateDate", "Assets"))
	}
	if r.Kind() == jsonpull.Array {
		err := r.Each(ctx, each)
		if err == nil && d.alerts == 0 && r.OK() {
			r.Fail("there is no alert in it")
		}
		return err
	}
	if r.Kind() != jsonpull.Object {
		r.Fail("alerts come in an object")
		return nil
	}
	err := r.Fields(func(key string) error {
		if key == "Alerts" && r.Kind() == jsonpull.Array {
			known = true
			return r.Each(ctx, each)
		}
		return nil
	})
	if err == nil && !known {
		r.Fail("there are no alerts in it")
	}
	return err
}

// row reads a row of the export.
func (d *decoding) row(e *report.Emitter, r *csvpull.Reader) error {
	a := &alert{ID: text(r.Get("Alert ID")), Found: wire.Time{Time: wire.Moment(r.Get("Report Date (UTC)", "Report Date"))}}
	a.Details = details{Title: text(r.Get("Title")), Description: text(r.Get("Description")), Remediation: text(r.Get("Remediation")), Severity: text(r.Get("Severity")), Type: text(r.Get("Type")), SubType: text(r.Get("Subtype", "Sub Type"))}
	a.Details.Source.URL, a.Details.Source.Date.Time = text(r.Get("Source URL")), wire.Moment(r.Get("Source Date (UTC)", "Source Date"))
	a.Assignees = list(r.Get("Assignees"))
	for _, name := range list(r.Get("Tags")) {
		a.Details.Tags = append(a.Details.Tags, struct {
			Name text `json:"Name"`
		}{text(name)})
	}
	for _, value := range list(r.Get("Assets")) {
		a.Assets = append(a.Assets, target{Value: text(value)})
	}
	a.Closed.IsClosed = wire.Flag(strings.EqualFold(r.Get("Status"), "closed"))
	a.Closed.Reason = text(r.Get("Closed Reason", "Close Reason"))
	d.link = r.Get("Alert Link")
	return d.alert(e, a, wire.Fields(r.Rest("Alert ID", "Title", "Description", "Remediation", "Severity", "Assignees", "Tags", "Assets", "Alert Link", "Report Date (UTC)")))
}

// list reads what a cell lists.
func list(cell string) (out wire.Texts) {
	for part := range strings.FieldsFuncSeq(cell, func(c rune) bool { return c == ',' || c == ';' || c == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
