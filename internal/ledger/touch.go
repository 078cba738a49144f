package ledger

import (
	"context"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Touch changes attributes of an exposure, never its lifecycle: what a source, the
// ticket or the asset says of it. Where a workflow has the exposure in hand, the same
// write leaves a wake for it, which the caller then also signals. fn reports whether it
// changed anything; it may be called again after a lost race. It returns the exposure
// as it then is, and whether it was written.
func (l *Ledger) Touch(ctx context.Context, id exposure.ID, fn func(*exposure.Exposure) bool) (exposure.Exposure, bool, error) {
	for range attempts {
		e, err := l.read(ctx, id)
		if err != nil {
			return exposure.Exposure{}, false, err
		}
		next, changed, err := l.touched(e, fn)
		if err != nil || !changed {
			return e, false, err
		}
		swapped, err := l.records.SwapExposures(ctx, []exposure.Exposure{next})
		if err != nil {
			return e, false, fault.Wrap(fault.KindOf(err), err, "writing exposure "+string(id))
		}
		if swapped[0] {
			return next, true, nil
		}
		if err := ctx.Err(); err != nil {
			return e, false, fault.Wrap(fault.Unavailable, err, "touching an exposure")
		}
	}
	return exposure.Exposure{}, false, fault.New(fault.Unavailable, "touching an exposure: lost %d races for %s", attempts, id)
}

// TouchMany touches exposures in bulk: one read, one write, and the losers of races one
// by one. It returns those that were written; IDs that don't exist are passed over.
func (l *Ledger) TouchMany(ctx context.Context, ids []exposure.ID, fn func(*exposure.Exposure) bool) ([]exposure.Exposure, error) {
	found, err := l.records.Exposures(ctx, ids)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading exposures")
	}
	batch := make([]exposure.Exposure, 0, len(found))
	for _, id := range ids {
		e, ok := found[id]
		if !ok {
			continue
		}
		delete(found, id) // an ID given twice is touched once
		next, changed, err := l.touched(e, fn)
		if err != nil {
			return nil, err
		}
		if changed {
			batch = append(batch, next)
		}
	}
	if len(batch) == 0 {
		return nil, nil
	}
	swapped, err := l.records.SwapExposures(ctx, batch)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "writing exposures")
	}
	written := make([]exposure.Exposure, 0, len(batch))
	for i := range batch {
		e, ok := batch[i], swapped[i]
		if !ok {
			if e, ok, err = l.Touch(ctx, e.ID, fn); err != nil {
				return written, err
			}
		}
		if ok {
			written = append(written, e)
		}
	}
	return written, nil
}

// ClearWake takes back the wake that the workflow has just read, if nothing has changed
// since it read: false means that it must read again.
func (l *Ledger) ClearWake(ctx context.Context, id exposure.ID, version int64) (bool, error) {
	e, err := l.read(ctx, id)
	if err != nil {
		return false, err
	}
	if e.Version != version {
		return false, nil
	}
	if !e.Wake {
		return true, nil
	}
	e.Wake, e.WakeAt = false, time.Time{}
	e.Version++
	swapped, err := l.records.SwapExposures(ctx, []exposure.Exposure{e})
	if err != nil {
		return false, fault.Wrap(fault.KindOf(err), err, "clearing the wake of exposure "+string(id))
	}
	return swapped[0], nil
}

func (l *Ledger) read(ctx context.Context, id exposure.ID) (exposure.Exposure, error) {
	found, err := l.records.Exposures(ctx, []exposure.ID{id})
	if err != nil {
		return exposure.Exposure{}, fault.Wrap(fault.KindOf(err), err, "reading exposure "+string(id))
	}
	e, ok := found[id]
	if !ok {
		return e, fault.New(fault.NotFound, "reading an exposure: there is no %s", id)
	}
	return e, nil
}

// touched is the exposure after fn, ready to be written.
func (l *Ledger) touched(e exposure.Exposure, fn func(*exposure.Exposure) bool) (exposure.Exposure, bool, error) {
	changed := false
	if err := edit(&e, func(e *exposure.Exposure) { changed = fn(e) }); err != nil || !changed {
		return e, false, err
	}
	now := l.now().UTC().Truncate(time.Millisecond)
	e.Version++
	e.UpdateAt = now
	if e.Mode == exposure.ModeWorkflow && !e.Wake {
		e.Wake, e.WakeAt = true, now
	}
	return e, true, nil
}

// edit calls fn and makes sure that it has left the lifecycle alone.
func edit(e *exposure.Exposure, fn func(*exposure.Exposure)) error {
	before := *e
	fn(e)
	if e.ID != before.ID || e.Version != before.Version || e.State != before.State || e.Mode != before.Mode ||
		e.Head != before.Head || e.LastEvent.Hash != before.LastEvent.Hash {
		return fault.New(fault.Internal, "touching exposure %s: only an event may change its lifecycle", before.ID)
	}
	return nil
}
