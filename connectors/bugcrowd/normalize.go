package bugcrowd

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the states of a submission mean. Unresolved is one that was accepted
// and waits for a fix.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"new": exposure.StatusOpen, "triaged": exposure.StatusOpen, "unresolved": exposure.StatusOpen, "open": exposure.StatusOpen, "resolved": exposure.StatusFixed,
	"informational": exposure.StatusArchived, "out_of_scope": exposure.StatusArchived, "not_applicable": exposure.StatusArchived,
	"not_reproducible": exposure.StatusArchived, "duplicate": exposure.StatusArchived, "closed": exposure.StatusArchived, "wont_fix": exposure.StatusSuppressed,
}

// priorities are Bugcrowd's, of which 1 is the worst.
var priorities = map[string]exposure.Severity{ //nolint:gochecknoglobals // a constant table
	"1": exposure.SeverityCritical, "2": exposure.SeverityHigh, "3": exposure.SeverityMedium, "4": exposure.SeverityLow, "5": exposure.SeverityInfo,
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	included      map[string]included
	event, export bool
	id            string
	submissions   int
	first, last   time.Time
}

// submission reads one and emits it.
func (d *decoding) submission(e *report.Emitter, r *jsonpull.Reader) error {
	var s submission
	if _, ok := r.Into(largestItem, &s); !ok {
		e.Skip("submission_unreadable")
		return nil
	}
	id := connectors.Ident(s.ID.String())
	var a attributes
	switch {
	case s.Type != "submission" && d.event:
		d.id = id
		e.Skip("event_without_submission")
		return nil
	case s.Type != "submission":
		e.Skip("resource_of_another_kind")
		return nil
	case id == "" || !wire.Unmarshal(s.Attributes, &a):
		e.Skip("submission_without_id")
		return nil
	}
	f := finding(id, a.Title.String(), a.Severity.String(), a.State.String(), bool(a.Duplicate))
	f.Description, f.Remediation = connectors.Redact(a.Description.String()), a.Remediation.String()
	f.Evidence = connectors.Redact(a.Request.String())
	f.FirstSeen, f.LastSeen = a.SubmittedAt.Time, a.changed(f.Status)
	f.Target = withoutUser(a.BugURL.String())
	if a.VRT != "" {
		f.Tags = []string{"vrt:" + a.VRT.String()}
	}
	if of := s.Relationships.DuplicateOf.Data.ID.String(); of != "" {
		f.StatusNote += " of " + of
	}
	f.Vendor = wire.Rest(s.Attributes, "title", "state", "severity", "duplicate", "bug_url", "description", "remediation_advice", "http_request", "submitted_at")
	rel := &s.Relationships
	desc := d.asset(d.included[rel.Target.Data.ID.String()], rel.Target.Data.ID.String(), a.BugURL.String(), d.program(rel.Program.Data.ID.String()))
	who := d.included[rel.Assignee.Data.ID.String()].Attributes
	if name := cmp.Or(who.Email.String(), who.Username.String(), who.Name.String()); name != "" {
		desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: name, From: "assignee of submission " + id})
	}
	return d.send(e, desc, f)
}

// changed is when the state was reached: for a fix, when it was called resolved.
func (a *attributes) changed(status exposure.Status) (last time.Time) {
	if status == exposure.StatusFixed && !a.Resolved.IsZero() {
		return a.Resolved.Time
	}
	for _, at := range []wire.Time{a.Triaged, a.Unresolved, a.Informational, a.NotApplicable, a.NotRepro, a.OutOfScope, a.WontFix, a.Resolved} {
		if at.After(last) {
			last = at.Time
		}
	}
	return last
}

// row reads a row of a CSV export.
func (d *decoding) row(e *report.Emitter, r *csvpull.Reader) error {
	id := connectors.Ident(r.Get("reference_number"))
	if id == "" {
		e.Skip("submission_without_id")
		return nil
	}
	f := finding(id, cmp.Or(r.Get("title"), r.Get("caption")), r.Get("priority"), cmp.Or(r.Get("substate"), r.Get("state")), strings.EqualFold(r.Get("duplicate"), "true"))
	f.Description, f.Remediation = connectors.Redact(r.Get("description")), r.Get("remediation_advice")
	f.Evidence = connectors.Redact(r.Get("http_request"))
	f.FirstSeen = wire.Moment(r.Get("submitted_at"))
	f.LastSeen = wire.Moment(cmp.Or(r.Get("closed_at"), r.Get("validated_at")))
	f.Target = withoutUser(r.Get("bug_url"))
	if vrt := r.Get("vrt_lineage"); vrt != "" {
		f.Tags = []string{"vrt:" + vrt}
	}
	f.Vendor = wire.Fields(r.Rest("reference_number", "title", "caption", "priority", "substate", "state", "duplicate", "description", "remediation_advice", "http_request", "submitted_at", "bug_url"))
	var target included
	target.Attributes.Name, target.Attributes.Category = text(r.Get("target_name")), text(r.Get("target_category"))
	return d.send(e, d.asset(target, "", r.Get("bug_url"), r.Get("bounty_code")), f)
}

