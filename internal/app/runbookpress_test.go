package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/api/chatops"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/courier"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/runbook"
	"github.com/quellsec/quell/internal/secret"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/storetest"
)

const (
	boss  = "U0BOSS0000"
	carol = "U0CAROL000"
)

// floor is what it takes to ask for a run, to approve it in Slack, and to see its message
// rewritten: the store, the activities, the courier and the chat as they are wired, and a
// played workspace.
type floor struct {
	*testing.T
	clock time.Time
	store *store.Store
	works *activities.Activities
	post  *courier.Courier
	chat  *chatops.Chat
	fake  *slacktest.Server
	ctx   context.Context //nolint:containedctx // of the test
	calls int
	woken int // workflows of runs
}

// Call implements activities.Caller.
func (f *floor) Call(context.Context, string, []byte) ([]byte, error) { f.calls++; return nil, nil }

// floorTeams answers for the chat's configuration.
type floorTeams struct{ inventory }

func (floorTeams) Owners(context.Context) ([]ownership.Team, error) {
	return []ownership.Team{{Name: "payments", Manager: "boss"}}, nil
}

type noWakes struct{ activities.Waker }

func (noWakes) WakeRemediation(context.Context, string, string) error { return nil }

func newFloor(t *testing.T) *floor {
	t.Helper()
	f := &floor{T: t, clock: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	at := func() time.Time { return f.clock }
	f.store = storetest.Open(t, "sqlite:"+t.TempDir())
	people := []ownership.Person{{Name: "ann"}, {Name: "boss", Slack: boss}, {Name: "carol", Slack: carol, Role: "approver"}}
	owners := ownership.Config{People: people, Teams: []ownership.Team{{Name: "payments", Manager: "boss"}}}
	f.fake = slacktest.New(slacktest.Options{Token: "xoxb-good", Secret: "s", Users: []slacktest.User{{ID: boss, Name: "boss"}, {ID: carol, Name: "carol"}}, Now: at})
	server := httptest.NewServer(f.fake.Handler())
	t.Cleanup(server.Close)
	f.ctx = slacktest.At(t.Context(), server.URL)
	config := &slack.Config{Token: secret.New("xoxb-good"), SigningSecret: secret.New("s"), BaseURL: server.URL + "/api", Command: "/quell"}
	reg := slack.Registration()
	opened, err := reg.Open(connectors.Env{Source: "slack", Now: at, HTTP: httpclient.New(httpclient.Options{Reach: reg.Reach(config), Rate: 1e6})}, config)
	require.NoError(t, err)
	workspace, _ := opened.(*slack.Slack)
	f.post = courier.New(courier.Deps{Store: f.store, Now: at, Log: slog.New(slog.DiscardHandler), Wake: func(context.Context, string) error { return nil },
		Routes: []courier.Route{{Name: "slack", Notifier: workspace, Budget: outbox.DefaultBudget(), Address: func(to string) (string, bool) {
			address := map[string]string{"@boss": boss, "@carol": carol}[to]
			return address, address != ""
		}}},
		Last: courier.Route{Name: lastResort, Notifier: inbox.New(f.store, at), Address: func(to string) (string, bool) { return to, true }}})
	book, err := runbook.New(runbook.Definition{Name: "patch", Quorum: 1, Approvers: runbook.DefaultApprovers(), Expires: 72 * time.Hour, Remind: 24 * time.Hour, Timeout: time.Hour, MaxRunning: 1}, owners, nil)
	require.NoError(t, err)
	f.works = activities.New(activities.Deps{Ledger: ledger.New(f.store, at), Records: f.store, Journal: f.store, Waker: noWakes{}, Notifier: f.post, Courier: f.post, Now: at, Log: slog.New(slog.DiscardHandler),
		Runbooks: &activities.Runbooks{Store: f.store, All: []*runbook.Runbook{book}, Call: map[string]activities.Caller{"patch": f}, Wake: func(context.Context, string, string) error { f.woken++; return nil }}})
	f.chat = chatops.New(chatops.Deps{Chat: "slack", Slack: workspace, Presses: f.store, Exposures: f.store, Remediations: f.store, Assets: f.store, Owners: &floorTeams{},
		Runs: runs{f.works, f.store}, People: func() []ownership.Person { return people }, Log: slog.New(slog.DiscardHandler), Now: at})
	app := httptest.NewServer(f.chat.Handler())
	t.Cleanup(app.Close)
	f.fake.SetEndpoint(app.URL)
	return f
}

// ask asks for a run for a remediation with one exposure.
func (f *floor) ask() runbook.Run {
	f.Helper()
	e := storetest.Exposure(asset.Asset{ID: "01HOST", Name: "host-1"}, "nessus-dc1")
	e.Owner, e.RemediationID, e.State = exposure.Owner{Team: "payments"}, "rem-1", exposure.Open
	_, err := f.store.InsertExposures(f.Context(), []exposure.Exposure{e})
	require.NoError(f, err)
	_, _, err = f.store.ClaimRemediation(f.Context(), lifecycle.Remediation{ID: "rem-1", Version: 1, Owner: "payments", Status: lifecycle.RemediationOpen, Ticket: "QT-1"})
	require.NoError(f, err)
	r, err := f.works.AskRun(f.Context(), lifecycle.RunRequest{Cause: "k", Remediation: "rem-1", Runbook: "patch", By: "ann", Reason: "window tonight"})
	require.NoError(f, err)
	return r
}

// settle does what the workflows do until nothing is to be done now.
func (f *floor) settle(run string) {
	f.Helper()
	_, err := f.works.FollowRun(f.Context(), lifecycle.RunbookInput{Run: run})
	require.NoError(f, err)
	for {
		report, err := f.post.Deliver(f.Context(), "slack", func(string) {})
		require.NoError(f, err)
		if !report.More {
			return
		}
	}
}

// asked is the message by which somebody was asked, and how its thread goes on.
func (f *floor) asked(user string) (head slacktest.Message, below []slacktest.Message) {
	f.Helper()
	all := f.fake.Messages(f.fake.Direct(user))
	require.NotEmpty(f, all)
	return all[0], all[1:]
}

func (f *floor) press(user, ts, kind string) {
	f.Helper()
	reply, err := f.fake.Press(f.ctx, user, f.fake.Direct(user), ts, "quell/"+kind+"/")
	require.NoError(f, err)
	require.Equal(f, http.StatusOK, reply.Status)
	f.chat.Drain(f.Context())
}

func (f *floor) last(user string) string {
	f.Helper()
	all := f.fake.Answers(user)
	require.NotEmpty(f, all)
	return all[len(all)-1].Text
}

func TestARunIsApprovedByAPressAndItsMessagesShowWhoDecidedAndHaveNoButtons(t *testing.T) {
	f := newFloor(t)
	run := f.ask()
	f.settle(run.ID)
	for _, user := range []string{boss, carol} {
		head, below := f.asked(user)
		require.Empty(t, below)
		for _, part := range []string{"quell/approve/", "quell/decline/", "run:" + run.ID, "window tonight", "0 of 1 are there"} {
			require.Contains(t, string(head.Blocks), part)
		}
	}
	f.clock = f.clock.Add(25 * time.Hour)
	f.settle(run.ID)
	ofBoss, reminders := f.asked(boss)
	require.Len(t, reminders, 1)
	require.Contains(t, reminders[0].Text, "Still waiting")
	require.NotContains(t, string(reminders[0].Blocks), "quell/approve/", "what can't be rewritten has no buttons")

	f.press(boss, ofBoss.TS, "approve")
	require.Equal(t, "Approved: runbook patch is called.", f.last(boss))
	f.settle(run.ID)
	require.Equal(t, 1, f.calls)
	for _, user := range []string{boss, carol} {
		head, _ := f.asked(user)
		require.Contains(t, string(head.Blocks), "approved by boss on 2026-03-03 10:00 UTC", user)
		require.NotContains(t, string(head.Blocks), `"actions"`, user)
		require.NotContains(t, string(head.Blocks), "quell/", user)
	}
	writes := 0
	for _, entry := range f.fake.Ledger() {
		if strings.HasSuffix(entry.Method, "chat.update") {
			writes++
		}
	}
	require.Equal(t, 2, writes, "each is rewritten once")
}

func TestAPressOnAMessageThatIsStillToBeRewrittenIsToldWhoDecided(t *testing.T) {
	f := newFloor(t)
	run := f.ask()
	f.settle(run.ID)
	_, err := f.works.DecideRun(t.Context(), lifecycle.RunDecision{Run: run.ID, Decision: runbook.Decline, Decider: runbook.Decider{Name: "boss", Via: "api", Reason: "not on a Friday"}})
	require.NoError(t, err)
	head, _ := f.asked(carol)
	f.woken = 0
	f.press(carol, head.TS, "approve")
	require.Equal(t, 1, f.woken, "the message is to be rewritten")
	require.Equal(t, "Not done: boss was first: boss declined it at 09:00 UTC.", f.last(carol))
	f.settle(run.ID)
	require.Zero(t, f.calls)
	head, _ = f.asked(carol)
	require.Contains(t, string(head.Blocks), "declined by boss on 2026-03-02 09:00 UTC: not on a Friday")
	require.NotContains(t, string(head.Blocks), "quell/")
}
