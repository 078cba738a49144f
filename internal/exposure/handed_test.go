package exposure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func TestWhatPeopleSayOfAnOwnerIsKept(t *testing.T) {
	day := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	e := exposure.Exposure{ID: "x", State: exposure.Open, Mode: exposure.ModeWorkflow}
	step := func(actor exposure.ActorKind, owner exposure.Owner, refused string) {
		t.Helper()
		ev := exposure.Event{Kind: exposure.EventAssigned, Owner: &owner, At: day, Actor: exposure.Actor{Kind: actor, Name: "ann"}, Cause: day.String(), Reason: "moved away"}
		if refused != "" {
			ev.Data = map[string]string{exposure.DataRefused: refused}
		}
		var err error
		e, _, err = exposure.Advance(e, ev)
		require.NoError(t, err)
		day = day.Add(time.Hour)
	}
	step(exposure.System, exposure.Owner{Team: "a"}, "")
	require.False(t, e.Learn, "a rule's word teaches nothing")
	step(exposure.Person, exposure.Owner{}, "a")
	require.Equal(t, []exposure.NotOurs{{Team: "a", By: "ann", Reason: "moved away", At: day.Add(-time.Hour)}}, e.Refused)
	require.True(t, e.RefusedBy("a"))
	require.True(t, e.Learn)
	require.Equal(t, 1, e.Bounces)
	step(exposure.System, exposure.Owner{Team: "b"}, "")
	require.Equal(t, 1, e.Bounces, "rules don't bounce")
	step(exposure.Person, exposure.Owner{}, "b")
	step(exposure.Person, exposure.Owner{}, "a")
	require.Len(t, e.Refused, 2, "one for each team")
	require.Equal(t, 2, e.Bounces)
	step(exposure.Person, exposure.Owner{Team: "a", Manual: true}, "")
	require.False(t, e.RefusedBy("a"), "it takes it after all")
	require.True(t, e.RefusedBy("b"))
}
