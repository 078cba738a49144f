package ingest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/fault"
)

// resolving is one batch of descriptions on their way to assets: decided in memory, one
// after the other, then written together.
type resolving struct {
	*resolver
	owners  map[string]asset.ID // identifier → asset, with what this batch decided
	inserts map[asset.ID]bool
	updates map[asset.ID]bool
	claims  map[string]asset.ID
	moves   []move
	events  []asset.Event
	decided []decidedAsset
}

type move struct {
	key      string
	from, to asset.ID
}

type decidedAsset struct {
	d  *described
	id asset.ID
}

// one decides for one description.
func (w *resolving) one(d *described) error {
	res, err := asset.Resolve(d.desc, w.source.Name, w.candidates(d.keys), d.at)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "finding the asset of a report")
	}
	id := res.Into
	if id == "" {
		id = w.half(d.keys)
	}
	if id == "" {
		id = newAssetID(w.now())
	}
	if len(res.Merge) > 0 {
		w.merges = append(w.merges, merge{assets: append([]asset.ID{id}, res.Merge...), why: res.Why})
	}
	if len(res.Leave) > 0 {
		d = d.without(res.Leave, w.source.Name)
	}
	w.absorb(id, d, res.Why)
	for _, refusal := range res.Refused {
		w.record(asset.RefusedEvent(w.assets[id], refusal, w.now()))
	}
	w.claim(id, d)
	w.decided = append(w.decided, decidedAsset{d, id})
	return nil
}

// record notes an event of an asset. Its cause makes a replay tell it once.
func (w *resolving) record(ev asset.Event) {
	ev.Actor = "source:" + w.source.Name
	if ev.Cause == "" {
		ev.Cause = "resolve/" + string(ev.Asset)
	}
	w.events = append(w.events, ev)
}

// candidates are the assets that own one of the keys.
func (w *resolving) candidates(keys []string) []asset.Asset {
	var out []asset.Asset
	seen := map[asset.ID]bool{}
	for _, k := range keys {
		id, ok := w.owners[k]
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		if !w.unwritten(id) {
			out = append(out, w.assets[id])
		}
	}
	return out
}

// half finds an asset that was claimed but never written.
func (w *resolving) half(keys []string) asset.ID {
	for _, k := range keys {
		if id, ok := w.owners[k]; ok && w.unwritten(id) {
			return id
		}
	}
	return ""
}

func (w *resolving) absorb(id asset.ID, d *described, why string) {
	if w.unwritten(id) {
		fresh := w.prefer.NewAsset(id, d.desc, w.source.Name, d.at)
		w.assess.Place(&fresh)
		w.assets[id], w.inserts[id] = fresh, true
		w.record(asset.Created(fresh, why, w.now()))
		return
	}
	before := w.assets[id]
	after, changed := w.prefer.Absorb(before, d.desc, w.source.Name, d.at)
	if !changed {
		return
	}
	if before.Retired && !after.Retired {
		w.record(asset.Event{Asset: id, Seq: after.Version + 1, Kind: asset.EventRevived, Why: "seen again", At: w.now(),
			Cause: "revive/" + after.LastSeen.UTC().Format(time.RFC3339Nano)})
	}
	if w.assess.Place(&after) || after.Internet != before.Internet || after.Retired != before.Retired {
		w.changed = append(w.changed, id)
	}
	w.assets[id] = after
	if !w.inserts[id] {
		w.updates[id] = true
	}
}

// claim takes the keys that nobody has, those of an asset that never came to be, and weak
// ones of an asset that turned out to be another: addresses and short names go from host
// to host, and whoever was seen with them last is who they lead to.
func (w *resolving) claim(id asset.ID, d *described) {
	for _, key := range slices.Concat(d.keys, d.extra) {
		owner, taken := w.owners[key]
		switch {
		case !taken:
			if w.claims == nil {
				w.claims = map[string]asset.ID{}
			}
			w.claims[key] = id
			w.owners[key] = id
		case owner == id:
		case w.unwritten(owner), weak(key) && d.at.After(w.assets[owner].LastSeen):
			w.moves = append(w.moves, move{key, owner, id})
			w.owners[key] = id
		}
	}
}

// weak reports whether a key is made of weak identifiers (see asset.Keys).
func weak(key string) bool { return strings.HasPrefix(key, "pair|") || strings.HasPrefix(key, "lone|") }

