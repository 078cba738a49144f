package activities

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Keeper removes what was kept long enough.
type Keeper interface {
	PruneMessages(ctx context.Context, olderThan time.Time) (int, error)
	PruneThreads(ctx context.Context, olderThan time.Time) (int, error)
	PruneInbox(ctx context.Context, olderThan time.Time) (int, error)
	PrunePresses(ctx context.Context, olderThan time.Time) (int, error)
	PruneBlobs(ctx context.Context, olderThan time.Time) (int, error)
}

// Keep is for how long what is done is kept; zero: for ever.
type Keep struct {
	Messages, Threads, Inbox, Presses, Blobs time.Duration
}

// prune removes what was kept long enough: once a day, one kind after the other. A kind
// that fails keeps none of the others, and all are tried again by the next look.
func (a *Activities) prune(ctx context.Context, in SweepRequest, report *SweepReport) error {
	now := a.now()
	if a.Keeper == nil || now.Sub(in.Pruned) < day {
		return nil
	}
	var problems []error
	for _, kind := range []struct {
		name   string
		keep   time.Duration
		remove func(context.Context, time.Time) (int, error)
	}{{"messages", a.Keep.Messages, a.Keeper.PruneMessages}, {"threads", a.Keep.Threads, a.Keeper.PruneThreads}, {"inbox", a.Keep.Inbox, a.Keeper.PruneInbox},
		{"presses", a.Keep.Presses, a.Keeper.PrunePresses}, {"blobs", a.Keep.Blobs, a.Keeper.PruneBlobs}} {
		if kind.keep <= 0 {
			continue
		}
		n, err := kind.remove(ctx, now.Add(-kind.keep))
		report.Removed += n
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", kind.name, err))
		}
		beat(ctx, "removing old "+kind.name)
	}
	if len(problems) == 0 {
		report.Pruned = now
	}
	return errors.Join(problems...)
}
