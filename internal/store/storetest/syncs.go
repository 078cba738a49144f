package storetest

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

func syncs(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	t.Run("a sync begins once and its steps are recorded once, in order", func(t *testing.T) { recordedSteps(t, address) })
	t.Run("a page that is too large, and a step without one", func(t *testing.T) { oddPages(t, address) })
	t.Run("syncs are listed newest first", func(t *testing.T) { listedSyncs(t, address) })
}

func recordedSteps(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s, x := Open(t, address(t)), aSync()
	begun, err := s.BeginSync(t.Context(), x)
	require.NoError(t, err)
	require.Equal(t, x, begun)
	other := x
	other.Since = epoch.Add(-time.Hour)
	begun, err = s.BeginSync(t.Context(), other)
	require.NoError(t, err)
	require.True(t, begun.Full(), "the first word counts")

	_, found, err := s.LastStep(t.Context(), x)
	require.NoError(t, err)
	require.False(t, found)
	const pages = 12 // more than one digit: their order is of numbers
	for n := 1; n <= pages; n++ {
		stored, err := s.AddStep(t.Context(), aStep(n, fmt.Sprint("c", n)), strings.NewReader(fmt.Sprint("page ", n)), 100)
		require.NoError(t, err)
		require.Len(t, stored.Body, 64)
	}
	again, err := s.AddStep(t.Context(), aStep(pages, "another"), strings.NewReader("another"), 100)
	require.NoError(t, err)
	require.Equal(t, "c12", again.Next, "a step that was recorded stays")
	last, found, err := s.LastStep(t.Context(), x)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, pages, last.N)
	var bodies []string
	require.NoError(t, s.EachStep(t.Context(), x, func(step exposure.SyncStep) error {
		body, err := s.Blob(t.Context(), step.Body)
		require.NoError(t, err)
		text, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, body.Close())
		bodies = append(bodies, string(text))
		return nil
	}))
	require.Len(t, bodies, pages)
	require.Equal(t, "page 2", bodies[1])
	require.Equal(t, "page 12", bodies[11])

	require.NoError(t, s.DropSteps(t.Context(), x))
	_, found, err = s.LastStep(t.Context(), x)
	require.NoError(t, err)
	require.False(t, found)
}

func oddPages(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s, x := Open(t, address(t)), aSync()
	_, err := s.AddStep(t.Context(), aStep(1, ""), strings.NewReader("12345"), 4)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	_, found, err := s.LastStep(t.Context(), x)
	require.NoError(t, err)
	require.False(t, found)
	stored, err := s.AddStep(t.Context(), aStep(1, "c"), nil, 4)
	require.NoError(t, err)
	require.Empty(t, stored.Body)
}

func listedSyncs(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	for i, name := range []string{"a", "b", "c"} {
		require.NoError(t, s.PutSync(t.Context(), exposure.Sync{Source: "tenable", Name: name, Started: epoch.Add(time.Duration(i) * time.Hour)}))
	}
	require.NoError(t, s.PutSync(t.Context(), exposure.Sync{Source: "qualys", Name: "d", Started: epoch}))
	page, err := s.Syncs(t.Context(), "tenable", exposure.List{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, "c", page.Items[0].Name)
	require.Equal(t, "b", page.Items[1].Name)
	require.NotEmpty(t, page.Next)
}

// aSync is a sync that is under way.
func aSync() exposure.Sync {
	return exposure.Sync{Source: "tenable", Name: "run-1", Status: exposure.SyncRunning, Started: epoch}
}

// aStep is the nth step of it.
func aStep(n int, next string) exposure.SyncStep {
	x := aSync()
	return exposure.SyncStep{Source: x.Source, Sync: x.Name, N: n, Next: next, At: epoch}
}
