package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

// The lives of those that follow the store, on a real server, and what is recorded of them.

func TestWhatFollowsTheStoreOnATemporalServer(t *testing.T) {
	t.Parallel() // each has a server of its own, and mostly waits
	f := follow(t, startServer(t))
	t.Run("a delivery fails, is tried again, and sleeps until something is due", f.delivers)
	t.Run("a campaign is met once its last member is fixed", f.meetsACampaign)
	t.Run("a campaign without a ticket misses its deadline and is cancelled", f.cancelsACampaign)
	t.Run("a runbook is approved, called twice, heard, and believed by a test", f.provesARun)
	t.Run("a run is declined", f.declinesARun)
	t.Run("a runbook says nothing within its time", f.missesARun)
	t.Run("a source is pulled although it asks to wait", f.syncs)
	t.Run("a source refuses to be pulled", f.syncsNothing)
	t.Run("a ticket that was closed unheard is found, and the tracker goes", f.reconciles)
}

func (f *followed) delivers(t *testing.T) {
	id := lifecycle.DeliverWorkflowID("slack")
	f.told.say("slack",
		func() (lifecycle.Delivered, error) { return lifecycle.Delivered{Sent: 100, More: true}, nil },
		func() (lifecycle.Delivered, error) {
			return lifecycle.Delivered{}, fault.New(fault.Unavailable, "the store is away")
		},
		func() (lifecycle.Delivered, error) {
			return lifecycle.Delivered{}, fault.New(fault.Conflict, "a defect")
		},
		func() (lifecycle.Delivered, error) { return lifecycle.Delivered{Next: f.now().Add(time.Second)}, nil },
		func() (lifecycle.Delivered, error) { return lifecycle.Delivered{Next: f.now().Add(time.Hour)}, nil })
	require.NoError(t, f.client.WakeNotifier(t.Context(), "slack"))
	f.until("the failure", f.waits(id, "Try again after a failure", 1))
	f.signal(id)
	f.until("the look when something was due", f.waits(id, "Until something may be told", 2))
	require.NoError(t, f.client.WakeNotifier(t.Context(), "slack"))
	f.until("the end", f.ended(id))
	require.Equal(t, 6, f.told.looked("slack"))
	f.record("delivery", id)
}

// campaigns puts a campaign over a scope into the store and begins it.
func (f *followed) campaigns(t *testing.T, id, over string, until time.Time) string {
	t.Helper()
	x := campaign.Campaign{ID: id, Version: 1, Name: "The " + id, Where: campaign.Condition{Scopes: []string{over}}, Until: until, Lead: "ann", Channel: "#security",
		Tracker: "local", State: campaign.Open, CreatedBy: "ann", CreatedAt: f.now(), Look: f.now(), UpdatedAt: f.now()}
	_, _, err := f.store.ClaimCampaign(t.Context(), x)
	require.NoError(t, err)
	f.acts.CampaignStarted(t.Context(), id)
	return lifecycle.CampaignWorkflowID(id)
}

func (f *followed) campaign(id string) campaign.Campaign {
	f.t.Helper()
	c, err := f.store.Campaign(f.t.Context(), id)
	require.NoError(f.t, err)
	return c
}

func within(name string) func(*exposure.Exposure) {
	return func(e *exposure.Exposure) { e.Scopes = []string{name} }
}

// inWork is an exposure whose ticket is there.
func (f *followed) inWork(name, team, in string) exposure.ID {
	f.t.Helper()
	id := f.admitted(name, team, within(in))
	f.begin(id)
	f.until("the ticket", func() bool { return f.exposure(id).Ticket != "" })
	return id
}

func (f *followed) meetsACampaign(t *testing.T) {
	members := []exposure.ID{f.inWork("web1", "payments", "shop"), f.inWork("web2", "platform", "shop")}
	id := f.campaigns(t, "shop", "shop", f.now().Add(30*day))
	f.until("its ticket", func() bool { return f.campaign("shop").Ticket.Key != "" })
	f.until("its members' tickets below it", func() bool {
		return f.ticket(members[0]).Parent == f.campaign("shop").Ticket.Key && f.ticket(members[1]).Parent == f.campaign("shop").Ticket.Key
	})
	for i, member := range members {
		f.world.fix(member)
		f.personDone(member)
		f.until("the proof", f.isIn(member, exposure.Closed))
		require.NoError(t, f.client.WakeCampaign(t.Context(), "shop", "closed"))
		f.until("its count", func() bool { c := f.campaign("shop"); return c.Now().Done == int64(i+1) })
	}
	f.until("the end", f.ended(id))
	require.Equal(t, campaign.Met, f.campaign("shop").State)
	f.record("campaign-met", id)
}

