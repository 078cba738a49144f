package gitlabissuestest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

func (f *Fake) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, fn func(c *call)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			c := &call{Fake: f, w: w, r: r, name: f.tokens[r.Header.Get("Private-Token")]}
			if c.name == "" {
				c.refuse(http.StatusUnauthorized, "401 Unauthorized")
				return
			}
			if fn(c); !c.answered {
				c.refuse(http.StatusNotFound, "404 Not found")
			}
		})
	}
	handle("GET /api/v4/user", func(c *call) { c.answer(http.StatusOK, c.person(c.name)) })
	handle("GET /api/v4/users", (*call).search)
	handle("GET /api/v4/issues", (*call).everywhere)
	handle("GET /api/v4/projects/{project}", (*call).project)
	handle("GET /api/v4/projects/{project}/members/all/{user}", (*call).member)
	handle("POST /api/v4/projects/{project}/uploads", (*call).upload)
	handle("GET /api/v4/projects/{project}/issues", (*call).list)
	handle("POST /api/v4/projects/{project}/issues", (*call).create)
	handle("GET /api/v4/projects/{project}/issues/{iid}", func(c *call) { c.withIssue(func(x *issue) { c.answer(http.StatusOK, c.show(x)) }) })
	handle("PUT /api/v4/projects/{project}/issues/{iid}", func(c *call) { c.withIssue(c.update) })
	handle("GET /api/v4/projects/{project}/issues/{iid}/notes", func(c *call) { c.withIssue(c.notes) })
	handle("POST /api/v4/projects/{project}/issues/{iid}/notes", func(c *call) { c.withIssue(c.note) })
	return mux
}

// call is one request.
type call struct {
	*Fake
	w        http.ResponseWriter
	r        *http.Request
	name     string
	answered bool
}

func (c *call) answer(status int, body any) {
	c.answered = true
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(body) // the caller may have gone
}

func (c *call) refuse(status int, message string) {
	c.answer(status, map[string]string{"message": message})
}

func (c *call) person(name string) map[string]any {
	return map[string]any{"id": c.user(name), "username": name, "state": "active"}
}

// in gives the project that a path names, if it may be seen.
func (c *call) in() *project {
	p := c.Fake.project(c.r.PathValue("project"))
	if p == nil || p.hidden {
		return nil
	}
	return p
}

// sees is who may see an issue: a confidential one is for its author, its assignee, and
// members who are more than guests.
func (c *call) sees(x *issue) bool {
	return !x.deleted && !x.project.hidden && !x.project.noIssues && (!x.confidential || x.project.level > Guest || x.author == c.name || x.assignee == c.name)
}

func (c *call) withIssue(fn func(x *issue)) {
	p := c.in()
	iid, err := strconv.Atoi(c.r.PathValue("iid"))
	if p == nil || err != nil {
		return
	}
	if x := c.find(p, iid); x != nil && c.sees(x) {
		fn(x)
	}
}

func (c *call) show(x *issue) map[string]any {
	out := map[string]any{"id": x.id, "iid": x.iid, "title": x.title, "description": x.description, "state": "opened", "author": c.person(x.author),
		"assignees": []any{}, "labels": append([]string{}, x.labels...), "due_date": nil, "closed_at": nil, "closed_by": nil, "moved_to_id": nil,
		"created_at": x.created, "updated_at": x.updated, "confidential": x.confidential, "web_url": "https://gitlab.example/" + x.project.path + "/-/issues/" + strconv.Itoa(x.iid),
		"references": map[string]string{"full": x.key()}}
	if x.due != "" {
		out["due_date"] = x.due
	}
	if x.assignee != "" {
		out["assignees"] = []any{c.person(x.assignee)}
	}
	if x.closed {
		out["state"], out["closed_at"], out["closed_by"] = "closed", x.closedAt, c.person(x.closedBy)
	}
	if x.movedTo != nil {
		out["moved_to_id"] = x.movedTo.id
	}
	return out
}

func (c *call) search() {
	found := []any{}
	if name := c.r.FormValue("username"); slices.Contains(c.users, name) {
		found = append(found, c.person(name))
	}
	c.answer(http.StatusOK, found)
}

func (c *call) project() {
	if p := c.in(); p != nil {
		issues := "enabled"
		if p.noIssues {
			issues = "disabled"
		}
		c.answer(http.StatusOK, map[string]any{"path_with_namespace": p.path, "archived": p.archived, "issues_access_level": issues,
			"permissions": map[string]any{"project_access": map[string]int{"access_level": p.level}, "group_access": nil}})
	}
}

func (c *call) member() {
	id, err := strconv.Atoi(c.r.PathValue("user"))
	if p := c.in(); p != nil && err == nil && id >= 1 && id <= len(c.users) && slices.Contains(p.members, c.users[id-1]) {
		c.answer(http.StatusOK, c.person(c.users[id-1]))
	}
}

func (c *call) upload() {
	p := c.in()
	if p == nil {
		return
	}
	file, header, err := c.r.FormFile("file")
	if err != nil {
		c.refuse(http.StatusBadRequest, "file is missing")
		return
	}
	_ = file.Close() // it was read into memory
	c.serial++
	at := "/uploads/" + strconv.Itoa(c.serial) + "/" + path.Base(header.Filename)
	p.uploads[at] = header.Filename
	c.writes++
	c.answer(http.StatusCreated, map[string]string{"url": at, "markdown": "[" + header.Filename + "](" + at + ")"})
}

func (c *call) everywhere() { c.listed(func(*issue) bool { return true }) }

func (c *call) list() {
	if p := c.in(); p != nil {
		c.listed(func(x *issue) bool { return x.project == p })
	}
}

