package store

import (
	"context"
	"encoding/json"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// What all workers share of a vendor's limits.
//
//nolint:gochecknoglobals // a constant declaration
var budgets = engine.Collection{Name: "budgets"}

type budget struct {
	Name    string          `json:"name"`
	Version int64           `json:"version"`
	State   json.RawMessage `json:"state"`
}

func (s *Store) budgets() of[budget] {
	return of[budget]{Collection: &budgets, e: s.engine,
		id:     func(x *budget) string { return claimID(x.Name) },
		at:     func(x *budget) int64 { return x.Version },
		values: func(*budget) []any { return nil }}
}

// Budget gives the state of a budget and its version; fault.NotFound.
func (s *Store) Budget(ctx context.Context, name string) (state []byte, version int64, err error) {
	x, err := s.budgets().one(ctx, claimID(name))
	return x.State, x.Version, err
}

// SwapBudget writes a state, which is JSON, as version+1 if the stored version is the one
// given, zero: if there is none. It says whether it did.
func (s *Store) SwapBudget(ctx context.Context, name string, version int64, state []byte) (bool, error) {
	if version < 0 || !json.Valid(state) {
		return false, fault.New(fault.Invalid, "writing the budget %.80q: its state is no JSON", name)
	}
	x := budget{Name: name, Version: version + 1, State: state}
	if version > 0 {
		return swapOne(ctx, s.budgets(), x)
	}
	inserted, err := s.budgets().insert(ctx, x)
	return err == nil && inserted[0], err
}
