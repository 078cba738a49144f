package exposure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

// completeRun is a complete run at the hour with so many targets and findings.
func completeRun(hour, targets, findings int) exposure.Run {
	return exposure.Run{Kind: exposure.RunFull, Complete: true, Finished: epoch.Add(time.Duration(hour) * time.Hour), Targets: targets, Counts: map[string]int{"received": findings}}
}

func TestWhatIsWrongWithASourceIsFoundAndNothingElse(t *testing.T) {
	at := epoch.Add(100 * time.Hour)
	failed := func(n int) []exposure.Attempt {
		out := make([]exposure.Attempt, n)
		for i := range out {
			out[i] = exposure.Attempt{At: at, Problem: "line 3: unexpected end"}
		}
		return out
	}
	incomplete := completeRun(99, 10, 10)
	incomplete.Complete = false
	for _, c := range []struct {
		name string
		look exposure.Look
		want []exposure.Condition
	}{
		{"nothing is expected of it", exposure.Look{}, nil},
		{"a complete run in time", exposure.Look{Fresh: 26 * time.Hour, Runs: []exposure.Run{completeRun(80, 1, 1)}}, nil},
		{"a complete run too long ago", exposure.Look{Fresh: 26 * time.Hour, Runs: []exposure.Run{incomplete, completeRun(70, 1, 1)}}, []exposure.Condition{exposure.SourceLate}},
		{"no run at all since it is watched", exposure.Look{Fresh: 26 * time.Hour}, []exposure.Condition{exposure.SourceLate}},
		{"two failures", exposure.Look{Attempts: failed(2)}, nil},
		{"three failures", exposure.Look{Attempts: failed(4)}, []exposure.Condition{exposure.SourceFailing}},
		{"a success among them", exposure.Look{Attempts: append([]exposure.Attempt{{At: at}}, failed(5)...)}, nil},
		{"three syncs that failed, though what they got could be read", exposure.Look{Syncs: failed(3), Attempts: []exposure.Attempt{{At: at}}}, []exposure.Condition{exposure.SourceFailing}},
		{"half the targets", exposure.Look{Runs: []exposure.Run{completeRun(9, 5, 10), completeRun(8, 10, 10), completeRun(7, 10, 10), completeRun(6, 10, 10)}}, nil},
		{"less than half the targets", exposure.Look{Runs: []exposure.Run{completeRun(9, 4, 10), completeRun(8, 10, 10), completeRun(7, 1, 10), completeRun(6, 10, 10)}}, []exposure.Condition{exposure.SourceShrinking}},
		{"less than half the findings", exposure.Look{Runs: []exposure.Run{completeRun(9, 10, 4), completeRun(8, 10, 9), completeRun(7, 10, 90), completeRun(6, 10, 9), completeRun(5, 10, 9), completeRun(4, 10, 9), completeRun(3, 10, 1)}}, []exposure.Condition{exposure.SourceShrinking}},
		{"too few runs to tell", exposure.Look{Runs: []exposure.Run{completeRun(9, 1, 1), completeRun(8, 100, 100), completeRun(7, 100, 100)}}, nil},
		{"nothing came", exposure.Look{Quiet: time.Hour, Came: epoch.Add(98 * time.Hour)}, []exposure.Condition{exposure.SourceSilent}},
		{"something came", exposure.Look{Quiet: time.Hour, Came: at}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.look.At = at
			h, _ := exposure.Health{Source: "s", Watched: epoch}.Seen(&c.look)
			var got []exposure.Condition //nolint:prealloc // nil where nothing is found
			for _, a := range h.Ails() {
				require.NotEmpty(t, a.Why)
				got = append(got, a.Condition)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestAConditionBeginsOnceLastsAsItBeganAndEndsOnce(t *testing.T) {
	look := func(hour int, came int) *exposure.Look {
		return &exposure.Look{At: epoch.Add(time.Duration(hour) * time.Hour), Quiet: 10 * time.Hour, Came: epoch.Add(time.Duration(came) * time.Hour)}
	}
	h, changed := exposure.Health{Source: "s"}.Seen(look(0, 0))
	require.True(t, changed, "it is watched from now on")
	h, changed = h.Seen(look(10, 0))
	require.False(t, changed)
	h, changed = h.Seen(look(11, 0))
	require.True(t, changed)
	require.Equal(t, epoch.Add(10*time.Hour), h.Conditions[0].Since, "since it was due, whenever that is looked at")
	again, changed := h.Seen(look(20, 0))
	require.False(t, changed)
	require.Equal(t, h, again)

	over, changed := h.Seen(look(21, 21))
	require.True(t, changed)
	require.Empty(t, over.Conditions, "nobody was told that it began")
	h.Conditions[0].Told = true
	over, changed = h.Seen(look(21, 21))
	require.True(t, changed)
	require.Empty(t, over.Ails())
	require.Equal(t, epoch.Add(21*time.Hour), over.Conditions[0].Ended)
	same, changed := over.Seen(look(22, 21))
	require.False(t, changed)
	require.Equal(t, over, same, "until people are told")
}
