package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/store/engine"
)

// identifiers are claimed by insert-if-absent: one key belongs to one asset.
//
//nolint:gochecknoglobals // a constant declaration
var identifiers = engine.Collection{
	Name:    "identifiers",
	Fields:  []engine.Field{{Name: "asset"}},
	Indexes: []engine.Index{{Fields: []string{"asset"}}},
}

type claim struct {
	Key     string   `json:"key"`
	Asset   asset.ID `json:"asset"`
	Version int64    `json:"version"`
}

func (s *Store) identifiers() of[claim] {
	return of[claim]{Collection: &identifiers, e: s.engine,
		id:     func(x *claim) string { return claimID(x.Key) },
		at:     func(x *claim) int64 { return x.Version },
		values: func(x *claim) []any { return []any{string(x.Asset)} }}
}

// claimID is the key itself; a key too long for an engine's ID gets its hash at the end.
func claimID(key string) string {
	if len(key) <= maxID {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return cut(valid(key))[:maxID-100] + hex.EncodeToString(sum[:])
}

// ClaimIdentifiers claims each key for its asset if nobody has it, and gives for every
// key who has it now. Keys are claimed in sorted order, so that two ingests meeting one
// new host agree on all of its keys wherever the engine takes them one by one.
func (s *Store) ClaimIdentifiers(ctx context.Context, claims map[string]asset.ID) (map[string]asset.ID, error) {
	keys := slices.Sorted(maps.Keys(claims))
	xs := make([]claim, len(keys))
	for i, key := range keys {
		xs[i] = claim{Key: key, Asset: claims[key], Version: 1}
	}
	inserted, err := s.identifiers().insert(ctx, xs...)
	if err != nil {
		return nil, err
	}
	owners := make(map[string]asset.ID, len(keys))
	var taken []string
	for i, key := range keys {
		if inserted[i] {
			owners[key] = claims[key]
		} else {
			taken = append(taken, key)
		}
	}
	others, err := s.IdentifierOwners(ctx, taken)
	maps.Copy(owners, others)
	return owners, err
}

// IdentifierOwners gives who has each key; a key that nobody has is left out.
func (s *Store) IdentifierOwners(ctx context.Context, keys []string) (map[string]asset.ID, error) {
	xs, err := s.identifiers().get(ctx, claimIDs(keys))
	owners := make(map[string]asset.ID, len(xs))
	for _, x := range xs {
		owners[x.Key] = x.Asset
	}
	return owners, err
}

func claimIDs(keys []string) []string {
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = claimID(key)
	}
	return ids
}

// MoveIdentifiers gives the keys that one asset has to another: for a merge and its undo.
// Keys of a third asset, and those that moved already, stay as they are.
func (s *Store) MoveIdentifiers(ctx context.Context, keys []string, from, to asset.ID) error {
	for left := keys; len(left) > 0; {
		xs, err := s.identifiers().get(ctx, claimIDs(left))
		if err != nil {
			return err
		}
		xs = slices.DeleteFunc(xs, func(x claim) bool { return x.Asset != from })
		for i := range xs {
			xs[i].Asset = to
			xs[i].Version++
		}
		moved, err := s.identifiers().swap(ctx, xs...)
		if err != nil {
			return err
		}
		left = nil // but for those that somebody else moved meanwhile, which are looked at again
		for i, ok := range moved {
			if !ok {
				left = append(left, xs[i].Key)
			}
		}
	}
	return nil
}
