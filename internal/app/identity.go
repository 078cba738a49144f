package app

import (
	"context"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/ingest"
)

// identity lets the API take assets apart, which ingest alone executes.
type identity struct{ pipeline *ingest.Pipeline }

// UndoMerge implements api.Identity.
func (i identity) UndoMerge(ctx context.Context, in api.Separate) (api.Separation, error) {
	out, err := i.pipeline.Undo(ctx, ingest.UndoRequest{Asset: in.Asset, Other: in.Other, By: in.By, Reason: in.Reason, Cause: in.Cause})
	return api.Separation(out), err
}

// SplitAsset implements api.Identity.
func (i identity) SplitAsset(ctx context.Context, in api.Separate) (api.Separation, error) {
	out, err := i.pipeline.Split(ctx, ingest.SplitRequest{Asset: in.Asset, Identifiers: in.Identifiers, By: in.By, Reason: in.Reason, Cause: in.Cause})
	return api.Separation(out), err
}
