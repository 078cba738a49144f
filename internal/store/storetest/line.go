package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

// inLine is an exposure in the line of a team, for a fix.
func inLine(team, fix string, due int) exposure.Exposure {
	e := Exposure(asset.Asset{ID: "01HOST", Name: "host"}, "nessus-dc1")
	e.Owner.Team, e.Fix, e.Due, e.Queued = team, fix, day(due), epoch
	e.Decision = exposure.Decision{Outcome: exposure.Attend, Admit: true}
	return e
}

func theLine(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	t.Run("the line is what a look at every exposure gives", func(t *testing.T) {
		s := Open(t, address(t))
		known := map[exposure.ID]exposure.Exposure{}
		rapid.Check(t, func(r *rapid.T) {
			var changed []exposure.Exposure
			count := rapid.IntRange(0, 5).Draw(r, "new")
			fresh := make([]exposure.Exposure, 0, count)
			for range count {
				fresh = append(fresh, drawWaiting(r))
			}
			for _, id := range rapid.SliceOfN(rapid.SampledFrom(append(sortedIDs(known), "")), 0, 3).Draw(r, "changed") {
				if e, ok := known[id]; ok && !slices.ContainsFunc(changed, func(x exposure.Exposure) bool { return x.ID == id }) {
					next := drawWaiting(r)
					next.ID, next.Version = e.ID, e.Version+1
					changed = append(changed, next)
				}
			}
			_, err := s.InsertExposures(t.Context(), fresh)
			require.NoError(r, err)
			_, err = s.SwapExposures(t.Context(), changed)
			require.NoError(r, err)
			for _, e := range append(fresh, changed...) {
				known[e.ID] = e
			}
			compareLine(t, r, s, known)
		})
	})

	t.Run("a group is let in once, and again later", func(t *testing.T) {
		s := Open(t, address(t))
		for i, at := range []time.Time{day(1), day(3)} {
			require.NoError(t, s.PutTurns(t.Context(), []lifecycle.Turn{{Group: "web/1", Version: 1, Team: "web", At: at, Urgent: i == 1}, {Group: "db/1", Version: 1, Team: "db", At: day(1)}}))
		}
		got, err := s.Turns(t.Context(), "web", day(2))
		require.NoError(t, err)
		require.Equal(t, []lifecycle.Turn{{Group: "web/1", Version: 1, Team: "web", At: day(3), Urgent: true}}, got)
		got, err = s.Turns(t.Context(), "db", day(2))
		require.NoError(t, err)
		require.Empty(t, got)
	})

	t.Run("what waited before there were lines stands in one", func(t *testing.T) { putInLine(t, address) })
}

func putInLine(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	where := address(t)
	var e engine.Engine
	s, err := store.Open(t.Context(), where, store.Options{Wrap: func(inner engine.Engine) engine.Engine { e = inner; return inner }})
	require.NoError(t, err)
	old := inLine("web", "fix", 9)
	_, err = s.InsertExposures(t.Context(), []exposure.Exposure{old})
	require.NoError(t, err)
	require.NoError(t, e.SetSchemaVersion(t.Context(), 1))
	require.NoError(t, s.Close())
	s = Open(t, where)
	next, err := s.NextInLine(t.Context(), "web", nil, 9)
	require.NoError(t, err)
	require.Len(t, next, 1)
	require.Equal(t, old.Version+1, next[0].Version, "it was written again")
}

func drawWaiting(r *rapid.T) exposure.Exposure {
	e := inLine(rapid.SampledFrom([]string{"", "web", "db"}).Draw(r, "team"), fmt.Sprint("fix", rapid.IntRange(1, 4).Draw(r, "fix")), rapid.IntRange(1, 20).Draw(r, "due"))
	if rapid.Bool().Draw(r, "kev") {
		e.Decision.Inputs = map[string]string{"kev": "yes"}
	}
	switch rapid.IntRange(0, 5).Draw(r, "kind") {
	case 0:
		e.Queued = time.Time{}
	case 1:
		e.State, e.Mode, e.Queued = exposure.Open, exposure.ModeWorkflow, time.Time{}
	case 2:
		e.Decision.Outcome = exposure.Act
	case 3:
		e.Due = time.Time{}
	}
	return e
}

func compareLine(t *testing.T, r *rapid.T, s *store.Store, known map[exposure.ID]exposure.Exposure) {
	t.Helper()
	ctx := t.Context()
	lines, working, groups := map[string]int64{}, map[string]int64{}, map[string]int64{}
	var web, urgent []exposure.Exposure
	webFix1 := lifecycle.Group(&exposure.Exposure{Owner: exposure.Owner{Team: "web"}, Fix: "fix1"})
	for _, id := range sortedIDs(known) {
		e := known[id]
		switch {
		case e.Waiting():
			lines[e.Owner.Team]++
			if e.Owner.Team == "web" && e.Turn().Before(day(10)) {
				groups[lifecycle.Group(&e)]++
			}
			if e.Owner.Team == "web" && e.Fix != "fix1" {
				web = append(web, e)
			}
			if e.Urgent(day(10)) {
				urgent = append(urgent, e)
			}
		case e.State == exposure.Open && e.Owner.Team != "":
			working[lifecycle.Group(&e)]++
		}
	}
	got, err := s.Lines(ctx)
	require.NoError(r, err)
	require.Equal(r, lines, got)
	got, err = s.Working(ctx)
	require.NoError(r, err)
	require.Equal(r, working, got)
	got, err = s.Groups(ctx, "web", day(10))
	require.NoError(r, err)
	require.Equal(r, groups, got)
	next, err := s.NextInLine(ctx, "web", []string{webFix1}, 1000)
	require.NoError(r, err)
	require.ElementsMatch(r, sortedIDs(byIDOf(web)), sortedIDs(byIDOf(next)))
	require.True(r, slices.IsSortedFunc(next, func(x, y exposure.Exposure) int { return x.Turn().Compare(y.Turn()) }))
	next, err = s.Urgent(ctx, day(10), 1000)
	require.NoError(r, err)
	require.ElementsMatch(r, sortedIDs(byIDOf(urgent)), sortedIDs(byIDOf(next)))
	next, err = s.WaitingFor(ctx, []string{webFix1}, 1000)
	require.NoError(r, err)
	for i := range next {
		require.True(r, next[i].Waiting() && lifecycle.Group(&next[i]) == webFix1)
	}
	next, err = s.WorkingOn(ctx, webFix1, 1000)
	require.NoError(r, err)
	require.Len(r, next, int(working[webFix1]))
}

func byIDOf(xs []exposure.Exposure) map[exposure.ID]exposure.Exposure {
	out := map[exposure.ID]exposure.Exposure{}
	for i := range xs {
		out[xs[i].ID] = xs[i]
	}
	return out
}

func sortedIDs(xs map[exposure.ID]exposure.Exposure) []exposure.ID {
	out := make([]exposure.ID, 0, len(xs))
	for id := range xs {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
