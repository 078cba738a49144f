package store

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	json "github.com/goccy/go-json"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// waiting are the statuses of deliveries whose body is still to be read: by us, after a
// person has decided, or once what made it fail is mended.
func waiting() where {
	return where{{Field: "status", Op: engine.In, Values: []any{string(exposure.DeliveryReceived), string(exposure.DeliveryWorking),
		string(exposure.DeliveryParked), string(exposure.DeliveryFailed)}}}
}

// NeededBlobs gives what tells, of a blob that is older than any sync that runs, whether it
// must outlive retention: a snapshot's, the body of a delivery that waits to be worked on,
// for a decision or for being replayed, a page that such a delivery's manifest names, or a
// page of a sync that has not ended.
func (s *Store) NeededBlobs(ctx context.Context) (func(sha string) (bool, error), error) {
	// Steps first: a sync forgets them when its delivery is there.
	pages := pageSet{}
	err := s.steps().each(ctx, nil, func(x exposure.SyncStep) error {
		pages.add(x.Body)
		return nil
	})
	if err == nil {
		err = s.deliveries().each(ctx, waiting(), func(d exposure.Delivery) error { return s.pagesOf(ctx, d, pages) })
	}
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "looking for the pages that are needed")
	}
	return func(sha string) (bool, error) {
		if pages.has(sha) {
			return true, nil
		}
		return s.namedBlob(ctx, sha)
	}, nil
}

// namedBlob reports whether a record that is needed names a blob itself.
func (s *Store) namedBlob(ctx context.Context, sha string) (bool, error) {
	named := engine.Cond{Field: "blob", Values: []any{sha}}
	var errs []error
	for _, use := range []struct {
		c     *engine.Collection
		where where
	}{
		{&intel, where{named}},
		{&snapshots, where{named}},
		{&deliveries, append(waiting(), named)},
	} {
		n, err := s.engine.Count(ctx, use.c, use.where, "")
		if n[""] > 0 {
			return true, nil
		}
		errs = append(errs, err)
	}
	return false, errors.Join(errs...)
}

// pagesOf adds the pages that the manifest of a pulled delivery names. One that is gone or
// is no manifest has none to keep.
func (s *Store) pagesOf(ctx context.Context, d exposure.Delivery, into pageSet) error {
	if d.Via != exposure.ViaPull {
		return nil
	}
	body, err := s.Blob(ctx, d.Body)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := readAll(body)
	if err != nil {
		return err
	}
	var m exposure.Manifest
	if json.Unmarshal(text, &m) != nil {
		return nil //nolint:nilerr // whoever works on the delivery says so
	}
	for _, sha := range m.Pages {
		into.add(sha)
	}
	return nil
}

// pageSet holds hashes in the few bytes that they are: a sync may have a million pages.
type pageSet map[[32]byte]struct{}

func (p pageSet) add(sha string) {
	if raw, err := hex.DecodeString(sha); err == nil && len(raw) == 32 {
		p[[32]byte(raw)] = struct{}{}
	}
}

func (p pageSet) has(sha string) bool {
	raw, err := hex.DecodeString(sha)
	if err != nil || len(raw) != 32 {
		return false
	}
	_, ok := p[[32]byte(raw)]
	return ok
}

// PruneBlobs removes blobs that are older than a time, unless they are needed, and says how
// many. The records that name them stay, with their hashes: a chain of events holds
// although a body is gone.
func (s *Store) PruneBlobs(ctx context.Context, olderThan time.Time) (int, error) {
	needed, err := s.NeededBlobs(ctx)
	if err != nil {
		return 0, err
	}
	removed := 0
	err = s.engine.Blobs().Each(ctx, olderThan, func(name string) error {
		if keep, err := needed(name); err != nil || keep {
			return err
		}
		removed++
		return s.engine.Blobs().Remove(ctx, name)
	})
	return removed, err
}
