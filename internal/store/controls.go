package store

import (
	"context"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store/engine"
)

// What is known of compensating controls.
//
//nolint:gochecknoglobals // a constant declaration
var controls = engine.Collection{
	Name:    "controls",
	Fields:  []engine.Field{{Name: "name"}, {Name: "state"}, {Name: "at", Kind: engine.Int}, {Name: "pending", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"name"}}, {Fields: []string{"at"}}, {Fields: []string{"pending"}, Sparse: true}},
}

func (s *Store) controls() of[exposure.Control] {
	return of[exposure.Control]{Collection: &controls, e: s.engine,
		id: func(x *exposure.Control) string { return claimID(x.ID) },
		at: func(x *exposure.Control) int64 { return x.Version },
		values: func(x *exposure.Control) []any {
			return []any{x.Name, string(x.State), x.At.UnixMilli(), flag(x.Pending)}
		}}
}

// Control gives what is known of a control, by ID; fault.NotFound.
func (s *Store) Control(ctx context.Context, id string) (exposure.Control, error) {
	return s.controls().one(ctx, claimID(id))
}

// SwapControl writes what is known of a control whose stored version is Version-1; version 1
// is a new one. False: somebody else was faster.
func (s *Store) SwapControl(ctx context.Context, c exposure.Control) (bool, error) {
	write := s.controls().swap
	if c.Version == 1 {
		write = s.controls().insert
	}
	ok, err := write(ctx, c)
	return err == nil && ok[0], err
}

// FindControls gives one page of what is known of a control, or of all for "", newest first.
func (s *Store) FindControls(ctx context.Context, name string, state exposure.ControlState, l exposure.List) (exposure.Page[exposure.Control], error) {
	var w where
	w.equal("name", name)
	w.equal("state", string(state))
	return s.controls().page(ctx, w, ordering{name: "controls", fields: []string{"at"}, desc: true}, l)
}

// PendingControls gives controls whose exceptions have still to be looked at, so many at
// most.
func (s *Store) PendingControls(ctx context.Context, most int) ([]exposure.Control, error) {
	var w where
	w.add("pending", engine.In, int64(1))
	page, err := s.controls().page(ctx, w, ordering{name: "controls_pending", fields: []string{"at"}}, exposure.List{Limit: most})
	return page.Items, err
}
