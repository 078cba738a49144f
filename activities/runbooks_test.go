package activities

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/runbook"
)

// automation is somebody's runbook, with an account of its own of what it did: once for
// each message's ID, as Standard Webhooks asks of receivers.
type automation struct {
	calls  int
	ledger map[string]int    // by message ID: how often it arrived
	bodies map[string]string // the first one
	same   bool              // every repetition had the same body
	answer func(call int) ([]byte, error)
	// before is called before a call arrives, and an error keeps it from arriving.
	before func(call int) error
}

func newAutomation() *automation {
	return &automation{ledger: map[string]int{}, bodies: map[string]string{}, same: true}
}

func (m *automation) Call(_ context.Context, id string, body []byte) ([]byte, error) {
	m.calls++
	if m.before != nil {
		if err := m.before(m.calls); err != nil {
			return nil, err
		}
	}
	m.ledger[id]++
	if was, ok := m.bodies[id]; ok && was != string(body) {
		m.same = false
	}
	m.bodies[id] = string(body)
	if m.answer != nil {
		return m.answer(m.calls)
	}
	return nil, nil
}

func lost() error { return fault.New(fault.Unavailable, "the answer was lost") }

// booked is ticketed, with a runbook that one approver has to agree to.
func booked(t *testing.T, edits ...func(*runbook.Definition)) (*rig, exposure.ID, lifecycle.Remediation, *automation) {
	t.Helper()
	r, id, rem, _ := ticketed(t)
	d := runbook.Definition{Name: "patch", When: `asset.kind == "host" && exposure.decision == "act"`, Quorum: 1, Approvers: []string{"role_approver", "@boss"},
		Expires: 3 * day, Remind: day, Timeout: time.Hour, MaxRunning: 1}
	for _, edit := range edits {
		edit(&d)
	}
	book, err := runbook.New(d, ownership.Config{People: []ownership.Person{{Name: "boss"}, {Name: "ann", Aliases: []string{"ann@example.org"}}}}, nil)
	require.NoError(t, err)
	robot := newAutomation()
	r.Runbooks = &Runbooks{Store: r.store, All: []*runbook.Runbook{book}, Call: map[string]Caller{"patch": robot}, Wake: func(context.Context, string, string) error { return nil }}
	return r, id, rem, robot
}

func (r *rig) ask(rem lifecycle.Remediation, cause string) runbook.Run {
	r.t.Helper()
	run, err := r.AskRun(r.t.Context(), lifecycle.RunRequest{Cause: cause, Remediation: rem.ID, Runbook: "patch", By: "ann", Reason: "window tonight"})
	require.NoError(r.t, err)
	return run
}

func (r *rig) approveRun(id, by, role string) error {
	_, err := r.DecideRun(r.t.Context(), lifecycle.RunDecision{Run: id, Decision: runbook.Approve, Decider: runbook.Decider{Name: by, Role: role}})
	return err
}

func (r *rig) follow(id string) lifecycle.RunbookStep {
	r.t.Helper()
	step, err := r.FollowRun(r.t.Context(), lifecycle.RunbookInput{Run: id})
	require.NoError(r.t, err)
	return step
}

func (r *rig) runNow(id string) runbook.Run {
	r.t.Helper()
	run, err := r.store.RunbookRun(r.t.Context(), id)
	require.NoError(r.t, err)
	return run
}

// said are the words on the ticket.
func (r *rig) saidOn(rem string) string {
	r.t.Helper()
	step := RemediationStep{ID: rem}
	p, err := r.Plan(r.t.Context(), step)
	require.NoError(r.t, err)
	if len(p.Comments) > 0 {
		_, err = r.Comment(r.t.Context(), RemediationStep{ID: rem, Intents: p.Comments})
		require.NoError(r.t, err)
	}
	ticket, err := r.store.TicketByMarker(r.t.Context(), rem)
	require.NoError(r.t, err)
	all := make([]string, 0, len(ticket.Comments))
	for _, c := range ticket.Comments {
		all = append(all, c.Text)
	}
	return strings.Join(all, "\n")
}

func (r *rig) told(to string) []lifecycle.InboxMessage {
	r.t.Helper()
	page, err := r.store.FindMessages(r.t.Context(), to, false, exposure.List{})
	require.NoError(r.t, err)
	return page.Items
}

