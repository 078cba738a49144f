package ingest

import (
	"context"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// mostAloft is how many batches may be on their way into the store at once: while one is
// written the next is encoded, and a third is correlated and decided on.
const mostAloft = 2

// writing is a batch on its way into the store. Its new exposures are inserted beside
// what follows; all else happens when it lands, in the order of the report.
type writing struct {
	number   int64
	fresh    []pending // whose exposures are being inserted
	known    []pending // whose exposures are there already
	done     chan struct{}
	inserted []bool // of fresh; to be read once done is closed, as err
	err      error
}

// write starts to write a batch.
func (j *job) write(ctx context.Context, number int64, work []pending) {
	w := &writing{number: number, done: make(chan struct{})}
	var born []exposure.Exposure
	for _, p := range work {
		if p.known {
			w.known = append(w.known, p)
			continue
		}
		w.fresh, born = append(w.fresh, p), append(born, j.born(p))
	}
	j.aloft = append(j.aloft, w)
	go func() {
		defer close(w.done)
		if len(born) > 0 {
			w.inserted, w.err = j.store.InsertExposures(ctx, born)
		}
	}()
}

// land waits until at most so many batches are aloft. A batch that has landed is whole in
// the store, as all before it, and may be recorded as such.
func (j *job) land(ctx context.Context, aloft int, beat func(Progress)) error {
	for len(j.aloft) > aloft {
		w := j.aloft[0]
		<-w.done
		j.aloft = j.aloft[1:]
		if w.err != nil {
			return fault.Wrap(fault.KindOf(w.err), w.err, "writing new exposures")
		}
		for i, ok := range w.inserted {
			if ok {
				j.counts[countCreated]++
			} else {
				w.known = append(w.known, w.fresh[i])
			}
		}
		if err := j.refresh(ctx, w.known); err != nil {
			return err
		}
		if err := j.checkpoint(ctx, w.number, beat); err != nil {
			return err
		}
	}
	return nil
}

// ground waits for what is aloft after a failure, so that nothing writes any more when
// the delivery is given up.
func (j *job) ground() {
	for _, w := range j.aloft {
		<-w.done
	}
	j.aloft = nil
}
