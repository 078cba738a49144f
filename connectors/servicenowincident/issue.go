package servicenowincident

import (
	"context"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
)

const (
	longestTitle = 160  // short_description, as shipped
	longestBody  = 4000 // description, as shipped
	leastBlock   = 500
	// group is, in what a block says, the assignment group that we gave.
	group = "group"
	// noon keeps the date the same one in most time zones in which people read it.
	noon = " 12:00:00"
)

// issue is what a record says, in the contract's terms. The marker counts only on what we
// made: a copy that a person made may have it too.
func (t *Tracker) issue(x record) connectors.Issue {
	out := connectors.Issue{Key: x.get("number"), Title: x.get("short_description"), Status: t.status(x), UpdatedAt: moment(x.get("sys_updated_on")),
		URL: strings.TrimSuffix(t.config.URL, "/") + "/nav_to.do?uri=incident.do?sys_id=" + x.get("sys_id")}
	if marker := x.get("correlation_id"); t.carries(x, marker) {
		out.Marker = marker
	}
	block, _ := marked.Plain.Any(x.get("description"))
	have := t.fields(x)
	out.Description, out.Priority, out.Assignee = block.Text, have[marked.Priority], have[marked.Assignee]
	out.Overridden = marked.Changed(have, block.Written)
	if due, err := time.Parse(time.DateOnly, have[marked.Due]); err == nil {
		out.Due = due
	}
	if out.Status == connectors.IssueDone {
		t.closed(&out, x)
	}
	return out
}

// closed says who closed an incident and when: who resolved it, else who closed it.
func (t *Tracker) closed(out *connectors.Issue, x record) {
	out.ClosedBy, out.ClosedAt = x.get("resolved_by.user_name"), moment(x.get("resolved_at"))
	if out.ClosedBy == "" {
		out.ClosedBy, out.ClosedAt = x.get("closed_by.user_name"), moment(x.get("closed_at"))
	}
	if out.ClosedBy == "" { // an account that is gone, or an instance that doesn't note it
		out.ClosedBy = "somebody"
	}
	for _, name := range append([]string{t.config.User}, t.config.Former...) {
		if strings.EqualFold(out.ClosedBy, name) {
			out.ClosedBy = self
		}
	}
}

// status is what a state means; one that the configuration doesn't know is work in progress.
func (t *Tracker) status(x record) connectors.IssueStatus {
	if s := t.config.States[x.get("state")]; s != "" {
		return connectors.IssueStatus(s)
	}
	return connectors.IssueInProgress
}

// moment reads a time of the database, which is in UTC. Zero where there is none.
func moment(value string) time.Time {
	at, err := time.Parse(time.DateTime, value)
	if err != nil {
		return time.Time{}
	}
	return at
}

// fields are the incident's fields as a person may override them.
func (t *Tracker) fields(x record) map[string]string {
	have := map[string]string{marked.Title: x.get("short_description"), marked.Assignee: x.get("assigned_to.user_name"), marked.Due: "", marked.Priority: ""}
	if due := moment(x.get("due_date")); !due.IsZero() {
		have[marked.Due] = due.Format(time.DateOnly)
	}
	if x.get("impact") != "" {
		have[marked.Priority] = x.get("impact") + "/" + x.get("urgency")
	}
	for _, decision := range decisions {
		if t.config.Priorities[decision] == have[marked.Priority] && have[marked.Priority] != "" {
			have[marked.Priority] = decision
			break
		}
	}
	return have
}

// want are the fields as they should be, and the sys_id of the one to be assigned.
func (t *Tracker) want(ctx context.Context, issue *connectors.Issue, have map[string]string) (map[string]string, string, error) {
	want := map[string]string{marked.Title: marked.Line(issue.Title, longestTitle), marked.Priority: have[marked.Priority], marked.Due: "", marked.Assignee: ""}
	if t.config.Priorities[issue.Priority] != "" {
		want[marked.Priority] = issue.Priority
	}
	if !issue.Due.IsZero() {
		want[marked.Due] = issue.Due.UTC().Format(time.DateOnly)
	}
	if issue.Assignee == "" || issue.Assignee == have[marked.Assignee] {
		want[marked.Assignee] = issue.Assignee
		return want, "", nil
	}
	id, err := t.lookup(ctx, "sys_user", "user_name", issue.Assignee)
	if id != "" {
		want[marked.Assignee] = issue.Assignee
	}
	return want, id, err
}

