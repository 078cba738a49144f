package jira_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// purse is a governor that says what was drawn.
type purse struct {
	mu     sync.Mutex
	drawn  map[string]float64
	held   map[string]time.Time
	limits map[string][2]float64
	refuse string
}

func newPurse() *purse {
	return &purse{drawn: map[string]float64{}, held: map[string]time.Time{}, limits: map[string][2]float64{}}
}

func (p *purse) Take(_ context.Context, budget string, points float64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if budget == p.refuse {
		return &fault.Error{Kind: fault.Throttled, Msg: "not yet", RetryAfter: time.Minute}
	}
	p.drawn[budget] += points
	return nil
}

func (p *purse) Hold(_ context.Context, budget string, until time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[budget] = until
	return nil
}

func (p *purse) Limit(budget string, rate, burst float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits[budget] = [2]float64{rate, burst}
}

func TestEachCallDrawsOnTheBudgetsOfJirasThreeLimits(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	p := newPurse()
	w.env.Governor = p
	w.open()
	made := w.create(ticket())
	require.NoError(t, w.tracker.Comment(t.Context(), made.Key, "hello", "c1"))
	require.Equal(t, map[string]float64{"jira/burst/POST": 2, "jira/burst/GET": 2, "jira/issue/" + made.Key: 1}, p.drawn)
	require.Equal(t, [2]float64{100, 100}, p.limits["jira/burst/GET"])
	require.Equal(t, [2]float64{50, 50}, p.limits["jira/burst/PUT"])
	rate, burst := p.limits["jira/issue/"+made.Key][0], p.limits["jira/issue/"+made.Key][1]
	require.LessOrEqual(t, burst+2*rate, 20.0, "20 writes in 2 seconds")
	require.LessOrEqual(t, burst+30*rate, 100.0, "100 writes in 30 seconds")

	p.refuse = "jira/issue/" + made.Key
	err := w.tracker.Comment(t.Context(), made.Key, "again", "c2")
	require.Equal(t, fault.Throttled, fault.KindOf(err))
	require.Equal(t, time.Minute, fault.RetryAfter(err))
	require.Len(t, w.Issue(made.Key).Comments, 1)
}

func TestWhoIsAskedToWaitKeepsEverybodyFromThatBudgetAlone(t *testing.T) {
	for reason, budget := range map[string]string{
		"jira-quota-global-based": "jira/points", "jira-quota-tenant-based": "jira/points", "jira-burst-based": "jira/burst/PUT", "jira-per-issue-on-write": "jira/issue/SEC-1", "": "jira/burst/PUT",
	} {
		w := newWorld(t, jiratest.Cloud)
		p := newPurse()
		w.env.Governor = p
		w.open()
		made := w.create(ticket())
		w.Server.Fail(jiratest.Fault{Writing: true, Status: 429, RetryAfter: 40 * time.Second, Reason: reason})
		want := ticket()
		want.Key, want.Title = made.Key, "other"
		_, err := w.tracker.Update(t.Context(), want, "c1")
		require.Equal(t, fault.Throttled, fault.KindOf(err))
		require.Equal(t, map[string]time.Time{budget: w.clock().Add(40 * time.Second)}, p.held, reason)
	}
}

func TestThePerIssueLimitIsReallyThere(t *testing.T) {
	w := newWorld(t, jiratest.Cloud, func(o *jiratest.Options, _ *jira.Config) { o.Limits = true })
	made := w.create(ticket())
	var err error
	for n := 0; n < 30 && err == nil; n++ {
		err = w.tracker.Comment(t.Context(), made.Key, "hello", strconv.Itoa(n))
	}
	require.Equal(t, fault.Throttled, fault.KindOf(err))
	require.Len(t, w.Issue(made.Key).Comments, 20)
}

