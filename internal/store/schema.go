package store

import (
	"context"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// migrations bring the data from one schema version to the next: the first makes version
// 1 of an empty store. Each must bear being run again, since the process may die between
// it and the note that it was made. Collections and indexes that are
// merely new need none; fields that are new are there, and empty until what has them is written again.
//
//nolint:gochecknoglobals // a constant list
var migrations = []func(ctx context.Context, s *Store) error{
	func(context.Context, *Store) error { return nil },
	func(ctx context.Context, s *Store) error { return s.formLines(ctx) },
	func(ctx context.Context, s *Store) error { return s.markExploited(ctx) },
}

// collections are all of them.
func collections() []*engine.Collection {
	return []*engine.Collection{&exposures, &events, &assets, &assetEvents, &identifiers, &edges, &retirements, &lessons, &statements, &sightings, &runs, &deliveries,
		&remediations, &intents, &campaigns, &tickets, &inbox, &presses, &intel, &snapshots, &tokens, &settings, &syncs, &steps, &healths, &turns,
		&messages, &boxes, &threads, &budgets, &runbookRuns, &controls}
}

func (s *Store) migrate(ctx context.Context) error {
	version, err := s.engine.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if version > int64(len(migrations)) {
		return fault.New(fault.Conflict, "opening the store: its data has schema version %d, written by a newer quell; this one knows up to %d. Start the newer quell again, or restore a backup from before the upgrade",
			version, len(migrations))
	}
	if err := s.engine.Prepare(ctx, collections()); err != nil {
		return err
	}
	for ; version < int64(len(migrations)); version++ {
		if err := migrations[version](ctx, s); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "bringing the store's data up to date")
		}
		if err := s.engine.SetSchemaVersion(ctx, version+1); err != nil {
			return err
		}
	}
	return nil
}