// lookup gives the sys_id of an active user or group, or empty.
func (t *Tracker) lookup(ctx context.Context, of, column, name string) (string, error) {
	if !person.MatchString(name) {
		return "", nil
	}
	found, _, err := t.query(ctx, of, "sys_id,"+column, column+"="+name+"^active=true", 2, 0)
	if err != nil {
		return "", err
	}
	if len(found) != 1 || !strings.EqualFold(found[0].get(column), name) {
		t.log.WarnContext(ctx, "a ticket can't be assigned: ServiceNow has no such user or group, or several", "table", of, "name", name)
		return "", nil
	}
	return found[0].get("sys_id"), nil
}

// groupOf gives the sys_id of a team's assignment group; empty: the instance decides.
func (t *Tracker) groupOf(ctx context.Context, team string) (string, error) {
	name := t.config.Groups[team]
	if name == "" {
		return "", nil
	}
	t.mu.Lock()
	id := t.groups[name]
	t.mu.Unlock()
	if id != "" {
		return id, nil
	}
	id, err := t.lookup(ctx, "sys_user_group", "name", name)
	if id != "" {
		t.mu.Lock()
		t.groups[name] = id
		t.mu.Unlock()
	}
	return id, err
}

// patch is what has to be written so that an incident is as it should be; empty for nothing.
func (t *Tracker) patch(ctx context.Context, x record, issue *connectors.Issue) (map[string]any, error) {
	if !marked.ValidMarker(issue.Marker) {
		return nil, fault.New(fault.Invalid, "writing incident %s: its marker can't be written", issue.Key)
	}
	fresh, old := x.get("sys_id") == "", x.get("description")
	block, _ := marked.Plain.Find(old, issue.Marker)
	have := t.fields(x)
	want, assignee, err := t.want(ctx, issue, have)
	if err != nil {
		return nil, err
	}
	if fresh { // there is nothing that a person could have changed
		block.Written = map[string]string{marked.Title: "", marked.Priority: "", marked.Due: "", marked.Assignee: ""}
	}
	change := marked.Decide(have, want, block.Written, issue.Overridden)
	patch := map[string]any{}
	if err := t.assign(ctx, patch, x, issue.Team, &block, &change); err != nil {
		return nil, err
	}
	for field, value := range change.Write {
		switch field {
		case marked.Title:
			patch["short_description"] = value
		case marked.Due:
			if patch["due_date"] = ""; value != "" {
				patch["due_date"] = value + noon
			}
		case marked.Assignee:
			patch["assigned_to"] = assignee
		case marked.Priority:
			patch["impact"], patch["urgency"], _ = strings.Cut(t.config.Priorities[value], "/")
		}
	}
	people := len(old) - len(block.Text)
	room := longestBody - people
	if fresh || people == len(old) { // the lines around it are yet to come
		room -= leastBlock
	}
	text := marked.Cut(marked.PlainText(issue.Description), max(room-leastBlock, leastBlock))
	if text = marked.Plain.Put(old, issue.Marker, text, change.Written); text != strings.ReplaceAll(old, "\r", "") {
		patch["description"] = text
	}
	t.move(patch, x, issue.Status)
	return patch, nil
}

// assign gives the incident to the team's group, unless a person has given it to another.
func (t *Tracker) assign(ctx context.Context, patch map[string]any, x record, team string, block *marked.Block, change *marked.Change) error {
	id, err := t.groupOf(ctx, team)
	if err != nil {
		return err
	}
	has, last := x.get("assignment_group"), block.Written[group]
	if last != "" {
		change.Written[group] = last
	}
	if id != "" && id != has && (x.get("sys_id") == "" || has == "" || has == last) {
		patch["assignment_group"], change.Written[group] = id, id
	}
	if id != "" && id == has {
		change.Written[group] = id
	}
	return nil
}

// move adds a change of the state to a patch. What is resolved needs a code and notes.
func (t *Tracker) move(patch map[string]any, x record, to connectors.IssueStatus) {
	done := t.status(x) == connectors.IssueDone
	switch {
	case to == connectors.IssueDone && !done:
		patch["state"], patch["close_code"] = t.config.Resolve, t.config.CloseCode
		patch["close_notes"] = "quell has proof that nothing is left to fix here; the work notes say which."
	case (to == connectors.IssueTodo || to == connectors.IssueInProgress) && done:
		patch["state"] = t.config.Reopen
	}
}
