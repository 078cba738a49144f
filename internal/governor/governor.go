// Package governor shares the limits of a vendor's API among all workers of all processes:
// a token bucket for each budget, kept in the store by compare-and-set. Workers lease a
// little more than they need at once, so that the store isn't asked for each call. Urgent
// callers may use a reserve that others leave alone.
//
// Over any time, no more is spent than rate × time + burst. That holds as far as the
// clocks of the processes agree to within a lease's life, one second.
package governor

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// Store keeps the shared states.
type Store interface {
	// Budget gives a state and its version; fault.NotFound.
	Budget(ctx context.Context, name string) (state []byte, version int64, err error)
	// SwapBudget writes a state as version+1 if the stored version is the one given, zero:
	// if there is none. It says whether it did.
	SwapBudget(ctx context.Context, name string, version int64, state []byte) (bool, error)
}

// Options are what a governor is made of.
type Options struct {
	Store Store
	Now   func() time.Time
	// Sleep waits, or ends with ctx; nil: by a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

const (
	patience  = 3 * time.Second        // Take waits no longer: a durable timer does it better
	leaseLife = time.Second            // how long a lease is good for
	leaseTime = 250 * time.Millisecond // a lease is for about as much as flows in during this time
	leaseMost = 1.0 / 16               // of the burst
	freshness = time.Second            // how old what we know of an unlimited budget may be
	longest   = time.Hour              // that a vendor's word holds us off
	attempts  = 64                     // lost races for one budget
	most      = 10_000                 // budgets that are remembered here, before idle ones are let go
)

// Governor implements connectors.Governor.
type Governor struct {
	o       Options
	mu      sync.Mutex
	budgets map[string]*budget
}

var _ connectors.Governor = (*Governor)(nil)

// New makes a governor. Those of all processes share what is in the store.
func New(o Options) *Governor {
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return &Governor{o: o, budgets: map[string]*budget{}}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "waiting for a vendor's limit")
	}
}

// budget is what this process knows of a budget.
type budget struct {
	name  string
	mu    sync.Mutex
	rate  float64 // zero: nobody has told us of a limit
	burst float64
	left  float64   // of our lease
	until time.Time // when that ends
	held  time.Time
	asked time.Time // when the store was last asked
	free  bool      // nobody had told it of a limit either
}

func (g *Governor) budget(name string) *budget {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, ok := g.budgets[name]
	if !ok {
		if len(g.budgets) >= most {
			g.forget()
		}
		b = &budget{name: name}
		g.budgets[name] = b
	}
	return b
}

// forget lets go of budgets of which we know nothing that the store doesn't: some vendors
// have one for each ticket. It is called under the lock.
func (g *Governor) forget() {
	now := g.o.Now()
	for name, b := range g.budgets {
		if !b.mu.TryLock() {
			continue // it is being used
		}
		if !now.Before(b.until) && !now.Before(b.held) {
			delete(g.budgets, name)
		}
		b.mu.Unlock()
	}
}

// Limit implements connectors.Governor.
func (g *Governor) Limit(name string, rate, burst float64) {
	if !(rate > 0) || !(burst > 0) { // which no number at all isn't either
		return
	}
	b := g.budget(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rate != rate || b.burst != burst {
		b.rate, b.burst = rate, burst
		b.left = 0 // it may be more than the new figures allow
	}
}

// Take implements connectors.Governor. Points that a budget can never hold are Invalid.
func (g *Governor) Take(ctx context.Context, name string, points float64) error {
	if !(points > 0) {
		return nil
	}
	b, urgent := g.budget(name), connectors.Urgent(ctx)
	for waited := time.Duration(0); ; {
		wait, err := g.try(ctx, b, points, urgent)
		if err != nil || wait <= 0 {
			return err
		}
		if waited += wait; waited > patience {
			return &fault.Error{Kind: fault.Throttled, RetryAfter: wait, Msg: "waiting for our turn under the limits of " + name}
		}
		if err := g.o.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// try takes points, from our lease or from what is shared, or says how long to wait.
func (g *Governor) try(ctx context.Context, b *budget, points float64, urgent bool) (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := g.o.Now()
	if wait := b.held.Sub(now); wait > 0 {
		return wait, nil
	}
	if b.rate > 0 && points > b.burst {
		return 0, fault.New(fault.Invalid, "taking %g points of %s: it never holds more than %g", points, b.name, b.burst)
	}
	if b.left >= points && now.Before(b.until) {
		b.left -= points
		return 0, nil
	}
	if b.rate == 0 && b.free && now.Sub(b.asked) < freshness {
		return 0, nil
	}
	var leased float64
	var wait time.Duration
	err := g.change(ctx, b, func(s *state) bool {
		s.settle(now)
		changed := b.rate > 0 && s.limit(now, b.rate, b.burst) // to be kept, or they would never count
		extra := min(s.Burst*leaseMost, s.Rate*leaseTime.Seconds())
		leased, wait = s.take(now, points, extra, leaseLife, urgent)
		b.held, b.free = s.Held, s.Rate == 0
		return changed || wait == 0 && s.Rate > 0
	})
	if err != nil {
		return 0, err
	}
	b.asked, b.left, b.until = now, leased, now.Add(leaseLife)
	return wait, nil
}

// Hold implements connectors.Governor. This process stops at once, the others once their
// leases end: within a second. It holds for an hour at most, whatever the vendor says.
func (g *Governor) Hold(ctx context.Context, name string, until time.Time) error {
	now := g.o.Now()
	if latest := now.Add(longest); until.After(latest) {
		until = latest
	}
	b := g.budget(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !until.After(now) {
		return nil
	}
	if until.After(b.held) {
		b.held = until // even if the store can't be told
	}
	b.left = 0
	return g.change(ctx, b, func(s *state) bool {
		if !until.After(s.Held) {
			return false
		}
		s.Held = until
		return true
	})
}

// change makes a change to the shared state; fn says whether there is anything to write.
// It is called again after a lost race.
func (g *Governor) change(ctx context.Context, b *budget, fn func(*state) bool) error {
	for range attempts {
		var s state
		raw, version, err := g.o.Store.Budget(ctx, b.name)
		switch {
		case fault.Is(err, fault.NotFound):
			version = 0
		case err != nil:
			return fault.Wrap(fault.KindOf(err), err, "asking for the share of "+b.name)
		default:
			if err := json.Unmarshal(raw, &s); err != nil {
				s = state{} // of another version: it begins anew
			}
		}
		if !fn(&s) {
			return nil
		}
		if raw, err = json.Marshal(&s); err != nil {
			return fault.Wrap(fault.Internal, err, "writing the share of "+b.name)
		}
		swapped, err := g.o.Store.SwapBudget(ctx, b.name, version, raw)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "taking a share of "+b.name)
		}
		if swapped {
			return nil
		}
	}
	return fault.New(fault.Unavailable, "taking a share of %s: lost %d races", b.name, attempts)
}
