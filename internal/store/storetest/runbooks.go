package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/runbook"
	"github.com/quellsec/quell/internal/store"
)

func runbookRuns(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))

	t.Run("of sixteen who begin one run one does, and of two who write it one does", func(t *testing.T) { begunRun(t, s) })
	t.Run("runs are found by remediation, by state, and by when something is to be done", func(t *testing.T) { foundRuns(t, s) })
}

func begunRun(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	var group errgroup.Group
	fresh := make([]bool, writers)
	for i := range writers {
		group.Go(func() (err error) {
			_, fresh[i], err = s.ClaimRun(ctx, aRun("once", "r0", runbook.Requested, 0, time.Hour))
			return err
		})
	}
	require.NoError(t, group.Wait())
	n := 0
	for _, f := range fresh {
		if f {
			n++
		}
	}
	require.Equal(t, 1, n)
	r, err := s.RunbookRun(ctx, "once")
	require.NoError(t, err)
	r.Version++
	r.State = runbook.Approved
	first, err := s.SwapRun(ctx, r)
	require.NoError(t, err)
	second, err := s.SwapRun(ctx, r)
	require.NoError(t, err)
	require.True(t, first)
	require.False(t, second)
	_, err = s.RunbookRun(ctx, "none")
	require.True(t, fault.Is(err, fault.NotFound))
}

func foundRuns(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	for _, r := range []runbook.Run{aRun("b", "r1", runbook.Started, time.Minute, 2*time.Minute), aRun("a", "r1", runbook.Proven, 0, 0), aRun("c", "r2", runbook.Started, 2*time.Minute, time.Minute)} {
		_, _, err := s.ClaimRun(ctx, r)
		require.NoError(t, err)
	}
	of, err := s.RunsOf(ctx, "r1")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, []string{of[0].ID, of[1].ID}, "the oldest first")
	require.Len(t, of, 2)
	page, err := s.FindRuns(ctx, "patch", runbook.Started, exposure.List{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "c", page.Items[0].ID, "the newest first")
	page, err = s.FindRuns(ctx, "", runbook.Started, exposure.List{Limit: 1, Cursor: page.Next})
	require.NoError(t, err)
	require.Equal(t, "b", page.Items[0].ID)
	due, err := s.DueRuns(ctx, epoch.Add(time.Hour), 10)
	require.NoError(t, err)
	require.Len(t, due, 2, "neither what waits for later nor what is over")
	require.Equal(t, "c", due[0].ID)
}

func aRun(id, remediation string, state runbook.State, at, next time.Duration) runbook.Run {
	r := runbook.Run{ID: id, Version: 1, Remediation: remediation, Runbook: "patch", State: state, At: epoch.Add(at), Log: []runbook.Line{{At: epoch, State: state, Text: "a"}}}
	if next != 0 {
		r.Next = epoch.Add(next)
	}
	return r
}
