package githubissues

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/githubapi"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// GitHub's own Go client is not used: the handful of calls that a tracker makes needs none
// of its types, and one guarded HTTP client serves all connectors (docs/adr/052).

// What GitHub allows one installation or user, by
// docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api: 5,000 requests an
// hour, 30 searches a minute, and of requests that make content (issues, comments) 80 a
// minute and 500 an hour.
const (
	budgetCore    = "core"
	budgetSearch  = "search"
	budgetContent = "content"

	perPage   = 100
	mostPages = 50
	// pause is how long to wait where GitHub asks to without saying how long: at least a
	// minute, says the same page.
	pause = time.Minute
)

func (t *Tracker) limits() {
	if t.governor == nil {
		return
	}
	const hour, minute = 3600.0, 60.0
	t.governor.Limit(t.budget(budgetCore), 5000/hour, 200)
	t.governor.Limit(t.budget(budgetSearch), 30/minute, 10)
	t.governor.Limit(t.budget(budgetContent), 500/hour, 60)
}

func (t *Tracker) budget(name string) string { return Name + "/" + t.name + "/" + name }

// call makes one request within the budgets named beside the core's. Without out, the
// answer's body doesn't count.
func (t *Tracker) call(ctx context.Context, c httpclient.Call, out any, budgets ...string) error {
	budgets = append([]string{budgetCore}, budgets...)
	if t.governor != nil {
		for _, b := range budgets {
			if err := t.governor.Take(ctx, t.budget(b), 1); err != nil {
				return fault.Wrap(fault.KindOf(err), err, "waiting for GitHub's rate limit")
			}
		}
	}
	api, err := t.client.Authorized(ctx)
	if err != nil {
		return err
	}
	if out == nil {
		_, err = api.Copy(ctx, c, io.Discard)
	} else {
		_, err = api.Get(ctx, c, out)
	}
	if t.governor != nil && fault.Is(err, fault.Throttled) {
		for _, b := range budgets { // the secondary limits hold for all kinds of requests
			if held := t.governor.Hold(ctx, t.budget(b), t.now().Add(fault.RetryAfter(err))); held != nil {
				return fault.Wrap(fault.KindOf(held), held, "holding back from GitHub")
			}
		}
	}
	return err
}

// refused knows GitHub's own ways to refuse.
func refused(status int, header http.Header, body []byte) error {
	if err := githubapi.Throttled(status, header, body); err != nil {
		if wait := fault.RetryAfter(err); wait > 0 {
			return err
		}
		return &fault.Error{Kind: fault.Throttled, Msg: "GitHub asks to wait", RetryAfter: pause}
	}
	message := strings.ToLower(string(body))
	switch {
	case status == http.StatusNotFound:
		return fault.Wrap(fault.Denied, errUnseen, "asking GitHub")
	case status == http.StatusGone && strings.Contains(message, "issues"): // "Issues are disabled for this repo"
		return fault.New(fault.Denied, "GitHub says that issues are switched off in the repository: switch them on")
	case status == http.StatusForbidden && strings.Contains(message, "locked"):
		return fault.New(fault.Denied, "GitHub says that the issue's conversation is locked: unlock it, or give the app write access to the repository")
	case status == http.StatusForbidden && strings.Contains(message, "archived"):
		return fault.New(fault.Denied, "GitHub says that the repository is archived: it takes no changes")
	}
	return nil
}

// whoami gives the login of the account whose issues and comments are ours.
func (t *Tracker) whoami(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.login != "" {
		return t.login, nil
	}
	if t.config.AppID == "" {
		var me user
		if err := t.call(ctx, httpclient.Call{Path: "user"}, &me); err != nil {
			return "", fault.Wrap(fault.KindOf(err), err, "asking GitHub whose token this is")
		}
		t.login = me.Login
		return t.login, nil
	}
	api, err := t.client.AsApp()
	if err != nil {
		return "", err
	}
	var app struct {
		Slug string `json:"slug"`
	}
	if _, err := api.Get(ctx, httpclient.Call{Path: "app"}, &app); err != nil {
		return "", fault.Wrap(fault.KindOf(err), err, "asking GitHub what the app is called")
	}
	t.login = app.Slug + "[bot]"
	return t.login, nil
}

// errUnseen is a 404: GitHub answers so for what isn't there and for what we may not see.
var errUnseen = errors.New("there is nothing there that we may see")

// madeUp is how far beyond a repository's newest issue a number is that nobody ever had.
const madeUp = 1000

// read gets an issue and where it now is. GitHub answers 301 for a transferred one, which
// the client follows, 410 for a deleted one, and 404 for one that we may not see: deleted or
// transferred to where we have no access, or in a repository to which we lost it.
// docs.github.com/en/rest/issues/issues#get-an-issue
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
	return &x, x.place(at.repository), nil
}

// unseen says what a 404 means. Numbers are given in turn, so one that is far beyond the
// newest was never given.
func (t *Tracker) unseen(ctx context.Context, at place) error {
	var newest []wireIssue
	query := url.Values{"state": {"all"}, "sort": {"created"}, "direction": {"desc"}, "per_page": {"1"}}
	err := t.call(ctx, httpclient.Call{Path: "repos/" + at.repository + "/issues", Query: query}, &newest)
	switch {
	case errors.Is(err, errUnseen):
		return fault.New(fault.Denied, "reading issue %s: GitHub no longer shows us its repository: give the app or token access again", at.key())
	case err != nil:
		return fault.Wrap(fault.KindOf(err), err, "looking why issue "+at.key()+" can't be seen")
	case len(newest) == 0 && at.number > madeUp, len(newest) > 0 && at.number > newest[0].Number+madeUp:
		return fault.New(fault.NotFound, "reading issue %s: there never was such an issue", at.key())
	}
	return fault.New(fault.Denied, "reading issue %s: it was transferred to where we may not look", at.key())
}

// list calls fn with each issue of a list, page by page, until it says that it is enough.
func (t *Tracker) list(ctx context.Context, repository string, query url.Values, fn func(x *wireIssue, at place) bool) error {
	query.Set("state", "all")
	query.Set("per_page", strconv.Itoa(perPage))
	for page := 1; page <= mostPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var issues []wireIssue
		if err := t.call(ctx, httpclient.Call{Path: "repos/" + repository + "/issues", Query: query}, &issues); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "listing the issues of "+repository)
		}
		for i := range issues {
			if x := &issues[i]; x.PullRequest == nil && fn(x, x.place(repository)) {
				return nil
			}
		}
		if len(issues) < perPage {
			return nil
		}
	}
	return fault.New(fault.Invalid, "listing the issues of %s: there are more than %d with one label; give teams repositories of their own", repository, mostPages*perPage)
}