// finding is what every submission has. Its check is the submission itself: what is
// classified anew stays the same.
func finding(id, title, priority, state string, duplicate bool) *exposure.Finding {
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, UID: id, Check: Name + ":" + id, Title: cmp.Or(title, "Bugcrowd submission "+id),
		RawSeverity: priority, Severity: cmp.Or(priorities[strings.TrimPrefix(strings.ToUpper(priority), "P")], exposure.SeverityUnknown),
		Status: statuses.Of(strings.ReplaceAll(strings.ReplaceAll(state, "-", "_"), " ", "_")), StatusNote: state,
	}
	if duplicate { // whatever its state: the original has its own
		f.Status, f.StatusNote = statuses["duplicate"], "duplicate"
	}
	return f
}

func withoutUser(target string) string { return connectors.ParseAddress(target).Without(target) }

func (d *decoding) send(e *report.Emitter, desc *asset.Description, f *exposure.Finding) error {
	d.submissions++
	for _, at := range []time.Time{f.FirstSeen, f.LastSeen} {
		if !at.IsZero() && (d.first.IsZero() || at.Before(d.first)) {
			d.first = at
		}
		if at.After(d.last) {
			d.last = at
		}
	}
	return e.Observe(desc, f)
}

func (d *decoding) program(id string) string {
	p := d.included[id].Attributes
	return connectors.Ident(cmp.Or(p.Code.String(), p.Name.String(), id))
}

// asset is the target, else the host of the bug's address, else the program. The target is
// the program's own word; the address is what somebody who submits typed.
func (d *decoding) asset(target included, id, address, program string) *asset.Description {
	t := &target.Attributes
	name := connectors.Ident(t.Name.String())
	desc := &asset.Description{Kind: asset.WebApplication, Name: name, Zone: d.config.Zone, Tags: map[string]string{}}
	for key, value := range map[string]string{"bugcrowd_program": program, "bugcrowd_category": t.Category.String()} {
		if value != "" {
			desc.Tags[key] = value
		}
	}
	if id != "" {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: connectors.Ident(id)})
		desc.Name = cmp.Or(name, "Bugcrowd target "+connectors.Ident(id))
	}
	hosted := func(where string) {
		at := connectors.ParseAddress(where)
		if !strings.Contains(at.Host, ".") || strings.ContainsAny(at.Host, " *") {
			return
		}
		if ids := connectors.HostIdentifiers(d.config.Zone, []string{at.Host}, nil, nil); len(ids) > 0 {
			desc.Kind, desc.Name = asset.Host, cmp.Or(desc.Name, at.Host)
			desc.Identifiers = append(desc.Identifiers, ids...)
		}
	}
	switch strings.ToLower(t.Category.String()) {
	case "", "website", "api", "network", "ip", "other":
		hosted(cmp.Or(t.URI.String(), t.Name.String()))
	}
	if at := connectors.ParseAddress(address); len(desc.Identifiers) == 0 && name == "" && (at.Scheme == "http" || at.Scheme == "https") {
		hosted(address)
	}
	if len(desc.Identifiers) == 0 {
		if name == "" {
			desc.Kind, desc.Name = asset.SaaSApplication, "Bugcrowd program "+cmp.Or(program, "without a name")
		}
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	return desc
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Tool: Name, Started: d.first, Finished: d.last,
		ID: connectors.RunID(Name, d.first, d.last, d.id, strconv.Itoa(d.submissions)), Counts: map[string]int{"received": d.submissions},
	}
	switch {
	case d.event:
		run.Kind, run.Why = exposure.RunEvent, "an event is about one submission"
	case d.export:
		run.Why = "an export may be filtered"
	}
	return run
}
