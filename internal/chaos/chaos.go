// Package chaos lives through many remediations at the layer of the activities while
// everything goes wrong: the process dies before and after each side effect, answers are
// lost, vendors ask to wait, webhooks come twice and out of order, clocks jump, and a backup
// is restored. What is real is real: the store on SQLite, the ledger, the journal, the
// activities, and the connectors of trackers and of Slack over HTTP. What it plays are the
// vendors, the people, the probe, and Temporal: a scheduler that calls the activities as the
// workflows do, and again after a failure.
//
// At the end it counts in the vendors' own ledgers, and in those of the people and of the
// probe, never in quell's word for it. See docs/chaos.md.
package chaos

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/quellsec/quell/internal/fault"
)

// Options say how large an experiment is.
type Options struct {
	Seed     uint64
	Size     int    // remediations
	Cohort   int    // of them in one quell; zero: 500
	Parallel int    // quells at a time; zero: one for each processor
	Dir      string // where the stores go
	Desk     string // the one tracker to use; empty: all in turn
	Out      io.Writer
	Tell     func(done, of int) // of progress; nil: nobody
}

// Run makes the experiment, prints its counts, and gives an error that names what must
// never be and was.
func Run(ctx context.Context, o Options) error {
	if o.Cohort <= 0 {
		o.Cohort = 500
	}
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	total := newTally()
	var mu sync.Mutex
	var failed error
	cohorts := (o.Size + o.Cohort - 1) / o.Cohort
	next, done := 0, 0
	var all sync.WaitGroup
	for range min(o.Parallel, cohorts) {
		all.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				stop := n >= cohorts || failed != nil || ctx.Err() != nil
				mu.Unlock()
				if stop {
					return
				}
				size := min(o.Cohort, o.Size-n*o.Cohort)
				t, err := live(ctx, &o, n, size)
				mu.Lock()
				if err != nil && failed == nil {
					failed = fault.Wrap(fault.KindOf(err), err, fmt.Sprintf("living through cohort %d", n))
				}
				total.add(t)
				done += size
				if o.Tell != nil {
					o.Tell(done, o.Size)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	total.print(o.Out)
	if failed != nil {
		return failed
	}
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "making the experiment")
	}
	return total.verdict()
}
