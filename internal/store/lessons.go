package store

import (
	"context"
	"time"

	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/store/engine"
)

// lessons are what was learned of who owns what, a record for each asset of whose
// exposures a person or a proof has said something.
//
//nolint:gochecknoglobals // a constant declaration
var lessons = engine.Collection{
	Name:    "lessons",
	Fields:  []engine.Field{{Name: "updated", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"updated"}}},
}

func (s *Store) lessons() of[ownership.Record] {
	return of[ownership.Record]{Collection: &lessons, e: s.engine,
		id:     func(x *ownership.Record) string { return x.ID },
		at:     func(x *ownership.Record) int64 { return x.Version },
		values: func(x *ownership.Record) []any { return []any{x.UpdatedAt.UnixMilli()} }}
}

// Lessons gives those of the records that exist, by ID.
func (s *Store) Lessons(ctx context.Context, ids []string) (map[string]ownership.Record, error) {
	xs, err := s.lessons().get(ctx, ids)
	found := make(map[string]ownership.Record, len(xs))
	for _, x := range xs {
		found[x.ID] = x
	}
	return found, err
}

// SwapLesson writes a record whose stored version is Version-1; version 1 is a new one.
// False: somebody else was faster.
func (s *Store) SwapLesson(ctx context.Context, r ownership.Record) (bool, error) {
	write := s.lessons().swap
	if r.Version == 1 {
		write = s.lessons().insert
	}
	ok, err := write(ctx, r)
	return err == nil && ok[0], err
}

// EachLesson streams the records that changed at or after a time, in no particular order.
func (s *Store) EachLesson(ctx context.Context, since time.Time, fn func(ownership.Record) error) error {
	var w where
	if !since.IsZero() {
		w.add("updated", engine.From, since.UnixMilli())
	}
	return s.lessons().each(ctx, w, fn)
}
