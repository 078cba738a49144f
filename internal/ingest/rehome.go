package ingest

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
)

// partID is the asset that a split makes: the same one however often it is tried. It is as
// old as the asset that it comes out of.
func partID(whole asset.ID, cause string) asset.ID {
	sum := sha256.Sum256([]byte("split\x00" + string(whole) + "\x00" + cause))
	var id ulid.ULID
	if parent, err := ulid.Parse(string(whole)); err == nil {
		id = parent // its time
	}
	copy(id[6:], sum[:10])
	return asset.ID(id.String())
}

// rehome gives each exposure the asset that it belongs to, and takes exposures apart that
// the merge had made one. It tells where each is at home.
func (s *separation) rehome(ctx context.Context) (map[exposure.ID]asset.ID, error) {
	all := map[exposure.ID]exposure.Exposure{}
	err := s.store.EachExposure(ctx, exposure.Filter{Assets: []asset.ID{s.rest.ID, s.part.ID}}, func(e exposure.Exposure) error {
		all[e.ID] = e
		return nil
	})
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading exposures")
	}
	homes := make(map[exposure.ID]asset.ID, len(all))
	edits := map[exposure.ID]edit{}
	for id := range all {
		e := all[id]
		homes[id] = asset.HomeOf(s.rest, s.part, e.Birth, e.Sources)
	}
	for id := range all {
		e := all[id]
		winner, merged := all[e.MergedInto]
		switch {
		case merged && homes[winner.ID] != homes[id]:
			if err := s.unmerge(ctx, e, winner, homes[id]); err != nil {
				return nil, err
			}
		case e.State == exposure.Merged:
			homes[id] = homes[winner.ID] // its findings are there
			continue
		}
		edits[id] = s.moved(homes[id])
	}
	_, err = s.edit(ctx, edits)
	return homes, err
}

// moved is the edit that gives an exposure to an asset.
func (s *separation) moved(home asset.ID) edit {
	return func(e exposure.Exposure) (exposure.Exposure, bool) {
		a := s.resolver.assets[home]
		if e.Asset == a.ID && e.AssetName == a.Name {
			return e, false
		}
		e.Asset, e.AssetName, e.Scopes = a.ID, a.Name, a.Scopes
		return e, true
	}
}

// unmerge takes back that an exposure was merged into one that turns out to be on another
// asset. First it gets its sources' newest words, then the other loses them, then it comes
// back: dying between any two repeats the others without effect.
func (s *separation) unmerge(ctx context.Context, e, winner exposure.Exposure, home asset.ID) error {
	on := s.resolver.assets[homeOther(home, s.rest.ID, s.part.ID)]
	mine := func(source string) bool {
		return slices.Contains(e.Sources, source) && !slices.Contains(on.Sources, source)
	}
	a := s.resolver.assets[home]
	_, _, err := s.ledger.Touch(ctx, e.ID, func(x *exposure.Exposure) bool {
		next, changed := exposure.TakeBack(*x, winner, mine)
		if next.State != exposure.Merged && next.MergedInto != "" { // a workflow had not got round to it
			next.MergedInto, changed = "", true
		}
		if next.Asset != a.ID {
			next.Asset, next.AssetName, next.Scopes, changed = a.ID, a.Name, a.Scopes, true
		}
		*x = next
		return changed
	})
	if err != nil {
		return err
	}
	_, _, err = s.ledger.Touch(ctx, winner.ID, func(x *exposure.Exposure) bool {
		next, changed := exposure.Without(*x, mine)
		*x = next
		return changed
	})
	if err != nil || e.State != exposure.Merged {
		return err
	}
	return s.back(ctx, e)
}

func homeOther(home, a, b asset.ID) asset.ID {
	if home == a {
		return b
	}
	return a
}

// back ends the merge of an exposure: it is again what it was, or tracked where that can't
// be justified any more.
func (s *separation) back(ctx context.Context, e exposure.Exposure) error {
	events, err := s.ledger.Timeline(ctx, e.ID)
	if err != nil {
		return err
	}
	to := exposure.Tracked
	for i := range events {
		if events[i].Kind == exposure.EventMerge {
			to = events[i].From
		}
	}
	for _, state := range []exposure.State{to, exposure.Tracked} {
		r, err := s.ledger.Apply(ctx, ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{
			Kind: exposure.EventUnmerge, At: s.at, Cause: "unmerge/" + s.d.ID + "/" + string(state), Actor: exposure.Actor{Kind: exposure.System, Name: "identity"},
			Reason: "its asset was taken apart from " + string(homeOther(e.Asset, s.rest.ID, s.part.ID)) + ": " + s.event.Why,
			Data:   map[string]string{exposure.DataTo: string(state)},
		}})
		switch {
		case err == nil:
			s.wakeUp(ctx, r.Exposure)
			return nil
		case !fault.Is(err, fault.Conflict):
			return err
		}
	}
	return nil // somebody was faster: it isn't merged any more
}

// wakeUp tells the workflow of an exposure that came back into its hands.
func (s *separation) wakeUp(ctx context.Context, e exposure.Exposure) {
	if e.Mode != exposure.ModeWorkflow {
		return
	}
	if err := s.waker.WakeExposure(ctx, e.ID, "unmerge"); err != nil {
		s.log.Warn("waking an exposure's workflow failed; the sweep will try again", "exposure", e.ID, "error", err)
	}
}

// partSightings divides what each source saw on the one asset. Neither part is complete any
// more: what one lacks was looked for on both together.
func (s *separation) partSightings(ctx context.Context, homes map[exposure.ID]asset.ID) error {
	sources := slices.Concat(s.rest.Sources, s.part.Sources)
	slices.Sort(sources)
	for _, source := range slices.Compact(sources) {
		found, err := s.store.Sightings(ctx, source, []asset.ID{s.rest.ID, s.part.ID})
		if err != nil {
			return err
		}
		from, ok := found[s.rest.ID]
		if !ok {
			continue
		}
		var stays, goes []byte
		exposure.EachKey(from.Keys, func(k exposure.SeenKey) {
			if homes[k.ID] == s.part.ID {
				goes = exposure.AppendKey(goes, k)
			} else {
				stays = exposure.AppendKey(stays, k)
			}
		})
		if len(goes) == 0 {
			continue
		}
		to, known := found[s.part.ID]
		if !known {
			to = exposure.Sighting{ID: source + "|" + string(s.part.ID), Source: source, Asset: s.part.ID, Run: from.Run, Delivery: from.Delivery, CheckedAt: from.CheckedAt}
		}
		if from.CheckedAt.Before(to.CheckedAt) {
			// The part was looked at since: what goes to it was not seen by that look.
			to.CheckedAt, to.Keys = from.CheckedAt, exposure.UnionKeys(to.Keys, exposure.SortKeys(goes))
		} else {
			// What the part had before the merge was in the other's sighting since; what isn't
			// any more is gone.
			to.Run, to.CheckedAt, to.Keys = from.Run, from.CheckedAt, exposure.SortKeys(goes)
		}
		from.Keys = stays
		to.Complete, from.Complete = false, false
		to.Version++
		from.Version++
		// The part first: were the keys taken away before they are given, dying would lose them.
		if err := s.store.PutSightings(ctx, []exposure.Sighting{to}); err != nil {
			return err
		}
		if err := s.store.PutSightings(ctx, []exposure.Sighting{from}); err != nil {
			return err
		}
	}
	return nil
}
