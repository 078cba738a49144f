package store

import (
	"context"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store/engine"
)

// retirements are the assets to be looked at again, by when. They stand beside the assets,
// since few assets retire and the sweep mustn't look through all of them.
//
//nolint:gochecknoglobals // a constant declaration
var retirements = engine.Collection{
	Name:    "retirements",
	Fields:  []engine.Field{{Name: "due", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"due"}}},
}

func (s *Store) retirements() of[asset.Retirement] {
	return of[asset.Retirement]{Collection: &retirements, e: s.engine,
		id:     func(x *asset.Retirement) string { return string(x.Asset) },
		at:     func(*asset.Retirement) int64 { return 1 },
		values: func(x *asset.Retirement) []any { return []any{x.Due.UnixMilli()} }}
}

// PutRetirements says when to look at assets again, whatever was said before.
func (s *Store) PutRetirements(ctx context.Context, xs []asset.Retirement) error {
	return s.retirements().put(ctx, xs...)
}

// DueRetirements gives the first of those whose time has come.
func (s *Store) DueRetirements(ctx context.Context, now time.Time, limit int) ([]asset.Retirement, error) {
	var w where
	w.add("due", engine.Below, now.UnixMilli()+1)
	page, err := s.retirements().page(ctx, w, ordering{name: "due", fields: []string{"due"}}, exposure.List{Limit: limit})
	return page.Items, err
}

// DropRetirements forgets about assets that needn't be looked at again.
func (s *Store) DropRetirements(ctx context.Context, ids []asset.ID) error {
	if len(ids) == 0 {
		return nil
	}
	return s.engine.Delete(ctx, &retirements, texts(ids))
}
