package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/apiclient"
)

func TestAPlaceInTheLineReadsLikeASentence(t *testing.T) {
	t.Parallel()
	require.Equal(t, "3rd of 12 in line of payments, about 2 Dec; it waits for its turn",
		place(&apiclient.Place{Team: "payments", Place: 3, Of: 12, Expected: time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC), Why: "its turn"}))
	require.Empty(t, place(nil))
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 112: "112th", 122: "122nd"} {
		require.Equal(t, want, ordinal(n))
	}
}

func TestTheQueueShowsBudgetsAndPlaces(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	d.answer("GET /api/v1/queue", `{"items":[{"team":"payments","wip":5,"intake":2,"in_progress":5,"begun":1,"waiting":12,"exposures":340,"first":[
{"place":1,"fix":"pkg:npm/a","exposure":"x9","title":"old \u001b[31mpackage","decision":"attend","due":"2026-12-01T00:00:00Z","exposures":300,"expected":"2026-12-02T12:00:00Z","late":true}]},
{"team":"","wip":0,"intake":0,"in_progress":0,"begun":0,"waiting":0,"exposures":0,"first":[]}]}`)
	got := newShell(t, d).run(t, "queue")
	out := got.out + got.err
	for _, want := range []string{"5 of 5", "1 of 2", "340", "1st", "2 Dec, after it is due", "and 11 more", "nobody"} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, "\u001b[31m")
}
