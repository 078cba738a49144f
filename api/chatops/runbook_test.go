package chatops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/api/chatops"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/runbook"
	"github.com/quellsec/quell/internal/store"
)

// desk decides on runs in the store, as the activities do.
type desk struct {
	*store.Store
	book *runbook.Runbook
	now  func() time.Time
	// after is called once a decision stands, and its error is what the caller sees.
	after func() error
}

func (d *desk) Run(ctx context.Context, id string) (runbook.Run, error) { return d.RunbookRun(ctx, id) }

func (d *desk) MayApproveRun(r *runbook.Run, name, role string) bool {
	return d.book.MayApprove(r, name, role, d.now())
}

func (d *desk) DecideRun(ctx context.Context, in lifecycle.RunDecision) (runbook.Run, error) {
	for {
		r, err := d.RunbookRun(ctx, in.Run)
		if err != nil {
			return r, err
		}
		changed, err := d.book.Decide(&r, in.Decision, in.Decider, d.now())
		var refusal *exception.RefusedError
		if errors.As(err, &refusal) {
			kind := fault.Conflict
			if refusal.Denied {
				kind = fault.Denied
			}
			return r, fault.New(kind, "deciding on a run: %s", refusal.Why)
		}
		if err != nil || !changed {
			return r, err
		}
		r.Version++
		if ok, err := d.SwapRun(ctx, r); err != nil || !ok {
			if err != nil {
				return r, err
			}
			continue
		}
		if d.after != nil {
			return r, d.after()
		}
		return r, nil
	}
}

// runsRig is a rig with a runbook that carol and grace may approve, as approvers.
func runsRig(t *testing.T, quorum int) (*rig, *desk) {
	t.Helper()
	d := &desk{}
	r := newRig(t, func(deps *chatops.Deps) {
		twoApprove(deps)
		deps.Runs = d
		deps.Visible = func(_ context.Context, name string) ([]string, error) {
			if name == "erin" {
				return []string{"hr"}, nil
			}
			return nil, nil
		}
	})
	book, err := runbook.New(runbook.Definition{Name: "patch", Quorum: quorum, Approvers: []string{"role_approver"}, Expires: 72 * time.Hour},
		ownership.Config{People: r.deps.People(), Teams: teams()}, nil)
	require.NoError(t, err)
	d.Store, d.book, d.now = r.store, book, r.clock.now
	return r, d
}

// asked is a run that somebody asked for, and the message about it.
func (r *rig) asked(d *desk, by, cause string) (id, ts string) {
	r.Helper()
	e := r.read(r.exposure("payments", func(e *exposure.Exposure) { e.RemediationID = "rem-1" }))
	run, _, err := r.store.ClaimRun(r.Context(), d.book.Ask(runbook.Wish{Cause: cause, Remediation: "rem-1", Team: "payments", By: by, Reason: "window <!channel> tonight", Targets: []exposure.Exposure{e}}, r.clock.now()))
	require.NoError(r, err)
	return run.ID, r.post("run:"+run.ID, "approve", "decline")
}

func (r *rig) runNow(id string) runbook.Run {
	r.Helper()
	run, err := r.store.RunbookRun(r.Context(), id)
	require.NoError(r, err)
	return run
}

func TestARunOfARunbookIsApprovedByAPressOnceHoweverOftenSlackRepeatsIt(t *testing.T) {
	r, d := runsRig(t, 2)
	id, ts := r.asked(d, "ann", "k")
	r.press(carol, ts, "approve")
	require.Equal(t, "Approved: 1 of 2 approvals are there.", r.last(carol))
	for n := range 4 {
		reply, err := r.fake.Again(r.ctx, r.fake.Calls()[0], n+1)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, reply.Status)
	}
	r.drain()
	require.Len(t, r.fake.Answers(carol), 1)
	require.EqualValues(t, 2, r.runNow(id).Version)
	r.press(carol, ts, "approve")
	require.EqualValues(t, 2, r.runNow(id).Version, "two approvals by one person are one")
	require.Equal(t, runbook.Requested, r.runNow(id).State)

	r.press(dave, ts, "approve") // dave's account is grace's
	require.Equal(t, "Approved: runbook patch is called.", r.last(dave))
	run := r.runNow(id)
	require.Equal(t, runbook.Approved, run.State)
	require.Equal(t, exposure.Approval{By: "carol", At: epoch, Via: "chat"}, run.Approvals[0])
	require.Equal(t, "grace", run.Approvals[1].By)
}

