// Package storetest is what every engine of the store has to pass: the promises that the
// rest of quell builds on, and the crashes that they must survive.
package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger/ledgertest"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

// Run holds an engine to the store's promises. address gives the address of a fresh,
// empty store; the store is opened, closed and opened again under it.
func Run(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	for _, part := range []struct {
		name string
		run  func(t *testing.T, address func(t *testing.T) string)
	}{
		{"documents", documents}, {"lists", lists}, {"identifiers", identifiers}, {"edges", edges}, {"statements", statements}, {"retirements", retirements}, {"lessons", lessons},
		{"searches", searches}, {"deliveries", deliveries}, {"decisions", decisions}, {"presses", presses}, {"syncs", syncs}, {"the line", theLine},
		{"blobs", blobs}, {"the rest", rest}, {"schema", schema}, {"crashes", crashes},
		{"outbox", outboxes}, {"campaigns", campaigns}, {"runs of runbooks", runbookRuns}, {"controls", controlFacts},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, address) })
	}
	t.Run("ledger", func(t *testing.T) {
		ledgertest.Run(t, func() ledgertest.Store { return Open(t, address(t)) })
	})
}

// Open opens a store whose clock stands still, and closes it when the test ends.
func Open(tb testing.TB, address string) *store.Store {
	tb.Helper()
	return openWith(tb, address, nil)
}

func openWith(tb testing.TB, address string, wrap func(engine.Engine) engine.Engine) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), address, store.Options{Now: func() time.Time { return epoch }, Wrap: wrap})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

//nolint:gochecknoglobals // a constant
var epoch = time.Date(2026, 3, 1, 8, 0, 0, 123_000_000, time.UTC)

//nolint:gochecknoglobals // counts through the process, so that no two exposures are one
var born atomic.Int64

// Exposure makes an exposure that no other has been, on an asset, seen by a source.
func Exposure(a asset.Asset, source string) exposure.Exposure {
	check := fmt.Sprintf("test:%d", born.Add(1))
	return exposure.NewExposure(exposure.BornInput{
		Asset: a, Source: source, Run: "run-1", CheckedAt: epoch, At: epoch, Cause: "delivery-1",
		Finding: exposure.Finding{UID: check, Check: check, Title: "Weakness " + check, Severity: exposure.SeverityHigh, Status: exposure.StatusOpen},
		Actor:   exposure.Actor{Kind: exposure.Source, Name: source},
	})
}

func exposures(n int) []exposure.Exposure {
	xs := make([]exposure.Exposure, n)
	for i := range xs {
		xs[i] = Exposure(asset.Asset{ID: "01HOST", Name: "host", Scopes: []string{"dmz"}}, "nessus-dc1")
	}
	return xs
}

func allTrue(bs []bool) bool {
	for _, b := range bs {
		if !b {
			return false
		}
	}
	return true
}