// store writes what was decided: claims, assets, moves, events. A claim lost to another
// ingest means that its asset is the one: what was decided on ours is decided again.
func (w *resolving) store(ctx context.Context) error {
	lost, err := w.storeClaims(ctx)
	if err != nil {
		return err
	}
	if len(lost) > 0 {
		return w.again(ctx, lost)
	}
	if err := w.storeAssets(ctx); err != nil {
		return err
	}
	for _, m := range w.moves {
		if err := w.resolver.store.MoveIdentifiers(ctx, []string{m.key}, m.from, m.to); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "moving an identifier")
		}
	}
	if err := w.resolver.store.RecordAssetEvents(ctx, w.events); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "recording what happened to assets")
	}
	if err := w.schedule(ctx); err != nil {
		return err
	}
	for _, done := range w.decided {
		w.known[done.d.signature] = done.id
	}
	return nil
}

// storeClaims claims identifiers and gives the assets that lost one.
func (w *resolving) storeClaims(ctx context.Context) (map[asset.ID]bool, error) {
	if len(w.claims) == 0 {
		return nil, nil
	}
	winners, err := w.resolver.store.ClaimIdentifiers(ctx, w.claims)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "claiming identifiers")
	}
	var lost map[asset.ID]bool
	for key, id := range w.claims {
		if winners[key] != id {
			if lost == nil {
				lost = map[asset.ID]bool{}
			}
			lost[id] = true
		}
	}
	return lost, nil
}

// again forgets the assets of this batch and resolves its descriptions anew, now that
// others' claims can be seen. Our own claims stay: the second look finds them.
func (w *resolving) again(ctx context.Context, lost map[asset.ID]bool) error {
	fresh := map[string]*described{}
	for _, done := range w.decided {
		fresh[done.d.signature] = done.d
		delete(w.assets, done.id)
	}
	for id := range lost {
		delete(w.assets, id)
	}
	return w.resolveFresh(ctx, fresh)
}

func (w *resolving) storeAssets(ctx context.Context) error {
	inserts, updates := make([]asset.Asset, 0, len(w.inserts)), make([]asset.Asset, 0, len(w.updates))
	for id := range w.inserts {
		inserts = append(inserts, w.assets[id])
	}
	for id := range w.updates {
		a := w.assets[id]
		a.Version++
		w.assets[id] = a
		updates = append(updates, a)
	}
	byID := func(a, b asset.Asset) int { return strings.Compare(string(a.ID), string(b.ID)) }
	slices.SortFunc(inserts, byID)
	slices.SortFunc(updates, byID)
	inserted, err := w.write(ctx, w.resolver.store.InsertAssets, inserts)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "writing new assets")
	}
	swapped, err := w.write(ctx, w.resolver.store.SwapAssets, updates)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "updating assets")
	}
	return w.retryUpdates(ctx, append(inserts, updates...), append(inserted, swapped...))
}

// write calls one of the store's bulk writes, unless there is nothing to write.
func (*resolving) write(ctx context.Context, bulk func(context.Context, []asset.Asset) ([]bool, error), as []asset.Asset) ([]bool, error) {
	if len(as) == 0 {
		return nil, nil
	}
	return bulk(ctx, as)
}

// retryUpdates absorbs again into assets that somebody else changed meanwhile.
func (w *resolving) retryUpdates(ctx context.Context, written []asset.Asset, ok []bool) error {
	for i, a := range written {
		if ok[i] {
			continue
		}
		if err := w.retryUpdate(ctx, a.ID); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "updating asset "+string(a.ID)+" again")
		}
	}
	return nil
}

const maxRetries = 20

func (w *resolving) retryUpdate(ctx context.Context, id asset.ID) error {
	for range maxRetries {
		stored, err := w.resolver.store.Assets(ctx, []asset.ID{id})
		if err != nil {
			return err
		}
		fresh := stored[id]
		for _, done := range w.decided {
			if done.id == id {
				fresh, _ = w.prefer.Absorb(fresh, done.d.desc, w.source.Name, done.d.at)
			}
		}
		fresh.UpdatedAt = w.now()
		w.assess.Place(&fresh)
		fresh.Version++
		ok, err := w.resolver.store.SwapAssets(ctx, []asset.Asset{fresh})
		if err != nil {
			return err
		}
		if ok[0] {
			w.assets[id] = fresh
			return nil
		}
	}
	return fault.New(fault.Conflict, "others keep changing it")
}
