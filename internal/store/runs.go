package store

import (
	"context"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store/engine"
)

//nolint:gochecknoglobals // constant declarations
var (
	sightings = engine.Collection{
		Name:    "sightings",
		Fields:  []engine.Field{{Name: "source"}, {Name: "asset"}},
		Indexes: []engine.Index{{Fields: []string{"source"}}, {Fields: []string{"asset"}}},
	}
	runs = engine.Collection{
		Name:    "runs",
		Fields:  []engine.Field{{Name: "source"}, {Name: "finished", Kind: engine.Int}},
		Indexes: []engine.Index{{Fields: []string{"source", "finished"}}, {Fields: []string{"finished"}}},
	}
)

func (s *Store) sightings() of[exposure.Sighting] {
	return of[exposure.Sighting]{Collection: &sightings, e: s.engine,
		id:     func(x *exposure.Sighting) string { return sightingID(x.Source, x.Asset) },
		at:     func(x *exposure.Sighting) int64 { return x.Version },
		values: func(x *exposure.Sighting) []any { return []any{x.Source, string(x.Asset)} }}
}

func sightingID(source string, id asset.ID) string { return source + "|" + string(id) }

// Sightings gives what a source last saw on each of the assets, where it saw any.
func (s *Store) Sightings(ctx context.Context, source string, ids []asset.ID) (map[asset.ID]exposure.Sighting, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = sightingID(source, id)
	}
	xs, err := s.sightings().get(ctx, keys)
	found := make(map[asset.ID]exposure.Sighting, len(xs))
	for _, x := range xs {
		found[x.Asset] = x
	}
	return found, err
}

// PutSightings writes each sighting under its source and asset, whatever was there. Only
// a source's own ingest writes its sightings.
func (s *Store) PutSightings(ctx context.Context, xs []exposure.Sighting) error {
	named := make([]exposure.Sighting, len(xs))
	for i, x := range xs {
		x.ID = sightingID(x.Source, x.Asset)
		named[i] = x
	}
	return s.sightings().put(ctx, named...)
}

// EachSighting streams what a source last saw, asset by asset. fn may write.
func (s *Store) EachSighting(ctx context.Context, source string, fn func(exposure.Sighting) error) error {
	var w where
	w.add("source", engine.In, asText(source))
	return s.sightings().each(ctx, w, fn)
}

// SightingsOf gives what every source last saw on one asset.
func (s *Store) SightingsOf(ctx context.Context, id asset.ID) ([]exposure.Sighting, error) {
	var w where
	w.add("asset", engine.In, asText(string(id)))
	return s.sightings().all(ctx, w...)
}

func (s *Store) runs() of[exposure.Run] {
	return of[exposure.Run]{Collection: &runs, e: s.engine,
		id:     func(x *exposure.Run) string { return runID(x.Source, x.ID) },
		at:     func(*exposure.Run) int64 { return 1 },
		values: func(x *exposure.Run) []any { return []any{x.Source, x.Finished.UnixMilli()} }}
}

func runID(source, id string) string { return claimID(source + "|" + id) }

// PutRun writes a run under its source and ID, whatever was there.
func (s *Store) PutRun(ctx context.Context, r exposure.Run) error { return s.runs().put(ctx, r) }

// Run gives one run; fault.NotFound.
func (s *Store) Run(ctx context.Context, source, id string) (exposure.Run, error) {
	return s.runs().one(ctx, runID(source, id))
}

// Runs gives one page of a source's runs, or of all for "", newest first.
func (s *Store) Runs(ctx context.Context, source string, l exposure.List) (exposure.Page[exposure.Run], error) {
	var w where
	w.equal("source", source)
	return s.runs().page(ctx, w, ordering{name: "runs", fields: []string{"finished"}, desc: true}, l)
}
