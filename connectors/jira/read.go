package jira

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// Get implements connectors.Tracker. Jira finds a moved issue under its former key.
func (t *Tracker) Get(ctx context.Context, key string) (connectors.Issue, error) {
	issue, err := t.fetch(ctx, key)
	if err != nil {
		return connectors.Issue{}, err
	}
	p, err := issue.property()
	if err != nil {
		return connectors.Issue{}, err
	}
	return t.told(ctx, issue, p)
}

// told is an issue in our words.
func (t *Tracker) told(ctx context.Context, issue *wireIssue, p *property) (connectors.Issue, error) {
	f := &issue.Fields
	out := connectors.Issue{
		Key: issue.Key, Title: f.Summary, Description: t.part(f.Description), Assignee: t.who(f.Assignee), Due: day(f.DueDate),
		Priority: t.decision(f.Priority), Status: statusOf(f.Status.StatusCategory.Key), URL: t.link(issue.Key), UpdatedAt: moment(f.Updated),
	}
	if f.Parent != nil {
		out.Parent = f.Parent.Key
	}
	if p == nil {
		return out, nil
	}
	out.Marker, out.Overridden = p.Marker, t.overridden(issue, p)
	if out.Status == connectors.IssueDone {
		closing, err := t.closing(ctx, issue, p)
		if err != nil {
			return out, err
		}
		out.ClosedBy, out.ClosedAt = closing.by, closing.at
	}
	return out, nil
}

func (t *Tracker) part(description json.RawMessage) string {
	if t.cloud {
		return adfPart(description)
	}
	return wikiPart(wikiText(description))
}

// wikiText is a description as a string; null is an empty one.
func wikiText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}
	}
	return at
}

func dayText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.DateOnly)
}

// decision is ours for a priority of Jira's; what is none of the configured ones is told by
// its name.
func (t *Tracker) decision(p *named) string {
	if p == nil {
		return ""
	}
	for _, d := range decisions {
		if t.config.Priorities[d] == p.Name {
			return d
		}
	}
	return p.Name
}

func statusOf(category string) connectors.IssueStatus {
	switch category {
	case categories["done"]:
		return connectors.IssueDone
	case categories["in_progress"]:
		return connectors.IssueInProgress
	}
	return connectors.IssueTodo
}

// overridden names what a person has changed: what is not as we last wrote it, and what the
// changelog knows a change of. What Jira sets by itself at creation is in no changelog.
func (t *Tracker) overridden(issue *wireIssue, p *property) []string {
	f := &issue.Fields
	priority := ""
	if f.Priority != nil {
		priority = f.Priority.Name
	}
	var out []string
	for _, v := range []struct{ name, field, wrote, is string }{
		{"title", "summary", p.Wrote.Title, f.Summary},
		{"priority", "priority", p.Wrote.Priority, priority},
		{"due", "duedate", p.Wrote.Due, f.DueDate},
		{"assignee", "assignee", p.Wrote.Assignee, t.who(f.Assignee)},
	} {
		if v.wrote != v.is && issue.touched(v.field) {
			out = append(out, v.name)
		}
	}
	return out
}

// touched reports whether a field was changed since creation. Where the changelog is cut
// short it may have been.
func (i *wireIssue) touched(field string) bool {
	if i.Changelog == nil || i.Changelog.Total > len(i.Changelog.Histories) {
		return true
	}
	for _, h := range i.Changelog.Histories {
		for _, item := range h.Items {
			if strings.EqualFold(item.Field, field) {
				return true
			}
		}
	}
	return false
}

// change is one of the status, as the changelog tells it.
type change struct {
	id       string
	from, to string // status IDs
	author   *gojira.User
	at       time.Time
	history  *history
}

func numeric(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// moves are the changes of the status, the oldest first. Cloud gives the newest first, Data
// Center the oldest.
func moves(entries []wireEntry) []change {
	var out []change
	for i := range entries {
		for _, item := range entries[i].Items {
			if item.Field == "status" {
				out = append(out, change{id: entries[i].ID, from: item.From, to: item.To, author: entries[i].Author, at: moment(entries[i].Created), history: entries[i].History})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b change) int { return int(min(max(numeric(a.id)-numeric(b.id), -1), 1)) })
	return out
}

// mostPages bounds how far a long changelog is read back.
const mostPages = 20

// moves gives the changes of an issue's status, reading on where Cloud has cut them off.
func (t *Tracker) moves(ctx context.Context, issue *wireIssue) ([]change, error) {
	if issue.Changelog == nil {
		return nil, nil
	}
	entries := issue.Changelog.Histories
	if t.cloud {
		const page = 100
		for to, n := issue.Changelog.Total-len(entries), 0; to > 0 && len(moves(entries)) < 2 && n < mostPages; n++ {
			from := max(to-page, 0)
			var more wireChangelog
			query := url.Values{"startAt": {strconv.Itoa(from)}, "maxResults": {strconv.Itoa(to - from)}}
			if err := t.client.get(ctx, "issue/"+segment(issue.Key)+"/changelog", query, &more); err != nil {
				return nil, fault.Wrap(fault.KindOf(err), err, "reading the changes of issue "+issue.Key)
			}
			entries = slices.Concat(entries, more.Values)
			to = from
		}
	}
	return moves(entries), nil
}

// closed is who moved an issue to done, and when; we are "quell".
type closed struct {
	by string
	at time.Time
}

// closing finds the change that closed an issue: the last one that led from a status that
// isn't done to one that is.
func (t *Tracker) closing(ctx context.Context, issue *wireIssue, p *property) (closed, error) {
	all, err := t.moves(ctx, issue)
	if err != nil || len(all) == 0 {
		return closed{}, err // it was created as done
	}
	at := len(all) - 1
	for ; at > 0; at-- {
		category, err := t.category(ctx, all[at].from)
		if err != nil {
			return closed{}, err
		}
		if category != categories["done"] {
			break
		}
	}
	c := &all[at]
	mine, err := t.mine(ctx, all, at, p)
	if err != nil {
		return closed{}, err
	}
	if mine {
		return closed{self, c.at}, nil
	}
	return closed{t.called(c.author), c.at}, nil
}

// mine reports whether a change was ours: it says so itself, or it is the one that follows
// what our last transition saw, and was made under our account.
func (t *Tracker) mine(ctx context.Context, all []change, at int, p *property) (bool, error) {
	c := &all[at]
	if c.history != nil && c.history.Type == self && c.history.ExtraData["marker"] == p.Marker {
		return true, nil
	}
	before := ""
	if earlier := all[:at]; len(earlier) > 0 {
		before = earlier[len(earlier)-1].id
	}
	if p.Moved == nil || p.Moved.To != c.to || p.Moved.After != before {
		return false, nil
	}
	me, err := t.myself(ctx)
	if err != nil {
		return false, err
	}
	return t.who(me) != "" && t.who(me) == t.who(c.author), nil
}

// category is that of a status. Statuses are asked for when an unknown one is met.
func (t *Tracker) category(ctx context.Context, status string) (string, error) {
	t.mu.Lock()
	category, known := t.statuses[status]
	t.mu.Unlock()
	if known {
		return category, nil
	}
	var all []gojira.Status
	if err := t.client.get(ctx, "status", nil, &all); err != nil {
		return "", fault.Wrap(fault.KindOf(err), err, "asking for the statuses of Jira")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range all {
		t.statuses[all[i].ID] = all[i].StatusCategory.Key
	}
	if _, known := t.statuses[status]; !known {
		t.statuses[status] = "" // it was deleted
	}
	return t.statuses[status], nil
}
