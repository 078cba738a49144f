package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

func schema(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	t.Run("a store that is opened again has everything, counts included", func(t *testing.T) {
		where := address(t)
		s, err := store.Open(t.Context(), where, store.Options{})
		require.NoError(t, err)
		xs := exposures(70)
		_, err = s.InsertExposures(t.Context(), xs)
		require.NoError(t, err)
		require.NoError(t, s.Close())

		s = Open(t, where)
		stored, err := s.Exposures(t.Context(), ids(xs))
		require.NoError(t, err)
		require.Equal(t, byID(t, xs), stored)
		counts, err := s.CountExposures(t.Context(), exposure.Filter{}, "scope")
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"dmz": 70}, counts)
		more := exposures(1)
		ok, err := s.InsertExposures(t.Context(), more)
		require.NoError(t, err)
		require.True(t, allTrue(ok))
		require.Len(t, list(t, s, exposure.Filter{}, exposure.SortDue, 50), 71)
	})

	t.Run("data of a newer version is refused, untouched, and says what to do", func(t *testing.T) {
		where := address(t)
		var e engine.Engine
		s, err := store.Open(t.Context(), where, store.Options{Wrap: func(inner engine.Engine) engine.Engine { e = inner; return inner }})
		require.NoError(t, err)
		version, err := e.SchemaVersion(t.Context())
		require.NoError(t, err)
		require.Positive(t, version)
		require.NoError(t, e.SetSchemaVersion(t.Context(), version+1))
		require.NoError(t, s.Close())
		_, err = store.Open(t.Context(), where, store.Options{})
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorContains(t, err, "newer quell")
	})
}
