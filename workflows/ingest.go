package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/internal/lifecycle"
)

// lull is how long an Ingest stays for the next delivery before it ends. Whoever delivers
// later starts it again.
const lull = 10 * time.Second

// Ingest takes in what a source delivers, in order: there is one for each source, so that
// no two work on its deliveries at once.
func Ingest(ctx workflow.Context, in lifecycle.IngestInput) error {
	wakes := workflow.GetSignalChannel(ctx, lifecycle.SignalWake)
	failures := 0
	for ctx.Err() == nil {
		for wakes.ReceiveAsync(nil) { // one look answers them all
		}
		drained, err := drain(ctx, in)
		switch {
		case err != nil:
			// Bad bodies don't come here: they end as failed deliveries. This is the store's or
			// a defect of ours; the deliveries wait, and nothing is skipped.
			workflow.GetLogger(ctx).Warn("draining a source failed; it is tried again", "source", in.Source, "error", err)
			failures = min(failures+1, 6)
			pause(ctx, wakes, time.Minute<<(failures-1), "Try again after a failure")
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return workflow.NewContinueAsNewError(ctx, Ingest, in)
		case drained.More:
			failures = 0
		case !pause(ctx, wakes, lull, "Waiting for the next delivery"):
			return nil
		}
	}
	return ctx.Err()
}

// pause waits for a wake, and reports whether one came within the time.
func pause(ctx workflow.Context, wakes workflow.ReceiveChannel, d time.Duration, why string) bool {
	timerCtx, stop := workflow.WithCancel(ctx)
	woken := false
	s := workflow.NewSelector(ctx)
	s.AddFuture(workflow.NewTimerWithOptions(timerCtx, d, workflow.TimerOptions{Summary: why}), func(workflow.Future) {})
	s.AddReceive(wakes, func(c workflow.ReceiveChannel, _ bool) {
		c.ReceiveAsync(nil)
		woken = true
	})
	s.Select(ctx)
	stop()
	// A wake that came together with the timer counts: the run must not end on it.
	return woken || wakes.ReceiveAsync(nil)
}
