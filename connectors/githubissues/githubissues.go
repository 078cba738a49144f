// Package githubissues keeps tickets as GitHub issues.
package githubissues

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/githubapi"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "githubissues"

// self is who closed an issue when we did; ghost is who did whose account is gone.
const (
	self  = "quell"
	ghost = "ghost"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "GitHub issues", Summary: "Keeps tickets as issues of a GitHub repository.",
		Config: func() any { return defaults() }, Open: open, Reach: reach, API: "REST API " + githubapi.Version, Docs: docs,
	}
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

// Tracker is one configured GitHub.
type Tracker struct {
	name     string
	config   Config
	client   *githubapi.Client
	governor connectors.Governor
	now      func() time.Time
	log      *slog.Logger

	mu         sync.Mutex
	login      string         // of the account that we are
	milestones map[string]int // their numbers, by repository and title
}

const largestAnswer = 16 << 20

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening tracker %s: the configuration is a %T", env.Source, config)
	}
	now, log := env.Now, env.Log
	if now == nil {
		now = time.Now
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t := &Tracker{name: env.Source, config: *c, governor: env.Governor, now: now, log: log, milestones: map[string]int{}, client: &githubapi.Client{
		API:  httpclient.API{HTTP: env.HTTP, Base: c.URL, Vendor: "GitHub", Largest: largestAnswer, Refused: refused},
		Cred: c.credentials(), Now: now,
	}}
	t.limits()
	return t, nil
}

// Connector implements connectors.Instance.
func (*Tracker) Connector() string { return Name }

// Lag implements connectors.Lagging. What we made a moment ago is found by listing its label,
// which is up to date; only what was transferred since is found by search, whose index lags.
func (*Tracker) Lag() time.Duration { return time.Minute }

// Get implements connectors.Tracker.
func (t *Tracker) Get(ctx context.Context, key string) (connectors.Issue, error) {
	x, at, err := t.read(ctx, key)
	if err != nil {
		return connectors.Issue{}, err
	}
	return t.issue(ctx, x, at)
}

// Update implements connectors.Tracker: one call, so that what the body says we wrote and
// what we wrote are never apart.
func (t *Tracker) Update(ctx context.Context, issue connectors.Issue, _ string) (connectors.Issue, error) {
	x, at, err := t.read(ctx, issue.Key)
	if err != nil {
		return connectors.Issue{}, err
	}
	patch, err := t.patch(ctx, x, at, &issue)
	if err != nil {
		return connectors.Issue{}, err
	}
	if len(patch) > 0 {
		if err := t.write(ctx, at, patch, x); err != nil {
			return connectors.Issue{}, err
		}
	}
	return t.issue(ctx, x, at)
}

// Check implements connectors.Checker.
func (t *Tracker) Check(ctx context.Context) []error {
	t.mu.Lock()
	t.login = "" // asked anew
	clear(t.milestones)
	t.mu.Unlock()
	if _, err := t.whoami(ctx); err != nil {
		return []error{err}
	}
	var problems []error
	for _, name := range t.config.all() {
		var repository struct {
			HasIssues   bool            `json:"has_issues"`
			Archived    bool            `json:"archived"`
			Private     bool            `json:"private"`
			Permissions map[string]bool `json:"permissions"`
		}
		err := t.call(ctx, httpclient.Call{Path: "repos/" + name}, &repository)
		switch {
		case err != nil:
			problems = append(problems, fault.Wrap(fault.KindOf(err), err, "looking at repository "+name))
		case repository.Archived:
			problems = append(problems, fault.New(fault.Invalid, "repository %s is archived: it takes no issues", name))
		case !repository.HasIssues:
			problems = append(problems, fault.New(fault.Invalid, "repository %s has issues switched off: switch them on", name))
		case t.config.AppID == "" && !repository.Permissions["push"] && !repository.Permissions["triage"]:
			problems = append(problems, fault.New(fault.Denied, "the token may not label issues of %s: GitHub drops labels silently without write access", name))
		case !repository.Private:
			t.log.WarnContext(ctx, "tickets go to a public repository: everybody can read what is vulnerable", "repository", name)
		}
	}
	return problems
}
