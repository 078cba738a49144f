package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
)

const (
	writers = 16
	causes  = 12 // per writer; every second one is also another writer's
)

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func clock() time.Time { return epoch }

// Exposure makes a tracked exposure for tests, named by its check.
func Exposure(check string) exposure.Exposure {
	return exposure.NewExposure(exposure.BornInput{
		Asset:   asset.Asset{ID: "01ASSET", Name: "web1.example.com", Kind: asset.Host},
		Finding: exposure.Finding{UID: "1", Check: check, Title: "a weakness", Severity: exposure.SeverityHigh, Status: exposure.StatusOpen},
		Source:  "nessus-dc1", Run: "run-1", CheckedAt: epoch, At: epoch, Cause: "delivery-1",
		Actor: exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"},
	})
}

// Run holds a store to what the ledger promises over it. open gives a fresh, empty store.
func Run(t *testing.T, open func() Store) {
	t.Helper()
	t.Run("sixteen writers that crash between any two writes leave one chain with each cause once", func(t *testing.T) {
		manyWriters(t, open())
	})
	t.Run("a crash at every single write is repaired by repeating the call", func(t *testing.T) {
		everyWrite(t, open)
	})
	t.Run("bulk writers and single writers share one chain", func(t *testing.T) {
		bulkAndSingle(t, open())
	})
	t.Run("a touch from elsewhere is never lost between events", func(t *testing.T) {
		touches(t, open())
	})
}

func change(id exposure.ID, cause string) ledger.Change {
	return ledger.Change{ID: id, As: exposure.ModeStore, Event: exposure.Event{
		Kind: exposure.EventNoted, Actor: exposure.Actor{Kind: exposure.System, Name: "test"}, Cause: cause}}
}

// insist repeats a call, as Temporal would, until it doesn't crash.
func insist(call func() error) error {
	for {
		if err := call(); !errors.Is(err, ErrCrash) {
			return err
		}
	}
}

// crashes spreads deaths over the writes at uneven distances, so that no caller whose
// writes come in step with them dies for ever.
func crashes(n int) Fate {
	switch n * n % 11 {
	case 3:
		return DiesBefore
	case 9:
		return DiesAfter
	}
	return Lives
}

func manyWriters(t *testing.T, store Store) {
	t.Helper()
	e := Exposure("nessus:1")
	insert(t, store, e)
	n := 0
	crashing := &Crashing{Store: store, Next: func() Fate { n++; return crashes(n) }}
	l := ledger.New(crashing, clock)
	var wait sync.WaitGroup
	failed := make([]error, writers)
	for w := range writers {
		wait.Go(func() {
			for c := range causes {
				cause := fmt.Sprintf("writer %d cause %d", w, c)
				if c%2 == 1 { // the same cause from two writers is one event
					cause = fmt.Sprintf("writers %d cause %d", w/2, c)
				}
				failed[w] = errors.Join(failed[w], insist(func() error {
					_, err := l.Apply(t.Context(), change(e.ID, cause))
					return err
				}))
			}
		})
	}
	wait.Wait()
	require.NoError(t, errors.Join(failed...))
	requireChain(t, store, e.ID, 1+writers*causes/2+writers/2*causes/2)
}

func everyWrite(t *testing.T, open func() Store) {
	t.Helper()
	writes := lifeWithCrash(t, open(), -1, Lives)
	for at := range writes {
		for _, fate := range []Fate{DiesBefore, DiesAfter} {
			lifeWithCrash(t, open(), at, fate)
		}
	}
}

