// Package jira keeps tickets in Jira, Cloud and Data Center. One remediation has one issue,
// known by an entity property that goes with every write and so says, whatever answer was
// lost, which issue is ours, what we last wrote on it, and which of its changes were ours.
package jira

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// Name is the connector's name.
const Name = "jira"

// self is who closed an issue when we did.
const self = "quell"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "Jira", Summary: "Keeps tickets in Jira, Cloud and Data Center: one issue for each remediation.",
		Config: func() any { return defaults() }, Open: open, Reach: reach, Docs: docs,
		API: "REST API v3 (Cloud), v2 (Data Center 9 and later)",
	}
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening tracker %s: the configuration is a %T", env.Source, config)
	}
	return New(env, *c)
}

// Tracker is one Jira.
type Tracker struct {
	config Config
	cloud  bool
	client *client
	rules  *rules
	now    clock

	mu       sync.Mutex
	me       *gojira.User      // who we are
	statuses map[string]string // category by status ID
	open     map[string]time.Time
}

// New makes a tracker. It does no I/O.
func New(env connectors.Env, c Config) (*Tracker, error) {
	r, problems := compileRules(&c)
	if err := errors.Join(problems...); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "opening tracker "+env.Source)
	}
	now := clock(env.Now)
	if now == nil {
		now = time.Now
	}
	cl, err := newClient(&c, &env, now)
	if err != nil {
		return nil, err
	}
	return &Tracker{config: c, cloud: c.Deployment == cloud, client: cl, rules: r, now: now, statuses: map[string]string{}, open: map[string]time.Time{}}, nil
}

// Connector implements connectors.Instance.
func (*Tracker) Connector() string { return Name }

// Lag implements connectors.Lagging.
func (t *Tracker) Lag() time.Duration { return time.Duration(t.config.SearchLag) * time.Second }

var (
	issueKey   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,254}-[0-9]{1,18}$`)
	issueID    = regexp.MustCompile(`^[0-9]{1,18}$`)
	markerText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)
)

// label is the one by which search finds an issue.
func label(marker string) string { return propertyKey + "-" + marker }

// checkKey refuses what can't be an issue's key or ID: it goes into paths.
func checkKey(key string) error {
	if !issueKey.MatchString(key) && !issueID.MatchString(key) {
		return fault.New(fault.Invalid, "looking for an issue of Jira: %q can't be the key of one", connectors.Title(key, 60))
	}
	return nil
}

// myself is who we are to Jira. It is asked once.
func (t *Tracker) myself(ctx context.Context) (*gojira.User, error) {
	t.mu.Lock()
	me := t.me
	t.mu.Unlock()
	if me != nil {
		return me, nil
	}
	me = &gojira.User{}
	if err := t.client.get(ctx, "myself", nil, me); err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "asking Jira who we are")
	}
	t.mu.Lock()
	t.me = me
	t.mu.Unlock()
	return me, nil
}

// link is where people find an issue.
func (t *Tracker) link(key string) string {
	if t.config.URL == "" || key == "" {
		return ""
	}
	return strings.TrimRight(t.config.URL, "/") + "/browse/" + url.PathEscape(key)
}

// fetch reads an issue with what we need of it. Jira's 404 is told apart.
func (t *Tracker) fetch(ctx context.Context, key string) (*wireIssue, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	var issue wireIssue
	query := url.Values{"fields": {fieldNames}, "properties": {propertyKey}, "expand": {"changelog"}}
	err := t.client.get(ctx, "issue/"+segment(key), query, &issue)
	if fault.Is(err, fault.NotFound) {
		return nil, t.missing(ctx, key)
	}
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading issue "+key)
	}
	return &issue, nil
}
