package githubissuestest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const mostBody = 65536

func (f *Fake) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, fn func(c *call)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			c := &call{Fake: f, w: w, r: r}
			if !c.known() {
				c.refuse(http.StatusUnauthorized, "Bad credentials")
				return
			}
			if fn(c); !c.answered {
				c.refuse(http.StatusNotFound, "Not Found")
			}
		})
	}
	handle("POST /app/installations/{id}/access_tokens", func(c *call) {
		f.tokens["ghs_installation"] = "quell-app[bot]"
		c.answer(http.StatusCreated, map[string]any{"token": "ghs_installation", "expires_at": f.at().Add(time.Hour)})
	})
	handle("GET /app", func(c *call) { c.answer(http.StatusOK, map[string]string{"slug": "quell-app"}) })
	handle("GET /user", func(c *call) { c.answer(http.StatusOK, map[string]string{"login": c.login}) })
	handle("GET /search/issues", (*call).search)
	handle("GET /repos/{owner}/{name}", (*call).repository)
	handle("GET /repos/{owner}/{name}/assignees/{login}", (*call).assignee)
	handle("GET /repos/{owner}/{name}/milestones", (*call).milestones)
	handle("POST /repos/{owner}/{name}/milestones", (*call).makeMilestone)
	handle("GET /repos/{owner}/{name}/issues", (*call).list)
	handle("POST /repos/{owner}/{name}/issues", (*call).create)
	for _, prefix := range []string{"/repos/{owner}/{name}", "/repositories/{repository}"} {
		handle("GET "+prefix+"/issues/{number}", func(c *call) { c.withIssue(func(x *issue) { c.answer(http.StatusOK, f.show(x, true)) }) })
		handle("PATCH "+prefix+"/issues/{number}", func(c *call) { c.withIssue(c.patch) })
		handle("GET "+prefix+"/issues/{number}/comments", func(c *call) { c.withIssue(c.comments) })
		handle("POST "+prefix+"/issues/{number}/comments", func(c *call) { c.withIssue(c.comment) })
	}
	return mux
}

// call is one request.
type call struct {
	*Fake
	w        http.ResponseWriter
	r        *http.Request
	login    string
	answered bool
}

func (c *call) known() bool {
	token := strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	c.login = c.tokens[token]
	if strings.HasPrefix(c.r.URL.Path, "/app") { // a JWT that the app signed
		return strings.Count(token, ".") == 2
	}
	return c.login != ""
}

func (c *call) answer(status int, body any) {
	c.answered = true
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(c.w).Encode(body) // the caller may have gone
	}
}

func (c *call) refuse(status int, message string) {
	c.answer(status, map[string]string{"message": message})
}

// in gives the repository that a path names, if it may be seen.
func (c *call) in() *repository {
	var r *repository
	if id := c.r.PathValue("repository"); id != "" {
		for _, x := range c.repos {
			if strconv.Itoa(x.id) == id && x.last >= 0 {
				r = x
			}
		}
	} else {
		r = c.repo(c.r.PathValue("owner") + "/" + c.r.PathValue("name"))
	}
	if r == nil || r.hidden {
		return nil
	}
	return r
}

func (c *call) withIssue(fn func(x *issue)) {
	r := c.in()
	number, err := strconv.Atoi(c.r.PathValue("number"))
	if r == nil || err != nil {
		return
	}
	x := c.find(r, number)
	switch {
	case x == nil, x.movedTo != nil && x.movedTo.repo.hidden:
	case x.movedTo != nil:
		c.w.Header().Set("Location", fmt.Sprintf("%s/repositories/%d/issues/%d", c.base, x.movedTo.repo.id, x.movedTo.number))
		c.refuse(http.StatusMovedPermanently, "Moved Permanently")
	case x.deleted:
		c.refuse(http.StatusGone, "This issue was deleted")
	default:
		fn(x)
	}
}

func (f *Fake) show(x *issue, single bool) map[string]any {
	labels, assignees := make([]map[string]string, 0, len(x.labels)), make([]map[string]string, 0, len(x.assignees))
	for _, l := range x.labels {
		labels = append(labels, map[string]string{"name": l})
	}
	for _, a := range x.assignees {
		assignees = append(assignees, map[string]string{"login": a})
	}
	out := map[string]any{"number": x.number, "title": x.title, "body": x.body, "state": "open", "state_reason": x.reason, "locked": x.locked,
		"user": map[string]string{"login": x.author}, "labels": labels, "assignees": assignees, "milestone": x.milestone, "closed_at": nil, "closed_by": nil,
		"created_at": x.created, "updated_at": x.updated, "html_url": "https://github.example/" + x.repo.name + "/issues/" + strconv.Itoa(x.number),
		"repository_url": f.base + "/repos/" + x.repo.name}
	if x.closed {
		out["state"], out["closed_at"] = "closed", x.closedAt
		if single {
			out["closed_by"] = map[string]string{"login": x.closedBy}
		}
	}
	if x.pull {
		out["pull_request"] = map[string]string{"url": "x"}
	}
	return out
}

