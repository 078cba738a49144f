package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/admission"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
)

func TestWhateverWaitsHasAPlaceInTheLine(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{Now: func() time.Time { return at }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	q := queue{store: s, now: func() time.Time { return at }, urgent: 7 * admission.Day, teams: func() []string { return []string{"idle", "web"} },
		budget: func(string) admission.Budget { return admission.Budget{WIP: 1, Intake: 2} }}
	born := func(team, fix string, due int, edit func(*exposure.Exposure)) exposure.Exposure {
		n, err := s.CountExposures(t.Context(), exposure.Filter{}, "")
		require.NoError(t, err)
		check := fmt.Sprint("nessus:", n[""])
		e := exposure.NewExposure(exposure.BornInput{Asset: asset.Asset{ID: "01A", Name: "a"}, Source: "nessus", Run: "r", CheckedAt: at, At: at, Cause: "c",
			Actor:   exposure.Actor{Kind: exposure.Source, Name: "nessus"},
			Finding: exposure.Finding{UID: check, Check: check, Title: fix, Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}})
		e.Owner.Team, e.Fix, e.Queued = team, fix, at
		if due > 0 {
			e.Due = at.AddDate(0, 0, due)
		}
		e.Decision = exposure.Decision{Outcome: exposure.Attend, Admit: true}
		if edit != nil {
			edit(&e)
		}
		_, err = s.InsertExposures(t.Context(), []exposure.Exposure{e})
		require.NoError(t, err)
		return e
	}
	born("web", "in hand", 1, func(e *exposure.Exposure) {
		e.State, e.Mode, e.Queued = exposure.Open, exposure.ModeWorkflow, time.Time{}
	})
	line := make([]exposure.Exposure, 0, 4)
	for i := range 4 { // the same turn: the names of the groups decide
		line = append(line, born("web", fmt.Sprint("tie", i), 10, nil))
	}
	twin := born("web", "tie0", 30, nil)
	last := born("web", "last", 0, nil)
	joins := born("web", "in hand", 50, nil)
	urgent := born("web", "now", 60, func(e *exposure.Exposure) { e.Decision.Outcome = exposure.Act })
	nobody := born("", "x", 5, nil)
	require.NoError(t, s.PutTurns(t.Context(), []lifecycle.Turn{{Group: "web/9", Version: 1, Team: "web", At: at.Add(-time.Hour)}}))

	place := func(e exposure.Exposure) lifecycle.Place {
		p, err := q.PlaceOf(t.Context(), &e)
		require.NoError(t, err)
		require.NotNil(t, p)
		return *p
	}
	places := map[int]bool{}
	for _, e := range line {
		p := place(e)
		require.False(t, places[p.Place], "one place, one fix")
		places[p.Place] = true
		require.Equal(t, 7, p.Of)
		require.Contains(t, p.Why, "at a time")
	}
	require.Equal(t, map[int]bool{1: true, 2: true, 3: true, 4: true}, places)
	require.Equal(t, place(line[0]).Place, place(twin).Place, "who shares a fix shares a place")
	require.Equal(t, 7, place(last).Place)
	expected := at.AddDate(0, 0, 3)
	require.Equal(t, expected, place(last).Expected, "one today, then two a day")
	require.Contains(t, place(joins).Why, "already")
	require.Contains(t, place(urgent).Why, "urgent")
	want := lifecycle.Place{Place: 1, Of: 1, Why: "its admission, which is under way; nobody owns it yet"}
	require.Equal(t, want, place(nobody))

	lines, err := q.Queue(t.Context(), "", 5)
	require.NoError(t, err)
	require.Equal(t, []string{"", "idle", "web"}, []string{lines[0].Team, lines[1].Team, lines[2].Team})
	web := lines[2]
	require.Equal(t, []int{1, 1, 7}, []int{web.InProgress, web.Begun, web.Waiting})
	require.EqualValues(t, 8, web.Exposures)
	require.Len(t, web.First, 5)
	for i, e := range web.First {
		require.Equal(t, i+1, e.Place)
		shown, err := s.Exposure(t.Context(), e.Exposure)
		require.NoError(t, err)
		require.Equal(t, e.Place, place(shown).Place, "the list and the exposure say the same")
	}
	require.Zero(t, lines[1].Waiting)
}
