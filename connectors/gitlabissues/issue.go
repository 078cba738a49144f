package gitlabissues

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	bucketPrefix = "quell::"
	longestTitle = 255
	// longestBody is far below GitLab's 1,048,576 characters: nobody reads more.
	longestBody = 200_000
	leastBlock  = 2000
	// writtenAt is, in what a block says, the project in which we wrote.
	writtenAt = "at"
)

// issue is what an answer says, in the contract's terms. The marker counts only on what we
// made: a copy that a person made has it too.
func (t *Tracker) issue(ctx context.Context, x *wireIssue, at place) (connectors.Issue, error) {
	out := connectors.Issue{Key: at.key(), Title: x.Title, URL: x.WebURL, Status: connectors.IssueTodo, UpdatedAt: x.UpdatedAt}
	me, err := t.whoami(ctx)
	if err != nil {
		return out, err
	}
	block, ok := marked.Markdown.Any(x.Description)
	if ok && t.ours(x.Author.Username, me) {
		out.Marker = block.Marker
	}
	have := t.fields(x, at, &block)
	out.Description, out.Priority, out.Assignee = block.Text, have[marked.Priority], have[marked.Assignee]
	out.Overridden = marked.Changed(have, block.Written)
	if due, err := time.Parse(time.DateOnly, x.DueDate); err == nil {
		out.Due = due
	}
	switch {
	case x.State == "closed":
		out.Status, out.ClosedAt, out.ClosedBy = connectors.IssueDone, x.ClosedAt, ghost
		if x.ClosedBy != nil {
			out.ClosedBy = x.ClosedBy.Username
		}
		if t.ours(out.ClosedBy, me) {
			out.ClosedBy = self
		}
	case t.config.InProgress != "" && x.has(t.config.InProgress):
		out.Status = connectors.IssueInProgress
	}
	return out, nil
}

func (t *Tracker) ours(name, me string) bool {
	return strings.EqualFold(name, me) || slices.ContainsFunc(t.config.Former, func(f string) bool { return strings.EqualFold(f, name) })
}

// fields are the issue's fields as a person may override them. A move takes along only the
// labels that the other project has too: what is lost on that way nobody has changed.
func (t *Tracker) fields(x *wireIssue, at place, block *marked.Block) map[string]string {
	have := map[string]string{marked.Title: x.Title, marked.Priority: t.priority(x), marked.Assignee: "", marked.Due: x.DueDate}
	if len(x.Assignees) > 0 {
		have[marked.Assignee] = x.Assignees[0].Username
	}
	if was := block.Written[writtenAt]; was != "" && !strings.EqualFold(was, at.project) && have[marked.Priority] == "" {
		have[marked.Priority] = block.Written[marked.Priority]
	}
	return have
}

func (t *Tracker) priority(x *wireIssue) string {
	for _, decision := range decisions {
		if name := t.config.Priorities[decision]; name != "" && x.has(name) {
			return decision
		}
	}
	return ""
}

// want are the fields as they should be, and the number of the one to be assigned.
func (t *Tracker) want(ctx context.Context, issue *connectors.Issue, at place) (map[string]string, int, error) {
	want := map[string]string{marked.Title: marked.Line(issue.Title, longestTitle), marked.Priority: "", marked.Due: "", marked.Assignee: ""}
	if t.config.Priorities[issue.Priority] != "" {
		want[marked.Priority] = issue.Priority
	}
	if !issue.Due.IsZero() {
		want[marked.Due] = issue.Due.UTC().Format(time.DateOnly)
	}
	name := issue.Assignee
	if name == "" {
		name = t.config.Assignees[issue.Team]
	}
	if name == "" {
		return want, 0, nil
	}
	id, err := t.assignable(ctx, name, at)
	if id != 0 {
		want[marked.Assignee] = name
	}
	return want, id, err
}

// assignable gives the number of a user who can be assigned in a project, or zero: GitLab
// drops others silently.
func (t *Tracker) assignable(ctx context.Context, name string, at place) (int, error) {
	var found []user
	if err := t.call(ctx, httpclient.Call{Path: "users", Query: url.Values{"username": {name}}}, &found); err != nil {
		return 0, fault.Wrap(fault.KindOf(err), err, "looking for the user "+name)
	}
	if len(found) == 1 {
		err := t.call(ctx, httpclient.Call{Path: projectPath(at.project) + "/members/all/" + strconv.Itoa(found[0].ID)}, nil)
		if !errors.Is(err, errUnseen) {
			return found[0].ID, fault.Wrap(fault.KindOf(err), err, "asking whether "+name+" can be assigned")
		}
	}
	t.log.WarnContext(ctx, "a ticket can't be assigned: the user is no member of the project", "user", name, "project", at.project)
	return 0, nil
}

