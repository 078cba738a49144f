package governor

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// memory is a store of states that several governors share.
type memory struct {
	mu     sync.Mutex
	states map[string][]byte
	at     map[string]int64
	asked  int
	down   error
	// between, if set, is called once between a read and its write: another worker.
	between func()
}

func newMemory() *memory { return &memory{states: map[string][]byte{}, at: map[string]int64{}} }

func (m *memory) Budget(_ context.Context, name string) ([]byte, int64, error) {
	m.mu.Lock()
	m.asked++
	raw, version, err := m.states[name], m.at[name], m.down
	m.mu.Unlock()
	if between := m.between; between != nil {
		m.between = nil
		between()
	}
	if err == nil && version == 0 {
		err = fault.New(fault.NotFound, "there is no %s", name)
	}
	return raw, version, err
}

func (m *memory) SwapBudget(_ context.Context, name string, version int64, state []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at[name] != version {
		return false, m.down
	}
	m.states[name], m.at[name] = state, version+1
	return true, m.down
}

// impatient never waits.
func impatient(context.Context, time.Duration) error { return errImpatient }

var errImpatient = fault.New(fault.Throttled, "not waiting")

// spent is one call that was let through.
type spent struct {
	at     time.Time
	by     int
	points float64
}

func TestNoMoreIsSpentOverAnyTimeThanTheLimitAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate, burst := rapid.Float64Range(0.5, 200).Draw(t, "rate"), rapid.Float64Range(1, 300).Draw(t, "burst")
		shared, now := newMemory(), epoch
		workers := make([]*Governor, rapid.IntRange(1, 5).Draw(t, "workers"))
		for i := range workers {
			workers[i] = New(Options{Store: shared, Now: func() time.Time { return now }, Sleep: impatient})
			workers[i].Limit("api", rate, burst)
		}
		var all []spent
		var heldFrom, heldUntil time.Time
		holder := -1
		take := func(i int) {
			points := rapid.Float64Range(0.1, max(1, burst/3)).Draw(t, "points")
			ctx := connectors.WithUrgency(context.Background(), rapid.Bool().Draw(t, "urgent"))
			if workers[i].Take(ctx, "api", points) != nil {
				return
			}
			if now.Before(heldUntil) {
				if i == holder {
					t.Fatalf("worker %d spends though it was told to hold", i)
				}
				if now.Sub(heldFrom) >= leaseLife {
					t.Fatalf("worker %d spends %v after the hold", i, now.Sub(heldFrom))
				}
			}
			all = append(all, spent{now, i, points})
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			i := rapid.IntRange(0, len(workers)-1).Draw(t, "worker")
			switch rapid.SampledFrom([]string{"take", "take", "take", "take", "race", "wait", "wait", "hold"}).Draw(t, "step") {
			case "race":
				if other := (i + 1) % len(workers); other != i {
					shared.between = func() { take(other) }
				}
				take(i)
				shared.between = nil
			case "take":
				take(i)
			case "wait":
				now = now.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond)
			case "hold":
				until := now.Add(time.Duration(rapid.IntRange(1, 10_000).Draw(t, "hold")) * time.Millisecond)
				if workers[i].Hold(context.Background(), "api", until) != nil {
					t.Fatal("the hold is refused")
				}
				if until.After(heldUntil) {
					heldFrom, heldUntil, holder = now, until, i
				}
			}
		}
		for from := range all {
			sum := 0.0
			for to := from; to < len(all); to++ {
				sum += all[to].points
				if most := rate*all[to].at.Sub(all[from].at).Seconds() + burst; sum > most*(1+1e-9)+1e-6 {
					t.Fatalf("%g points in %v, of at most %g", sum, all[to].at.Sub(all[from].at), most)
				}
			}
		}
	})
}

// rig is one governor whose waiting moves its clock.
func rig(rate, burst float64) (*Governor, *memory, *time.Time) {
	shared, now := newMemory(), epoch
	g := New(Options{Store: shared, Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) error {
		now = now.Add(d)
		return nil
	}})
	g.Limit("api", rate, burst)
	return g, shared, &now
}

func TestUrgentCallersGoFirst(t *testing.T) {
	g, _, now := rig(0.01, 10)
	urgent := connectors.WithUrgency(t.Context(), true)
	for range 8 {
		require.NoError(t, g.Take(t.Context(), "api", 1))
	}
	err := g.Take(t.Context(), "api", 1)
	require.Equal(t, fault.Throttled, fault.KindOf(err), "the rest is the reserve")
	require.InDelta(t, 100, fault.RetryAfter(err).Seconds(), 1, "it says when to come back")
	require.Equal(t, epoch, *now, "it doesn't wait for so long")
	for range 2 {
		require.NoError(t, g.Take(urgent, "api", 1))
	}
	require.Error(t, g.Take(urgent, "api", 1), "the reserve has an end, too")
}

