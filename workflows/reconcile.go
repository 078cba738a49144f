package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/lifecycle"
)

const (
	defaultReconcile = 30 * time.Second
	reconcileMore    = time.Second // between two looks where the first didn't reach the end
	reconcileLooks   = 500         // that a run takes before it continues as new
)

// Reconcile asks a tracker again and again what was changed in it, and has those tickets
// read. There is one for each tracker; it ends when the tracker leaves the configuration.
func Reconcile(ctx workflow.Context, in lifecycle.ReconcileInput) error {
	wakes := workflow.GetSignalChannel(ctx, lifecycle.SignalWake)
	if in.Every <= 0 {
		in.Every = defaultReconcile
	}
	for look := 0; look < reconcileLooks && !workflow.GetInfo(ctx).GetContinueAsNewSuggested(); look++ {
		wait := in.Every
		report, err := reconcile(ctx, activities.ReconcileRequest{Tracker: in.Tracker})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			workflow.GetLogger(ctx).Warn("a look at what was changed in a tracker failed; the next one tries again", "tracker", in.Tracker, "error", err)
		case report.Gone:
			return nil
		default:
			in.Every = max(report.Every, time.Second)
			if wait = in.Every; report.More {
				wait = reconcileMore
			}
		}
		for wakes.ReceiveAsync(nil) {
		}
		pause(ctx, wakes, wait, "Until the next look")
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return workflow.NewContinueAsNewError(ctx, Reconcile, in)
}