func (f *followed) cancelsACampaign(t *testing.T) {
	f.inWork("web3", "payments", "office")
	f.refuse.refuse(activities.NameCampaignTicket)
	id := f.campaigns(t, "office", "office", f.now().Add(4*time.Second))
	f.until("the refused ticket", f.waits(id, "Try again after a failure", 1))
	f.signal(id)
	f.until("its ticket", func() bool { return f.campaign("office").Ticket.Key != "" })
	f.until("the missed deadline", func() bool { c := f.campaign("office"); return c.Missed() })
	_, err := f.acts.EndCampaign(t.Context(), "office", campaign.Cancelled, "ann", "the office moves")
	require.NoError(t, err)
	f.until("the end", f.ended(id))
	require.Equal(t, campaign.Cancelled, f.campaign("office").State)
	f.record("campaign-missed-then-cancelled", id)
}

// asks wants a run of a runbook for an exposure's remediation.
func (f *followed) asks(t *testing.T, book string, of exposure.ID) (run, workflowID string) {
	t.Helper()
	r, err := f.acts.AskRun(t.Context(), lifecycle.RunRequest{Cause: "key-1", Remediation: f.exposure(of).RemediationID, Runbook: book, By: "ann", Reason: "window tonight"})
	require.NoError(t, err)
	return r.ID, lifecycle.RunbookWorkflowID(r.ID)
}

func (f *followed) decides(t *testing.T, run string, what runbook.Decision) {
	t.Helper()
	_, err := f.acts.DecideRun(t.Context(), lifecycle.RunDecision{Run: run, Decision: what, Decider: runbook.Decider{Name: "boss", Reason: "as you like"}})
	require.NoError(t, err)
}

func (f *followed) says(t *testing.T, run string, status runbook.Status) {
	t.Helper()
	_, err := f.acts.RunAnswered(t.Context(), "patch", "msg-"+string(status), runbook.Answer{Run: run, Status: status, Detail: "as asked"})
	require.NoError(t, err)
}

func (f *followed) runIn(id string, want runbook.State) func() bool {
	return func() bool {
		r, err := f.store.RunbookRun(f.t.Context(), id)
		return err == nil && r.State == want && r.Told == len(r.Log)
	}
}

func (f *followed) provesARun(t *testing.T) {
	of := f.inWork("web4", "payroll", "hr")
	run, id := f.asks(t, "patch", of)
	f.until("the question", f.runIn(run, runbook.Requested))
	f.decides(t, run, runbook.Approve)
	f.until("the repeated call", f.runIn(run, runbook.Sent))
	require.Equal(t, 2, f.books.called(run))
	f.says(t, run, runbook.StatusStarted)
	f.until("the word that it has begun", f.runIn(run, runbook.Started))
	f.world.fix(of)
	f.says(t, run, runbook.StatusDone)
	f.until("the proof", f.isIn(of, exposure.Closed))
	f.until("the end", f.ended(id))
	require.True(t, f.runIn(run, runbook.Proven)())
	f.record("runbook-proven", id)
}

func (f *followed) declinesARun(t *testing.T) {
	run, id := f.asks(t, "patch", f.inWork("web5", "finance", "hr"))
	f.until("the question", f.runIn(run, runbook.Requested))
	f.decides(t, run, runbook.Decline)
	f.until("the end", f.ended(id))
	require.True(t, f.runIn(run, runbook.Declined)())
	require.Zero(t, f.books.called(run))
	f.record("runbook-declined", id)
}

func (f *followed) missesARun(t *testing.T) {
	of := f.inWork("web6", "support", "hr")
	f.refuse.refuse(activities.NameRunbook)
	run, id := f.asks(t, "reboot", of)
	f.until("the failure", f.waits(id, "Try again after a failure", 1))
	f.signal(id)
	f.until("the end", f.ended(id))
	require.True(t, f.runIn(run, runbook.TimedOut)())
	f.record("runbook-timed-out", id)
}

// pulled pulls a source once, and gives how that ended.
func (f *followed) pulled(t *testing.T, name string, v *vendor) (workflowID string, ended error) {
	t.Helper()
	f.pulls(v)
	run, err := f.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: name, TaskQueue: lifecycle.TaskQueue}, lifecycle.SyncWorkflow, lifecycle.SyncInput{Source: "tenable"})
	require.NoError(t, err)
	return run.GetID(), run.Get(t.Context(), nil)
}

