package activities

import (
	"context"

	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Drainer works deliveries into the store.
type Drainer interface {
	Drain(ctx context.Context, source string, limit int, beat func(ingest.Progress)) (ingest.Drained, error)
}

// Drained is what one call of Drain did; workflows know ingest by this name only.
type Drained = ingest.Drained

// drainBatch is how many deliveries one activity works on: enough to be worth the round
// trip, few enough that the history shows how a source is coming on.
const drainBatch = 20

// Drain works waiting deliveries of a source into the store, in order. Its heartbeat says
// how far it is; a worker that takes over goes on from the store's checkpoint.
func (a *Activities) Drain(ctx context.Context, in lifecycle.IngestInput) (Drained, error) {
	return a.Drainer.Drain(ctx, in.Source, drainBatch, func(p ingest.Progress) { beat(ctx, p) })
}