func (c *call) listed(in func(x *issue) bool) {
	after, _ := time.Parse(time.RFC3339Nano, c.r.FormValue("updated_after"))
	found := []*issue{}
	for _, x := range c.issues {
		fits := in(x) && c.sees(x) && !x.updated.Before(after)
		for label := range strings.SplitSeq(c.r.FormValue("labels"), ",") {
			fits = fits && (label == "" || slices.Contains(x.labels, label))
		}
		if words := c.r.FormValue("search"); words != "" {
			fits = fits && c.r.FormValue("in") == "description" && strings.Contains(x.description, words)
		}
		if fits {
			found = append(found, x)
		}
	}
	slices.SortStableFunc(found, func(a, b *issue) int {
		if c.r.FormValue("order_by") == "updated_at" {
			return a.updated.Compare(b.updated)
		}
		return cmp.Compare(a.id, b.id)
	})
	if c.r.FormValue("sort") != "asc" {
		slices.Reverse(found)
	}
	shown := page(c.r, found)
	out := make([]any, 0, len(shown))
	for _, x := range shown {
		out = append(out, c.show(x))
	}
	c.answer(http.StatusOK, out)
}

// page gives the part of a list that is asked for.
func page[T any](r *http.Request, all []T) []T {
	size, _ := strconv.Atoi(r.FormValue("per_page")) // without one: 20
	number, _ := strconv.Atoi(r.FormValue("page"))
	size, number = min(cmp.Or(size, 20), 100), max(number, 1)
	from := min((number-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

// edits is the body of a creation and of an update.
type edits struct {
	Title        *string `json:"title"`
	Description  *string `json:"description"`
	DueDate      *string `json:"due_date"`
	AssigneeIDs  *[]int  `json:"assignee_ids"`
	Labels       *string `json:"labels"`
	AddLabels    string  `json:"add_labels"`
	RemoveLabels string  `json:"remove_labels"`
	StateEvent   string  `json:"state_event"`
	Confidential *bool   `json:"confidential"`
}

func (c *call) decoded(p *project) (*edits, bool) {
	var e edits
	switch {
	case json.NewDecoder(c.r.Body).Decode(&e) != nil:
		c.refuse(http.StatusBadRequest, "400 Bad request")
	case p.archived:
		c.refuse(http.StatusForbidden, "403 Forbidden")
	case e.Title != nil && (strings.TrimSpace(*e.Title) == "" || utf8.RuneCountInString(*e.Title) > 255):
		c.refuse(http.StatusBadRequest, "title is too long (maximum is 255 characters)")
	case e.Description != nil && utf8.RuneCountInString(*e.Description) > 1<<20:
		c.refuse(http.StatusBadRequest, "description is too long")
	default:
		return &e, true
	}
	return nil, false
}

func (c *call) create() {
	p := c.in()
	if p == nil || p.noIssues {
		return
	}
	e, ok := c.decoded(p)
	switch {
	case !ok:
	case e.Title == nil:
		c.refuse(http.StatusBadRequest, "title is missing")
	default:
		x := c.add(p, c.name)
		c.made = append(c.made, x)
		c.apply(x, e)
		c.writes++
		c.answer(http.StatusCreated, c.show(x))
	}
}

func (c *call) update(x *issue) {
	e, ok := c.decoded(x.project)
	if !ok {
		return
	}
	c.did(x, "update")
	c.apply(x, e)
	c.writes++
	c.answer(http.StatusOK, c.show(x))
}

// apply carries edits out. What a guest may not set is dropped silently, and so is an
// assignee who is no member.
func (c *call) apply(x *issue, e *edits) {
	if e.Title != nil {
		x.title = strings.TrimSpace(*e.Title)
	}
	if e.Description != nil {
		x.description = *e.Description
	}
	if e.Confidential != nil {
		x.confidential = *e.Confidential
	}
	if x.project.level > Guest {
		c.plan(x, e)
	}
	switch {
	case e.StateEvent == "close" && !x.closed:
		c.close(x, c.name)
	case e.StateEvent == "reopen" && x.closed:
		c.reopen(x)
	}
}

func (c *call) plan(x *issue, e *edits) {
	if e.DueDate != nil {
		x.due = *e.DueDate
	}
	if e.AssigneeIDs != nil {
		x.assignee = ""
		for _, id := range *e.AssigneeIDs {
			if id >= 1 && id <= len(c.users) && slices.Contains(x.project.members, c.users[id-1]) {
				x.assignee = c.users[id-1]
			}
		}
	}
	add := e.AddLabels
	if e.Labels != nil {
		x.labels, add = nil, *e.Labels
	}
	for label := range strings.SplitSeq(e.RemoveLabels, ",") {
		x.unlabel(label)
	}
	for label := range strings.SplitSeq(add, ",") {
		if label != "" {
			x.label(label)
			if !slices.Contains(x.project.labels, label) {
				x.project.labels = append(x.project.labels, label)
			}
		}
	}
}

func (c *call) notes(x *issue) {
	shown := page(c.r, x.notes)
	out := make([]any, 0, len(shown))
	for _, n := range shown {
		out = append(out, map[string]any{"body": n.Body, "author": c.person(n.By), "system": n.System})
	}
	c.answer(http.StatusOK, out)
}

func (c *call) note(x *issue) {
	var in struct {
		Body string `json:"body"`
	}
	if json.NewDecoder(c.r.Body).Decode(&in) != nil || in.Body == "" || len(in.Body) > 1_000_000 {
		c.refuse(http.StatusBadRequest, "400 Bad request")
		return
	}
	x.notes = append(x.notes, Note{By: c.name, Body: in.Body})
	c.did(x, "note")
	c.writes++
	c.answer(http.StatusCreated, map[string]any{"body": in.Body})
}
