package ingest

import (
	"context"
	"maps"
	"slices"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// edit changes the attributes of one exposure that sources and policy own, and says
// whether it changed anything.
type edit func(e exposure.Exposure) (exposure.Exposure, bool)

// refresh writes what the source says of exposures that exist.
func (j *job) refresh(ctx context.Context, work []pending) error {
	edits := make(map[exposure.ID]edit, len(work))
	vanished := map[exposure.ID]pending{}
	for _, w := range work {
		vanished[w.id] = w
		edits[w.id] = func(e exposure.Exposure) (exposure.Exposure, bool) { return j.said(e, w) }
	}
	missing, err := j.edit(ctx, edits)
	if err != nil {
		return err
	}
	var reborn []exposure.Exposure
	for _, id := range missing {
		// A sighting outlived its exposure: it is simply new. What the source says of one
		// without seeing it makes none.
		if w := vanished[id]; sees(w.findings) {
			reborn = append(reborn, j.born(w))
		}
	}
	if len(reborn) == 0 {
		return nil
	}
	inserted, err := j.store.InsertExposures(ctx, reborn)
	for _, ok := range inserted {
		if ok {
			j.counts[countCreated]++
		}
	}
	return fault.Wrap(fault.KindOf(err), err, "writing exposures anew")
}

// said folds the findings of one source into an exposure.
func (j *job) said(e exposure.Exposure, w pending) (exposure.Exposure, bool) {
	next, changed := exposure.Refresh(e, j.report(w))
	next, restated := j.stated(next)
	changed = changed || restated
	if changed {
		j.counts[countRefreshed]++
	} else {
		j.counts[countUnchanged]++
	}
	return next, changed
}

// edit applies edits to stored exposures, re-reading those that somebody else changed
// meanwhile, and then lets the lifecycle follow. It gives back the IDs that don't exist.
func (j *job) edit(ctx context.Context, edits map[exposure.ID]edit) (missing []exposure.ID, err error) {
	todo := slices.Sorted(maps.Keys(edits))
	done := make([]exposure.Exposure, 0, len(todo))
	for range maxRetries {
		if len(todo) == 0 {
			return missing, j.follow(ctx, done)
		}
		stored, err := j.store.Exposures(ctx, todo)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "reading exposures")
		}
		var swaps []exposure.Exposure
		var again []exposure.ID
		for _, id := range todo {
			e, ok := stored[id]
			switch {
			case !ok:
				missing = append(missing, id)
				continue
			case e.State == exposure.Merged && e.MergedInto != "":
				edits[e.MergedInto] = both(edits[e.MergedInto], edits[id])
				again = append(again, e.MergedInto)
				continue
			}
			next, changed := j.edited(e, edits[id])
			if changed {
				swaps = append(swaps, next)
			} else {
				done = append(done, next)
			}
		}
		todo = again
		if len(swaps) == 0 {
			continue
		}
		swapped, err := j.store.SwapExposures(ctx, swaps)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "updating exposures")
		}
		for i, ok := range swapped {
			if ok {
				done = append(done, swaps[i])
			} else {
				todo = append(todo, swaps[i].ID)
			}
		}
	}
	return nil, fault.New(fault.Conflict, "updating %d exposures: others keep changing them", len(todo))
}

func both(first, second edit) edit {
	if first == nil {
		return second
	}
	return func(e exposure.Exposure) (exposure.Exposure, bool) {
		e, a := first(e)
		e, b := second(e)
		return e, a || b
	}
}

// edited applies one edit and, for an exposure that a workflow owns, what is decided anew
// because of it. The workflow is told by the wake mark, which the same write carries.
func (j *job) edited(e exposure.Exposure, change edit) (exposure.Exposure, bool) {
	next, changed := change(e)
	if !changed {
		return e, false
	}
	if next.Mode == exposure.ModeWorkflow {
		next = assessed(next, j.assess.Assess(next, j.resolver.assets[next.Asset], j.at))
		next.Wake, next.WakeAt = true, j.at
	}
	next.Version++
	next.UpdateAt = j.at
	return next, true
}

// assessed writes an assessment as attributes, leaving what people decided.
func assessed(e exposure.Exposure, a Assessment) exposure.Exposure {
	if a.Decision.Digest != e.Decision.Digest {
		e.Decision, e.Due = a.Decision, a.Due
	}
	if a.Reassigns(&e.Owner) {
		since := a.Decision.At
		e.Owner = a.Successor()
		e.Owner.Since = since
	}
	e.Scopes = a.Scopes
	return e
}

// follow lets the lifecycle follow changed attributes: workflows are woken, and store-mode
// exposures get the events that the new facts call for.
func (j *job) follow(ctx context.Context, changed []exposure.Exposure) error {
	f := follower{ledger: j.ledger, assess: j.assess, waker: j.waker, log: j.log, at: j.at,
		cause: "delivery/" + j.d.ID, actor: exposure.Actor{Kind: exposure.Source, Name: j.source.Name}, approvedBy: j.d.Approver()}
	if f.approvedBy != "" {
		f.cause += "/approved" // what it caused before it was held is another matter
	}
	for _, e := range changed {
		f.add(ctx, e, j.resolver.assets[e.Asset])
	}
	results, err := f.apply(ctx)
	if err != nil {
		return err
	}
	for _, r := range results {
		switch {
		case r.Step.Outcome != exposure.Moves || r.Repeated:
		case r.Event.Kind == exposure.EventAbsent:
			j.counts[countClosed]++
		case r.Event.Kind == exposure.EventObserved:
			j.counts[countReopened]++
		}
	}
	return nil
}
