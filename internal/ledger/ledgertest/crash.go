package ledgertest

import (
	"context"
	"errors"
	"sync"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Store is what the suite needs: the ledger's records, and how an exposure gets there.
type Store interface {
	Exposures(ctx context.Context, ids []exposure.ID) (map[exposure.ID]exposure.Exposure, error)
	SwapExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error)
	InsertEvents(ctx context.Context, evs []exposure.Event) error
	Events(ctx context.Context, id exposure.ID) ([]exposure.Event, error)
	InsertExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error)
}

// ErrCrash is what a caller sees whose process died: it can't know whether its last
// write was made.
var ErrCrash = errors.New("crashed")

// Crashing is a store that kills its caller at chosen writes: before the write is made,
// or after it, before the caller hears of it.
type Crashing struct {
	Store
	// Next decides each write's fate. It is called under a lock.
	Next func() Fate

	mu     sync.Mutex
	Writes int // made or not, so far
}

// Fate is what becomes of a write.
type Fate int

// The fates.
const (
	Lives Fate = iota
	DiesBefore
	DiesAfter
)

func (c *Crashing) fate() Fate {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Writes++
	return c.Next()
}

// SwapExposures implements ledger.Records.
func (c *Crashing) SwapExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error) {
	var swapped []bool
	err := c.write(func() (err error) { swapped, err = c.Store.SwapExposures(ctx, xs); return err })
	return swapped, err
}

// InsertEvents implements ledger.Records.
func (c *Crashing) InsertEvents(ctx context.Context, evs []exposure.Event) error {
	return c.write(func() error { return c.Store.InsertEvents(ctx, evs) })
}

func (c *Crashing) write(do func() error) error {
	fate := c.fate()
	if fate == DiesBefore {
		return fault.Wrap(fault.Unavailable, ErrCrash, "before a write")
	}
	if err := do(); err != nil {
		return err
	}
	if fate == DiesAfter {
		return fault.Wrap(fault.Unavailable, ErrCrash, "after a write")
	}
	return nil
}
