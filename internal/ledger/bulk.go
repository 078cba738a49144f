package ledger

import (
	"context"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// ApplyMany applies changes as Apply does each one, in bulk: one read, one insert of last
// events, one write; the losers of races, and further changes of one exposure, singly
// and in order. What keeps one change from being applied is in its result's Err and
// stops no other. The error is for what stopped them all: repeating is safe then.
func (l *Ledger) ApplyMany(ctx context.Context, changes []Change) ([]Result, error) {
	results := make([]Result, len(changes))
	found, err := l.records.Exposures(ctx, idsOf(changes))
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading exposures")
	}
	bulk, single := make([]int, 0, len(changes)), []int(nil)
	last := make([]exposure.Event, 0, len(changes))
	seen := make(map[exposure.ID]bool, len(changes))
	for i := range changes {
		id := changes[i].ID
		e, ok := found[id]
		switch {
		case !ok:
			results[i].Err = fault.New(fault.NotFound, "applying %s: there is no exposure %s", changes[i].Event.Kind, id)
		case seen[id]:
			single = append(single, i)
		default:
			seen[id] = true
			bulk, last = append(bulk, i), append(last, e.LastEvent)
		}
	}
	if len(last) > 0 {
		if err := l.records.InsertEvents(ctx, last); err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "copying last events")
		}
	}
	lost, err := l.swapMany(ctx, changes, results, bulk, found)
	if err != nil {
		return nil, err
	}
	for _, i := range merged(lost, single) {
		results[i], results[i].Err = l.Apply(ctx, changes[i])
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "applying events")
		}
	}
	return results, nil
}

// swapMany prepares the changes at the indexes, writes them together, and returns the
// indexes of those that lost a race.
func (l *Ledger) swapMany(ctx context.Context, changes []Change, results []Result, indexes []int,
	found map[exposure.ID]exposure.Exposure) (lost []int, err error) {
	batch, at := make([]exposure.Exposure, 0, len(indexes)), make([]int, 0, len(indexes))
	for _, i := range indexes {
		r, done, err := l.prepare(ctx, found[changes[i].ID], &changes[i])
		if err != nil && fault.Is(err, fault.Unavailable) {
			return nil, err
		}
		results[i], results[i].Err = r, err
		if err == nil && !done {
			batch, at = append(batch, r.Exposure), append(at, i)
		}
	}
	if len(batch) == 0 {
		return nil, nil
	}
	swapped, err := l.records.SwapExposures(ctx, batch)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "writing exposures")
	}
	for n, ok := range swapped {
		if !ok {
			lost = append(lost, at[n])
		}
	}
	return lost, nil
}

// merged joins two rising lists of indexes into one.
func merged(a, b []int) []int {
	out := make([]int, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

func idsOf(changes []Change) []exposure.ID {
	ids := make([]exposure.ID, 0, len(changes))
	seen := make(map[exposure.ID]bool, len(changes))
	for i := range changes {
		if id := changes[i].ID; !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}
