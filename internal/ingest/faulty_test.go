package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store"
)

var errCrash = errors.New("the process died")

// faulty is a store behind a process that dies at its failAt-th write, before the write
// or after it. Once dead, nothing gets through.
type faulty struct {
	*store.Store
	mu     sync.Mutex // ingest writes batches side by side
	failAt int        // 0 = never
	after  bool
	writes int
	dead   bool
}

func (f *faulty) write(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errCrash
	}
	f.writes++
	if f.writes != f.failAt {
		return do()
	}
	f.dead = true
	if f.after {
		if err := do(); err != nil {
			return err
		}
	}
	return errCrash
}

func bulk[T any](f *faulty, do func() (T, error)) (out T, err error) {
	err = f.write(func() error {
		out, err = do()
		return err
	})
	return out, err
}

func (f *faulty) PutDelivery(ctx context.Context, d exposure.Delivery) error {
	return f.write(func() error { return f.Store.PutDelivery(ctx, d) })
}

func (f *faulty) SwapDelivery(ctx context.Context, d exposure.Delivery) (bool, error) {
	return bulk(f, func() (bool, error) { return f.Store.SwapDelivery(ctx, d) })
}

func (f *faulty) PutRun(ctx context.Context, r exposure.Run) error {
	return f.write(func() error { return f.Store.PutRun(ctx, r) })
}

func (f *faulty) PutSetting(ctx context.Context, key string, value []byte) error {
	return f.write(func() error { return f.Store.PutSetting(ctx, key, value) })
}

func (f *faulty) InsertAssets(ctx context.Context, as []asset.Asset) ([]bool, error) {
	return bulk(f, func() ([]bool, error) { return f.Store.InsertAssets(ctx, as) })
}

func (f *faulty) SwapAssets(ctx context.Context, as []asset.Asset) ([]bool, error) {
	return bulk(f, func() ([]bool, error) { return f.Store.SwapAssets(ctx, as) })
}

func (f *faulty) RecordAssetEvents(ctx context.Context, evs []asset.Event) error {
	return f.write(func() error { return f.Store.RecordAssetEvents(ctx, evs) })
}

func (f *faulty) ClaimIdentifiers(ctx context.Context, claims map[string]asset.ID) (map[string]asset.ID, error) {
	return bulk(f, func() (map[string]asset.ID, error) { return f.Store.ClaimIdentifiers(ctx, claims) })
}

func (f *faulty) MoveIdentifiers(ctx context.Context, keys []string, from, to asset.ID) error {
	return f.write(func() error { return f.Store.MoveIdentifiers(ctx, keys, from, to) })
}

func (f *faulty) PutEdges(ctx context.Context, xs []asset.KnownEdge) error {
	return f.write(func() error { return f.Store.PutEdges(ctx, xs) })
}

func (f *faulty) PutStatements(ctx context.Context, xs []exposure.Statement) error {
	return f.write(func() error { return f.Store.PutStatements(ctx, xs) })
}

func (f *faulty) PutRetirements(ctx context.Context, xs []asset.Retirement) error {
	return f.write(func() error { return f.Store.PutRetirements(ctx, xs) })
}

func (f *faulty) DropRetirements(ctx context.Context, ids []asset.ID) error {
	return f.write(func() error { return f.Store.DropRetirements(ctx, ids) })
}

func (f *faulty) InsertExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error) {
	return bulk(f, func() ([]bool, error) { return f.Store.InsertExposures(ctx, xs) })
}

func (f *faulty) SwapExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error) {
	return bulk(f, func() ([]bool, error) { return f.Store.SwapExposures(ctx, xs) })
}

func (f *faulty) InsertEvents(ctx context.Context, evs []exposure.Event) error {
	return f.write(func() error { return f.Store.InsertEvents(ctx, evs) })
}

func (f *faulty) PutSightings(ctx context.Context, xs []exposure.Sighting) error {
	return f.write(func() error { return f.Store.PutSightings(ctx, xs) })
}

func bytesReader(b []byte) io.Reader { return bytes.NewReader(b) }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
