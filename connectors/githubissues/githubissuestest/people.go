package githubissuestest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Issue is an issue as it is stored.
type Issue struct {
	Title, Body, Reason, Assignee, Due, Author, URL string
	Closed                                          bool
	Labels                                          []string
	Comments                                        []Comment
}

// Issue gives an issue by its key, wherever it was transferred.
func (f *Fake) Issue(key string) Issue {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.byKey(key)
	out := Issue{Title: x.title, Body: x.body, Reason: x.reason, Author: x.author, Closed: x.closed, Labels: slices.Clone(x.labels), Comments: slices.Clone(x.comments)}
	if len(x.assignees) > 0 {
		out.Assignee = x.assignees[0]
	}
	if x.milestone != nil {
		out.Due = x.milestone.DueOn.Format(time.DateOnly)
	}
	return out
}

// Made are the keys of all issues that were created over the API, as they are called now,
// deleted ones and duplicates too.
func (f *Fake) Made() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]string, len(f.made))
	for i, x := range f.made {
		out[i] = x.key()
	}
	return out
}

// Writes counts the writing calls that were carried out.
func (f *Fake) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// Edit lets a person change an issue.
func (f *Fake) edit(key, action string, fn func(x *issue)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.byKey(key)
	fn(x)
	f.did(x, action)
}

// Close closes an issue.
func (f *Fake) Close(key, by, reason string) {
	f.edit(key, "closed", func(x *issue) { x.closed, x.closedBy, x.closedAt, x.reason = true, by, f.at(), reason })
}

// Reopen opens it again.
func (f *Fake) Reopen(key string) {
	f.edit(key, "reopened", func(x *issue) { x.closed, x.closedBy, x.closedAt, x.reason = false, "", time.Time{}, "reopened" })
}

// Label adds a label, Unlabel takes one away.
func (f *Fake) Label(key, label string) {
	f.edit(key, "labeled", func(x *issue) { x.labels = append(x.labels, label) })
}

// Unlabel takes a label away.
func (f *Fake) Unlabel(key, label string) {
	f.edit(key, "unlabeled", func(x *issue) { x.labels = slices.DeleteFunc(x.labels, func(l string) bool { return l == label }) })
}

// SetTitle renames an issue.
func (f *Fake) SetTitle(key, title string) { f.edit(key, "edited", func(x *issue) { x.title = title }) }

// SetBody rewrites an issue's body as a browser's form does: with carriage returns.
func (f *Fake) SetBody(key string, fn func(body string) string) {
	f.edit(key, "edited", func(x *issue) {
		x.body = strings.ReplaceAll(strings.ReplaceAll(fn(strings.ReplaceAll(x.body, "\r", "")), "\r", ""), "\n", "\r\n")
	})
}

// Assign assigns somebody, and nobody else.
func (f *Fake) Assign(key, login string) {
	f.edit(key, "assigned", func(x *issue) { x.assignees = []string{login} })
}

// SetDue puts an issue into the milestone of a day (2006-01-02).
func (f *Fake) SetDue(key, due string) {
	f.edit(key, "milestoned", func(x *issue) {
		at, err := time.Parse(time.DateOnly, due)
		if err != nil {
			panic(err)
		}
		x.milestone = f.milestone(x.repo, "Due "+due, at.Add(12*time.Hour))
	})
}

func (f *Fake) milestone(r *repository, title string, due time.Time) *milestone {
	for _, m := range r.milestones {
		if m.Title == title {
			return m
		}
	}
	m := &milestone{Number: len(r.milestones) + 1, Title: title, DueOn: due}
	r.milestones = append(r.milestones, m)
	return m
}

// Say comments on behalf of a person.
func (f *Fake) Say(key, text, by string) {
	f.edit(key, "created", func(x *issue) { x.comments = append(x.comments, Comment{by, text}) })
}

// Lock locks an issue's conversation.
func (f *Fake) Lock(key string) { f.edit(key, "locked", func(x *issue) { x.locked = true }) }

// Delete deletes an issue for good.
func (f *Fake) Delete(key string) { f.edit(key, "deleted", func(x *issue) { x.deleted = true }) }

// Transfer moves an issue to another repository and gives its new key. Labels and milestones
// stay only where the other repository has them too.
// docs.github.com/en/issues/tracking-your-work-with-issues/transferring-an-issue-to-another-repository
func (f *Fake) Transfer(key, to string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, target := f.byKey(key), f.repo(to)
	x := f.add(target, old.author)
	number := x.number
	*x = *old
	x.repo, x.number, x.movedTo = target, number, nil
	x.labels = slices.DeleteFunc(slices.Clone(old.labels), func(l string) bool { return !slices.Contains(target.labels, l) })
	x.milestone = nil
	for _, m := range target.milestones {
		if old.milestone != nil && m.Title == old.milestone.Title && m.DueOn.Equal(old.milestone.DueOn) {
			x.milestone = m
		}
	}
	old.movedTo = x
	f.did(x, "opened")
	return x.key()
}

// Clone copies an issue as a person would: by another author, with everything that can be
// copied.
func (f *Fake) Clone(key, by string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.byKey(key)
	x := f.add(old.repo, by)
	x.title, x.body, x.labels, x.milestone = old.title, old.body, slices.Clone(old.labels), old.milestone
	return x.key()
}

// Open makes an issue that has nothing to do with us.
func (f *Fake) Open(repository, title, body, by string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.add(f.repo(repository), by)
	x.title, x.body = title, body
	return x.key()
}

// Hook is the signed call that tells of the latest change of an issue.
func (f *Fake) Hook(key, secret string) (http.Header, []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.byKey(key)
	kind := "issues"
	event := map[string]any{"action": x.action, "issue": f.show(x, true), "repository": map[string]string{"full_name": x.repo.name}}
	if x.action == "created" {
		kind = "issue_comment"
		event["comment"] = map[string]string{"body": x.comments[len(x.comments)-1].Body}
	}
	body, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return http.Header{"X-Github-Event": {kind}, "X-Github-Delivery": {x.delivery}, "X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}, "Content-Type": {"application/json"}}, body
}
