package chatops_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/api/chatops"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/storetest"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// clock is moved by hand. What waits for it waits until it is moved, or released.
type clock struct {
	mu    sync.Mutex
	t     time.Time
	waits []chan time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func (c *clock) after(time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := make(chan time.Time, 1)
	c.waits = append(c.waits, w)
	return w
}

func (c *clock) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waits {
		w <- c.t
	}
	c.waits = nil
}

const (
	channel = "C0PAYMENT1"
	ann     = "U0ANN00000" // operator of payments
	bob     = "U0BOB00000" // operator of platform
	carol   = "U0CAROL000" // approver
	dave    = "U0DAVE0000" // viewer
	erin    = "U0ERIN0000" // operator of payments and platform
	mallory = "U0MALLORY0" // nobody of ours
)

// rig is chat over a real store and a played Slack.
type rig struct {
	*testing.T
	chat  *chatops.Chat
	slack *slack.Slack
	fake  *slacktest.Server
	store *store.Store
	clock *clock
	deps  chatops.Deps
	ctx   context.Context //nolint:containedctx // of the test
}

// decider decides in the ledger, as lifecycle.Client does where no workflow has it in hand.
type decider struct {
	ledger *ledger.Ledger
	store  *store.Store
	now    func() time.Time
	rules  *exception.Rules
}

func (d decider) Decide(ctx context.Context, x lifecycle.Decision) (lifecycle.DecisionResult, error) {
	if err := x.Validate(d.now()); err != nil {
		return lifecycle.DecisionResult{}, err
	}
	_, result, err := lifecycle.DecideUnder(ctx, d.ledger, d.store, d.rules, exposure.ModeStore, x, d.now())
	return result, err
}

// things answers for what the API reads of configuration.
type things struct{ teams []ownership.Team }

func (t things) Owners(context.Context) ([]ownership.Team, error)       { return t.teams, nil }
func (t things) Unowned(context.Context, []string) (api.Unowned, error) { return api.Unowned{}, nil }

func (t things) TestOwner(context.Context, asset.ID, exposure.ID) (api.OwnerTest, error) {
	return api.OwnerTest{Team: "payments", Confidence: 0.91, How: "tag team=payments"}, nil
}
func (things) Sources(context.Context) ([]api.SourceStatus, error) {
	return []api.SourceStatus{{Name: "nessus-dc1", Connector: "nessus", LastDelivery: epoch}, {Name: "wiz", Connector: "wiz", Silent: true}}, nil
}
func (things) Conditions(context.Context) (map[string][]api.SourceCondition, error) { return nil, nil }
func (things) Scopes(context.Context) ([]api.ScopeStatus, error) {
	return []api.ScopeStatus{{Scope: scope.Scope{Name: "dmz", Owner: "payments"}, Exposures: map[string]int64{"open": 2, "closed": 1}}, {Scope: scope.Scope{Name: "hr"}}}, nil
}
func (things) Gaps(context.Context, scope.GapPage) ([]scope.Gap, error) {
	return []scope.Gap{{Kind: scope.GapUnscoped, Words: "assets in no scope", Count: 4, Items: []scope.GapItem{{Name: "<!channel>"}}}}, nil
}

func people() []ownership.Person {
	return []ownership.Person{{Name: "ann", Slack: ann, Role: "operator"}, {Name: "bob", Email: "bob@example.com"}, {Name: "carol", Slack: carol, Role: "approver"},
		{Name: "dave", Slack: dave, Role: "viewer"}, {Name: "erin", Slack: erin}, {Name: "frank", Slack: "U0FRANK000", Role: "approver", Left: "2026-03-01"}}
}

func teams() []ownership.Team {
	return []ownership.Team{{Name: "payments", Members: []string{"ann", "erin"}}, {Name: "platform", Members: []string{"bob", "erin"}}, {Name: "web"}}
}

func members() []slacktest.User {
	return []slacktest.User{{ID: ann, Name: "ann"}, {ID: bob, Name: "bob", Email: "Bob@example.com", Zone: "Europe/Vienna"}, {ID: carol, Name: "carol"}, {ID: dave, Name: "dave"},
		{ID: erin, Name: "erin"}, {ID: mallory, Name: "mallory", Email: "mallory@example.com"}, {ID: "U0FRANK000", Name: "frank"},
		{ID: "U0UNCONFIR", Email: "bob@example.com", Unconfirmed: true}, {ID: "U0GUEST000", Email: "bob@example.com", Guest: true},
		{ID: "U0BOT00000", Email: "bob@example.com", Bot: true}, {ID: "U0GONE0000", Email: "bob@example.com", Gone: true}, {ID: "U0OTHER000", Email: "bob@example.com", Team: "T0OTHER00"}}
}

