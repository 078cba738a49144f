package githubissues

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	bucketPrefix = "quell-"
	longestTitle = 256
	// longestBody is GitHub's 65,536 characters, less some for what it may count otherwise.
	longestBody = 65000
	leastBlock  = 2000
	// writtenAt is, in what a block says, the repository in which we wrote.
	writtenAt = "at"
)

// issue is what an answer says, in the contract's terms. The marker counts only on what we
// made: a copy that a person made has it too.
func (t *Tracker) issue(ctx context.Context, x *wireIssue, at place) (connectors.Issue, error) {
	out := connectors.Issue{Key: at.key(), Title: x.Title, URL: x.HTMLURL, Status: connectors.IssueTodo, UpdatedAt: x.UpdatedAt}
	me, err := t.whoami(ctx)
	if err != nil {
		return out, err
	}
	block, ok := marked.Markdown.Any(x.Body)
	if ok && t.ours(x.User.Login, me) {
		out.Marker = block.Marker
	}
	have := t.fields(x, at, &block)
	out.Description, out.Priority, out.Assignee = block.Text, have[marked.Priority], have[marked.Assignee]
	out.Overridden = marked.Changed(have, block.Written)
	if due, err := time.Parse(time.DateOnly, have[marked.Due]); err == nil {
		out.Due = due
	}
	switch {
	case x.State == "closed":
		out.Status, out.ClosedAt, out.ClosedBy = connectors.IssueDone, x.ClosedAt, ghost
		if x.ClosedBy != nil {
			out.ClosedBy = x.ClosedBy.Login
		}
		if t.ours(out.ClosedBy, me) {
			out.ClosedBy = self
		}
	case t.config.InProgress != "" && x.has(t.config.InProgress):
		out.Status = connectors.IssueInProgress
	}
	return out, nil
}

func (t *Tracker) ours(login, me string) bool {
	return strings.EqualFold(login, me) || slices.ContainsFunc(t.config.Former, func(f string) bool { return strings.EqualFold(f, login) })
}

