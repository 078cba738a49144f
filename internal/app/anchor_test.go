package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/store"
)

func TestTheHistoryIsAnchoredOnceADayOverRestarts(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, "sqlite:"+t.TempDir(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	a := &app{store: s, log: slog.New(slog.DiscardHandler)}
	heads := map[exposure.ID]string{}
	all := make([]exposure.Exposure, 0, 3)
	for _, check := range []string{"a", "b", "c"} {
		e := exposure.NewExposure(exposure.BornInput{Asset: asset.Asset{ID: "01"}, Source: "scan", CheckedAt: now(), At: now(), Cause: "c",
			Actor: exposure.Actor{Kind: exposure.Source, Name: "scan"}, Finding: exposure.Finding{UID: check, Check: "test:" + check}})
		heads[e.ID] = e.Head
		all = append(all, e)
	}
	_, err = s.InsertExposures(ctx, all)
	require.NoError(t, err)

	wait, err := a.untilAnchor(ctx)
	require.NoError(t, err)
	require.Zero(t, wait, "never anchored: at once")
	require.NoError(t, a.anchorNow(ctx))
	raw, err := s.Setting(ctx, anchorKey)
	require.NoError(t, err)
	require.Contains(t, string(raw), ledger.Root(heads))
	wait, err = a.untilAnchor(ctx)
	require.NoError(t, err)
	require.Greater(t, wait, 23*time.Hour)
}