func TestWhoMayNotApproveARunIsToldSoAndChangesNothing(t *testing.T) {
	r, d := runsRig(t, 1)
	id, ts := r.asked(d, "carol", "k")
	for user, why := range map[string]string{
		carol:   "carol asked for it: somebody else has to approve it",
		ann:     "ann can't decide on it: anybody with the role approver can",
		erin:    "there is no run " + id,
		mallory: "doesn't know you",
	} {
		r.press(user, ts, "approve")
		require.Contains(t, r.last(user), "Not done: ", user)
		require.Contains(t, r.last(user), why)
		require.EqualValues(t, 1, r.runNow(id).Version, user)
	}
	r.press(ann, r.post("run:run_nothing", "approve"), "approve")
	require.Contains(t, r.last(ann), "there is no run run_nothing")
	r.press(dave, r.post("run:"+id, "withdraw"), "withdraw")
	require.Contains(t, r.last(dave), "approved or declined")
	require.EqualValues(t, 1, r.runNow(id).Version)
	r.clock.add(96 * time.Hour)
	r.press(dave, ts, "approve")
	require.Contains(t, r.last(dave), "it expired on 2026-03-05")
	require.Equal(t, runbook.Requested, r.runNow(id).State)
}

func TestOfTwoWhoApproveARunAtOnceOneDoesAndTheOtherIsToldWhoDid(t *testing.T) {
	r, d := runsRig(t, 1)
	for n := range 10 {
		id, ts := r.asked(d, "ann", fmt.Sprint(n))
		var group sync.WaitGroup
		for _, user := range []string{carol, dave} { // dave's account is grace's
			group.Go(func() {
				if _, err := r.fake.Press(r.ctx, user, channel, ts, "quell/approve/"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		r.drain()
		run := r.runNow(id)
		require.Len(t, run.Approvals, 1)
		winner, loser := run.Approvals[0].By, dave
		if winner == "grace" {
			loser = carol
		}
		require.Equal(t, "Not done: "+winner+" was first: "+winner+" approved it at 09:00 UTC.", r.last(loser))
	}
}

func TestARunIsDeclinedByAFormThatAsksWhyAndIsNotOpenedForOneThatIsDecided(t *testing.T) {
	r, d := runsRig(t, 1)
	id, ts := r.asked(d, "ann", "k")
	view := r.form(carol, ts, "decline")
	require.Contains(t, said(string(view.Raw)), "ann asks to run runbook *patch* for 1 exposure of payments")
	require.NotContains(t, string(view.Raw), "<!channel>")
	reply, err := r.fake.Submit(r.ctx, view, map[string]any{"reason": " "})
	require.NoError(t, err)
	require.Contains(t, reply.Body, `"reason":"a reason is required`)
	for range 2 {
		_, err = r.fake.Submit(r.ctx, view, map[string]any{"reason": "not on a Friday"})
		require.NoError(t, err)
		r.drain()
	}
	require.Equal(t, "Declined: runbook patch is not run, and ann is told why.", r.last(carol))
	require.Len(t, r.fake.Answers(carol), 1)
	run := r.runNow(id)
	line, _ := run.Decided()
	require.Equal(t, runbook.Line{At: epoch, State: runbook.Declined, By: "carol", Text: "not on a Friday"}, line)

	r.press(dave, ts, "approve")
	require.Equal(t, "Not done: carol was first: carol declined it at 09:00 UTC.", r.last(dave))
	r.press(dave, ts, "decline")
	require.Empty(t, r.fake.Views(dave))
	require.Contains(t, r.last(dave), "carol was first")
	r.press(carol, ts, "approve")
	require.Contains(t, r.last(carol), "you declined it at 09:00 UTC")
}

func TestTheHomeListsTheRunsThatWaitForSomebody(t *testing.T) {
	r, d := runsRig(t, 1)
	id, _ := r.asked(d, "ann", "k")
	home := func(user string) string {
		_, err := r.fake.OpenHome(r.ctx, user)
		require.NoError(t, err)
		r.drain()
		return string(r.fake.Home(user))
	}
	for _, user := range []string{ann, bob, erin} {
		require.NotContains(t, home(user), "run:"+id)
		require.Contains(t, home(user), "Nothing waits for you.")
	}
	require.Contains(t, home(dave), "run:"+id)
	require.NotContains(t, home(carol), "Nothing waits for you.")
	_, err := r.fake.PressHome(r.ctx, carol, "quell/approve/")
	require.NoError(t, err)
	r.drain()
	require.Equal(t, runbook.Approved, r.runNow(id).State)
	require.NotContains(t, home(carol), "run:"+id)
	other, _ := r.asked(d, "ann", "k2")
	require.Contains(t, home(carol), "run:"+other)
	r.clock.add(96 * time.Hour)
	require.NotContains(t, home(carol), "run:"+other, "it has expired")
}

func TestAPressOnARunWhoseAnswerWasLostIsCarriedOutOnce(t *testing.T) {
	r, d := runsRig(t, 1)
	id, ts := r.asked(d, "ann", "k")
	d.after = func() error { d.after = nil; return fault.New(fault.Unavailable, "the answer was lost") }
	r.press(carol, ts, "approve")
	require.Empty(t, r.fake.Answers(carol))
	for range 3 {
		r.clock.add(10 * time.Minute)
		_, err := r.chat.Sweep(t.Context())
		require.NoError(t, err)
	}
	require.Len(t, r.fake.Answers(carol), 1)
	require.Equal(t, "Approved: runbook patch is called.", r.last(carol))
	require.Len(t, r.runNow(id).Approvals, 1)
	require.EqualValues(t, 2, r.runNow(id).Version)
}
