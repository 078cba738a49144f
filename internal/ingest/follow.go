package ingest

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
)

// follower lets the lifecycle follow changed attributes. Exposures in workflow mode are
// only woken: their workflow reads the store and acts. For those in store mode it applies
// the events that the attributes call for, in rounds, since one compare-and-set carries
// one event.
type follower struct {
	ledger *ledger.Ledger
	assess Assessor
	waker  Waker
	log    *slog.Logger
	at     time.Time
	cause  string // what made the attributes change; each event's cause starts with it
	actor  exposure.Actor

	approvedBy string // who approved the run that made them change, where the breaker held it

	decided, assigned, moved []ledger.Change
}

// add takes an exposure as it is stored now.
func (f *follower) add(ctx context.Context, e exposure.Exposure, a asset.Asset) {
	if e.Mode == exposure.ModeWorkflow {
		if !e.Wake {
			return
		}
		if err := f.waker.WakeExposure(ctx, e.ID, f.cause); err != nil {
			f.log.Warn("waking an exposure's workflow failed; the sweep will try again", "exposure", e.ID, "error", err)
		}
		return
	}
	assessment := f.assess.Assess(e, a, f.at)
	if assessment.Decision.Digest != e.Decision.Digest {
		f.decided = append(f.decided, f.change(e, exposure.Event{
			Kind: exposure.EventDecided, Decision: &assessment.Decision, Actor: exposure.Actor{Kind: exposure.System, Name: "policy"},
			Reason: firstLine(assessment.Decision.Why), Data: dueData(assessment.Due),
		}))
	}
	if assessment.Reassigns(&e.Owner) {
		owner := assessment.Successor()
		owner.Since = f.at
		f.assigned = append(f.assigned, f.change(e, exposure.Event{
			Kind: exposure.EventAssigned, Owner: &owner, Actor: exposure.Actor{Kind: exposure.System, Name: "ownership"}, Reason: owner.How,
		}))
	}
	if ev, ok := lifecycleEvent(e, assessment); ok {
		if ev.Actor.Kind == "" {
			ev.Actor = f.actor
		}
		f.moved = append(f.moved, f.change(e, ev))
	}
}

func (f *follower) change(e exposure.Exposure, ev exposure.Event) ledger.Change {
	ev.At = f.at
	ev.Cause = f.cause + "/" + string(ev.Kind)
	if f.approvedBy != "" {
		data := maps.Clone(ev.Data)
		if data == nil {
			data = map[string]string{}
		}
		data[exposure.DataApprovedBy] = f.approvedBy
		ev.Data = data
	}
	return ledger.Change{ID: e.ID, Event: ev, As: exposure.ModeStore}
}

// apply writes the events. A change refused because a workflow took the exposure over
// meanwhile is no failure: the workflow reads the same attributes.
func (f *follower) apply(ctx context.Context) ([]ledger.Result, error) {
	var results []ledger.Result
	for _, round := range [][]ledger.Change{f.decided, f.assigned, f.moved} {
		if len(round) == 0 {
			continue
		}
		applied, err := f.ledger.ApplyMany(ctx, round)
		if err != nil {
			return results, fault.Wrap(fault.KindOf(err), err, "recording what follows from "+f.cause)
		}
		for _, r := range applied {
			if r.Err != nil && !fault.Is(r.Err, fault.Conflict) {
				return results, r.Err
			}
		}
		results = append(results, applied...)
	}
	return results, nil
}

// lifecycleEvent is the event that an exposure's attributes call for in store mode.
func lifecycleEvent(e exposure.Exposure, a Assessment) (exposure.Event, bool) {
	policy := exposure.Actor{Kind: exposure.System, Name: "scope"}
	switch {
	case a.Excluded && e.State != exposure.OutOfScope && e.State != exposure.Merged:
		return exposure.Event{Kind: exposure.EventScopeOut, Actor: policy, Reason: a.OutOfScope()}, true
	case !a.Excluded && e.State == exposure.OutOfScope:
		return exposure.Event{Kind: exposure.EventScopeIn, Actor: policy, Reason: "its asset is there, and no scope excludes it"}, true
	}
	if e.State.Excepted() && e.Exception != nil && slices.Contains(e.Exception.EndsOn, exposure.EndsOnEvidence) &&
		e.Exception.Digest != exposure.EvidenceDigest(e) {
		return exposure.Event{Kind: exposure.EventLapse, CheckedAt: e.Presence.At, Reason: "the evidence that it was decided on has changed",
			Data: map[string]string{exposure.DataTrigger: exposure.EndsOnEvidence}}, true
	}
	if why := exception.WaitOver(&e); why != "" && e.State.Live() {
		return exposure.Event{Kind: exposure.EventResumed, Actor: exposure.Actor{Kind: exposure.System, Name: "lifecycle"}, Reason: why}, true
	}
	if e.State.Live() || e.State.Excepted() {
		if ev, ok := exposure.AbsentEvent(e); ok {
			return ev, true
		}
	}
	if at, ok := seenAfterProof(e); ok {
		return exposure.Event{Kind: exposure.EventObserved, CheckedAt: at, Reason: "seen again after it was proven fixed"}, true
	}
	return exposure.Event{}, false
}

// seenAfterProof reports whether a closed exposure is seen by a check made after its
// proof, and when.
func seenAfterProof(e exposure.Exposure) (time.Time, bool) {
	if e.State != exposure.Closed || e.Proof == nil {
		return time.Time{}, false
	}
	for _, s := range e.Sights {
		if s.Presence == exposure.Observed && s.LastSeen.After(e.Proof.At) {
			return s.LastSeen, true
		}
	}
	return time.Time{}, false
}

func firstLine(why []string) string {
	if len(why) == 0 {
		return ""
	}
	return why[0]
}

func dueData(due time.Time) map[string]string {
	if due.IsZero() {
		return nil
	}
	return map[string]string{exposure.DataDue: due.Format(time.RFC3339)}
}
