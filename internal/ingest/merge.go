package ingest

import (
	"context"
	"slices"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
)

// mergeAssets carries out the merges that the resolver was told of, and points the
// report's descriptions at the survivors. Each step can be repeated; the assets
// themselves are written last, so a merge that was cut short is decided and done again.
func (j *job) mergeAssets(ctx context.Context, ids map[*asset.Description]asset.ID) error {
	merges := j.resolver.merges
	j.resolver.merges = nil
	for _, m := range merges {
		survivor, err := j.mergeOne(ctx, m)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "merging assets")
		}
		for d, id := range ids {
			if slices.Contains(m.assets, id) {
				ids[d] = survivor
			}
		}
		for signature, id := range j.resolver.known {
			if slices.Contains(m.assets, id) {
				j.resolver.known[signature] = survivor
			}
		}
	}
	return nil
}

func (j *job) mergeOne(ctx context.Context, m merge) (asset.ID, error) {
	stored, err := j.store.Assets(ctx, m.assets)
	if err != nil {
		return "", err
	}
	var all []asset.Asset
	for _, id := range m.assets {
		if a, ok := stored[id]; ok && a.MergedInto == "" {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return "", fault.New(fault.Internal, "none of the assets %v exists", m.assets)
	}
	survivor := all[0]
	for _, next := range all[1:] {
		stays, goes := asset.PickSurvivor(survivor, next)
		if survivor, err = j.mergeInto(ctx, stays, goes, m.why); err != nil {
			return "", err
		}
	}
	j.resolver.assets[survivor.ID] = survivor
	return survivor.ID, nil
}

func (j *job) mergeInto(ctx context.Context, survivor, other asset.Asset, why string) (asset.Asset, error) {
	merged, gone, event := asset.Merge(survivor, other, why, j.at)
	if err := j.moveExposures(ctx, merged, other.ID); err != nil {
		return survivor, err
	}
	if err := j.moveSightings(ctx, other, survivor.ID); err != nil {
		return survivor, err
	}
	// Claims on identifiers stay with the other: it points to the survivor, and an undo
	// gives them back by taking that pointer away.
	j.assess.Place(&merged)
	ok, err := j.store.SwapAssets(ctx, []asset.Asset{merged, gone})
	if err != nil {
		return survivor, err
	}
	if !ok[0] || !ok[1] {
		return survivor, fault.New(fault.Unavailable, "assets %s and %s changed while they were merged", survivor.ID, other.ID)
	}
	j.log.Info("assets merged", "survivor", survivor.ID, "other", other.ID, "why", why)
	j.resolver.changed = append(j.resolver.changed, survivor.ID)
	event.Actor, event.Cause = "source:"+j.source.Name, "merge/"+string(other.ID)
	return merged, j.store.RecordAssetEvents(ctx, []asset.Event{event})
}

// moveExposures re-homes the exposures of an asset. Where the survivor has the same
// weakness at the same location, two exposures collide and one takes the other over.
func (j *job) moveExposures(ctx context.Context, survivor asset.Asset, from asset.ID) error {
	type place struct{ weakness, location string }
	home := map[place]exposure.Exposure{}
	err := j.store.EachExposure(ctx, exposure.Filter{Assets: []asset.ID{survivor.ID}}, func(e exposure.Exposure) error {
		if e.State != exposure.Merged {
			home[place{e.Weakness, e.Location}] = e
		}
		return nil
	})
	if err != nil {
		return err
	}
	edits := map[exposure.ID]edit{}
	var collisions [][2]exposure.Exposure
	err = j.store.EachExposure(ctx, exposure.Filter{Assets: []asset.ID{from}}, func(e exposure.Exposure) error {
		if e.State == exposure.Merged {
			return nil
		}
		if there, ok := home[place{e.Weakness, e.Location}]; ok {
			winner, loser := exposure.PickSurvivor(there, e)
			collisions = append(collisions, [2]exposure.Exposure{winner, loser})
			e = winner
		}
		edits[e.ID] = func(e exposure.Exposure) (exposure.Exposure, bool) {
			changed := e.Asset != survivor.ID
			e.Asset, e.AssetName = survivor.ID, survivor.Name
			return e, changed
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range collisions {
		winner, loser := c[0], c[1]
		edits[winner.ID] = both(edits[winner.ID], func(e exposure.Exposure) (exposure.Exposure, bool) {
			return exposure.TakeOver(e, loser)
		})
	}
	if _, err := j.edit(ctx, edits); err != nil {
		return err
	}
	return j.endMerged(ctx, collisions)
}

// endMerged ends the exposures that were taken over. One that a workflow owns is marked
// and woken: the workflow applies the event itself.
func (j *job) endMerged(ctx context.Context, collisions [][2]exposure.Exposure) error {
	var changes []ledger.Change
	marks := map[exposure.ID]edit{}
	for _, c := range collisions {
		winner, loser := c[0], c[1]
		if loser.Mode == exposure.ModeWorkflow {
			marks[loser.ID] = func(e exposure.Exposure) (exposure.Exposure, bool) {
				changed := e.MergedInto != winner.ID
				e.MergedInto = winner.ID
				return e, changed
			}
			continue
		}
		changes = append(changes, ledger.Change{ID: loser.ID, As: exposure.ModeStore, Event: exposure.Event{
			Kind: exposure.EventMerge, At: j.at, Cause: "merge/" + string(winner.ID),
			Actor: exposure.Actor{Kind: exposure.System, Name: "identity"}, Reason: "its asset was merged with another that has the same weakness there",
			Data: map[string]string{exposure.DataMergedInto: string(winner.ID)},
		}})
	}
	if _, err := j.edit(ctx, marks); err != nil {
		return err
	}
	if len(changes) == 0 {
		return nil
	}
	results, err := j.ledger.ApplyMany(ctx, changes)
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// moveSightings joins what each source saw on the one asset to what it saw on the other.
func (j *job) moveSightings(ctx context.Context, other asset.Asset, survivor asset.ID) error {
	for _, source := range other.Sources {
		both, err := j.store.Sightings(ctx, source, []asset.ID{other.ID, survivor})
		if err != nil {
			return err
		}
		from, ok := both[other.ID]
		if !ok {
			continue
		}
		into, ok := both[survivor]
		if !ok {
			into = from
			into.Version = 0
			into.ID, into.Asset = source+"|"+string(survivor), survivor
		}
		into.Keys = exposure.UnionKeys(into.Keys, from.Keys)
		into.Complete = false // what the union lacks was looked for on one of the two only
		into.Version++
		if err := j.store.PutSightings(ctx, []exposure.Sighting{into}); err != nil {
			return err
		}
		if j.source.Name == source && j.seen[survivor] != nil {
			j.seen[survivor].old = into
		}
	}
	return nil
}