func (c *call) repository() {
	if r := c.in(); r != nil {
		c.answer(http.StatusOK, map[string]any{"full_name": r.name, "has_issues": !r.noIssues, "archived": r.archived, "private": !r.public,
			"permissions": map[string]bool{"pull": true, "push": !r.readOnly, "triage": !r.readOnly}})
	}
}

func (c *call) assignee() {
	if r := c.in(); r != nil && slices.Contains(r.people, c.r.PathValue("login")) {
		c.answer(http.StatusNoContent, nil)
	}
}

func (c *call) milestones() {
	if r := c.in(); r != nil {
		c.answer(http.StatusOK, page(c.r, r.milestones))
	}
}

func (c *call) makeMilestone() {
	var in milestone
	r := c.in()
	if r == nil || !c.decode(&in) {
		return
	}
	if slices.ContainsFunc(r.milestones, func(m *milestone) bool { return m.Title == in.Title }) {
		c.refuse(http.StatusUnprocessableEntity, "Validation Failed: already_exists")
		return
	}
	c.writes++
	c.answer(http.StatusCreated, c.milestone(r, in.Title, in.DueOn))
}

func (c *call) decode(out any) bool {
	body, err := io.ReadAll(c.r.Body)
	if err != nil || json.Unmarshal(body, out) != nil {
		c.refuse(http.StatusBadRequest, "Problems parsing JSON")
		return false
	}
	return true
}

// page gives the part of a list that is asked for.
func page[T any](r *http.Request, all []T) []T {
	size, _ := strconv.Atoi(r.FormValue("per_page")) // without one: 30
	number, _ := strconv.Atoi(r.FormValue("page"))
	size, number = min(cmp.Or(size, 30), 100), max(number, 1)
	from := min((number-1)*size, len(all))
	return append([]T{}, all[from:min(from+size, len(all))]...)
}

// list gives issues as GitHub does: of a repository, by label and time, without who closed
// them.
func (c *call) list() {
	r := c.in()
	if r == nil {
		return
	}
	since, _ := time.Parse(time.RFC3339, c.r.FormValue("since"))
	var found []*issue
	for _, x := range c.issues {
		fits := x.repo == r && !x.deleted && x.movedTo == nil && (c.r.FormValue("state") == "all" || !x.closed) && !x.updated.Before(since)
		for label := range strings.SplitSeq(c.r.FormValue("labels"), ",") {
			fits = fits && (label == "" || x.has(label))
		}
		if fits {
			found = append(found, x)
		}
	}
	slices.SortStableFunc(found, func(a, b *issue) int {
		if c.r.FormValue("sort") == "updated" {
			return a.updated.Compare(b.updated)
		}
		return cmp.Compare(a.number, b.number)
	})
	if c.r.FormValue("direction") != "asc" {
		slices.Reverse(found)
	}
	c.shown(page(c.r, found), http.StatusOK, func(shown []map[string]any) any { return shown })
}

func (c *call) shown(found []*issue, status int, as func([]map[string]any) any) {
	out := make([]map[string]any, 0, len(found))
	for _, x := range found {
		out = append(out, c.show(x, false))
	}
	c.answer(status, as(out))
}

// search knows what its index has seen.
func (c *call) search() {
	query := c.r.FormValue("q")
	phrase := ""
	if parts := strings.Split(query, `"`); len(parts) == 3 {
		phrase = parts[1]
	}
	var found []*issue
	for _, x := range c.issues {
		owner, _, _ := strings.Cut(x.repo.name, "/")
		indexed := x.updated.Add(c.Lag)
		if x.movedTo == nil && !x.deleted && !x.repo.hidden && !indexed.After(c.now()) && strings.Contains(x.body, phrase) && strings.Contains(query, "user:"+owner) {
			found = append(found, x)
		}
	}
	c.shown(page(c.r, found), http.StatusOK, func(shown []map[string]any) any {
		return map[string]any{"total_count": len(found), "incomplete_results": false, "items": shown}
	})
}

// edits is the body of a creation and of an update.
type edits struct {
	Title       *string          `json:"title"`
	Body        *string          `json:"body"`
	State       string           `json:"state"`
	StateReason string           `json:"state_reason"`
	Labels      *[]string        `json:"labels"`
	Assignees   *[]string        `json:"assignees"`
	Milestone   *json.RawMessage `json:"milestone"`
}

