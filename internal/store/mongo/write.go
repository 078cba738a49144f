package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/store/engine"
)

const (
	batch    = 500 // documents in one command
	together = 8   // commands under way for one call
)

// Insert implements engine.Engine.
func (e *Engine) Insert(ctx context.Context, c *engine.Collection, docs []engine.Doc) ([]bool, error) {
	inserted := make([]bool, 0, len(docs))
	for part := range slices.Chunk(docs, batch) {
		stored := make([]bson.D, len(part))
		for i, d := range part {
			var err error
			if stored[i], err = encode(c, d); err != nil {
				return nil, err
			}
		}
		fresh := slices.Repeat([]bool{true}, len(part))
		_, err := e.db.Collection(c.Name).InsertMany(ctx, stored, options.InsertMany().SetOrdered(false))
		if err = taken(err, fresh); err != nil {
			return nil, wrap(err, "inserting "+c.Name)
		}
		inserted = append(inserted, fresh...)
	}
	return inserted, nil
}

// taken marks the documents whose ID was there already, and gives any other error back.
func taken(err error, fresh []bool) error {
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) {
		return err
	}
	if bulk.WriteConcernError != nil {
		return err
	}
	for _, w := range bulk.WriteErrors {
		const duplicateKey = 11000
		if w.Code != duplicateKey || w.Index < 0 || w.Index >= len(fresh) {
			return err
		}
		fresh[w.Index] = false
	}
	return nil
}

// Swap implements engine.Engine. Each document is a command of its own: a bulk write
// says how many it wrote, not which.
func (e *Engine) Swap(ctx context.Context, c *engine.Collection, docs []engine.Doc) ([]bool, error) {
	swapped := make([]bool, len(docs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	for i, d := range docs {
		group.Go(func() error {
			stored, err := encode(c, d)
			if err != nil {
				return err
			}
			defer e.turns.take(d.ID)()
			result, err := e.db.Collection(c.Name).ReplaceOne(ctx, bson.D{{Key: "_id", Value: d.ID}, {Key: "version", Value: d.Version - 1}}, stored)
			if err == nil {
				swapped[i] = result.MatchedCount == 1
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, wrap(err, "writing "+c.Name)
	}
	return swapped, nil
}

// Put implements engine.Engine.
func (e *Engine) Put(ctx context.Context, c *engine.Collection, docs []engine.Doc) error {
	last := map[string]int{} // of several with one ID the last word holds, whatever the order of a bulk write
	for i, d := range docs {
		last[d.ID] = i
	}
	for part := range slices.Chunk(docs, batch) {
		models := make([]mongo.WriteModel, 0, len(part))
		for _, d := range part {
			stored, err := encode(c, docs[last[d.ID]])
			if err != nil {
				return err
			}
			models = append(models, mongo.NewReplaceOneModel().SetFilter(byID(d.ID)).SetReplacement(stored).SetUpsert(true))
		}
		for {
			_, err := e.db.Collection(c.Name).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
			if mongo.IsDuplicateKeyError(err) { // two began one document at once: now it is there
				continue
			}
			if err != nil {
				return wrap(err, "writing "+c.Name)
			}
			break
		}
	}
	return nil
}

// Delete implements engine.Engine.
func (e *Engine) Delete(ctx context.Context, c *engine.Collection, ids []string) error {
	for part := range slices.Chunk(ids, batch) {
		if _, err := e.db.Collection(c.Name).DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: part}}}}); err != nil {
			return wrap(err, "deleting "+c.Name)
		}
	}
	return nil
}
