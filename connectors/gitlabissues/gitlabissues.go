// Package gitlabissues keeps tickets as GitLab issues.
package gitlabissues

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "gitlabissues"

// self is who closed an issue when we did; ghost is who did whose account is gone.
const (
	self  = "quell"
	ghost = "ghost"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "GitLab issues", Summary: "Keeps tickets as issues of a GitLab project.",
		Config: func() any { return defaults() }, Open: open, Reach: reach, API: "REST API v4", Docs: docs,
	}
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

// Tracker is one configured GitLab.
type Tracker struct {
	name     string
	config   Config
	api      httpclient.API
	governor connectors.Governor
	now      func() time.Time
	log      *slog.Logger

	mu sync.Mutex
	me string // our account's user name
}

const largestAnswer = 64 << 20 // a page of issues with descriptions of up to a megabyte

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
	t := &Tracker{name: env.Source, config: *c, governor: env.Governor, now: now, log: log, api: httpclient.API{
		HTTP: env.HTTP, Base: c.URL, Vendor: "GitLab", Largest: largestAnswer, Refused: refused,
		Auth: func(r *http.Request) { r.Header.Set("Private-Token", c.Token.Reveal()) },
	}}
	t.limits()
	return t, nil
}

// Connector implements connectors.Instance.
func (*Tracker) Connector() string { return Name }

// Get implements connectors.Tracker.
func (t *Tracker) Get(ctx context.Context, key string) (connectors.Issue, error) {
	x, at, err := t.read(ctx, key)
	if err != nil {
		return connectors.Issue{}, err
	}
	return t.issue(ctx, x, at)
}

// Update implements connectors.Tracker: one call, so that what the description says we wrote
// and what we wrote are never apart.
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
	t.me = "" // asked anew
	t.mu.Unlock()
	if _, err := t.whoami(ctx); err != nil {
		return []error{err}
	}
	var problems []error
	for _, path := range t.config.all() {
		var p project
		err := t.call(ctx, httpclient.Call{Path: projectPath(path)}, &p)
		switch {
		case err != nil:
			problems = append(problems, fault.Wrap(fault.KindOf(err), err, "looking at project "+path))
		case p.Archived:
			problems = append(problems, fault.New(fault.Invalid, "project %s is archived: it takes no issues", path))
		case p.Issues == "disabled":
			problems = append(problems, fault.New(fault.Invalid, "project %s has issues switched off: switch them on", path))
		case p.level() < planner:
			problems = append(problems, fault.New(fault.Denied, "the token may not label, assign or see confidential issues of %s: give it the role Planner or Reporter", path))
		}
	}
	return problems
}
