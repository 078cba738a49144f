// Package ledger holds the events of exposures, their hash chain, and Apply: the only
// writer of lifecycle state.
package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Records is what the ledger needs of the store.
type Records interface {
	// Exposures gives those that exist.
	Exposures(ctx context.Context, ids []exposure.ID) (map[exposure.ID]exposure.Exposure, error)
	// SwapExposures writes each exposure whose stored version is Version-1 and says
	// which were written.
	SwapExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error)
	// InsertEvents inserts each event that isn't there yet, by its EventID.
	InsertEvents(ctx context.Context, evs []exposure.Event) error
	// Events gives an exposure's copied events in order.
	Events(ctx context.Context, id exposure.ID) ([]exposure.Event, error)
}

// Sightings is what the ledger needs beside Records to know a source's last sight of an
// exposure when an identical report has touched the sighting alone. Records that have it
// are asked before any event whose guard looks at last sights.
type Sightings interface {
	Sightings(ctx context.Context, source string, assets []asset.ID) (map[asset.ID]exposure.Sighting, error)
}

// Ledger applies events to exposures. Any number of them, in any number of processes,
// may work on one store.
type Ledger struct {
	records   Records
	sightings Sightings // nil where the records have none
	now       func() time.Time
}

// New makes a ledger over records; now is the clock.
func New(records Records, now func() time.Time) *Ledger {
	sightings, _ := records.(Sightings) // the role is optional
	return &Ledger{records: records, sightings: sightings, now: now}
}

// Change is one event to apply, and in which mode its caller may do so.
type Change struct {
	ID exposure.ID
	// Event has kind, content, Actor and Cause. At is set where it is zero, and an absent
	// event's Proof is made of the sights where it has none.
	Event exposure.Event
	// As is the caller: ModeWorkflow is the Exposure workflow, ModeStore everyone else.
	// An exposure in the other mode refuses the event.
	As exposure.Mode
	// Edit, if set, changes attributes in the same write, before the event: sights and
	// presence, for an absence. It may be called again after a lost race.
	Edit func(*exposure.Exposure)
	// IfVersion, if set, refuses the event when the exposure is at another version: the
	// caller decided on what it saw.
	IfVersion int64
}

// Result is what a change did.
type Result struct {
	Exposure exposure.Exposure // as it is now
	Event    exposure.Event    // as recorded
	Step     exposure.Step
	Repeated bool  // the cause was in the chain already: this is the earlier result
	Err      error // ApplyMany only: why this one change was not applied
}

// attempts bounds the retries of a lost race. Whoever loses, another has won, so that
// many losses in a row mean something is wrong.
const attempts = 256

// Apply applies one event. It is safe to repeat with the same cause, after a crash at
// any point: the cause is then found in the chain, and its result returned. Errors are of
// kind not_found, conflict (the state, the mode or the version doesn't allow it), invalid
// (the event is malformed) or what the records say.
func (l *Ledger) Apply(ctx context.Context, c Change) (Result, error) {
	for range attempts {
		found, err := l.records.Exposures(ctx, []exposure.ID{c.ID})
		if err != nil {
			return Result{}, fault.Wrap(fault.KindOf(err), err, "reading exposure "+string(c.ID))
		}
		e, ok := found[c.ID]
		if !ok {
			return Result{}, fault.New(fault.NotFound, "applying %s: there is no exposure %s", c.Event.Kind, c.ID)
		}
		// (a) The last event is copied before anything can replace it.
		if err := l.records.InsertEvents(ctx, []exposure.Event{e.LastEvent}); err != nil {
			return Result{}, fault.Wrap(fault.KindOf(err), err, "copying the last event")
		}
		r, done, err := l.prepare(ctx, e, &c)
		if done || err != nil {
			return r, err
		}
		// (c) State, head, last event and version in one write. (d) This event is copied
		// by whoever applies the next one, as in (a).
		swapped, err := l.records.SwapExposures(ctx, []exposure.Exposure{r.Exposure})
		if err != nil {
			return Result{}, fault.Wrap(fault.KindOf(err), err, "writing exposure "+string(c.ID))
		}
		if swapped[0] {
			return r, nil
		}
		if err := ctx.Err(); err != nil {
			return Result{}, fault.Wrap(fault.Unavailable, err, "applying "+string(c.Event.Kind))
		}
	}
	return Result{}, fault.New(fault.Unavailable, "applying %s: lost %d races for exposure %s", c.Event.Kind, attempts, c.ID)
}

