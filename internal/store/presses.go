package store

import (
	"context"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store/engine"
)

// What people decide in chats, stored before it is acknowledged.
//
//nolint:gochecknoglobals // a constant declaration
var presses = engine.Collection{
	Name:    "presses",
	Fields:  []engine.Field{{Name: "next", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"next"}, Sparse: true}},
}

func (s *Store) chatPresses() of[lifecycle.Press] {
	return of[lifecycle.Press]{Collection: &presses, e: s.engine,
		id:     func(x *lifecycle.Press) string { return claimID(x.ID) },
		at:     func(x *lifecycle.Press) int64 { return x.Version },
		values: func(x *lifecycle.Press) []any { return []any{ms(x.NextAt)} }}
}

// AddPress stores a press unless it is there already, by ID; it gives the one stored, and
// whether it is new.
func (s *Store) AddPress(ctx context.Context, p lifecycle.Press) (lifecycle.Press, bool, error) {
	return claimOne(ctx, s.chatPresses(), p)
}

// SwapPress writes it if the stored version is Version-1, and says whether.
func (s *Store) SwapPress(ctx context.Context, p lifecycle.Press) (bool, error) {
	return swapOne(ctx, s.chatPresses(), p)
}

// Press gives one press; fault.NotFound.
func (s *Store) Press(ctx context.Context, id string) (lifecycle.Press, error) {
	return s.chatPresses().one(ctx, claimID(id))
}

// PendingPresses gives presses with something left to do that may be taken up by a time,
// the longest waiting first, so many at most.
func (s *Store) PendingPresses(ctx context.Context, by time.Time, most int) ([]lifecycle.Press, error) {
	var w where
	w.before("next", by.Add(time.Millisecond))
	page, err := s.chatPresses().page(ctx, w, ordering{name: "presses", fields: []string{"next"}}, exposure.List{Limit: most})
	return page.Items, err
}