func TestTheLimitOfADataCenterIsTheOneThatItTells(t *testing.T) {
	w := newWorld(t, jiratest.DataCenter, func(o *jiratest.Options, _ *jira.Config) { o.Limits = true })
	p := newPurse()
	w.env.Governor = p
	w.open()
	made := w.create(ticket())
	require.Equal(t, map[string][2]float64{"jira/requests": {10, 50}}, p.limits)
	require.Equal(t, map[string]float64{"jira/requests": 1}, p.drawn)
	var err error
	for n := 0; n < 60 && err == nil; n++ {
		_, err = w.tracker.Get(t.Context(), made.Key)
	}
	require.Equal(t, fault.Throttled, fault.KindOf(err))
	require.Equal(t, time.Second, fault.RetryAfter(err))
	require.Equal(t, map[string]time.Time{"jira/requests": w.clock().Add(time.Second)}, p.held)
}

// elsewhere sends everything to a test's server, as DNS would.
type elsewhere struct {
	to   string
	over http.RoundTripper
}

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", e.to
	return e.over.RoundTrip(r) //nolint:wrapcheck // the client wraps it
}

func TestAnOAuthAppReachesItsSiteThroughAtlassiansAPI(t *testing.T) {
	const client = "client-secret-5d2f"
	for _, refreshes := range []bool{false, true} {
		s := jiratest.New(jiratest.Options{Token: client, Lag: time.Minute})
		server := httptest.NewServer(s.Handler())
		t.Cleanup(server.Close)
		c, ok := jira.Registration().Config().(*jira.Config)
		require.True(t, ok)
		c.URL, c.Project = "https://acme.atlassian.net", "SEC"
		c.OAuth = jira.OAuth{CloudID: "11223344-a1b2-3b33-c444-def123456789", ClientID: "app", ClientSecret: secret.New(client)}
		if refreshes {
			c.OAuth.RefreshFile = filepath.Join(t.TempDir(), "refresh")
			require.NoError(t, os.WriteFile(c.OAuth.RefreshFile, []byte(s.Refresh()+"\n"), 0o600))
		}
		require.Empty(t, c.Validate())
		require.Equal(t, []string{"api.atlassian.com:443", "auth.atlassian.com:443"}, jira.Registration().Reach(c))
		p := newPurse()
		for n := range 2 { // a second process goes on with the token that the first has left
			tracker, err := jira.New(connectors.Env{Source: "jira", HTTP: &http.Client{Transport: elsewhere{strings.TrimPrefix(server.URL, "http://"), server.Client().Transport}}, Governor: p}, *c)
			require.NoError(t, err)
			issue := ticket()
			issue.Marker += strconv.Itoa(n)
			made, err := tracker.Create(t.Context(), issue)
			require.NoError(t, err)
			require.Equal(t, "https://acme.atlassian.net/browse/"+made.Key, made.URL)
		}
		require.InDelta(t, 2, p.drawn["jira/points"], 0)
		require.InDelta(t, 65000, p.limits["jira/points"][0]*3600+p.limits["jira/points"][1], 1)
		if refreshes {
			left, err := os.ReadFile(c.OAuth.RefreshFile)
			require.NoError(t, err)
			require.Equal(t, s.Refresh(), strings.TrimSpace(string(left)))
		}
		c.OAuth.ClientSecret, c.OAuth.RefreshFile = secret.New("wrong-secret"), ""
		tracker, err := jira.New(connectors.Env{Source: "jira", HTTP: &http.Client{Transport: elsewhere{strings.TrimPrefix(server.URL, "http://"), server.Client().Transport}}}, *c)
		require.NoError(t, err)
		_, err = tracker.Create(t.Context(), ticket())
		require.Equal(t, fault.Denied, fault.KindOf(err), "%v", err)
		require.NotContains(t, err.Error(), "wrong-secret")
	}
}

func TestTheGuardedClientReachesThisJiraAndNobodyElse(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	w.env.HTTP = httpclient.New(httpclient.Options{Reach: jira.Registration().Reach(&w.config), Rate: 1000})
	w.open()
	w.create(ticket())
	w.config.URL = "http://127.0.0.1:1"
	w.open()
	_, err := w.tracker.Create(t.Context(), ticket())
	require.Equal(t, fault.Denied, fault.KindOf(err))
}
