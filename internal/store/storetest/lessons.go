package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
)

func lessons(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	ctx := t.Context()

	t.Run("a record is written by whoever read its last version", func(t *testing.T) {
		r := ownership.Record{ID: "A1", Version: 1, Seen: map[string]int64{"x": 3}, UpdatedAt: day(1),
			Counts: []ownership.Count{{Feature: "hint:tag team=a.b", Team: "web", Tally: ownership.Tally{Refused: 2, Against: day(1)}}}}
		ok, err := s.SwapLesson(ctx, r)
		require.NoError(t, err)
		require.True(t, ok)
		ok, err = s.SwapLesson(ctx, r)
		require.NoError(t, err)
		require.False(t, ok, "it is there already")
		r.Version, r.UpdatedAt = 2, day(3)
		ok, err = s.SwapLesson(ctx, r)
		require.NoError(t, err)
		require.True(t, ok)
		found, err := s.Lessons(ctx, []string{"A1", "A2"})
		require.NoError(t, err)
		require.Equal(t, map[string]ownership.Record{"A1": r}, found)
		n := 0
		require.NoError(t, s.EachLesson(ctx, day(3), func(ownership.Record) error { n++; return nil }))
		require.NoError(t, s.EachLesson(ctx, day(4), func(ownership.Record) error { n += 10; return nil }))
		require.Equal(t, 1, n, "those that changed since")
	})

	t.Run("what is to be learned from is found by its mark", func(t *testing.T) {
		e := Exposure(asset.Asset{ID: "A1"}, "a")
		e.Learn = true
		_, err := s.InsertExposures(ctx, []exposure.Exposure{e, Exposure(asset.Asset{ID: "A1"}, "a")})
		require.NoError(t, err)
		page, err := s.FindExposures(ctx, exposure.Filter{Learn: true}, exposure.List{})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		require.Equal(t, e.ID, page.Items[0].ID)
	})

	t.Run("assets without an owner are counted by since when", func(t *testing.T) {
		_, err := s.InsertAssets(ctx, []asset.Asset{
			{ID: "O1", Owner: "web", FirstSeen: day(1)}, {ID: "O2", FirstSeen: day(1)}, {ID: "O3", FirstSeen: day(1), OwnerSince: day(5)}, {ID: "O4", FirstSeen: day(1), Retired: true}})
		require.NoError(t, err)
		for want, f := range map[int64]asset.Filter{2: {Unowned: true}, 1: {Unowned: true, UnownedBefore: day(3)}} {
			n, err := s.CountAssets(ctx, f, "")
			require.NoError(t, err)
			require.Equal(t, want, n[""])
		}
	})
}