// fields are the issue's fields as a person may override them. A transfer takes along only
// the labels and milestones that the other repository has too: what is lost on that way
// nobody has changed.
func (t *Tracker) fields(x *wireIssue, at place, block *marked.Block) map[string]string {
	have := map[string]string{marked.Title: x.Title, marked.Priority: t.priority(x), marked.Assignee: "", marked.Due: ""}
	if len(x.Assignees) > 0 {
		have[marked.Assignee] = x.Assignees[0].Login
	}
	if m := x.Milestone; m != nil {
		have[marked.Due] = "milestone " + m.Title
		if !m.DueOn.IsZero() {
			have[marked.Due] = m.DueOn.UTC().Format(time.DateOnly)
		}
	}
	if was := block.Written[writtenAt]; was != "" && !strings.EqualFold(was, at.repository) {
		for _, field := range []string{marked.Priority, marked.Due} {
			if have[field] == "" {
				have[field] = block.Written[field]
			}
		}
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

// want are the fields as they should be.
func (t *Tracker) want(ctx context.Context, issue *connectors.Issue, at place) (map[string]string, error) {
	want := map[string]string{marked.Title: marked.Line(issue.Title, longestTitle), marked.Priority: "", marked.Due: "", marked.Assignee: ""}
	if t.config.Priorities[issue.Priority] != "" {
		want[marked.Priority] = issue.Priority
	}
	if !issue.Due.IsZero() {
		want[marked.Due] = issue.Due.UTC().Format(time.DateOnly)
	}
	login := issue.Assignee
	if login == "" {
		login = t.config.Assignees[issue.Team]
	}
	if login == "" {
		return want, nil
	}
	can, err := t.assignable(ctx, login, at)
	if can {
		want[marked.Assignee] = login
	}
	return want, err
}

// body puts our block into a body. People's words are kept before ours.
func body(old, marker, text string, written map[string]string) string {
	block, _ := marked.Markdown.Find(old, marker)
	people := len(old) - len(block.Text)
	return marked.Markdown.Put(old, marker, marked.Cut(marked.Harmless(text), max(longestBody-people-leastBlock, leastBlock)), written)
}

// patch is what has to be written so that an issue is as it should be; empty for nothing.
func (t *Tracker) patch(ctx context.Context, x *wireIssue, at place, issue *connectors.Issue) (map[string]any, error) {
	block, ok := marked.Markdown.Find(x.Body, issue.Marker)
	if !ok && !marked.ValidMarker(issue.Marker) {
		return nil, fault.New(fault.Invalid, "updating issue %s: its marker can't be written", issue.Key)
	}
	want, err := t.want(ctx, issue, at)
	if err != nil {
		return nil, err
	}
	if x.Number == 0 { // a new one: there is nothing that a person could have changed
		block.Written = map[string]string{marked.Title: "", marked.Priority: "", marked.Due: "", marked.Assignee: ""}
	}
	change := marked.Decide(t.fields(x, at, &block), want, block.Written, issue.Overridden)
	change.Written[writtenAt] = at.repository
	patch := map[string]any{}
	if text := body(x.Body, issue.Marker, issue.Description, change.Written); text != x.Body {
		patch["body"] = text
	}
	if title, ok := change.Write[marked.Title]; ok {
		patch["title"] = title
	}
	if login, ok := change.Write[marked.Assignee]; ok {
		patch["assignees"] = logins(login)
	}
	due, writes := change.Write[marked.Due]
	if !writes && change.Written[marked.Due] == want[marked.Due] && x.Milestone == nil { // lost in a transfer
		due, writes = want[marked.Due], want[marked.Due] != ""
	}
	if writes {
		if patch["milestone"], err = t.milestone(ctx, at.repository, due); err != nil {
			return nil, err
		}
	}
	priority := t.priority(x)
	if !slices.Contains(change.Overridden, marked.Priority) {
		priority = want[marked.Priority]
	}
	if names := t.labels(x, issue, priority); names != nil {
		patch["labels"] = names
	}
	switch {
	case issue.Status == connectors.IssueDone && x.State != "closed":
		patch["state"], patch["state_reason"] = "closed", "completed"
	case (issue.Status == connectors.IssueTodo || issue.Status == connectors.IssueInProgress) && x.State == "closed":
		patch["state"], patch["state_reason"] = "open", "reopened"
	}
	return patch, nil
}

func logins(login string) []string {
	if login == "" {
		return []string{}
	}
	return []string{login}
}

// labels gives an issue's labels as they should be, or nil where they are: people's stay, and
// so do the configured ones that people took away from an issue which is there.
func (t *Tracker) labels(x *wireIssue, issue *connectors.Issue, priority string) []string {
	needed := []string{bucketPrefix + marked.Bucket(issue.Marker)}
	if x.Number == 0 {
		needed = append(needed, t.config.Labels...)
	}
	if name := t.config.Priorities[priority]; name != "" {
		needed = append(needed, name)
	}
	names, changed := []string{}, false
	for _, l := range x.Labels {
		decision := slices.IndexFunc(decisions, func(d string) bool { return strings.EqualFold(t.config.Priorities[d], l.Name) })
		if decision >= 0 && decisions[decision] != priority {
			changed = true
			continue
		}
		names = append(names, l.Name)
	}
	for _, name := range needed {
		if !slices.ContainsFunc(names, func(have string) bool { return strings.EqualFold(have, name) }) {
			names, changed = append(names, name), true
		}
	}
	if !changed {
		return nil
	}
	return names
}

// write sends a patch, or makes an issue where there is none yet, and reads the answer.
func (t *Tracker) write(ctx context.Context, at place, patch map[string]any, x *wireIssue) error {
	call, doing := httpclient.Call{Method: http.MethodPatch, Path: at.path(), JSON: patch}, "updating issue "+at.key()
	budgets := []string{}
	if at.number == 0 {
		call.Method, call.Path, doing = http.MethodPost, "repos/"+at.repository+"/issues", "creating an issue in "+at.repository
		budgets = append(budgets, budgetContent)
	}
	var answer wireIssue
	err := t.call(ctx, call, &answer, budgets...)
	if fault.Is(err, fault.Invalid) { // 422, perhaps for a milestone that somebody deleted
		t.mu.Lock()
		clear(t.milestones)
		t.mu.Unlock()
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, doing)
	}
	*x = answer
	return nil
}
