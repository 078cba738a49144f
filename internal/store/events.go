package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store/engine"
)

//nolint:gochecknoglobals // constant declarations
var (
	events = engine.Collection{
		Name:    "events",
		Fields:  []engine.Field{{Name: "exposure"}},
		Indexes: []engine.Index{{Fields: []string{"exposure"}}},
	}
	assetEvents = engine.Collection{
		Name:    "asset_events",
		Fields:  []engine.Field{{Name: "asset"}},
		Indexes: []engine.Index{{Fields: []string{"asset"}}},
	}
)

func (s *Store) events() of[exposure.Event] {
	return of[exposure.Event]{Collection: &events, e: s.engine,
		id:     func(x *exposure.Event) string { return exposure.EventID(x.Exposure, x.Seq) },
		at:     func(*exposure.Event) int64 { return 1 },
		values: func(x *exposure.Event) []any { return []any{string(x.Exposure)} }}
}

// InsertEvents inserts each event that is not there yet, by its EventID.
func (s *Store) InsertEvents(ctx context.Context, evs []exposure.Event) error {
	_, err := s.events().insert(ctx, evs...)
	return err
}

// Events gives an exposure's copied events in order: all but its last one, which the
// exposure itself carries until the next.
func (s *Store) Events(ctx context.Context, id exposure.ID) ([]exposure.Event, error) {
	var w where
	w.add("exposure", engine.In, asText(string(id)))
	evs, err := s.events().all(ctx, w...)
	slices.SortFunc(evs, func(a, b exposure.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return evs, err
}

func (s *Store) assetEvents() of[asset.Event] {
	return of[asset.Event]{Collection: &assetEvents, e: s.engine,
		// A cause may be long, and engines bound their IDs.
		id: func(x *asset.Event) string {
			sum := sha256.Sum256([]byte(x.EventID()))
			return string(x.Asset) + "|" + hex.EncodeToString(sum[:])
		},
		at:     func(*asset.Event) int64 { return 1 },
		values: func(x *asset.Event) []any { return []any{string(x.Asset)} }}
}

// RecordAssetEvents inserts each event that is not there yet, by its EventID.
func (s *Store) RecordAssetEvents(ctx context.Context, evs []asset.Event) error {
	_, err := s.assetEvents().insert(ctx, evs...)
	return err
}

// AssetEvents gives an asset's history, oldest first.
func (s *Store) AssetEvents(ctx context.Context, id asset.ID) ([]asset.Event, error) {
	var w where
	w.add("asset", engine.In, asText(string(id)))
	evs, err := s.assetEvents().all(ctx, w...)
	slices.SortStableFunc(evs, func(a, b asset.Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.EventID(), b.EventID()))
	})
	return evs, err
}
