package gitlabissues

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// What GitLab.com allows a user, by docs.gitlab.com/user/gitlab_com/#rate-limits-on-gitlabcom:
// 2,000 requests a minute; and by docs.gitlab.com/administration/settings: 300 issues and 300
// comments a minute. An instance of one's own may allow more or less, and says so with 429.
const (
	budgetCore    = "core"
	budgetContent = "content"

	perPage   = 100
	mostPages = 50
)

func (t *Tracker) limits() {
	if t.governor == nil {
		return
	}
	const minute = 60.0
	t.governor.Limit(t.budget(budgetCore), 2000/minute, 200)
	t.governor.Limit(t.budget(budgetContent), 200/minute, 60)
}

func (t *Tracker) budget(name string) string { return Name + "/" + t.name + "/" + name }

// call makes one request within the budgets named beside the core's. Without out, the
// answer's body doesn't count.
func (t *Tracker) call(ctx context.Context, c httpclient.Call, out any, budgets ...string) error {
	budgets = append([]string{budgetCore}, budgets...)
	if t.governor != nil {
		for _, b := range budgets {
			if err := t.governor.Take(ctx, t.budget(b), 1); err != nil {
				return fault.Wrap(fault.KindOf(err), err, "waiting for GitLab's rate limit")
			}
		}
	}
	var err error
	if out == nil {
		_, err = t.api.Copy(ctx, c, io.Discard)
	} else {
		_, err = t.api.Get(ctx, c, out)
	}
	if t.governor != nil && fault.Is(err, fault.Throttled) {
		if held := t.governor.Hold(ctx, t.budget(budgets[len(budgets)-1]), t.now().Add(fault.RetryAfter(err))); held != nil {
			return fault.Wrap(fault.KindOf(held), held, "holding back from GitLab")
		}
	}
	return err
}

// errUnseen is a 404: GitLab answers so for what isn't there and for what we may not see.
var errUnseen = errors.New("there is nothing there that we may see")

func refused(status int, _ http.Header, _ []byte) error {
	if status == http.StatusNotFound {
		return fault.Wrap(fault.Denied, errUnseen, "asking GitLab")
	}
	return nil
}

// whoami gives the account whose issues and comments are ours.
func (t *Tracker) whoami(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.me == "" {
		var me user
		if err := t.call(ctx, httpclient.Call{Path: "user"}, &me); err != nil {
			return "", fault.Wrap(fault.KindOf(err), err, "asking GitLab whose token this is")
		}
		t.me = me.Username
	}
	return t.me, nil
}

// mostMoves is how often an issue may have been moved on.
const mostMoves = 8

// read gets an issue and where it now is. A moved one stays behind, closed, and names its
// successor by a number that tokens like ours can't ask for: it is looked for by its marker,
// which it has taken along. docs.gitlab.com/user/project/issues/managing_issues/#move-an-issue
func (t *Tracker) read(ctx context.Context, key string) (*wireIssue, place, error) {
	at, err := parseKey(key)
	if err != nil {
		return nil, at, err
	}
	var x wireIssue
	err = t.call(ctx, httpclient.Call{Path: at.path()}, &x)
	if errors.Is(err, errUnseen) {
		return nil, at, t.unseen(ctx, at)
	}
	if err != nil {
		return nil, at, fault.Wrap(fault.KindOf(err), err, "reading issue "+key)
	}
	for range mostMoves {
		if x.MovedToID == 0 {
			return &x, x.place(at.project), nil
		}
		next, err := t.successor(ctx, &x)
		if err != nil {
			return nil, at, err
		}
		x = *next
	}
	return nil, at, fault.New(fault.Invalid, "reading issue %s: it was moved more than %d times", key, mostMoves)
}

// project is what GitLab says of a project.
type project struct {
	Path        string `json:"path_with_namespace"`
	Archived    bool   `json:"archived"`
	Issues      string `json:"issues_access_level"` // disabled, private, enabled
	Permissions struct {
		Project *access `json:"project_access"`
		Group   *access `json:"group_access"`
	} `json:"permissions"`
}

type access struct {
	Level int `json:"access_level"`
}

// planner is the least role that sees all confidential issues.
// docs.gitlab.com/user/permissions/#project-planning
const planner = 15

func (p *project) level() int {
	level := 0
	for _, a := range []*access{p.Permissions.Project, p.Permissions.Group} {
		if a != nil {
			level = max(level, a.Level)
		}
	}
	return level
}

// unseen says what a 404 means. With a role that sees every issue of a project, one that
// isn't seen isn't there.
func (t *Tracker) unseen(ctx context.Context, at place) error {
	var p project
	err := t.call(ctx, httpclient.Call{Path: projectPath(at.project)}, &p)
	switch {
	case errors.Is(err, errUnseen):
		return fault.New(fault.Denied, "reading issue %s: GitLab no longer shows us its project: give the token access again", at.key())
	case err != nil:
		return fault.Wrap(fault.KindOf(err), err, "looking why issue "+at.key()+" can't be seen")
	case p.Issues == "disabled", p.level() < planner:
		return fault.New(fault.Denied, "reading issue %s: issues are switched off there, or the token's role sees too few of them", at.key())
	}
	return fault.New(fault.NotFound, "reading issue %s: it was deleted, or never was", at.key())
}

// list calls fn with each issue of a list, page by page, until it says that it is enough.
func (t *Tracker) list(ctx context.Context, path string, query url.Values, fn func(x *wireIssue) bool) error {
	query.Set("scope", "all")
	query.Set("per_page", strconv.Itoa(perPage))
	for page := 1; page <= mostPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var issues []wireIssue
		if err := t.call(ctx, httpclient.Call{Path: path, Query: query}, &issues); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "listing issues")
		}
		for i := range issues {
			if fn(&issues[i]) {
				return nil
			}
		}
		if len(issues) < perPage {
			return nil
		}
	}
	return fault.New(fault.Invalid, "listing issues: there are more than %d with one label; give teams projects of their own", mostPages*perPage)
}
