// Package ledger holds the events of exposures, their hash chain, and Apply: the only
// writer of lifecycle state.
package ledger

import (
	"context"

	"github.com/quellsec/quell/internal/exposure"
)

// Records is what the ledger needs of the store.
type Records interface {
	// Exposures gives those that exist.
	Exposures(ctx context.Context, ids []exposure.ID) (map[exposure.ID]exposure.Exposure, error)
	// SwapExposures writes each exposure whose stored version is Version-1 and says
	// which were written.
	SwapExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error)
	// InsertEvents inserts each event that isn't there yet, by its EventID.
	InsertEvents(ctx context.Context, evs []exposure.Event) error
	// Events gives an exposure's copied events in order.
	Events(ctx context.Context, id exposure.ID) ([]exposure.Event, error)
}
