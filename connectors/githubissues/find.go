package githubissues

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// FindByMarker implements connectors.Tracker: first among the issues with the marker's
// label in the configured repositories, which is up to date, then by search, which finds what
// was transferred elsewhere, or lost its label.
func (t *Tracker) FindByMarker(ctx context.Context, marker string) (connectors.Issue, error) {
	if !marked.ValidMarker(marker) {
		return connectors.Issue{}, fault.New(fault.Invalid, "finding an issue: this is no marker of ours")
	}
	key, err := t.listed(ctx, marker)
	if err == nil && key == "" {
		key, err = t.searched(ctx, marker)
	}
	if err != nil {
		return connectors.Issue{}, err
	}
	if key == "" {
		return connectors.Issue{}, fault.New(fault.NotFound, "finding the issue of %s: there is none", marker)
	}
	return t.Get(ctx, key) // a list doesn't say who closed it
}

// listed looks at the issues with the marker's label; of several that are ours, the oldest.
func (t *Tracker) listed(ctx context.Context, marker string) (string, error) {
	me, err := t.whoami(ctx)
	if err != nil {
		return "", err
	}
	for _, repository := range t.config.all() {
		key := ""
		query := url.Values{"labels": {bucketPrefix + marked.Bucket(marker)}, "sort": {"created"}, "direction": {"asc"}}
		err := t.list(ctx, repository, query, func(x *wireIssue, at place) bool {
			if t.carries(x, marker, me) {
				key = at.key()
			}
			return key != ""
		})
		if key != "" || err != nil {
			return key, err
		}
	}
	return "", nil
}

func (t *Tracker) carries(x *wireIssue, marker, me string) bool {
	_, ok := marked.Markdown.Find(x.Body, marker)
	return ok && t.ours(x.User.Login, me)
}

// searched asks the search for the marker in all repositories of the owners that are
// configured. docs.github.com/en/search-github/searching-on-github/searching-issues-and-pull-requests
func (t *Tracker) searched(ctx context.Context, marker string) (string, error) {
	me, err := t.whoami(ctx)
	if err != nil {
		return "", err
	}
	terms := []string{`"` + marker + `"`, "in:body", "is:issue"}
	owners := map[string]bool{}
	for _, repository := range t.config.all() {
		owner, _, _ := strings.Cut(repository, "/")
		if !owners[strings.ToLower(owner)] {
			owners[strings.ToLower(owner)] = true
			terms = append(terms, "user:"+owner)
		}
	}
	var found struct {
		Items []wireIssue `json:"items"`
	}
	call := httpclient.Call{Path: "search/issues", Query: url.Values{"q": {strings.Join(terms, " ")}, "sort": {"created"}, "order": {"asc"}, "per_page": {strconv.Itoa(perPage)}}}
	if err := t.call(ctx, call, &found, budgetSearch); err != nil {
		return "", fault.Wrap(fault.KindOf(err), err, "searching for the issue of "+marker)
	}
	for i := range found.Items {
		if x := &found.Items[i]; x.PullRequest == nil && t.carries(x, marker, me) {
			return x.place("").key(), nil
		}
	}
	return "", nil
}

// Create implements connectors.Tracker. It looks first whether an earlier call made the
// issue, by the list that is up to date.
func (t *Tracker) Create(ctx context.Context, issue connectors.Issue) (connectors.Issue, error) {
	if !marked.ValidMarker(issue.Marker) {
		return connectors.Issue{}, fault.New(fault.Invalid, "creating an issue: its marker can't be written")
	}
	key, err := t.listed(ctx, issue.Marker)
	if err != nil {
		return connectors.Issue{}, err
	}
	if key != "" {
		return t.Get(ctx, key)
	}
	at := place{repository: t.config.Repository}
	if own := t.config.Repositories[issue.Team]; own != "" {
		at.repository = own
	}
	var x wireIssue
	issue.Status = ""
	patch, err := t.patch(ctx, &x, at, &issue)
	if err != nil {
		return connectors.Issue{}, err
	}
	patch["title"] = marked.Line(issue.Title, longestTitle)
	if err := t.write(ctx, at, patch, &x); err != nil {
		return connectors.Issue{}, err
	}
	return t.issue(ctx, &x, x.place(at.repository))
}

// assignable asks whether somebody can be assigned: GitHub drops others silently, and refuses
// the whole issue where there is no such login.
func (t *Tracker) assignable(ctx context.Context, login string, at place) (bool, error) {
	err := t.call(ctx, httpclient.Call{Path: "repos/" + at.repository + "/assignees/" + url.PathEscape(login)}, nil)
	if errors.Is(err, errUnseen) {
		t.log.WarnContext(ctx, "a ticket can't be assigned: the login has no access to the repository", "login", login, "repository", at.repository)
		return false, nil
	}
	return err == nil, fault.Wrap(fault.KindOf(err), err, "asking whether "+login+" can be assigned")
}

const (
	milestonePrefix = "Due "
	// noon keeps the date the same one wherever GitHub, which thinks in Pacific time, or a
	// person reads it.
	noon = "T12:00:00Z"
)

// milestone gives the number of the milestone of a due date, making it if there is none; nil
// takes it away.
func (t *Tracker) milestone(ctx context.Context, repository, due string) (any, error) {
	if due == "" {
		return nil, nil //nolint:nilnil // null is what the API wants to hear
	}
	title := milestonePrefix + due
	known := func() (int, bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		n, ok := t.milestones[repository+" "+title]
		return n, ok
	}
	if n, ok := known(); ok {
		return n, nil
	}
	if err := t.milestonesOf(ctx, repository); err != nil {
		return nil, err
	}
	if n, ok := known(); ok {
		return n, nil
	}
	var made milestone
	call := httpclient.Call{Method: http.MethodPost, Path: "repos/" + repository + "/milestones", JSON: map[string]string{"title": title, "due_on": due + noon}}
	if err := t.call(ctx, call, &made); err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "making the milestone of "+due)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.milestones[repository+" "+title] = made.Number
	return made.Number, nil
}

func (t *Tracker) milestonesOf(ctx context.Context, repository string) error {
	for page := 1; page <= mostPages; page++ {
		var some []milestone
		query := url.Values{"state": {"all"}, "sort": {"due_on"}, "direction": {"desc"}, "per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
		if err := t.call(ctx, httpclient.Call{Path: "repos/" + repository + "/milestones", Query: query}, &some); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "listing the milestones of "+repository)
		}
		t.mu.Lock()
		for _, m := range some {
			if due, ok := strings.CutPrefix(m.Title, milestonePrefix); ok && m.DueOn.UTC().Format("2006-01-02") == due {
				t.milestones[repository+" "+m.Title] = m.Number
			}
		}
		t.mu.Unlock()
		if len(some) < perPage {
			return nil
		}
	}
	return nil
}