// problem is what GitHub would say to an edit: 422 for what is not valid.
func (e *edits) problem(r *repository) string {
	switch {
	case e.Title != nil && (strings.TrimSpace(*e.Title) == "" || utf8.RuneCountInString(*e.Title) > 256):
		return "title is missing, or too long (maximum is 256 characters)"
	case e.Body != nil && utf8.RuneCountInString(*e.Body) > mostBody:
		return "body is too long (maximum is 65536 characters)"
	case e.Assignees != nil && slices.ContainsFunc(*e.Assignees, func(a string) bool { return !slices.Contains(r.people, a) }):
		return "assignees: invalid"
	case e.Labels != nil && slices.ContainsFunc(*e.Labels, func(l string) bool { return l == "" || len([]rune(l)) > 50 }):
		return "labels: invalid"
	}
	return ""
}

func (c *call) create() {
	r := c.in()
	var e edits
	if r == nil || !c.decode(&e) {
		return
	}
	switch problem := e.problem(r); {
	case r.noIssues:
		c.refuse(http.StatusGone, "Issues are disabled for this repo")
	case r.archived:
		c.refuse(http.StatusForbidden, "Repository was archived so is read-only.")
	case problem != "" || e.Title == nil:
		c.refuse(http.StatusUnprocessableEntity, "Validation Failed: "+problem)
	default:
		x := c.add(r, c.login)
		c.made = append(c.made, x)
		if c.apply(x, &e) {
			c.writes++
			c.answer(http.StatusCreated, c.show(x, true))
		}
	}
}

func (c *call) patch(x *issue) {
	var e edits
	if !c.decode(&e) {
		return
	}
	switch problem := e.problem(x.repo); {
	case x.repo.archived:
		c.refuse(http.StatusForbidden, "Repository was archived so is read-only.")
	case problem != "":
		c.refuse(http.StatusUnprocessableEntity, "Validation Failed: "+problem)
	case c.apply(x, &e):
		c.writes++
		c.answer(http.StatusOK, c.show(x, true))
	}
}

// apply carries edits out. Without write access, labels, assignees and milestones are
// dropped silently.
func (c *call) apply(x *issue, e *edits) bool {
	if e.Milestone != nil && !x.repo.readOnly {
		number, err := strconv.Atoi(string(*e.Milestone))
		at := slices.IndexFunc(x.repo.milestones, func(m *milestone) bool { return m.Number == number })
		if err == nil && at < 0 {
			c.refuse(http.StatusUnprocessableEntity, "Validation Failed: milestone: invalid")
			return false
		}
		x.milestone = nil
		if err == nil {
			x.milestone = x.repo.milestones[at]
		}
	}
	if e.Title != nil {
		x.title = strings.TrimSpace(*e.Title)
	}
	if e.Body != nil {
		x.body = *e.Body
	}
	if e.Labels != nil && !x.repo.readOnly {
		x.labels = *e.Labels
		for _, l := range x.labels { // a label that there isn't is made
			if !slices.Contains(x.repo.labels, l) {
				x.repo.labels = append(x.repo.labels, l)
			}
		}
	}
	if e.Assignees != nil && !x.repo.readOnly {
		x.assignees = *e.Assignees
	}
	action := "edited"
	switch {
	case e.State == "closed" && !x.closed:
		x.closed, x.closedBy, x.closedAt, action = true, c.login, c.at(), "closed"
	case e.State == "open" && x.closed:
		x.closed, x.closedBy, x.closedAt, action = false, "", time.Time{}, "reopened"
	}
	x.reason = cmp.Or(e.StateReason, x.reason)
	c.did(x, action)
	return true
}

func (c *call) comments(x *issue) {
	shown := page(c.r, x.comments)
	out := make([]map[string]any, 0, len(shown))
	for _, comment := range shown {
		out = append(out, map[string]any{"body": comment.Body, "user": map[string]string{"login": comment.By}})
	}
	c.answer(http.StatusOK, out)
}

func (c *call) comment(x *issue) {
	var in struct {
		Body string `json:"body"`
	}
	switch {
	case !c.decode(&in):
	case x.locked && x.repo.readOnly:
		c.refuse(http.StatusForbidden, "Unable to create comment because issue is locked.")
	case in.Body == "" || utf8.RuneCountInString(in.Body) > mostBody:
		c.refuse(http.StatusUnprocessableEntity, "Validation Failed")
	default:
		x.comments = append(x.comments, Comment{c.login, in.Body})
		c.did(x, "created")
		c.writes++
		c.answer(http.StatusCreated, map[string]string{"body": in.Body})
	}
}
