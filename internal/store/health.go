package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store/engine"
)

//nolint:gochecknoglobals // a constant declaration
var healths = engine.Collection{Name: "healths"}

func (s *Store) healths() of[exposure.Health] {
	return of[exposure.Health]{Collection: &healths, e: s.engine,
		id:     func(x *exposure.Health) string { return claimID(x.Source) },
		at:     func(x *exposure.Health) int64 { return x.Version },
		values: func(*exposure.Health) []any { return nil }}
}

// Healths gives how each source that was ever watched is doing, sorted by its name.
func (s *Store) Healths(ctx context.Context) ([]exposure.Health, error) {
	all, err := s.healths().all(ctx)
	slices.SortFunc(all, func(a, b exposure.Health) int { return cmp.Compare(a.Source, b.Source) })
	return all, err
}

// SwapHealth writes how a source is doing if the stored version is one less, which is
// none for version 1, and says whether.
func (s *Store) SwapHealth(ctx context.Context, h exposure.Health) (bool, error) {
	if h.Version > 1 {
		return swapOne(ctx, s.healths(), h)
	}
	inserted, err := s.healths().insert(ctx, h)
	return err == nil && inserted[0], err
}