// lifeWithCrash lives one whole lifecycle, dying at one write, and returns how many
// writes it took.
func lifeWithCrash(t *testing.T, store Store, at int, fate Fate) int {
	t.Helper()
	e := Exposure("nessus:1")
	insert(t, store, e)
	crashing := &Crashing{Store: store}
	crashing.Next = func() Fate {
		if crashing.Writes-1 == at {
			return fate
		}
		return Lives
	}
	l := ledger.New(crashing, clock)
	later := epoch.Add(time.Minute)
	story := []ledger.Change{
		{As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventAdmit}},
		{As: exposure.ModeWorkflow, Event: exposure.Event{Kind: exposure.EventClaim}},
		{As: exposure.ModeWorkflow, Event: exposure.Event{Kind: exposure.EventVerify}},
		{As: exposure.ModeWorkflow, Event: exposure.Event{Kind: exposure.EventRefuted, Verdict: &exposure.Verdict{
			Outcome: exposure.Refuted, Reason: "not there any more", CheckedAt: later, Evidence: []string{"5e"}}}},
		{As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventObserved, CheckedAt: later.Add(time.Minute)}},
	}
	for i, c := range story {
		c.ID, c.Event.Actor, c.Event.Cause = e.ID, exposure.Actor{Kind: exposure.System, Name: "test"}, fmt.Sprintf("step %d", i)
		require.NoError(t, insist(func() error { _, err := l.Apply(t.Context(), c); return err }), "dying at write %d", at)
		again, err := ledger.New(store, clock).Apply(t.Context(), c)
		require.NoError(t, err)
		require.True(t, again.Repeated, "the same cause applied twice")
	}
	requireChain(t, store, e.ID, 1+len(story))
	end, err := store.Exposures(t.Context(), []exposure.ID{e.ID})
	require.NoError(t, err)
	require.Equal(t, exposure.Tracked, end[e.ID].State)
	require.Equal(t, 1, end[e.ID].Reopens)
	return crashing.Writes
}

func bulkAndSingle(t *testing.T, store Store) {
	t.Helper()
	const many = 8
	ids := make([]exposure.ID, many)
	for i := range ids {
		e := Exposure(fmt.Sprintf("nessus:%d", i))
		insert(t, store, e)
		ids[i] = e.ID
	}
	n := 0
	l := ledger.New(&Crashing{Store: store, Next: func() Fate { n++; return crashes(n) }}, clock)
	var wait sync.WaitGroup
	failed := make([]error, 4)
	for w := range failed {
		wait.Go(func() {
			for c := range 4 {
				cause := fmt.Sprintf("writer %d cause %d", w, c)
				failed[w] = errors.Join(failed[w], applyAll(t.Context(), l, ids, cause, w%2 == 0))
			}
		})
	}
	wait.Wait()
	require.NoError(t, errors.Join(failed...))
	for _, id := range ids {
		requireChain(t, store, id, 1+len(failed)*4)
	}
}

func applyAll(ctx context.Context, l *ledger.Ledger, ids []exposure.ID, cause string, bulk bool) error {
	changes := make([]ledger.Change, len(ids))
	for i, id := range ids {
		changes[i] = change(id, cause)
	}
	if bulk {
		return insist(func() error {
			results, err := l.ApplyMany(ctx, changes)
			for _, r := range results {
				err = errors.Join(err, r.Err)
			}
			return err
		})
	}
	var failed error
	for _, c := range changes {
		failed = errors.Join(failed, insist(func() error { _, err := l.Apply(ctx, c); return err }))
	}
	return failed
}

func touches(t *testing.T, store Store) {
	t.Helper()
	e := Exposure("nessus:1")
	insert(t, store, e)
	l := ledger.New(store, clock)
	const each = 20
	var wait sync.WaitGroup
	failed := make([]error, 4)
	for w := range failed {
		wait.Go(func() {
			for c := range each {
				var err error
				if w%2 == 0 {
					_, err = l.Apply(t.Context(), change(e.ID, fmt.Sprintf("writer %d cause %d", w, c)))
				} else {
					_, _, err = l.Touch(t.Context(), e.ID, func(e *exposure.Exposure) bool { e.Window++; return true })
				}
				failed[w] = errors.Join(failed[w], err)
			}
		})
	}
	wait.Wait()
	require.NoError(t, errors.Join(failed...))
	requireChain(t, store, e.ID, 1+2*each)
	end, err := store.Exposures(t.Context(), []exposure.ID{e.ID})
	require.NoError(t, err)
	require.EqualValues(t, 2*each, end[e.ID].Window, "a touch was lost")
	require.EqualValues(t, 1+4*each, end[e.ID].Version)
}

func insert(t *testing.T, store Store, e exposure.Exposure) {
	t.Helper()
	inserted, err := store.InsertExposures(t.Context(), []exposure.Exposure{e})
	require.NoError(t, err)
	require.Equal(t, []bool{true}, inserted)
}

// requireChain wants one unbroken chain of a length, and no cause in it twice.
func requireChain(t *testing.T, store Store, id exposure.ID, length int) {
	t.Helper()
	events, err := ledger.New(store, clock).Timeline(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, events, length)
	seen := map[string]bool{}
	for _, ev := range events {
		require.False(t, seen[ev.Cause], "cause %q is in the chain twice", ev.Cause)
		seen[ev.Cause] = true
	}
}