func newRig(t *testing.T, change func(*chatops.Deps)) *rig {
	t.Helper()
	r := &rig{T: t, clock: &clock{t: epoch}}
	r.store = storetest.Open(t, "sqlite:"+t.TempDir())
	r.fake = slacktest.New(slacktest.Options{Token: "xoxb-good", AppToken: "xapp-good", Secret: "s", Users: members(), Now: r.clock.now,
		Channels: []slacktest.Channel{{ID: channel, Name: "payments", Member: true}}})
	server := httptest.NewServer(r.fake.Handler())
	t.Cleanup(server.Close)
	config := &slack.Config{Token: secret.New("xoxb-good"), AppToken: secret.New("xapp-good"), SigningSecret: secret.New("s"), BaseURL: server.URL + "/api", Command: "/quell"}
	reg := slack.Registration()
	opened, err := reg.Open(connectors.Env{Source: "slack", Now: r.clock.now, HTTP: httpclient.New(httpclient.Options{Reach: reg.Reach(config), Rate: 1e6})}, config)
	require.NoError(t, err)
	r.slack, _ = opened.(*slack.Slack)
	things := things{teams()}
	r.deps = chatops.Deps{Chat: "slack", Slack: r.slack, Presses: r.store, Exposures: r.store, Remediations: r.store, Assets: r.store,
		Decider: decider{ledger.New(r.store, r.clock.now), r.store, r.clock.now, atOnce()}, Owners: things, Sources: things, Scopes: things, Gaps: things,
		People: people, Policy: priority.DefaultPolicy, Rules: atOnce(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: r.clock.now, After: r.clock.after}
	if change != nil {
		change(&r.deps)
	}
	r.chat = chatops.New(r.deps)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.chat.Handler().ServeHTTP(w, req) }))
	t.Cleanup(app.Close)
	t.Cleanup(func() { r.chat.Drain(context.Background()) })
	r.fake.SetEndpoint(app.URL)
	r.ctx = slacktest.At(t.Context(), server.URL)
	return r
}

// exposure puts one into the store, owned by a team, in a scope.
func (r *rig) exposure(team string, change func(*exposure.Exposure)) exposure.ID {
	r.Helper()
	e := storetest.Exposure(asset.Asset{ID: "01HOST", Name: "host-1", Scopes: []string{"dmz"}}, "nessus-dc1")
	e.Owner, e.Due, e.Title = exposure.Owner{Team: team}, epoch.Add(48*time.Hour), "OpenSSL <!channel> & co"
	e.LastEvent.At = epoch.Add(-time.Hour)
	e.LastEvent.Hash = e.LastEvent.Digest()
	e.Head = e.LastEvent.Hash
	if change != nil {
		change(&e)
	}
	_, err := r.store.InsertExposures(r.Context(), []exposure.Exposure{e})
	require.NoError(r, err)
	return e.ID
}

func (r *rig) read(id exposure.ID) exposure.Exposure {
	r.Helper()
	e, err := r.store.Exposure(r.Context(), id)
	require.NoError(r, err)
	return e
}

// post puts a message with buttons into the channel and gives its name.
func (r *rig) post(subject string, kinds ...string) string {
	r.Helper()
	m := connectors.Message{Cause: "post " + subject, To: channel, Subject: "x", Kind: "ticket"}
	for _, kind := range kinds {
		m.Actions = append(m.Actions, connectors.Action{Kind: kind, Subject: subject})
	}
	ref, err := r.slack.Post(r.Context(), m, connectors.Attempt{})
	require.NoError(r, err)
	_, ts, _ := strings.Cut(string(ref), "/")
	return ts
}

// press has somebody press a button, and waits for what comes of it.
func (r *rig) press(user, ts, kind string) {
	r.Helper()
	reply, err := r.fake.Press(r.ctx, user, channel, ts, "quell/"+kind+"/")
	require.NoError(r, err)
	require.Equal(r, http.StatusOK, reply.Status)
	require.Empty(r, reply.Body)
	r.drain()
}

func (r *rig) drain() { r.chat.Drain(r.Context()) }

// run has somebody run a command, and gives the text and blocks of the answer.
func (r *rig) run(user, text string) string {
	r.Helper()
	reply, err := r.fake.Run(r.ctx, user, channel, text)
	require.NoError(r, err)
	require.Equal(r, http.StatusOK, reply.Status)
	return said(reply.Body)
}

// said is an answer as it is read: its blocks without JSON's own escapes.
func said(body string) string {
	var v any
	if json.Unmarshal([]byte(body), &v) != nil {
		return body
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
	return b.String()
}

// last is what somebody was told last.
func (r *rig) last(user string) string {
	r.Helper()
	all := r.fake.Answers(user)
	require.NotEmpty(r, all, "nothing was said")
	return all[len(all)-1].Text
}

// atOnce are rules under which an exception takes effect as soon as it is asked for: who has
// to approve what is the lifecycle's to test.
func atOnce() *exception.Rules {
	p := exception.DefaultPolicy()
	p.EndsOn = nil
	p.Rules = []exception.Rule{{MaxTerm: scope.Days(366)}}
	return exception.NewRules(p, ownership.Config{Teams: teams()}, nil)
}
