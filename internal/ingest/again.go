package ingest

import (
	"context"
	"maps"
	"slices"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// readAgain reads the body once more, for what it says of exposures without seeing them,
// and for what it still speaks of though it was last seen before the source's latest
// look. Only now is it known that nothing else in the report says otherwise. Nothing of
// it is kept in memory but what is spread over batches.
func (j *job) readAgain(ctx context.Context, beat func(Progress)) error {
	if needed, err := j.toReadAgain(ctx); err != nil || !needed {
		return err
	}
	skipped := maps.Clone(j.skipped) // what is left out was counted the first time
	defer func() { clear(j.skipped); maps.Copy(j.skipped, skipped) }()
	spread := map[exposure.ID]pending{}
	_, broken, err := j.each(ctx, func(b batch) error {
		if j.resolver.full() {
			j.resolver.forget()
		}
		assets, err := j.resolve(ctx, b, beat)
		if err != nil {
			return err
		}
		if err := j.findRehomed(ctx, b, assets); err != nil {
			return err
		}
		if beat != nil {
			beat(Progress{Delivery: j.d.ID, Batches: b.number, Findings: b.number * int64(j.batch)})
		}
		return j.refresh(ctx, j.unseen(j.pendings(b, assets), spread))
	})
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return fault.Wrap(fault.Unavailable, ctx.Err(), "ingesting delivery "+j.d.ID)
	case broken != nil && j.run.Complete:
		return fault.Wrap(fault.Unavailable, broken, "reading delivery "+j.d.ID+" again, which could be read before")
	}
	rest := make([]pending, 0, len(spread))
	for _, id := range slices.Sorted(maps.Keys(spread)) {
		w := spread[id]
		w.adds = true // the rest was seen, and so is written already
		rest = append(rest, w)
	}
	return j.refresh(ctx, rest)
}

// toReadAgain reports whether there is anything in the body that the first reading left.
// Most of what is fixed, in reports that list it for ever, was never seen by us.
func (j *job) toReadAgain(ctx context.Context) (bool, error) {
	again := j.again
	for chunk := range slices.Chunk(j.doubtful, 500) {
		stored, err := j.store.Exposures(ctx, chunk)
		if err != nil {
			return false, fault.Wrap(fault.KindOf(err), err, "reading exposures")
		}
		again = again || len(stored) > 0
		for _, id := range chunk {
			if _, ok := stored[id]; !ok {
				j.nowhere = exposure.AppendKey(j.nowhere, exposure.SeenKey{ID: id})
			}
		}
	}
	j.nowhere = exposure.SortKeys(j.nowhere)
	return again, nil
}

// unseen gives what a batch says beyond what the first reading wrote. All that the report
// says of one exposure is said at once: half of it could prove what the whole doesn't.
func (j *job) unseen(work []pending, spread map[exposure.ID]pending) []pending {
	news := work[:0]
	for i := range work {
		w := &work[i]
		s := j.seen[w.asset]
		w.looked = j.checkedAt(s)
		switch {
		case w.late && len(s.late.sights)+len(s.late.fixed)+len(s.late.told) == 0: // history
			continue
		case !w.late && sees(w.findings): // written
			continue
		}
		if before, ok := spread[w.id]; ok {
			for k := range w.findings {
				before.add(&w.findings[k])
			}
			w = &before
		}
		all, _ := s.said.digest(w.id)
		_, matters := j.attentive[w.id]
		switch {
		case all != w.digest:
			spread[w.id] = *w
			continue
		case s.unchanged(w, all) && (w.late || !matters):
		default:
			news = append(news, *w)
		}
		delete(spread, w.id)
	}
	return news
}
