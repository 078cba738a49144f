package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/store"
)

func TestGapsAreFoundInWhatIsStoredAndConfigured(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	_, err = s.InsertAssets(t.Context(), []asset.Asset{
		{ID: "01A", Version: 1, Kind: asset.SaaSApplication, Name: "crm", Sources: []string{"okta"}, LastSeen: at},
		{ID: "01B", Version: 1, Kind: asset.Host, Name: "gone", Retired: true, LastSeen: at},
	})
	require.NoError(t, err)
	require.NoError(t, s.PutRun(t.Context(), exposure.Run{ID: "1", Source: "okta", Complete: true, Finished: at.Add(-time.Hour)}))
	set, errs := scope.Compile([]scope.Scope{{Name: "prod", Include: []scope.Rule{{Zone: "prod"}}, Owner: "web"}})
	require.Empty(t, errs)
	i := &inventory{store: s, sources: &sources{order: []config.Source{{Name: "okta"}, {Name: "nmap"}}}, judge: ingest.NewJudge(ingest.Grounds{Scopes: set}), now: func() time.Time { return at }}
	gaps, err := i.Gaps(t.Context(), scope.GapPage{})
	require.NoError(t, err)
	counts := map[scope.GapKind]int64{}
	for _, g := range gaps {
		counts[g.Kind] = g.Count
	}
	require.Equal(t, map[scope.GapKind]int64{scope.GapUnscoped: 1, scope.GapUnclaimed: 1, scope.GapUnsourced: 1, scope.GapLate: 1, scope.GapUnowned: 1, scope.GapOwnerless: 1, scope.GapSingleSource: 1}, counts)
}
