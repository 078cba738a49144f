package metrics_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/metrics"
)

var now = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    exposure.Exposure
		want time.Duration
	}{
		{"an open exposure counts from when its window opened", exposure.Exposure{State: exposure.Open, OpenedAt: now.Add(-3 * day)}, 3 * day},
		{"a regression adds to the windows before", exposure.Exposure{State: exposure.Validating, OpenedAt: now.Add(-2 * day), Window: 5 * day}, 7 * day},
		{"a closed one stands still", exposure.Exposure{State: exposure.Closed, OpenedAt: now.Add(-9 * day), ClosedAt: now.Add(-4 * day), Window: 5 * day}, 5 * day},
		{"an accepted risk is still there", exposure.Exposure{State: exposure.Accepted, OpenedAt: now.Add(-6 * day)}, 6 * day},
		{"a false positive never was", exposure.Exposure{State: exposure.FalsePositive, OpenedAt: now.Add(-6 * day)}, 0},
		{"one without an opening counts from its first sight", exposure.Exposure{State: exposure.Tracked, FirstSeen: now.Add(-day)}, day},
		{"a clock that runs ahead gives no negative time", exposure.Exposure{State: exposure.Open, OpenedAt: now.Add(day)}, 0},
		{"nothing known is no time", exposure.Exposure{State: exposure.Open}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, metrics.Window(tt.e, now)) })
	}
}

func TestComputeCountsAndMeasures(t *testing.T) {
	closed := func(window time.Duration, late bool) exposure.Exposure {
		e := exposure.Exposure{State: exposure.Closed, Window: window, ClosedAt: now.Add(-day), Due: now}
		if late {
			e.Due = now.Add(-2 * day)
		}
		return e
	}
	f := metrics.Compute(slices.Values([]exposure.Exposure{
		closed(2*day, false), closed(4*day, true), closed(12*day, false),
		{State: exposure.Open, OpenedAt: now.Add(-10 * day), Due: now.Add(-day), Decision: exposure.Decision{Outcome: exposure.Act}, Reopens: 2},
		{State: exposure.Tracked, OpenedAt: now.Add(-day), Due: now.Add(day), Owner: exposure.Owner{Team: "web"}},
		{State: exposure.Merged, OpenedAt: now.Add(-99 * day), Due: now.Add(-day)},
	}), now)
	require.Equal(t, metrics.Figures{
		Exposures: 6, Live: 2, Closed: 3, Unowned: 1, Overdue: 1, Reopened: 1, ClosedLate: 1, Compliant: 3, WithDueDate: 5,
		MTTR: 6 * day, MedianTTR: 4 * day, Days: 29, OldestLive: 10 * day,
		ByState:    map[exposure.State]int64{exposure.Closed: 3, exposure.Open: 1, exposure.Tracked: 1, exposure.Merged: 1},
		ByDecision: map[exposure.DecisionOutcome]int64{exposure.Act: 1, "": 1},
	}, f)
	require.InDelta(t, 0.6, f.SLA(), 1e-9)
}

func TestNothingDueIsKept(t *testing.T) {
	require.InDelta(t, 1.0, metrics.Compute(slices.Values([]exposure.Exposure(nil)), now).SLA(), 0)
}

func TestTheMeanOfLongTimesDoesNotOverflow(t *testing.T) {
	long := exposure.Exposure{State: exposure.Closed, Window: math.MaxInt64 - 1}
	f := metrics.Compute(slices.Values(slices.Repeat([]exposure.Exposure{long}, 1000)), now)
	require.InDelta(t, float64(math.MaxInt64), float64(f.MTTR), float64(time.Second))
}

func TestTheMeanKeepsTheRemainders(t *testing.T) {
	xs := []exposure.Exposure{{State: exposure.Closed, Window: 3}, {State: exposure.Closed, Window: 4}, {State: exposure.Closed, Window: 5}}
	require.Equal(t, time.Duration(4), metrics.Compute(slices.Values(xs), now).MTTR)
}

func TestTheParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOf(rapid.Custom(func(t *rapid.T) exposure.Exposure {
			return exposure.Exposure{
				State: rapid.SampledFrom(exposure.States()).Draw(t, "state"),
				Due:   rapid.SampledFrom([]time.Time{{}, now.Add(-day), now.Add(day)}).Draw(t, "due"),
			}
		})).Draw(t, "exposures")
		f := metrics.Compute(slices.Values(xs), now)
		sum := int64(0)
		for _, n := range f.ByState {
			sum += n
		}
		require.Equal(t, int64(len(xs)), sum, "every exposure is in one state")
		require.LessOrEqual(t, f.Compliant, f.WithDueDate)
		require.GreaterOrEqual(t, f.SLA(), 0.0)
		require.LessOrEqual(t, f.SLA(), 1.0)
	})
}
