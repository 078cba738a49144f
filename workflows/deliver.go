package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Deliver tells people what a notifier has to tell: there is one for each, so that no two
// spend one budget. It sleeps until something is due, and ends where nothing waits at all.
func Deliver(ctx workflow.Context, in lifecycle.DeliverInput) error {
	wakes := workflow.GetSignalChannel(ctx, lifecycle.SignalWake)
	failures := 0
	for ctx.Err() == nil {
		for wakes.ReceiveAsync(nil) { // one look answers them all
		}
		report, err := deliver(ctx, in)
		switch {
		case err != nil:
			// What a vendor refuses is recorded with its message. This is the store's, or a defect
			// of ours; whatever waits, waits on.
			workflow.GetLogger(ctx).Warn("delivering messages failed; it is tried again", "notifier", in.Notifier, "error", err)
			failures = min(failures+1, 6)
			pause(ctx, wakes, 10*time.Second<<(failures-1), "Try again after a failure")
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return workflow.NewContinueAsNewError(ctx, Deliver, in)
		case report.More:
			failures = 0
		case report.Next.IsZero():
			failures = 0
			if !pause(ctx, wakes, lull, "Waiting for the next message") {
				return nil
			}
		default:
			failures = 0
			pause(ctx, wakes, max(report.Next.Sub(workflow.Now(ctx)), time.Millisecond), "Until something may be told")
		}
	}
	return ctx.Err()
}

func deliver(ctx workflow.Context, in lifecycle.DeliverInput) (lifecycle.Delivered, error) {
	return remote[lifecycle.Delivered](longCall(ctx, "Tell what "+lifecycle.Plain(in.Notifier, 64)+" has to tell"), activities.NameDeliver, in)
}
