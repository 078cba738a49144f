package jira

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// longestTitle is what Jira takes as a summary, in characters.
const longestTitle = 255

// wanted is an issue's fields as we want them, in Jira's words.
func (t *Tracker) wanted(issue *connectors.Issue, assignee string) wrote {
	w := wrote{Title: connectors.Title(issue.Title, longestTitle), Priority: t.config.Priorities[issue.Priority], Assignee: assignee}
	if t.config.DueDate {
		w.Due = dayText(issue.Due)
	}
	return w
}

// Create implements connectors.Tracker. Its caller has searched for the marker: Jira has
// no creation that is safe to repeat.
func (t *Tracker) Create(ctx context.Context, issue connectors.Issue) (connectors.Issue, error) {
	if !markerText.MatchString(issue.Marker) {
		return connectors.Issue{}, fault.New(fault.Invalid, "creating an issue: %q can't be a marker", connectors.Title(issue.Marker, 60))
	}
	to := t.destination(&issue)
	assignee, err := t.person(ctx, or(issue.Assignee, to.Assignee))
	if err != nil {
		return connectors.Issue{}, err
	}
	w := t.wanted(&issue, assignee)
	body, err := t.creation(&issue, &to, &w)
	if err != nil {
		return connectors.Issue{}, err
	}
	var made gojira.Issue
	err = t.client.call(ctx, http.MethodPost, "issue", nil, body, &made)
	if w.Assignee != "" && blames(err, "assignee") { // who can't have it doesn't keep it from being made
		w.Assignee = ""
		if body, err = t.creation(&issue, &to, &w); err == nil {
			err = t.client.call(ctx, http.MethodPost, "issue", nil, body, &made)
		}
	}
	switch {
	case fault.Is(err, fault.NotFound): // the project is what is missing
		return connectors.Issue{}, fault.Wrap(fault.Denied, err, "creating an issue in project "+to.Project)
	case err != nil:
		return connectors.Issue{}, fault.Wrap(fault.KindOf(err), err, "creating an issue in project "+to.Project)
	case !issueKey.MatchString(made.Key):
		return connectors.Issue{}, fault.New(fault.Unavailable, "creating an issue in project %s: Jira's answer names none", to.Project)
	}
	out := issue
	out.Key, out.Title, out.Status, out.URL, out.Overridden = made.Key, w.Title, connectors.IssueTodo, t.link(made.Key), nil
	out.Assignee, out.ClosedBy = w.Assignee, ""
	return out, nil
}

// blames reports whether an error is Jira's refusal of one field alone.
func blames(err error, field string) bool {
	var said *refused
	return errors.As(err, &said) && said.status == http.StatusBadRequest && len(said.fields) == 1 && said.fields[field] != ""
}

