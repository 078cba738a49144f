package gitlabissuestest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Issue is an issue as it is stored.
type Issue struct {
	Title, Description, Assignee, Due, Author string
	Closed, Confidential                      bool
	Labels                                    []string
	Notes                                     []Note // without those of the system
}

// Issue gives an issue by its key, wherever it was moved.
func (f *Fake) Issue(key string) Issue {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.byKey(key)
	return Issue{Title: x.title, Description: x.description, Assignee: x.assignee, Due: x.due, Author: x.author, Closed: x.closed, Confidential: x.confidential,
		Labels: slices.Clone(x.labels), Notes: slices.DeleteFunc(slices.Clone(x.notes), func(n Note) bool { return n.System })}
}

// Made are the keys of all issues that were created over the API, as they are called now,
// deleted ones and duplicates too.
func (f *Fake) Made() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]string, len(f.made))
	for i, x := range f.made {
		out[i] = x.current().key()
	}
	return out
}

// Writes counts the writing calls that were carried out.
func (f *Fake) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

func (f *Fake) edit(key string, fn func(x *issue)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.byKey(key)
	f.did(x, "update")
	fn(x)
}

// Close closes an issue.
func (f *Fake) Close(key, by string) { f.edit(key, func(x *issue) { f.close(x, by) }) }

// Reopen opens it again.
func (f *Fake) Reopen(key string) { f.edit(key, f.reopen) }

// Label adds a label. Of two with one scope the newer stays, as in GitLab Premium.
func (f *Fake) Label(key, label string) { f.edit(key, func(x *issue) { x.label(label) }) }

func (x *issue) label(label string) {
	if at := strings.LastIndex(label, "::"); at > 0 {
		x.labels = slices.DeleteFunc(x.labels, func(l string) bool { return strings.LastIndex(l, "::") == at && strings.HasPrefix(l, label[:at]) })
	}
	if !slices.Contains(x.labels, label) {
		x.labels = append(x.labels, label)
	}
}

// Unlabel takes a label away.
func (f *Fake) Unlabel(key, label string) { f.edit(key, func(x *issue) { x.unlabel(label) }) }

func (x *issue) unlabel(label string) {
	x.labels = slices.DeleteFunc(x.labels, func(l string) bool { return l == label })
}

// SetTitle renames an issue.
func (f *Fake) SetTitle(key, title string) { f.edit(key, func(x *issue) { x.title = title }) }

// SetDescription rewrites a description.
func (f *Fake) SetDescription(key string, fn func(old string) string) {
	f.edit(key, func(x *issue) { x.description = fn(x.description) })
}

// Assign assigns somebody.
func (f *Fake) Assign(key, name string) { f.edit(key, func(x *issue) { x.assignee = name }) }

// SetDue sets the due date (2006-01-02).
func (f *Fake) SetDue(key, due string) { f.edit(key, func(x *issue) { x.due = due }) }

// Say comments on behalf of a person.
func (f *Fake) Say(key, text, by string) {
	f.edit(key, func(x *issue) {
		x.notes = append(x.notes, Note{By: by, Body: text})
		x.action = "note"
	})
}

// Delete deletes an issue for good.
func (f *Fake) Delete(key string) { f.edit(key, func(x *issue) { x.deleted = true }) }

// Move moves an issue to another project, as docs.gitlab.com says: it is closed and copied,
// by the same author, with the labels that the other project has too; a note of the system on
// each names the other. It gives the new key.
func (f *Fake) Move(key, to, by string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, target := f.byKey(key), f.project(to)
	x := f.copied(old, target, old.author)
	old.movedTo = x
	f.close(old, by)
	old.notes = append(old.notes, Note{By: by, Body: "moved to " + x.key(), System: true})
	return x.key()
}

func (f *Fake) copied(old *issue, target *project, author string) *issue {
	x := f.add(target, author)
	x.title, x.description, x.assignee, x.due, x.confidential, x.notes = old.title, old.description, old.assignee, old.due, old.confidential, slices.Clone(old.notes)
	x.labels = slices.DeleteFunc(slices.Clone(old.labels), func(l string) bool { return !slices.Contains(target.labels, l) })
	return x
}

// Clone copies an issue as a person would.
func (f *Fake) Clone(key, by string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.byKey(key)
	return f.copied(old, old.project, by).key()
}

// Open makes an issue that has nothing to do with us.
func (f *Fake) Open(path, title, description, by string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.add(f.project(path), by)
	x.title, x.description = title, description
	return x.key()
}

// Files are the names of the uploads that notes on an issue link to.
func (f *Fake) Files(key string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.byKey(key)
	var out []string
	for _, n := range x.notes {
		for path, name := range x.project.uploads {
			if strings.Contains(n.Body, "("+path+")") {
				out = append(out, name)
			}
		}
	}
	return out
}

// Hook is the call that tells of the latest change of an issue, with the secret token and
// the signature of a signing token (whsec_…), of which either may be empty.
func (f *Fake) Hook(key, token, signing string) (http.Header, []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.byKey(key)
	attributes := map[string]any{"iid": x.iid, "title": x.title, "description": x.description, "action": x.action, "confidential": x.confidential}
	event := map[string]any{"object_kind": "issue", "object_attributes": attributes, "project": map[string]string{"path_with_namespace": x.project.path}}
	kind := "Issue Hook"
	if x.action == "note" {
		kind = "Note Hook"
		event["object_kind"], event["issue"] = "note", attributes
		event["object_attributes"] = map[string]any{"note": x.notes[len(x.notes)-1].Body, "noteable_type": "Issue", "action": "create"} //nolint:misspell // as GitLab spells it
	}
	if x.confidential {
		kind = "Confidential " + kind
	}
	body, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	header := http.Header{}
	header.Set("X-Gitlab-Event", kind)
	header.Set("X-Gitlab-Event-UUID", x.delivery)
	header.Set("Idempotency-Key", x.delivery)
	header.Set("Content-Type", "application/json")
	if token != "" {
		header.Set("X-Gitlab-Token", token)
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signing, "whsec_")); signing != "" && err == nil {
		header.Set("webhook-id", x.delivery)
		header.Set("webhook-timestamp", strconv.FormatInt(f.now().Unix(), 10))
		mac := hmac.New(sha256.New, raw)
		mac.Write(append([]byte(x.delivery+"."+header.Get("webhook-timestamp")+"."), body...))
		header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return header, body
}
