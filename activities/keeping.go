package activities

import (
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// Keeping is how tickets are kept in one tracker.
type Keeping struct {
	Attach       bool          // the evidence of verdicts is attached
	AskDeleted   bool          // a ticket that a person deleted is not made anew unasked
	ReopenWithin time.Duration // how long a done ticket is taken up again for a new exposure; zero: 90 days
	Reconcile    time.Duration // how often the tracker is asked what was changed; zero: 30 s
}

const (
	defaultReopenWithin = 90 * day
	defaultReconcile    = 30 * time.Second
)

// keeping is how tickets are kept in a tracker.
func (a *Activities) keeping(tracker string) Keeping {
	k := a.Keeping[tracker]
	if k.ReopenWithin <= 0 {
		k.ReopenWithin = defaultReopenWithin
	}
	if k.Reconcile <= 0 {
		k.Reconcile = defaultReconcile
	}
	return k
}

// listFrom asks for the next page of a walk.
func listFrom(cursor string) exposure.List { return exposure.List{Limit: sweepBatch, Cursor: cursor} }
