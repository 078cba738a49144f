package store

import (
	"context"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

//nolint:gochecknoglobals // a constant declaration
var assets = engine.Collection{
	Name: "assets",
	Fields: []engine.Field{{Name: "kind"}, {Name: "owner"}, {Name: "name"}, {Name: "unscoped", Kind: engine.Int}, {Name: "retired", Kind: engine.Int},
		{Name: "scope", Kind: engine.Texts}, {Name: "source", Kind: engine.Texts}, {Name: "last_seen", Kind: engine.Int}, {Name: "unowned", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"name"}}, {Fields: []string{"kind"}}, {Fields: []string{"owner"}}, {Fields: []string{"last_seen"}},
		{Fields: []string{"unscoped"}, Sparse: true}, {Fields: []string{"scope"}}, {Fields: []string{"source"}}, {Fields: []string{"unowned"}, Sparse: true}},
}

func (s *Store) assets() of[asset.Asset] {
	return of[asset.Asset]{Collection: &assets, e: s.engine,
		id: func(x *asset.Asset) string { return string(x.ID) },
		at: func(x *asset.Asset) int64 { return x.Version },
		values: func(x *asset.Asset) []any {
			return []any{string(x.Kind), x.Owner, strings.ToLower(x.Name), flag(len(x.Scopes) == 0), flag(x.Retired || x.MergedInto != ""),
				x.Scopes, x.Sources, x.LastSeen.UnixMilli(), unowned(x)}
		}}
}

// unowned is since when an asset has no owner; nothing for one that has.
func unowned(x *asset.Asset) any {
	if x.Owner != "" || x.Retired || x.MergedInto != "" {
		return nil
	}
	return ms(x.UnownedSince())
}

// Asset gives one asset, also one that was merged into another; fault.NotFound.
func (s *Store) Asset(ctx context.Context, id asset.ID) (asset.Asset, error) {
	return s.assets().one(ctx, string(id))
}

// Assets gives those that exist.
func (s *Store) Assets(ctx context.Context, ids []asset.ID) (map[asset.ID]asset.Asset, error) {
	xs, err := s.assets().get(ctx, texts(ids))
	found := make(map[asset.ID]asset.Asset, len(xs))
	for _, x := range xs {
		found[x.ID] = x
	}
	return found, err
}

// InsertAssets inserts those that are not there yet, by ID, and says which.
func (s *Store) InsertAssets(ctx context.Context, as []asset.Asset) ([]bool, error) {
	return s.assets().insert(ctx, as...)
}

// SwapAssets writes each asset whose stored version is Version-1 and says which.
func (s *Store) SwapAssets(ctx context.Context, as []asset.Asset) ([]bool, error) {
	return s.assets().swap(ctx, as...)
}

// FindAssets gives one page of the assets that match, by name, or by ID, or by when they
// were last seen ("updated"). Merged and retired ones are left out.
func (s *Store) FindAssets(ctx context.Context, f asset.Filter, l exposure.List) (exposure.Page[asset.Asset], error) {
	order, ok := map[exposure.Sort]ordering{
		"":                   {name: "name", fields: []string{"name"}},
		"name":               {name: "name", fields: []string{"name"}},
		exposure.SortID:      {name: "id", fields: []string{engine.ID}},
		exposure.SortUpdated: {name: "updated", fields: []string{"last_seen"}, desc: true},
	}[l.Sort]
	if !ok {
		return exposure.Page[asset.Asset]{}, fault.New(fault.Invalid, "listing assets: there is no sort %q", l.Sort)
	}
	return s.assets().page(ctx, assetConditions(f), order, l)
}

// EachAsset streams all that match, merged and retired ones left out. fn may write.
func (s *Store) EachAsset(ctx context.Context, f asset.Filter, fn func(asset.Asset) error) error {
	return s.assets().each(ctx, assetConditions(f), fn)
}

// CountAssets counts by "", kind, owner, scope or source.
func (s *Store) CountAssets(ctx context.Context, f asset.Filter, by string) (map[string]int64, error) {
	switch by {
	case "", "kind", "owner", "scope", "source":
		return s.engine.Count(ctx, &assets, assetConditions(f), by)
	}
	return nil, fault.New(fault.Invalid, "counting assets: there is no grouping by %q", by)
}

func assetConditions(f asset.Filter) []engine.Cond {
	var w where
	w.add("retired", engine.Lacks)
	w.equal("kind", string(f.Kind))
	w.equal("owner", f.Owner)
	w.equal("scope", f.Scope)
	w.equal("source", f.Source)
	w.visible("scope", f.Visible)
	if f.Text != "" {
		w.add("name", engine.Contains, valid(strings.ToLower(f.Text)))
	}
	if f.Unowned {
		w.add("unowned", engine.From, int64(0))
	}
	w.before("unowned", f.UnownedBefore)
	if f.Unscoped {
		w.add("unscoped", engine.In, int64(1))
	}
	return w
}
