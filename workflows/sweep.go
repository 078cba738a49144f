package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/lifecycle"
)

// What a Sweep does if it isn't told.
const (
	defaultEvery     = 10 * time.Second
	defaultPerMinute = 600
	defaultMaxOpen   = 10_000
)

// sweepLooks is how many looks a run takes before it continues as new.
const sweepLooks = 500

// Sweep looks over the store again and again: it admits from the queue at a bounded rate,
// and picks up what was lost between the store and Temporal. There is one.
func Sweep(ctx workflow.Context, in lifecycle.SweepInput) error {
	if in.Every <= 0 {
		in.Every = defaultEvery
	}
	if in.AdmitPerMinute <= 0 {
		in.AdmitPerMinute = defaultPerMinute
	}
	if in.MaxOpen <= 0 {
		in.MaxOpen = defaultMaxOpen
	}
	wakes := workflow.GetSignalChannel(ctx, lifecycle.SignalWake)
	last := workflow.Now(ctx).Add(-in.Every)
	for look := 0; look < sweepLooks && !workflow.GetInfo(ctx).GetContinueAsNewSuggested(); look++ {
		now := workflow.Now(ctx)
		// What wasn't admitted is saved up, for one minute at most: a long silence must not
		// turn into a burst.
		in.Carry = min(in.Carry+now.Sub(last).Minutes()*float64(in.AdmitPerMinute), float64(in.AdmitPerMinute))
		last = now
		report, err := sweep(ctx, activities.SweepRequest{Admit: int(in.Carry), MaxOpen: in.MaxOpen, Updated: in.Updated, Cursor: in.Cursor, Watched: in.Watched, Line: in.Line,
			Pruned: in.Pruned, Digested: in.Digested, Techniques: in.Techniques})
		if err != nil {
			workflow.GetLogger(ctx).Warn("a look over the store failed; the next one tries again", "error", err)
		} else {
			in.Carry = max(0, in.Carry-float64(report.Admitted))
			in.Updated, in.Cursor, in.Watched, in.Line = report.Updated, report.Cursor, report.Watched, report.Line
			in.Pruned, in.Digested, in.Techniques = report.Pruned, report.Digested, report.Techniques
		}
		for wakes.ReceiveAsync(nil) {
		}
		pause(ctx, wakes, in.Every, "Until the next look")
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return workflow.NewContinueAsNewError(ctx, Sweep, in)
}