// throttles is a vendor who asks to wait at its second page, as often as is said.
func throttles(times int) *vendor {
	return &vendor{pages: 3, fail: func(call int, cursor string) error {
		if cursor == "2" && call <= times+1 {
			return &fault.Error{Kind: fault.Throttled, Msg: "wait", RetryAfter: 50 * time.Millisecond}
		}
		return nil
	}}
}

func (f *followed) syncs(t *testing.T) {
	id, err := f.pulled(t, "sync/throttled", throttles(2))
	require.NoError(t, err)
	_, text := f.delivered()
	require.Equal(t, "page 1\npage 2\npage 3\n", text)
	f.record("sync", id)
}

func (f *followed) syncsNothing(t *testing.T) {
	id, err := f.pulled(t, "sync/denied", &vendor{fail: func(int, string) error { return fault.New(fault.Denied, "the key is revoked") }})
	require.ErrorContains(t, err, "the key is revoked")
	f.record("sync-failed", id)
}

func (f *followed) reconciles(t *testing.T) {
	of := f.inWork("web7", "sales", "shops")
	f.refuse.refuse(activities.NameReconcile)
	require.NoError(t, f.client.StartReconcile(t.Context(), "local"))
	id := lifecycle.ReconcileWorkflowID("local")
	f.until("the failed look", f.waits(id, "Until the next look", 1))
	f.signal(id)
	f.world.fix(of)
	_, err := f.tracker.Move(t.Context(), f.ticket(of).ID, connectors.IssueDone, "bob") // and nobody is told
	require.NoError(t, err)
	f.until("the proof", f.isIn(of, exposure.Closed))
	raw, err := f.store.Setting(t.Context(), activities.ReconciledKey("local"))
	require.NoError(t, err)
	var found lifecycle.Reconciled
	require.NoError(t, json.Unmarshal(raw, &found))
	require.Positive(t, found.Woken, "it was found by a look")
	f.stopWorkers()
	delete(f.acts.Trackers, "local")
	f.startWorkers()
	f.until("the end", f.ended(id))
	f.record("reconcile", id)
}

// TestLongRunsContinueAsNewOnATemporalServer has a server that suggests it soon.
func TestLongRunsContinueAsNewOnATemporalServer(t *testing.T) {
	t.Parallel() // each has a server of its own, and mostly waits
	f := follow(t, startServer(t, "--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=20"))
	more := func() (lifecycle.Delivered, error) { return lifecycle.Delivered{Sent: 100, More: true}, nil }
	f.told.say("slack", more, more, more, more, more)
	require.NoError(t, f.client.WakeNotifier(t.Context(), "slack"))
	f.goesOn(t, "delivery-continued", lifecycle.DeliverWorkflowID("slack"), false)

	require.NoError(t, f.client.StartReconcile(t.Context(), "local"))
	f.goesOn(t, "reconcile-continued", lifecycle.ReconcileWorkflowID("local"), true)

	f.goesOn(t, "campaign-continued", f.campaigns(t, "empty", "nowhere", f.now().Add(30*day)), true)

	_, _, err := f.store.ClaimRemediation(t.Context(), lifecycle.Remediation{ID: "r-1", Version: 1, Owner: "payments", Run: "run_1", Status: lifecycle.RemediationOpen})
	require.NoError(t, err)
	_, _, err = f.store.ClaimRun(t.Context(), runbook.Run{ID: "run_1", Version: 1, Remediation: "r-1", Runbook: "patch", Team: "payments", State: runbook.Sent, Entered: true, Attempts: 1,
		Deadline: f.now().Add(time.Hour), Next: f.now()})
	require.NoError(t, err)
	require.NoError(t, f.client.WakeRun(t.Context(), "run_1", "test"))
	f.goesOn(t, "runbook-continued", lifecycle.RunbookWorkflowID("run_1"), true)

	id, err := f.pulled(t, "sync/long", throttles(6))
	require.NoError(t, err)
	f.goesOn(t, "sync-continued", id, false)
}

// goesOn waits until a workflow has continued as new, waking it again and again if it has
// to be, and records its first run.
func (f *followed) goesOn(t *testing.T, name, workflowID string, wake bool) {
	t.Helper()
	first := ""
	f.until(name, func() bool {
		if wake {
			f.signal(workflowID)
		}
		started := f.history(workflowID).GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
		first = started.GetFirstExecutionRunId()
		return started.GetContinuedExecutionRunId() != ""
	})
	h := f.historyOf(workflowID, first)
	require.Equal(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, h.Events[len(h.Events)-1].GetEventType())
	f.keep(name, h)
}