func TestARunbookIsCalledOnceOthersHaveApprovedAndClosesNothingByItself(t *testing.T) {
	r, id, rem, robot := booked(t)
	run := r.ask(rem, "key-1")
	require.Equal(t, run.ID, r.ask(rem, "key-1").ID, "the same request again is the same run")
	step := r.follow(run.ID)
	require.Equal(t, runbook.Requested, step.State)
	require.Equal(t, epoch.Add(time.Minute).Add(day), step.Next, "approvers are reminded then")
	require.Len(t, r.told("@boss"), 1)
	require.Contains(t, r.told("@boss")[0].Text, "nothing is approved by waiting")

	require.True(t, fault.Is(r.approveRun(run.ID, "ann", "admin"), fault.Denied), "whoever asked can't approve")
	require.True(t, fault.Is(r.approveRun(run.ID, "Ann@example.org", "approver"), fault.Denied), "under another name neither")
	require.True(t, fault.Is(r.approveRun(run.ID, "bob", "operator"), fault.Denied), "nor who may not approve")
	require.Zero(t, robot.calls)
	require.NoError(t, r.approveRun(run.ID, "boss", ""))
	require.NoError(t, r.approveRun(run.ID, "boss", ""), "again is once")
	require.Equal(t, runbook.Sent, r.follow(run.ID).State)
	require.Equal(t, runbook.Sent, r.follow(run.ID).State)
	require.Equal(t, map[string]int{run.ID: 1}, robot.ledger)

	var call runbook.Call
	require.NoError(t, json.Unmarshal([]byte(robot.bodies[run.ID]), &call))
	require.Equal(t, run.ID, call.Data.Run)
	require.Equal(t, "https://quell.example.org/hooks/runbooks/patch", call.Data.Callback)
	require.Equal(t, []string{"boss"}, call.Data.ApprovedBy)
	require.Equal(t, id, call.Data.Exposures[0].ID)
	require.Equal(t, "web1", call.Data.Exposures[0].Asset.Name)
	require.Equal(t, []string{strings.Repeat("ab", 32)}, call.Data.Exposures[0].Evidence)

	_, err := r.RunAnswered(t.Context(), "patch", "msg_1", runbook.Answer{Run: run.ID, Status: runbook.StatusStarted, Detail: "on it"})
	require.NoError(t, err)
	r.clock = r.clock.Add(time.Minute)
	_, err = r.RunAnswered(t.Context(), "patch", "msg_2", runbook.Answer{Run: run.ID, Status: runbook.StatusDone, Detail: "rebooted"})
	require.NoError(t, err)
	require.Equal(t, runbook.Claimed, r.follow(run.ID).State)
	e := r.exposureNow(id)
	require.Equal(t, exposure.Open, e.State, "its workflow takes the claim up")
	require.Equal(t, exposure.Claim{By: "runbook patch", At: r.clock, Note: "rebooted", Via: "runbook"}, *e.Claim)
	v, err := r.Follow(t.Context(), FollowInput{ID: id})
	require.NoError(t, err)
	require.Equal(t, exposure.FixClaimed, v.State, "a claim, and no proof")
	r.clock = r.clock.Add(time.Hour)
	require.Equal(t, runbook.Claimed, r.follow(run.ID).State, "silence proves nothing")

	_, err = r.Verify(t.Context(), StepInput{ID: id, Seq: v.Seq})
	require.NoError(t, err)
	_, err = r.Record(t.Context(), RecordInput{ID: id, Seq: 90, Vantage: "dc1", Verdict: verdict(exposure.Refuted, func(v *exposure.Verdict) { v.CheckedAt = r.clock.Add(-time.Second) })})
	require.NoError(t, err)
	require.Equal(t, exposure.Closed, r.exposureNow(id).State, "the re-test closes it")
	step = r.follow(run.ID)
	require.Equal(t, runbook.Proven, step.State)
	require.Zero(t, step.Next)
	words := r.saidOn(rem.ID)
	for _, want := range []string{"asks to run runbook **patch**", "approved by boss", "has begun: on it", "that is a claim, which is tested now", "1 exposure is proven fixed"} {
		require.Equal(t, 1, strings.Count(words, want), "%s in %s", want, words)
	}
	require.Empty(t, r.runNow(run.ID).Body)
}