func TestAShortWaitIsWaitedFor(t *testing.T) {
	g, _, now := rig(1, 5)
	for range 6 {
		require.NoError(t, g.Take(t.Context(), "api", 1))
	}
	require.WithinRange(t, *now, epoch.Add(time.Second), epoch.Add(3*time.Second))
	*now = now.Add(4 * time.Second)
	require.NoError(t, g.Take(t.Context(), "api", 5), "what costs all there is can be had, once it is there")
	require.Equal(t, fault.Invalid, fault.KindOf(g.Take(t.Context(), "api", 6)), "what can never be had is no matter of waiting")
}

func TestTheStoreIsNotAskedForEachCall(t *testing.T) {
	g, shared, now := rig(100, 1000)
	const calls = 1000
	for range calls {
		require.NoError(t, g.Take(t.Context(), "api", 1))
		*now = now.Add(10 * time.Millisecond)
	}
	require.Less(t, shared.asked, calls/10)
}

func TestAHoldStopsTheOtherProcessesToo(t *testing.T) {
	g, shared, now := rig(100, 100)
	other := New(Options{Store: shared, Now: func() time.Time { return *now }, Sleep: impatient})
	other.Limit("api", 100, 100)
	require.NoError(t, other.Take(t.Context(), "api", 1))
	require.NoError(t, g.Hold(t.Context(), "api", now.Add(time.Minute)))
	require.Error(t, g.Take(connectors.WithUrgency(t.Context(), true), "api", 1), "however urgent")
	*now = now.Add(leaseLife)
	require.Error(t, other.Take(t.Context(), "api", 1))
	require.NoError(t, g.Hold(t.Context(), "api", now.Add(time.Second)), "an earlier end is no earlier end")
	*now = now.Add(30 * time.Second)
	require.Error(t, other.Take(t.Context(), "api", 1))
	*now = now.Add(30 * time.Second)
	require.NoError(t, other.Take(t.Context(), "api", 1))

	require.NoError(t, g.Hold(t.Context(), "api", now.Add(10*365*24*time.Hour)))
	*now = now.Add(longest)
	require.NoError(t, g.Take(t.Context(), "api", 1), "no vendor holds us off for ever")
}

func TestWithoutALimitNothingIsLimitedButAHoldIsHeard(t *testing.T) {
	shared, now := newMemory(), epoch
	one := New(Options{Store: shared, Now: func() time.Time { return now }, Sleep: impatient})
	two := New(Options{Store: shared, Now: func() time.Time { return now }, Sleep: impatient})
	for range 1000 {
		require.NoError(t, one.Take(t.Context(), "api", 100))
	}
	require.LessOrEqual(t, shared.asked, 2)
	require.NoError(t, two.Hold(t.Context(), "api", now.Add(time.Minute)))
	now = now.Add(freshness)
	require.Error(t, one.Take(t.Context(), "api", 1))
}

func TestOtherFiguresCountFromThenOn(t *testing.T) {
	g, _, now := rig(1, 100)
	g.Limit("api", 1, 10)
	require.NoError(t, g.Take(connectors.WithUrgency(t.Context(), true), "api", 10))
	g.Limit("api", 1000, 10)
	*now = now.Add(10 * time.Millisecond)
	require.NoError(t, g.Take(connectors.WithUrgency(t.Context(), true), "api", 10))
	g.Limit("api", -1, 0)
	require.NoError(t, g.Take(t.Context(), "api", 1), "figures that are none change nothing")
}

func TestAStoreThatIsAwayIsNotTakenForALimit(t *testing.T) {
	g, shared, _ := rig(1, 10)
	shared.down = fault.New(fault.Unavailable, "away")
	require.Equal(t, fault.Unavailable, fault.KindOf(g.Take(t.Context(), "api", 1)))
}

// TestWhatIsLeasedAndNotSpentCountsAgainstTheBurst saves up as much as can be: each worker
// holds a lease while the bucket fills up again, and then all spend at once.
func TestWhatIsLeasedAndNotSpentCountsAgainstTheBurst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.Float64Range(50, 500).Draw(t, "burst")
		rate := burst * rapid.Float64Range(1, 4).Draw(t, "rate")
		shared, now := newMemory(), epoch
		workers := make([]*Governor, rapid.IntRange(2, 12).Draw(t, "workers"))
		for i := range workers {
			workers[i] = New(Options{Store: shared, Now: func() time.Time { return now }, Sleep: impatient})
			workers[i].Limit("api", rate, burst)
			_ = workers[i].Take(t.Context(), "api", 1) // the last ones may find the reserve alone
		}
		now = now.Add(time.Duration(rapid.IntRange(1, 1200).Draw(t, "ms")) * time.Millisecond)
		spent := 0
		for _, w := range workers {
			for w.Take(connectors.WithUrgency(t.Context(), true), "api", 1) == nil {
				spent++
			}
		}
		if float64(spent) > burst {
			t.Fatalf("%d points at once, of at most %g", spent, burst)
		}
	})
}
