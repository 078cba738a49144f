package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// How long a vendor who refuses without saying for how long is left alone, and how often
// in a row that is borne.
const (
	firstBackoff  = 30 * time.Second
	longestWait   = time.Hour
	mostThrottles = 40
)

// Sync pulls a source once: page by page, each recorded before the next is asked for. A
// vendor's "wait" is a timer here, so that it survives us and holds for all of the source,
// of which one Sync runs at a time.
func Sync(ctx workflow.Context, in lifecycle.SyncInput) (exposure.Sync, error) {
	if in.Sync == "" {
		in.Sync = workflow.GetInfo(ctx).WorkflowExecution.RunID
	}
	if _, err := beginSync(ctx, in); err != nil {
		return exposure.Sync{}, err
	}
	failure := pullAll(ctx, in)
	if workflow.IsContinueAsNewError(failure) {
		return exposure.Sync{}, failure
	}
	end := lifecycle.SyncEnd{Source: in.Source, Sync: in.Sync}
	if failure != nil {
		end.Error = wordsOf(failure)
		if ctx.Err() != nil { // cancelled: what was fetched is delivered all the same
			var stop func()
			ctx, stop = workflow.NewDisconnectedContext(ctx)
			defer stop()
		}
	}
	done, err := endSync(ctx, end)
	return done, errors.Join(failure, err)
}

// pullAll pulls until the last page, and gives what ended it before.
func pullAll(ctx workflow.Context, in lifecycle.SyncInput) error {
	throttled := 0
	for ctx.Err() == nil {
		report, err := pull(ctx, in)
		switch {
		case err != nil:
			return err
		case report.Done:
			return nil
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return workflow.NewContinueAsNewError(ctx, Sync, in)
		case !report.Throttled:
			throttled = 0
			if err := wait(ctx, report.Wait, "Waiting for the vendor's export"); err != nil {
				return err
			}
		case throttled == mostThrottles:
			return temporal.NewApplicationError("the vendor refused for now forty times in a row", lifecycle.KindThrottled)
		default:
			back := report.Wait
			if back <= 0 {
				back = firstBackoff << min(throttled, 6)
			}
			throttled++
			if err := wait(ctx, back, "The vendor asks to wait"); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func wait(ctx workflow.Context, d time.Duration, why string) error {
	if d <= 0 {
		return nil
	}
	return workflow.NewTimerWithOptions(ctx, min(d, longestWait), workflow.TimerOptions{Summary: why}).Get(ctx, nil)
}

// wordsOf is what a person is told of a failure: the activity's own words.
func wordsOf(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	if temporal.IsCanceledError(err) {
		return "it was cancelled"
	}
	return err.Error()
}

// pullCall is for pulling pages. A vendor that is down is asked again for most of an hour.
func pullCall(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           lifecycle.TaskQueue,
		StartToCloseTimeout: 2 * time.Hour,
		HeartbeatTimeout:    time.Minute,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute, MaximumAttempts: 15},
		Summary:             summary,
	})
}

func beginSync(ctx workflow.Context, in lifecycle.SyncInput) (exposure.Sync, error) {
	return local[exposure.Sync](ctx, activities.NameBegin, "See what to ask "+lifecycle.Plain(in.Source, 64)+" for", in)
}

func pull(ctx workflow.Context, in lifecycle.SyncInput) (activities.PullReport, error) {
	return remote[activities.PullReport](pullCall(ctx, "Pull pages of "+lifecycle.Plain(in.Source, 64)), activities.NamePull, in)
}

func endSync(ctx workflow.Context, in lifecycle.SyncEnd) (exposure.Sync, error) {
	return remote[exposure.Sync](longCall(ctx, "Hand over what "+lifecycle.Plain(in.Source, 64)+" gave"), activities.NameEnd, in)
}