func TestARefutedRunIsToldAndNotProposedAgainForTheSame(t *testing.T) {
	r, id, rem, robot := booked(t, func(d *runbook.Definition) { d.Propose, d.Quorum = true, 0 })
	robot.answer = func(int) ([]byte, error) { return []byte(`{"status":"done","detail":"ok"}`), nil }
	_, err := r.Plan(t.Context(), RemediationStep{ID: rem.ID})
	require.NoError(t, err)
	run := r.remediationNow(rem.ID).Run
	require.NotEmpty(t, run, "it matches, and somebody owns it")
	require.Equal(t, runbook.Claimed, r.follow(run).State, "a word right away counts like a call")
	v, err := r.Follow(t.Context(), FollowInput{ID: id})
	require.NoError(t, err)
	_, err = r.Verify(t.Context(), StepInput{ID: id, Seq: v.Seq})
	require.NoError(t, err)
	r.clock = r.clock.Add(time.Minute)
	_, err = r.Record(t.Context(), RecordInput{ID: id, Seq: 90, Vantage: "dc1", Verdict: verdict(exposure.Confirmed, func(v *exposure.Verdict) { v.CheckedAt = r.clock.Add(-time.Second) })})
	require.NoError(t, err)
	require.Equal(t, runbook.Refuted, r.follow(run).State)
	require.Equal(t, exposure.Open, r.exposureNow(id).State)
	require.Len(t, r.told("payments"), 1)
	require.Contains(t, r.told("payments")[0].Text, "1 exposure was found again")
	for range 3 {
		_, err := r.Plan(t.Context(), RemediationStep{ID: rem.ID})
		require.NoError(t, err)
	}
	runs, err := r.store.RunsOf(t.Context(), rem.ID)
	require.NoError(t, err)
	require.Len(t, runs, 1, "it isn't run again by itself")
	require.NotEqual(t, run, r.ask(rem, "key-2").ID, "a person may ask again")
}

func TestNothingIsApprovedByWaitingAndWhatIsNotHeardOfEnds(t *testing.T) {
	t.Run("a request expires", func(t *testing.T) {
		r, _, rem, robot := booked(t)
		run := r.ask(rem, "k")
		r.follow(run.ID)
		r.clock = r.clock.Add(25 * time.Hour)
		r.follow(run.ID)
		require.Len(t, r.told("@boss"), 2, "reminded")
		r.clock = r.clock.Add(3 * day)
		require.Equal(t, runbook.Expired, r.follow(run.ID).State)
		require.Zero(t, robot.calls)
		require.True(t, fault.Is(r.approveRun(run.ID, "boss", ""), fault.Conflict))
		require.Len(t, r.told("@ann"), 1)
	})
	t.Run("a runbook that never answers", func(t *testing.T) {
		r, id, rem, _ := booked(t, func(d *runbook.Definition) { d.Quorum = 0 })
		run := r.ask(rem, "k")
		step := r.follow(run.ID)
		require.Equal(t, r.clock.Add(time.Hour), step.Next)
		r.clock = step.Next
		require.Equal(t, runbook.TimedOut, r.follow(run.ID).State)
		require.Equal(t, exposure.Open, r.exposureNow(id).State, "the work goes on as before")
		require.Contains(t, r.saidOn(rem.ID), "wasn't heard of in time")
		_, err := r.RunAnswered(t.Context(), "patch", "late", runbook.Answer{Run: run.ID, Status: runbook.StatusDone})
		require.NoError(t, err)
		require.Equal(t, runbook.Claimed, r.follow(run.ID).State, "late, it is a claim all the same")
		require.NotNil(t, r.exposureNow(id).Claim)
	})
	t.Run("what changed since it was asked for isn't run", func(t *testing.T) {
		r, id, rem, robot := booked(t)
		run := r.ask(rem, "k")
		r.follow(run.ID)
		_, _, err := r.Ledger.Touch(t.Context(), id, func(e *exposure.Exposure) bool {
			e.Findings[0].Title = "another"
			e.Findings[0].Severity = exposure.SeverityLow
			return true
		})
		require.NoError(t, err)
		require.NoError(t, r.approveRun(run.ID, "boss", ""))
		require.Equal(t, runbook.Void, r.follow(run.ID).State)
		require.Zero(t, robot.calls)
	})
}

func TestCallsThatAreRepeatedForeignOrUncalledFor(t *testing.T) {
	r, _, rem, _ := booked(t)
	run := r.ask(rem, "k")
	r.follow(run.ID)
	done := runbook.Answer{Run: run.ID, Status: runbook.StatusDone}
	_, err := r.RunAnswered(t.Context(), "patch", "m1", done)
	require.True(t, fault.Is(err, fault.Conflict), "nothing was sent yet: %v", err)
	_, err = r.RunAnswered(t.Context(), "other", "m1", done)
	require.True(t, fault.Is(err, fault.NotFound), "another runbook's run: %v", err)
	_, err = r.RunAnswered(t.Context(), "patch", "m1", runbook.Answer{Run: "run_none", Status: runbook.StatusDone})
	require.True(t, fault.Is(err, fault.NotFound))
	require.NoError(t, r.approveRun(run.ID, "boss", ""))
	r.follow(run.ID)
	for _, call := range []string{"m2", "m2", "m3"} {
		_, err = r.RunAnswered(t.Context(), "patch", call, runbook.Answer{Run: run.ID, Status: runbook.StatusFailed, Detail: "disk full\x1b[2J"})
		require.NoError(t, err)
	}
	r.follow(run.ID)
	got := r.runNow(run.ID)
	require.Equal(t, runbook.Failed, got.State)
	require.Len(t, got.Log, 4, "said once: %v", got.Log)
	require.Equal(t, "disk full[2J", got.Detail)
	require.Len(t, r.told("payments"), 1)
}

