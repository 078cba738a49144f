package priority_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
)

func TestPolicies(t *testing.T) {
	require.Empty(t, priority.DefaultPolicy().Validate())
	errs := priority.Policy{Due: priority.Due{Act: scope.Days(9), Attend: scope.Days(3), Track: scope.Days(1)}}.Validate()
	paths := make([]string, 0, len(errs))
	for _, err := range errs {
		var field *scope.FieldError
		require.ErrorAs(t, err, &field)
		paths = append(paths, field.Path)
	}
	require.ElementsMatch(t, strings.Fields("intel_max_age epss_poc admit_from due.attend due.track_star due.track max_open rate_per_minute exceptions.approvers exceptions.request_expires exceptions.remind"), paths)

	a, b := priority.DefaultPolicy(), priority.DefaultPolicy()
	b.MaxOpen, b.RatePerMinute = 1, 1
	require.Equal(t, a.Digest(), b.Digest(), "the pace decides nothing")
	b.Due.Track = scope.Days(91)
	require.NotEqual(t, a.Digest(), b.Digest())
}

func TestTheQueueGoesByDueDateThenDecision(t *testing.T) {
	key := func(due time.Time, o exposure.DecisionOutcome) string {
		return priority.QueueKey(due, exposure.Decision{Outcome: o})
	}
	require.Less(t, key(at, exposure.Track), key(at.Add(time.Millisecond), exposure.Act))
	require.Less(t, key(at, exposure.Act), key(at, exposure.Attend))
	require.Less(t, key(at, exposure.Track), key(at, ""))
	require.Less(t, key(at, exposure.Track), key(time.Time{}, exposure.Act), "no due date comes last")
}

func TestAdmissionIsBoundedBothWays(t *testing.T) {
	require.Equal(t, 10, priority.AdmitNow(0, 100, 10, 0))
	require.Equal(t, 3, priority.AdmitNow(97, 100, 10, 0))
	require.Equal(t, 4, priority.AdmitNow(0, 100, 10, 6))
	require.Equal(t, 0, priority.AdmitNow(150, 100, 10, 0))
	require.Equal(t, 0, priority.AdmitNow(0, 100, 10, 11))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1000)
		open, limit, rate, recent := n.Draw(t, "open"), n.Draw(t, "max"), n.Draw(t, "rate"), n.Draw(t, "recent")
		got := priority.AdmitNow(open, limit, rate, recent)
		require.GreaterOrEqual(t, got, 0)
		if got > 0 {
			require.LessOrEqual(t, open+got, limit)
			require.LessOrEqual(t, recent+got, rate)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	d := priority.NewDecider(priority.DefaultPolicy())
	in := calm()
	in.MissionImpact = priority.Fact{}
	b.ReportAllocs()
	for b.Loop() {
		d.Decide(in, at)
	}
}