// prepare is everything of Apply between reading and writing. It is done without a write
// when (b) the cause is in the chain already.
func (l *Ledger) prepare(ctx context.Context, e exposure.Exposure, c *Change) (r Result, done bool, err error) {
	earlier, repeated, err := l.earlier(ctx, &e, c.Event.Cause)
	if err != nil {
		return Result{}, false, err
	}
	if repeated {
		return Result{Exposure: e, Event: earlier, Step: stepOf(earlier), Repeated: true}, true, nil
	}
	if c.As != e.Mode {
		return Result{}, false, wrongMode(&e, c)
	}
	if c.IfVersion != 0 && c.IfVersion != e.Version {
		return Result{}, false, fault.New(fault.Conflict, "applying %s: the exposure has changed since you saw it (version %d, now %d)",
			c.Event.Kind, c.IfVersion, e.Version)
	}
	if e, err = l.hydrated(ctx, e, c.Event.Kind); err != nil {
		return Result{}, false, err
	}
	if c.Edit != nil {
		if err := edit(&e, c.Edit); err != nil {
			return Result{}, false, err
		}
	}
	ev := c.Event
	if ev.At.IsZero() {
		ev.At = l.now()
	}
	if ev.Kind == exposure.EventAbsent && ev.Proof == nil {
		ev.Proof = absenceProof(e)
	}
	next, step, err := exposure.Advance(e, ev)
	if err != nil {
		return Result{}, false, kinded(err)
	}
	return Result{Exposure: next, Event: next.LastEvent, Step: step}, false, nil
}

// absenceProof is the proof that the sights give, after Edit has brought them up to date.
// Where some source hasn't verified it yet, it is empty and proves nothing: the event then
// changes attributes only.
func absenceProof(e exposure.Exposure) *exposure.Proof {
	p, ok := exposure.AbsenceProof(e)
	if !ok {
		p = exposure.Proof{Kind: exposure.ProofAbsence}
	}
	return &p
}

// earlier finds the event that a cause has made already.
func (l *Ledger) earlier(ctx context.Context, e *exposure.Exposure, cause string) (exposure.Event, bool, error) {
	if e.LastEvent.Cause == cause {
		return e.LastEvent, true, nil
	}
	if e.LastEvent.Seq <= 1 {
		return exposure.Event{}, false, nil // the last event is the whole chain
	}
	events, err := l.records.Events(ctx, e.ID)
	if err != nil {
		return exposure.Event{}, false, fault.Wrap(fault.KindOf(err), err, "reading the events of exposure "+string(e.ID))
	}
	for i := range events {
		if events[i].Cause == cause {
			return events[i], true, nil
		}
	}
	return exposure.Event{}, false, nil
}

// stepOf is what the step of a recorded event was.
func stepOf(ev exposure.Event) exposure.Step {
	if ev.From == ev.To {
		return exposure.Step{To: ev.To, Outcome: exposure.AttributesOnly}
	}
	return exposure.Step{To: ev.To, Outcome: exposure.Moves}
}

// hydrated brings the sights up to date for events whose guard looks at them.
func (l *Ledger) hydrated(ctx context.Context, e exposure.Exposure, kind exposure.EventKind) (exposure.Exposure, error) {
	if l.sightings == nil || kind != exposure.EventRefuted && kind != exposure.EventAbsent && kind != exposure.EventUnmerge {
		return e, nil
	}
	for _, s := range e.Sights {
		found, err := l.sightings.Sightings(ctx, s.Source, []asset.ID{e.Asset})
		if err != nil {
			return e, fault.Wrap(fault.KindOf(err), err, "reading the sightings of exposure "+string(e.ID))
		}
		if g, ok := found[e.Asset]; ok {
			e = exposure.Hydrate(e, g)
		}
	}
	return e, nil
}

func wrongMode(e *exposure.Exposure, c *Change) error {
	switch {
	case c.As != exposure.ModeStore && c.As != exposure.ModeWorkflow:
		return fault.New(fault.Internal, "applying %s: the caller doesn't say in which mode it works", c.Event.Kind)
	case e.Mode == exposure.ModeWorkflow:
		return fault.New(fault.Conflict, "applying %s: the exposure is in its workflow's hands; ask the workflow", c.Event.Kind)
	}
	return fault.New(fault.Conflict, "applying %s: the exposure is no longer in its workflow's hands (it is %s)", c.Event.Kind, e.State)
}

// kinded gives the domain's errors their kinds.
func kinded(err error) error {
	var refused *exposure.RefusedError
	var invalid *exposure.InvalidError
	switch {
	case errors.As(err, &refused):
		return fault.Wrap(fault.Conflict, err, "")
	case errors.As(err, &invalid):
		return fault.Wrap(fault.Invalid, err, "")
	}
	return fault.Wrap(fault.Internal, err, "advancing an exposure")
}