func (t *Tracker) creation(issue *connectors.Issue, to *Route, w *wrote) (*write, error) {
	description, err := t.describe(nil, issue.Description)
	if err != nil {
		return nil, err
	}
	labels := []string{propertyKey, label(issue.Marker)}
	for _, l := range t.config.Labels {
		if !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	fields := map[string]any{
		"project": map[string]string{"key": to.Project}, "issuetype": map[string]string{"name": to.IssueType},
		"summary": w.Title, "description": description.value, "labels": labels,
	}
	t.setFields(fields, w, &wrote{})
	if len(to.Components) > 0 {
		list := make([]named, len(to.Components))
		for i, name := range to.Components {
			list[i] = named{Name: name}
		}
		fields["components"] = list
	}
	if t.Nests() && issue.Parent != "" {
		t.setParent(fields, issue.Parent)
		w.Parent = issue.Parent
	}
	custom, key := t.rules.fields, "fields."
	if issue.Campaign {
		custom, key = t.rules.campaign, "campaign_fields."
	}
	for _, id := range slices.Sorted(maps.Keys(custom)) {
		value, err := evaluate(key+id, custom[id], issue)
		if err != nil {
			return nil, err
		}
		if string(value) != "null" {
			fields[id] = value
		}
	}
	return &write{Fields: fields, Properties: ownProperty(&property{Version: 1, Marker: issue.Marker, Cause: "created", Wrote: *w})}, nil
}

func ownProperty(p *property) []entityProperty {
	return []entityProperty{{Key: propertyKey, Value: p}}
}

// setFields sets those of the four fields that differ from what is there.
func (t *Tracker) setFields(fields map[string]any, w, is *wrote) {
	if w.Title != is.Title {
		fields["summary"] = w.Title
	}
	if w.Priority != is.Priority && w.Priority != "" {
		fields["priority"] = named{Name: w.Priority}
	}
	if w.Due != is.Due {
		fields["duedate"] = nil
		if w.Due != "" {
			fields["duedate"] = w.Due
		}
	}
	if w.Assignee != is.Assignee && w.Assignee != "" {
		if t.cloud {
			fields["assignee"] = map[string]string{"accountId": w.Assignee}
		} else {
			fields["assignee"] = map[string]string{"name": w.Assignee}
		}
	}
}

// Nests implements connectors.Nesting. Data Center has epics where it is said in which field.
func (t *Tracker) Nests() bool { return t.cloud || t.config.ParentField != "" }

// setParent makes an issue part of another one.
func (t *Tracker) setParent(fields map[string]any, parent string) {
	switch {
	case !issueKey.MatchString(parent):
	case t.config.ParentField != "":
		fields[t.config.ParentField] = parent
	case t.cloud:
		fields["parent"] = map[string]string{"key": parent}
	}
}

// description is a text to write, and whether it differs from the one that is there.
type description struct {
	value   any
	differs bool
}

func (t *Tracker) describe(old []byte, markdown string) (description, error) {
	if t.cloud {
		doc, differs, err := adfWith(old, markdown)
		return description{doc, differs}, err
	}
	text, differs := wikiWith(wikiText(old), markdown)
	return description{text, differs}, nil
}

// person gives how Jira calls somebody: as is, or looked up by a mail address. Whoever is
// not found gets nothing.
func (t *Tracker) person(ctx context.Context, name string) (string, error) {
	if !strings.Contains(name, "@") {
		return name, nil
	}
	var found []gojira.User
	query := url.Values{"query": {name}, "maxResults": {"2"}}
	if !t.cloud {
		query = url.Values{"username": {name}, "maxResults": {"2"}}
	}
	err := t.client.get(ctx, "user/search", query, &found)
	switch {
	case fault.Is(err, fault.Throttled), fault.Is(err, fault.Unavailable):
		return "", fault.Wrap(fault.KindOf(err), err, "looking for an assignee")
	case err == nil && len(found) == 1:
		return t.who(&found[0]), nil
	}
	return "", nil // without the permission to browse users nobody is found, and the ticket is made nevertheless
}

// Update implements connectors.Tracker. All that is written goes in one request, with the
// property that says so; the status follows, a request for each transition.
func (t *Tracker) Update(ctx context.Context, want connectors.Issue, cause string) (connectors.Issue, error) {
	is, err := t.fetch(ctx, want.Key)
	if err != nil {
		return connectors.Issue{}, err
	}
	p, err := t.claim(is, want.Marker)
	if err != nil {
		return connectors.Issue{}, err
	}
	wrote, err := t.edit(ctx, is, p, &want, cause)
	if err != nil {
		return connectors.Issue{}, err
	}
	moved := false
	if want.Status != "" && want.Status != statusOf(is.Fields.Status.StatusCategory.Key) {
		if err := t.move(ctx, is, p, &want, cause); err != nil {
			return connectors.Issue{}, err
		}
		moved = true
	}
	if wrote || moved { // what Jira made of it is what counts
		if is, err = t.fetch(ctx, is.Key); err != nil {
			return connectors.Issue{}, err
		}
		if p, err = t.claim(is, want.Marker); err != nil {
			return connectors.Issue{}, err
		}
	}
	return t.told(ctx, is, p)
}

// claim gives the property of an issue that is ours, and refuses to write on any other.
func (t *Tracker) claim(is *wireIssue, marker string) (*property, error) {
	p, err := is.property()
	if err != nil {
		return nil, err
	}
	if p == nil || p.Marker != marker {
		return nil, fault.New(fault.Conflict, "writing on issue %s: it is not the one that quell made for %s", is.Key, marker)
	}
	return p, nil
}

// edit writes the fields that differ and no person has changed, and reports whether there
// were any. The property tells of them as written.
func (t *Tracker) edit(ctx context.Context, is *wireIssue, p *property, want *connectors.Issue, cause string) (bool, error) {
	f := &is.Fields
	assignee, err := t.person(ctx, want.Assignee)
	if err != nil {
		return false, err
	}
	w, now := t.wanted(want, assignee), wrote{Title: f.Summary, Due: f.DueDate, Assignee: t.who(f.Assignee)}
	if f.Priority != nil {
		now.Priority = f.Priority.Name
	}
	if !t.config.DueDate {
		w.Due = now.Due
	}
	kept := p.Wrote
	overridden := t.overridden(is, p)
	for name, field := range map[string]struct{ want, now, wrote *string }{
		"title": {&w.Title, &now.Title, &kept.Title}, "priority": {&w.Priority, &now.Priority, &kept.Priority},
		"due": {&w.Due, &now.Due, &kept.Due}, "assignee": {&w.Assignee, &now.Assignee, &kept.Assignee},
	} {
		if slices.Contains(overridden, name) || *field.want == "" && name != "due" {
			*field.want = *field.now
			continue
		}
		*field.wrote = *field.want
	}
	fields := map[string]any{}
	t.setFields(fields, &w, &now)
	text, err := t.describe(f.Description, want.Description)
	if err != nil {
		return false, err
	}
	if text.differs {
		fields["description"] = text.value
	}
	if t.Nests() && want.Parent != "" && kept.Parent != want.Parent && f.Parent == nil {
		t.setParent(fields, want.Parent)
		kept.Parent = want.Parent
	}
	body := &write{Fields: fields, History: note(p.Marker, cause)}
	if !slices.Contains(f.Labels, label(p.Marker)) { // without it nobody would find it again
		body.Update = map[string][]map[string]any{"labels": {{"add": propertyKey}, {"add": label(p.Marker)}}}
	}
	if len(fields) == 0 && body.Update == nil {
		return false, nil
	}
	p.Wrote, p.Cause = kept, cause
	body.Properties = ownProperty(p)
	if err := t.put(ctx, is.Key, body); err != nil {
		return false, err
	}
	return true, nil
}

// put writes an edit; an assignee who can't have the issue is left out.
func (t *Tracker) put(ctx context.Context, key string, body *write) error {
	path := "issue/" + segment(key)
	err := t.client.call(ctx, http.MethodPut, path, nil, body, nil)
	if _, assigns := body.Fields["assignee"]; assigns && blames(err, "assignee") {
		delete(body.Fields, "assignee")
		err = t.client.call(ctx, http.MethodPut, path, nil, body, nil)
	}
	if fault.Is(err, fault.NotFound) {
		return t.missing(ctx, key)
	}
	return fault.Wrap(fault.KindOf(err), err, "writing on issue "+key)
}

// note marks an entry of the changelog as ours.
func note(marker, cause string) *history {
	return &history{Type: self, ExtraData: map[string]string{"marker": marker, "cause": connectors.Cut(cause, 200)}}
}