func TestOneNoOfThoseWhoMayApproveEndsARequest(t *testing.T) {
	r, _, rem, robot := booked(t)
	run := r.ask(rem, "k")
	r.follow(run.ID)
	no := func(what runbook.Decision, by, reason string) error {
		_, err := r.DecideRun(t.Context(), lifecycle.RunDecision{Run: run.ID, Decision: what, Decider: runbook.Decider{Name: by, Reason: reason}})
		return err
	}
	require.True(t, fault.Is(no(runbook.Decline, "boss", ""), fault.Conflict), "a reason is required")
	require.True(t, fault.Is(no(runbook.Withdraw, "boss", ""), fault.Denied), "only who asked can withdraw it")
	require.NoError(t, no(runbook.Decline, "boss", "not on a Friday"))
	require.NoError(t, no(runbook.Decline, "boss", "not on a Friday"))
	require.True(t, fault.Is(no(runbook.Approve, "boss", ""), fault.Conflict))
	require.Equal(t, runbook.Declined, r.follow(run.ID).State)
	require.Zero(t, robot.calls)
	require.Contains(t, r.told("@ann")[0].Text, "not on a Friday")
	require.NotEqual(t, run.ID, r.ask(rem, "k2").ID, "another may be asked for")
}

func TestOneRunAtATimeForARemediationAndNoMorePlacesThanThereAre(t *testing.T) {
	r, _, rem, robot := booked(t, func(d *runbook.Definition) { d.Quorum = 0 })
	run := r.ask(rem, "k")
	_, err := r.AskRun(t.Context(), lifecycle.RunRequest{Cause: "k2", Remediation: rem.ID, Runbook: "patch", By: "bob", Reason: "me too"})
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	// Another remediation's run has the only place.
	book, _ := r.Runbooks.Named("patch")
	other := book.Ask(runbook.Wish{Cause: "x", Remediation: "r-other", Team: "web", By: "bob", Reason: "r"}, r.clock)
	_, _, err = r.store.ClaimRun(t.Context(), other)
	require.NoError(t, err)
	has, err := r.enterRunbook(t.Context(), book, other.ID)
	require.NoError(t, err)
	require.True(t, has)
	step := r.follow(run.ID)
	require.Equal(t, runbook.Approved, step.State)
	require.Zero(t, robot.calls, "it waits for its turn")
	other.State, other.Version = runbook.Failed, 2 // its worker died before it gave the place back
	ok, err := r.store.SwapRun(t.Context(), other)
	require.NoError(t, err)
	require.True(t, ok)
	r.clock = step.Next
	require.Equal(t, runbook.Sent, r.follow(run.ID).State)
}

func TestWhatNobodyMayAskFor(t *testing.T) {
	r, id, rem, _ := booked(t)
	ask := func(book, reason string) error {
		_, err := r.AskRun(t.Context(), lifecycle.RunRequest{Cause: "k", Remediation: rem.ID, Runbook: book, By: "ann", Reason: reason})
		return err
	}
	require.True(t, fault.Is(ask("none", "x"), fault.NotFound))
	require.True(t, fault.Is(ask("patch", " "), fault.Invalid))
	_, _, err := r.Ledger.Touch(t.Context(), id, func(e *exposure.Exposure) bool { e.Claim = &exposure.Claim{By: "bob", At: r.clock}; return true })
	require.NoError(t, err)
	require.True(t, fault.Is(ask("patch", "x"), fault.Conflict), "somebody has mended it, says he")
}

func TestTheSweepTakesUpRunsWhoseWakesWereLost(t *testing.T) {
	r, _, rem, _ := booked(t)
	run := r.ask(rem, "k")
	var woken []string
	r.Runbooks.Wake = func(_ context.Context, id, _ string) error { woken = append(woken, id); return nil }
	r.clock = r.clock.Add(time.Minute)
	require.NoError(t, r.resendRuns(t.Context(), SweepRequest{}, &SweepReport{}))
	require.Equal(t, []string{run.ID}, woken)
	r.follow(run.ID)
	woken = nil
	require.NoError(t, r.resendRuns(t.Context(), SweepRequest{}, &SweepReport{}))
	require.Empty(t, woken, "nothing is to be done before the reminder")
}