// patch is what has to be written so that an issue is as it should be; empty for nothing.
func (t *Tracker) patch(ctx context.Context, x *wireIssue, at place, issue *connectors.Issue) (map[string]any, error) {
	if !marked.ValidMarker(issue.Marker) {
		return nil, fault.New(fault.Invalid, "writing issue %s: its marker can't be written", issue.Key)
	}
	block, _ := marked.Markdown.Find(x.Description, issue.Marker)
	want, id, err := t.want(ctx, issue, at)
	if err != nil {
		return nil, err
	}
	if x.IID == 0 { // a new one: there is nothing that a person could have changed
		block.Written = map[string]string{marked.Title: "", marked.Priority: "", marked.Due: "", marked.Assignee: ""}
	}
	change := marked.Decide(t.fields(x, at, &block), want, block.Written, issue.Overridden)
	change.Written[writtenAt] = at.project
	patch := map[string]any{}
	people := len(x.Description) - len(block.Text)
	text := marked.Cut(marked.Harmless(issue.Description), max(longestBody-people-leastBlock, leastBlock))
	if text = marked.Markdown.Put(x.Description, issue.Marker, text, change.Written); text != x.Description {
		patch["description"] = text
	}
	for field, name := range map[string]string{marked.Title: "title", marked.Due: "due_date"} {
		if value, ok := change.Write[field]; ok {
			patch[name] = value
		}
	}
	if _, ok := change.Write[marked.Assignee]; ok {
		patch["assignee_ids"] = []int{id} // zero: nobody
	}
	priority := t.priority(x)
	if !slices.Contains(change.Overridden, marked.Priority) {
		priority = want[marked.Priority]
	}
	t.labels(patch, x, issue, priority)
	switch {
	case issue.Status == connectors.IssueDone && x.State != "closed":
		patch["state_event"] = "close"
	case (issue.Status == connectors.IssueTodo || issue.Status == connectors.IssueInProgress) && x.State == "closed":
		patch["state_event"] = "reopen"
	}
	return patch, nil
}

// labels adds to a patch which labels come and which go: people's stay, and so do the
// configured ones that people took away from an issue which is there.
func (t *Tracker) labels(patch map[string]any, x *wireIssue, issue *connectors.Issue, priority string) {
	needed := []string{bucketPrefix + marked.Bucket(issue.Marker)}
	if x.IID == 0 {
		needed = append(needed, t.config.Labels...)
	}
	if name := t.config.Priorities[priority]; name != "" {
		needed = append(needed, name)
	}
	var add, remove []string
	for _, name := range needed {
		if !x.has(name) {
			add = append(add, name)
		}
	}
	for _, decision := range decisions {
		if name := t.config.Priorities[decision]; decision != priority && name != "" && x.has(name) {
			remove = append(remove, name)
		}
	}
	switch {
	case x.IID == 0:
		patch["labels"] = strings.Join(add, ",")
		return
	case len(add) > 0:
		patch["add_labels"] = strings.Join(add, ",")
	}
	if len(remove) > 0 {
		patch["remove_labels"] = strings.Join(remove, ",")
	}
}

// write sends a patch, or makes an issue where there is none yet, and reads the answer.
func (t *Tracker) write(ctx context.Context, at place, patch map[string]any, x *wireIssue) error {
	call, doing := httpclient.Call{Method: http.MethodPut, Path: at.path(), JSON: patch}, "updating issue "+at.key()
	budgets := []string{}
	if at.iid == 0 {
		call.Method, call.Path, doing = http.MethodPost, projectPath(at.project)+"/issues", "creating an issue in "+at.project
		budgets = append(budgets, budgetContent)
	}
	var answer wireIssue
	if err := t.call(ctx, call, &answer, budgets...); err != nil {
		return fault.Wrap(fault.KindOf(err), err, doing)
	}
	*x = answer
	return nil
}
