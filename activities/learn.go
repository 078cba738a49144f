package activities

import (
	"context"
	"errors"
	"slices"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ownership"
)

// Lessons keeps what was learned of who owns what.
type Lessons interface {
	Lessons(ctx context.Context, ids []string) (map[string]ownership.Record, error)
	// SwapLesson writes a record whose stored version is one less, or inserts version 1.
	SwapLesson(ctx context.Context, r ownership.Record) (bool, error)
}

// Rerouter routes by what was learned.
type Rerouter interface {
	// Remember makes what was learned count from now on.
	Remember(ctx context.Context) error
	// Reroute finds the owners of assets and their exposures anew.
	Reroute(ctx context.Context, ids []asset.ID, why string) error
	// Revisit walks on over the inventory, and finds the owners of what has grown old anew:
	// so many assets at a time. It says how many came out differently.
	Revisit(ctx context.Context, limit int) (int, error)
}

// revisited is how many assets the sweep looks at again at each look.
const revisited = 500

// learn counts what people said and what was proven of owners since the last look, then
// finds the owners of those assets anew. The mark on an exposure is taken away last: after
// a crash anywhere the next look does all of it again, and counts nothing twice.
func (a *Activities) learn(ctx context.Context, _ SweepRequest, report *SweepReport) error {
	if a.Lessons == nil || a.Reroute == nil {
		return nil
	}
	page, err := a.Board.FindExposures(ctx, exposure.Filter{Learn: true}, exposure.List{Sort: exposure.SortID, Limit: sweepBatch})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	learned := map[exposure.ID]int64{}
	var assets []asset.ID
	var problems []error
	for i := range page.Items {
		e := &page.Items[i]
		seq, err := a.learnFrom(ctx, e)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		learned[e.ID] = seq
		assets = append(assets, e.Asset)
	}
	slices.Sort(assets)
	assets = slices.Compact(assets)
	if err := a.Reroute.Remember(ctx); err != nil {
		return errors.Join(append(problems, err)...)
	}
	if err := a.Reroute.Reroute(ctx, assets, "learned"); err != nil {
		return errors.Join(append(problems, err)...)
	}
	for id, seq := range learned {
		_, _, err := a.Ledger.Touch(ctx, id, func(e *exposure.Exposure) bool {
			known := e.Learn && e.LastEvent.Seq <= seq || e.Learn && !teaches(e, seq)
			e.Learn = e.Learn && !known
			return known
		})
		problems = append(problems, err)
	}
	report.Learned = len(learned)
	return errors.Join(problems...)
}

// teaches reports whether the newest event may have something that was not counted yet.
// Routing anew leaves an event of its own, which teaches nothing.
func teaches(e *exposure.Exposure, seq int64) bool {
	last := &e.LastEvent
	return last.Seq > seq && (last.Seq != seq+1 || last.Kind != exposure.EventAssigned || last.Actor.Kind != exposure.System)
}

// learnFrom counts what happened to one exposure, and gives its newest event that was
// counted.
func (a *Activities) learnFrom(ctx context.Context, e *exposure.Exposure) (int64, error) {
	events, err := a.Records.Events(ctx, e.ID)
	if err != nil {
		return 0, fault.Wrap(fault.KindOf(err), err, "reading the events of exposure "+string(e.ID))
	}
	if n := len(events); n == 0 || events[n-1].Seq < e.LastEvent.Seq {
		events = append(events, e.LastEvent) // not yet copied
	}
	owned, err := a.assetOf(ctx, e)
	if err != nil {
		return 0, err
	}
	owned.ID = e.Asset // also of one that is gone
	id := string(e.Birth)
	if id == "" {
		id = string(e.Asset)
	}
	for range swapAttempts {
		found, err := a.Lessons.Lessons(ctx, []string{id})
		if err != nil {
			return 0, fault.Wrap(fault.KindOf(err), err, "reading what was learned of "+id)
		}
		record := found[id]
		record.ID = id
		next, changed := record.Learn(owned, *e, events)
		if !changed {
			return e.LastEvent.Seq, nil
		}
		next.Version++
		next.UpdatedAt = a.now()
		swapped, err := a.Lessons.SwapLesson(ctx, next)
		if err != nil {
			return 0, fault.Wrap(fault.KindOf(err), err, "recording what was learned of "+id)
		}
		if swapped {
			return e.LastEvent.Seq, nil
		}
	}
	return 0, fault.New(fault.Unavailable, "learning from exposure %s: what is known of its asset changes faster than it can be read", e.ID)
}

// revisit walks over the inventory, a part at each look: teams dissolve, people leave, and
// what nobody has confirmed for long grows old.
func (a *Activities) revisit(ctx context.Context, _ SweepRequest, report *SweepReport) (err error) {
	if a.Reroute == nil {
		return nil
	}
	report.Rerouted, err = a.Reroute.Revisit(ctx, revisited)
	return err
}
