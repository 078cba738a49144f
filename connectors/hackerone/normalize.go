package hackerone

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the states of a report mean. Whoever closes one as a duplicate or as
// informative has fixed nothing.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"pre-submission": exposure.StatusOpen, "new": exposure.StatusOpen, "pending-program-review": exposure.StatusOpen, "needs-more-info": exposure.StatusOpen,
	"triaged": exposure.StatusOpen, "retesting": exposure.StatusOpen, "resolved": exposure.StatusFixed,
	"duplicate": exposure.StatusArchived, "informative": exposure.StatusArchived, "not-applicable": exposure.StatusArchived, "spam": exposure.StatusArchived,
	"closed": exposure.StatusArchived, // the main state, where an export has no other
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	event, export bool
	id            string
	reports       int
	first, last   time.Time
}

// emit makes a finding of a report of the API.
func (d *decoding) emit(e *report.Emitter, b *bounty) error {
	id := connectors.Ident(b.ID.String())
	var a attributes
	if id == "" || !wire.Unmarshal(b.Attributes, &a) {
		e.Skip("report_without_number")
		return nil
	}
	rel := &b.Relationships
	s := rel.Severity.Data.Attributes
	f := d.finding(id, a.Title.String(), a.State.String(), s.Rating.String())
	f.Description = connectors.Redact(a.Information.String())
	f.FirstSeen = cmp.Or(a.SubmittedAt.Time, a.CreatedAt.Time)
	f.LastSeen = seen(f.Status, a.ActivityAt.Time, a.ClosedAt.Time)
	f.CVEs = connectors.CVEs(a.CVEs)
	f.CVSS = connectors.CVSSOf(s.Vector.String(), s.Score.Value, "hackerone")
	weak(f, rel.Weakness.Data.Attributes.ExternalID.String(), rel.Weakness.Data.Attributes.Name.String())
	if a.TrackerURL != "" {
		f.References = append(f.References, a.TrackerURL.String())
	}
	if original := rel.Original.Data.ID.String(); original != "" {
		f.StatusNote += " of " + original
	}
	f.Vendor = wire.Rest(b.Attributes, "title", "state", "main_state", "vulnerability_information", "created_at", "submitted_at", "cve_ids", "issue_tracker_reference_url")
	desc := d.asset(&rel.Scope.Data.Attributes, rel.Scope.Data.ID.String(), rel.Program.Data.Attributes.Handle.String())
	hints(desc, rel.Assignee.Data.Attributes, id)
	for _, c := range rel.Fields.Data {
		label, value := c.Relationships.Attribute.Data.Attributes.Label.String(), c.Attributes.Value.String()
		if value != "" && connectors.OwnerTag(label) {
			desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: value, From: "custom field " + label})
		}
	}
	if at := connectors.ParseAddress(rel.Scope.Data.Attributes.Identifier.String()); strings.EqualFold(rel.Scope.Data.Attributes.Type.String(), "url") && at.Path != "" {
		f.Location = at.Location()
	}
	return d.send(e, desc, f)
}

// emitExported makes a finding of a row of an export.
func (d *decoding) emitExported(e *report.Emitter, x *exported, vendor json.RawMessage) error {
	id := connectors.Ident(x.ID.String())
	if id == "" {
		e.Skip("report_without_number")
		return nil
	}
	f := d.finding(id, x.Title.String(), cmp.Or(x.Substate.String(), x.State.String()), x.Rating.String())
	score, _ := strconv.ParseFloat(x.Score.String(), 64) // what is none is zero
	f.CVSS = connectors.CVSSOf("", score, "hackerone")
	f.FirstSeen = wire.Moment(x.ReportedAt.String())
	f.LastSeen = seen(f.Status, wire.Moment(x.TriagedAt.String()), wire.Moment(x.ClosedAt.String()))
	f.CVEs = connectors.CVEs(strings.FieldsFunc(x.CVEs.String(), func(c rune) bool { return c == ',' || c == ' ' || c == ';' }))
	weak(f, "", x.Weakness.String())
	if x.Reference != "" {
		f.References = append(f.References, x.Reference.String())
	}
	f.Vendor = vendor
	desc := d.asset(&scope{}, x.Scope.String(), "")
	hints(desc, person{Name: x.Assigned}, id)
	return d.send(e, desc, f)
}

