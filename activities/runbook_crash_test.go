package activities

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

func TestWhateverIsLostOnTheWayTheRunbookDoesItOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		fails func(m *automation)
		state runbook.State
		calls int
	}{
		"the answer is lost": {func(m *automation) {
			m.answer = func(call int) ([]byte, error) {
				if call < 3 {
					return nil, lost()
				}
				return nil, nil
			}
		}, runbook.Sent, 3},
		"it never arrived": {func(m *automation) {
			m.before = func(call int) error {
				if call == 1 {
					return fault.New(fault.Throttled, "429")
				}
				return nil
			}
		}, runbook.Sent, 2},
		"it knows the message already": {func(m *automation) {
			m.answer = func(call int) ([]byte, error) {
				if call == 1 {
					return nil, lost()
				}
				return nil, fault.New(fault.Conflict, "409: I have that already")
			}
		}, runbook.Sent, 2},
		"it is refused": {func(m *automation) {
			m.answer = func(int) ([]byte, error) { return nil, fault.New(fault.Denied, "403") }
		}, runbook.Failed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, id, rem, robot := booked(t, func(d *runbook.Definition) { d.Quorum = 0 })
			tt.fails(robot)
			run := r.ask(rem, "k")
			for range 6 {
				if step := r.follow(run.ID); step.Next.After(r.clock) && step.State == runbook.Approved {
					r.clock = step.Next
				}
			}
			got := r.runNow(run.ID)
			require.Equal(t, tt.state, got.State, "%v", got.Log)
			require.Equal(t, tt.calls, robot.calls)
			require.LessOrEqual(t, len(robot.ledger), 1, "one effect")
			require.True(t, robot.same, "a repetition is the same message")
			require.Equal(t, exposure.Open, r.exposureNow(id).State)
			require.Nil(t, r.exposureNow(id).Claim)
		})
	}
}

// dyingStore dies before or after one write of a run or of the places at its runbook.
type dyingStore struct {
	Runs
	writes, at int
	after      bool
}

func (d *dyingStore) die(write func() (bool, error)) (bool, error) {
	dies := d.writes == d.at
	d.writes++
	if dies && !d.after {
		return false, errCrash
	}
	ok, err := write()
	if dies {
		return false, errCrash
	}
	return ok, err
}

func (d *dyingStore) SwapRun(ctx context.Context, r runbook.Run) (bool, error) {
	return d.die(func() (bool, error) { return d.Runs.SwapRun(ctx, r) })
}

func (d *dyingStore) SwapBudget(ctx context.Context, name string, version int64, state []byte) (bool, error) {
	return d.die(func() (bool, error) { return d.Runs.SwapBudget(ctx, name, version, state) })
}

func (d *dyingStore) ClaimRun(ctx context.Context, r runbook.Run) (known runbook.Run, fresh bool, err error) {
	_, err = d.die(func() (bool, error) { known, fresh, err = d.Runs.ClaimRun(ctx, r); return fresh, err })
	return known, fresh, err
}

// liveRun lives a run from the request to the claim, and says what it left behind.
func liveRun(t *testing.T, at int, after bool) (end string, writes int) {
	t.Helper()
	r, id, rem, robot := booked(t)
	robot.answer = func(int) ([]byte, error) { return []byte(`{"status":"done"}`), nil }
	dying := &dyingStore{Runs: r.store, at: at, after: after}
	r.Runbooks.Store = dying
	insist := func(do func() error) {
		for range 4 {
			err := do()
			if err == nil {
				return
			}
			require.ErrorIs(t, err, errCrash)
		}
		t.Fatal("it never came back")
	}
	run := runbook.RunID(rem.ID, "patch", "k")
	insist(func() error {
		_, err := r.AskRun(t.Context(), lifecycle.RunRequest{Cause: "k", Remediation: rem.ID, Runbook: "patch", By: "ann", Reason: "now"})
		return err
	})
	look := func() {
		insist(func() error {
			_, err := r.FollowRun(t.Context(), lifecycle.RunbookInput{Run: run})
			return err
		})
	}
	look()
	insist(func() error {
		_, err := r.DecideRun(t.Context(), lifecycle.RunDecision{Run: run, Decision: runbook.Approve, Decider: runbook.Decider{Name: "boss"}})
		return err
	})
	for range 4 { // a lease that somebody died with runs out
		look()
		r.clock = r.clock.Add(runbook.Lease)
	}
	got, e := r.runNow(run), r.exposureNow(id)
	require.NotNil(t, e.Claim)
	require.Equal(t, exposure.Open, e.State)
	runs, _, err := r.places(t.Context(), "patch")
	require.NoError(t, err)
	return fmt.Sprintf("%s, %d messages, same %v, approvals %d, told %d of %d, boss %d, places %d", got.State, len(robot.ledger), robot.same, len(got.Approvals), got.Told, len(got.Log),
		len(r.told("@boss")), len(runs)), dying.writes
}

func TestAProcessThatDiesAtAnyWriteOfARunDoesEachThingOnce(t *testing.T) {
	want, writes := liveRun(t, -1, false)
	require.Equal(t, "claimed, 1 messages, same true, approvals 1, told 4 of 4, boss 1, places 0", want)
	require.Greater(t, writes, 8)
	for at := range writes {
		for _, after := range []bool{false, true} {
			got, _ := liveRun(t, at, after)
			require.Equal(t, want, got, "dying at write %d (after it: %v)", at, after)
		}
	}
}
