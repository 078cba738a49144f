package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/internal/lifecycle"
)

// The activity options, all of them. Whether an error is worth another try is said by its
// kind, in lifecycle.Failure.

// storeCall is for what touches the store alone: done within the workflow task, and tried
// until the store is back.
func storeCall(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
		Summary:             summary,
	})
}

// outsideCall is for trackers and notifiers: tried until they are back, an hour apart at
// most. What a worker that died was about is taken up again when its time is over, so it
// has not much of it.
func outsideCall(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           lifecycle.TaskQueue,
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Hour},
		Summary:             summary,
	})
}

// triedCall is for what the next look plans again: tried a few times, so that the rest of
// the plan need not wait for a vendor who is down.
func triedCall(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           lifecycle.TaskQueue,
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second, MaximumAttempts: 4},
		Summary:             summary,
	})
}

// runbookCall is for a look at a run of a runbook, which calls it at most once. When there
// is to be another call is in the store, so this is for what else may fail.
func runbookCall(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           lifecycle.TaskQueue,
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    40 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
		Summary:             summary,
	})
}

// longCall is for bulk work that tells how far it is: a worker that dies is missed after
// a minute.
func longCall(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           lifecycle.TaskQueue,
		StartToCloseTimeout: 12 * time.Hour,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
		Summary:             summary,
	})
}

// sweepCall is for a look over the store. It is what heals all else, so a worker that dies
// at it is missed soon.
func sweepCall(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           lifecycle.TaskQueue,
		StartToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:    20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
		Summary:             summary,
	})
}

// probeCall is for a probe at a vantage. If none polls there within wait, it is given up;
// one that dies at work is missed within a minute, since it says every few seconds what it
// is at, and is replaced twice.
func probeCall(ctx workflow.Context, vantage string, wait time.Duration, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              lifecycle.ProbeQueue(vantage),
		ScheduleToStartTimeout: wait,
		StartToCloseTimeout:    15 * time.Minute,
		HeartbeatTimeout:       time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumAttempts: 3},
		WaitForCancellation:    false,
		Summary:                summary,
	})
}