// finding is what every report has. Its check is the report itself: what is reclassified
// stays the same.
func (d *decoding) finding(id, title, state, rating string) *exposure.Finding {
	return &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, UID: id, Check: Name + ":" + id, Title: cmp.Or(title, "HackerOne report "+id),
		RawSeverity: rating, Severity: connectors.Severity(rating), Status: statuses.Of(state), StatusNote: strings.ToLower(state),
		References: []string{"https://hackerone.com/reports/" + id},
	}
}

func (d *decoding) send(e *report.Emitter, desc *asset.Description, f *exposure.Finding) error {
	d.reports++
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

// seen is when the state was last checked: for a closed report when it was closed, which
// is later than any sight of it.
func seen(status exposure.Status, activity, closed time.Time) time.Time {
	if status == exposure.StatusOpen || closed.IsZero() {
		return activity
	}
	return closed
}

// weak fills in the weakness. CAPEC names attack patterns, which are no weaknesses.
func weak(f *exposure.Finding, id, name string) {
	id = strings.ToLower(id)
	if strings.HasPrefix(id, "cwe-") {
		f.CWEs = connectors.CWEs([]string{id})
	} else if id != "" {
		f.Tags = append(f.Tags, id)
	}
	if name != "" {
		f.Tags = append(f.Tags, name)
	}
}

func hints(desc *asset.Description, p person, id string) {
	if who := cmp.Or(p.Username.String(), p.Name.String()); who != "" {
		desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: who, From: "assignee of report " + id})
	}
}

// asset is what a report's scope names.
func (d *decoding) asset(s *scope, number, handle string) *asset.Description {
	name := connectors.Ident(s.Identifier.String())
	desc := &asset.Description{Kind: asset.WebApplication, Name: name, Zone: d.config.Zone, Tags: map[string]string{}}
	for key, value := range map[string]string{"hackerone_program": handle, "hackerone_scope": s.Type.String(), "reference": s.Reference.String()} {
		if value != "" {
			desc.Tags[key] = value
		}
	}
	if number != "" {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: connectors.Ident("scope " + number)})
		desc.Name = cmp.Or(name, "HackerOne scope "+connectors.Ident(number))
	}
	switch strings.ToUpper(s.Type.String()) {
	case "URL", "DOMAIN", "API", "IP_ADDRESS":
		at := connectors.ParseAddress(name)
		desc.Kind = asset.Host
		desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{at.Host}, nil, nil)...)
	case "WILDCARD":
		desc.Kind = asset.Domain
	case "SOURCE_CODE":
		desc.Kind = asset.Repository
		if at := connectors.ParseAddress(name); at.Host != "" && strings.Count(strings.Trim(at.Path, "/"), "/") == 1 {
			desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.RepositoryName, Value: at.Host + at.Path})
		}
	case "SAAS", "OTHER":
		desc.Kind = asset.SaaSApplication
	}
	if len(desc.Identifiers) == 0 { // no scope: the program as such
		desc.Kind, desc.Name = asset.SaaSApplication, cmp.Or(name, "HackerOne program "+cmp.Or(connectors.Ident(handle), "without a handle"))
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	return desc
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Tool: Name, Started: d.first, Finished: d.last,
		ID: connectors.RunID(Name, d.first, d.last, d.id, strconv.Itoa(d.reports)), Counts: map[string]int{"received": d.reports},
	}
	switch {
	case d.event:
		run.Kind, run.Why = exposure.RunEvent, "an event is about one report"
	case d.export:
		run.Why = "an export may be filtered"
	}
	return run
}
