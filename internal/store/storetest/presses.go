package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
)

func presses(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	t.Run("of sixteen who store one press one does", func(t *testing.T) { storedPress(t, s) })
	t.Run("of two who answer it one does", func(t *testing.T) { answeredPress(t, s) })
	t.Run("what is left to do is given in the order of waiting, and only when it is time", func(t *testing.T) { pendingPresses(t, s) })
	t.Run("what was answered long ago is removed, and what was not stays, however old it is", func(t *testing.T) { prunedPresses(t, s) })
}

func storedPress(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	var group errgroup.Group
	added := make([]bool, writers)
	for i := range writers {
		group.Go(func() (err error) {
			_, added[i], err = s.AddPress(ctx, press("once", epoch))
			return err
		})
	}
	require.NoError(t, group.Wait())
	n := 0
	for _, a := range added {
		if a {
			n++
		}
	}
	require.Equal(t, 1, n)
}

func answeredPress(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	p, err := s.Press(ctx, "once")
	require.NoError(t, err)
	p.Version++
	p.Status, p.Body, p.NextAt, p.AnsweredAt = lifecycle.PressAnswered, nil, time.Time{}, epoch
	first, err := s.SwapPress(ctx, p)
	require.NoError(t, err)
	second, err := s.SwapPress(ctx, p)
	require.NoError(t, err)
	require.True(t, first)
	require.False(t, second)
	stored, isNew, err := s.AddPress(ctx, press("once", epoch))
	require.NoError(t, err)
	require.False(t, isNew)
	require.Equal(t, p, stored, "a repeated call finds what came of the first")
}

func pendingPresses(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	for id, wait := range map[string]time.Duration{"later": time.Hour, "second": 2 * time.Minute, "first": time.Minute, strings.Repeat("long", 400): 3 * time.Minute} {
		_, _, err := s.AddPress(ctx, press(id, epoch.Add(wait)))
		require.NoError(t, err)
	}
	due, err := s.PendingPresses(ctx, epoch.Add(3*time.Minute), 10)
	require.NoError(t, err)
	require.Len(t, due, 3, "what was answered is not among them")
	require.Equal(t, "first", due[0].ID)
	require.Equal(t, "second", due[1].ID)
	due, err = s.PendingPresses(ctx, epoch.Add(time.Minute), 1)
	require.NoError(t, err)
	require.Len(t, due, 1)
	_, err = s.Press(ctx, "none")
	require.True(t, fault.Is(err, fault.NotFound))
}

func prunedPresses(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	young := press("young", time.Time{})
	young.Status, young.Body, young.AnsweredAt = lifecycle.PressAnswered, nil, day(20)
	_, _, err := s.AddPress(ctx, young)
	require.NoError(t, err)
	pruned := func(olderThan time.Time) int {
		removed, err := s.PrunePresses(ctx, olderThan)
		require.NoError(t, err)
		return removed
	}
	require.Zero(t, pruned(epoch), "it was answered then, and not before")
	require.Equal(t, 1, pruned(day(10)))
	require.Zero(t, pruned(day(10)))
	_, err = s.Press(ctx, "once")
	require.True(t, fault.Is(err, fault.NotFound))
	kept, err := s.Press(ctx, "young")
	require.NoError(t, err)
	require.Equal(t, young, kept)
	due, err := s.PendingPresses(ctx, epoch.Add(time.Hour), 10)
	require.NoError(t, err)
	require.Len(t, due, 4)
}

func press(id string, next time.Time) lifecycle.Press {
	return lifecycle.Press{ID: id, Version: 1, Chat: "slack", Body: []byte(`{"a":1}`), Status: lifecycle.PressReceived, ReceivedAt: epoch, NextAt: next}
}
