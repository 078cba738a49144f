package store

import (
	"context"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store/engine"
)

// edges are found from both of their ends: by the asset that they lead from, and by the
// identifier that they lead to.
//
//nolint:gochecknoglobals // a constant declaration
var edges = engine.Collection{
	Name:    "edges",
	Fields:  []engine.Field{{Name: "asset"}, {Name: "target"}, {Name: "kind"}, {Name: "source"}, {Name: "last_seen", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"asset"}}, {Fields: []string{"target"}}, {Fields: []string{"source"}}},
}

func (s *Store) edges() of[asset.KnownEdge] {
	return of[asset.KnownEdge]{Collection: &edges, e: s.engine,
		id: func(x *asset.KnownEdge) string { return x.ID },
		at: func(x *asset.KnownEdge) int64 { return x.Version },
		values: func(x *asset.KnownEdge) []any {
			return []any{string(x.From), x.To.Key(), string(x.Kind), x.Source, x.LastSeen.UnixMilli()}
		}}
}

// Edges gives those of the edges that exist, by ID.
func (s *Store) Edges(ctx context.Context, ids []string) (map[string]asset.KnownEdge, error) {
	xs, err := s.edges().get(ctx, ids)
	found := make(map[string]asset.KnownEdge, len(xs))
	for _, x := range xs {
		found[x.ID] = x
	}
	return found, err
}

// PutEdges writes edges, whatever was there. Only a source's own ingest writes its edges.
func (s *Store) PutEdges(ctx context.Context, xs []asset.KnownEdge) error {
	return s.edges().put(ctx, xs...)
}

// EdgesFrom gives one page of the edges that lead from any of the assets.
func (s *Store) EdgesFrom(ctx context.Context, ids []asset.ID, l exposure.List) (exposure.Page[asset.KnownEdge], error) {
	var w where
	in(&w, "asset", ids, func(v asset.ID) any { return string(v) })
	return s.edges().page(ctx, w, edgeOrder(), l)
}

// EdgesTo gives one page of the edges that lead to any of the identifiers, by their keys.
func (s *Store) EdgesTo(ctx context.Context, keys []string, l exposure.List) (exposure.Page[asset.KnownEdge], error) {
	var w where
	in(&w, "target", keys, asText)
	return s.edges().page(ctx, w, edgeOrder(), l)
}

func edgeOrder() ordering { return ordering{name: "id", fields: []string{engine.ID}} }
