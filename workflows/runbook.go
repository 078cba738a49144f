package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Runbook follows one run of a runbook: from the request over the approvals, the call and
// its answer to the test of what it claims. All of that is in the store, and done by an
// activity; this is its clock. It ends where nothing is left to do; a late answer begins
// another run of it under the same ID.
func Runbook(ctx workflow.Context, in lifecycle.RunbookInput) error {
	wakes := workflow.GetSignalChannel(ctx, lifecycle.SignalWake)
	started, failures := workflow.Now(ctx), 0
	for ctx.Err() == nil {
		for wakes.ReceiveAsync(nil) { // one look answers them all
		}
		step, err := followRun(ctx, in)
		switch {
		case err != nil:
			// What the runbook refuses is recorded with the run. This is the store's, or a defect
			// of ours; the run waits.
			workflow.GetLogger(ctx).Warn("following a run of a runbook failed; it is tried again", "run", in.Run, "error", err)
			failures = min(failures+1, 6)
			pause(ctx, wakes, 10*time.Second<<(failures-1), "Try again after a failure")
		case step.Next.IsZero():
			if !wakes.ReceiveAsync(nil) {
				return nil
			}
			continue
		default:
			failures = 0
			pause(ctx, wakes, max(step.Next.Sub(workflow.Now(ctx)), time.Millisecond), "It is "+lifecycle.Plain(string(step.State), 40))
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() || workflow.Now(ctx).Sub(started) >= maxLife {
			for wakes.ReceiveAsync(nil) { // the next run looks anyway
			}
			return workflow.NewContinueAsNewError(ctx, Runbook, in)
		}
	}
	return ctx.Err()
}

func followRun(ctx workflow.Context, in lifecycle.RunbookInput) (lifecycle.RunbookStep, error) {
	return remote[lifecycle.RunbookStep](runbookCall(ctx, "See what the run needs"), activities.NameRunbook, in)
}
