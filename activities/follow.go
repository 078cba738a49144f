package activities

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Assessor decides on an exposure of an asset: pure for one snapshot of policy, scopes,
// owners and intelligence.
type Assessor interface {
	Assess(e exposure.Exposure, a asset.Asset, at time.Time) ingest.Assessment
}

// FollowInput asks what has become of an exposure.
type FollowInput struct {
	ID exposure.ID `json:"id"`
	// First is set for the first look of a run: the story so far is then given too, and
	// whatever whoever acted last may have died before telling is told now.
	First bool `json:"first,omitempty"`
}

// storyLines is how much of the story a run begins with.
const storyLines = 20

// rounds bounds how many events may follow from one look: there are fewer sorts.
const rounds = 12

// Follow lets the lifecycle of an exposure follow the facts that others wrote on it:
// what sources see, what was decided and who owns it, what its ticket says. It takes the
// wake back, and gives the exposure as it then is. An exposure that is no longer in its
// workflow's hands is only looked at.
func (a *Activities) Follow(ctx context.Context, in FollowInput) (lifecycle.ExposureView, error) {
	var story []lifecycle.TimelineLine
	tried := map[exposure.EventKind]bool{}
	for range rounds {
		e, err := a.exposure(ctx, in.ID)
		if err != nil {
			return lifecycle.ExposureView{}, err
		}
		if in.First {
			in.First = false
			if story, err = a.story(ctx, &e); err != nil {
				return lifecycle.ExposureView{}, err
			}
			if err := a.tell(ctx, &e, &e.LastEvent); err != nil {
				return lifecycle.ExposureView{}, err
			}
		}
		ev, follows := exposure.Event{}, false
		if e.Mode == exposure.ModeWorkflow {
			if ev, follows, err = a.called(ctx, &e, tried); err != nil {
				return lifecycle.ExposureView{}, err
			}
		}
		if follows {
			tried[ev.Kind] = true // a fact that doesn't apply, such as a proof that is too old, is recorded once
			res, err := a.apply(ctx, ledger.Change{ID: e.ID, Event: ev})
			if err != nil && !fault.Is(err, fault.Conflict) {
				return lifecycle.ExposureView{}, err
			}
			if err == nil {
				story = append(story, lifecycle.LineOf(&res.Event))
			}
			continue
		}
		if e.Mode == exposure.ModeWorkflow && e.Wake {
			cleared, err := a.Ledger.ClearWake(ctx, e.ID, e.Version)
			if err != nil {
				return lifecycle.ExposureView{}, err
			}
			if !cleared {
				continue // somebody wrote in between
			}
			e.Version++
		}
		v := a.Policy.view(&e, a.now())
		v.Timeline = story
		return v, nil
	}
	return lifecycle.ExposureView{}, fault.New(fault.Unavailable, "following exposure %s: it changes faster than it can be read", in.ID)
}

// story is the last part of an exposure's history.
func (a *Activities) story(ctx context.Context, e *exposure.Exposure) ([]lifecycle.TimelineLine, error) {
	events, err := a.Records.Events(ctx, e.ID)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading the events of exposure "+string(e.ID))
	}
	if n := len(events); n == 0 || events[n-1].Seq < e.LastEvent.Seq {
		events = append(events, e.LastEvent) // not yet copied
	}
	events = events[max(0, len(events)-storyLines):]
	lines := make([]lifecycle.TimelineLine, len(events))
	for i := range events {
		lines[i] = lifecycle.LineOf(&events[i])
	}
	return lines, nil
}

// called is the first event that the facts on an exposure call for.
func (a *Activities) called(ctx context.Context, e *exposure.Exposure, tried map[exposure.EventKind]bool) (exposure.Event, bool, error) {
	at := a.now()
	owned, err := a.assetOf(ctx, e)
	if err != nil {
		return exposure.Event{}, false, err
	}
	failed, err := a.failedControl(ctx, e)
	if err != nil {
		return exposure.Event{}, false, err
	}
	events := []func() (exposure.Event, bool){
		func() (exposure.Event, bool) { return mergedAway(e) },
	}
	if owned.ID != "" {
		assessment := a.Assess.Assess(*e, owned, at)
		events = append(events,
			func() (exposure.Event, bool) { return excluded(e, &assessment) },
			func() (exposure.Event, bool) { return redecided(e, &assessment) },
			func() (exposure.Event, bool) { return reassigned(e, &assessment, at) })
	}
	events = append(events,
		func() (exposure.Event, bool) { return goneEverywhere(e) },
		func() (exposure.Event, bool) { return a.ended(e, failed, at) },
		func() (exposure.Event, bool) { return overtaken(e) },
		func() (exposure.Event, bool) { return waited(e) },
		func() (exposure.Event, bool) { return answers(e) },
		func() (exposure.Event, bool) { return claimed(e) },
		func() (exposure.Event, bool) { return seenSinceClaim(e) },
		func() (exposure.Event, bool) { return givesWay(e) },
		func() (exposure.Event, bool) { return notWorthIt(e) })
	for _, next := range events {
		if ev, ok := next(); ok && !tried[ev.Kind] {
			// The state of the chain makes the cause: if this is done, the next look sees
			// another state, and if it is repeated, the same.
			ev.At, ev.Cause = at, "follow/"+strconv.FormatInt(e.LastEvent.Seq, 10)+"/"+string(ev.Kind)
			return ev, true, nil
		}
	}
	return exposure.Event{}, false, nil
}

func system(name string) exposure.Actor { return exposure.Actor{Kind: exposure.System, Name: name} }

func mergedAway(e *exposure.Exposure) (exposure.Event, bool) {
	return exposure.Event{Kind: exposure.EventMerge, Actor: system("identity"), Reason: "its asset was merged with another that has the same weakness there",
		Data: map[string]string{exposure.DataMergedInto: string(e.MergedInto)}}, e.MergedInto != "" && e.State != exposure.Merged
}

func excluded(e *exposure.Exposure, as *ingest.Assessment) (exposure.Event, bool) {
	return exposure.Event{Kind: exposure.EventScopeOut, Actor: system("scope"), Reason: as.OutOfScope()},
		as.Excluded && e.State != exposure.OutOfScope
}

func redecided(e *exposure.Exposure, as *ingest.Assessment) (exposure.Event, bool) {
	ev := exposure.Event{Kind: exposure.EventDecided, Actor: system("policy"), Decision: &as.Decision}
	if len(as.Decision.Why) > 0 {
		ev.Reason = as.Decision.Why[0]
	}
	if !as.Due.IsZero() {
		ev.Data = map[string]string{exposure.DataDue: as.Due.Format(time.RFC3339)}
	}
	return ev, as.Decision.Digest != e.Decision.Digest
}

func reassigned(e *exposure.Exposure, as *ingest.Assessment, at time.Time) (exposure.Event, bool) {
	owner := as.Successor()
	owner.Since = at
	return exposure.Event{Kind: exposure.EventAssigned, Actor: system("ownership"), Owner: &owner, Reason: owner.How},
		as.Reassigns(&e.Owner)
}

func goneEverywhere(e *exposure.Exposure) (exposure.Event, bool) {
	if !e.State.Live() && !e.State.Excepted() {
		return exposure.Event{}, false
	}
	ev, ok := exposure.AbsentEvent(*e)
	ev.Actor = system("lifecycle")
	return ev, ok
}

// ended is an exception that something ends before its date.
func (a *Activities) ended(e *exposure.Exposure, failed *exposure.Control, now time.Time) (exposure.Event, bool) {
	trigger, why, ok := a.endedEarly(e, failed, now)
	return exposure.Event{Kind: exposure.EventLapse, Actor: system("policy"), CheckedAt: e.Presence.At, Reason: why,
		Data: map[string]string{exposure.DataTrigger: trigger}}, ok
}

// endedEarly says which of its triggers ends an exception, and why in words; failed is a
// control that it rests on.
func (a *Activities) endedEarly(e *exposure.Exposure, failed *exposure.Control, now time.Time) (trigger, why string, ok bool) {
	x := e.Exception
	if !e.State.Excepted() || x == nil {
		return "", "", false
	}
	in := e.Decision.Inputs
	switch {
	case slices.Contains(x.EndsOn, exposure.EndsOnKEV) && in["kev"] == "yes" && !x.KEVThen:
		return exposure.EndsOnKEV, "the weakness is now known to be exploited", true
	case slices.Contains(x.EndsOn, exposure.EndsOnInternet) && in["publicly_exposed"] == "yes":
		return exposure.EndsOnInternet, "the asset is now reachable from the internet", true
	case slices.Contains(x.EndsOn, exposure.EndsOnEvidence) && x.Digest != "" && x.Digest != exposure.EvidenceDigest(*e):
		return exposure.EndsOnEvidence, "the evidence that it was decided on has changed", true
	case slices.Contains(x.EndsOn, exposure.EndsOnFix) && !x.FixThen && exposure.FixKnown(e):
		return exposure.EndsOnFix, "a fix has been released", true
	case failed != nil:
		return exposure.EndsOnControl(failed.Name), controlFailed(failed), true
	}
	if slices.Contains(x.EndsOn, exposure.EndsOnApproverGone) {
		if who, gone := a.Rules.QuorumGone(x, now); gone {
			return exposure.EndsOnApproverGone, who + ", who approved it, is no longer there, and too few others did", true
		}
	}
	return "", "", false
}

// claimed is a claim that the ticket's workflow left on the exposure.
func claimed(e *exposure.Exposure) (exposure.Event, bool) {
	if e.Claim == nil || e.State != exposure.Validating && e.State != exposure.Open {
		return exposure.Event{}, false
	}
	kind := exposure.Tracker
	if e.Claim.Via == viaRunbook {
		kind = exposure.System
	}
	return exposure.Event{Kind: exposure.EventClaim, Actor: exposure.Actor{Kind: kind, Name: e.Claim.By}, Reason: e.Claim.Note,
		Data: map[string]string{exposure.DataVia: e.Claim.Via}}, true
}

// seenSinceClaim is a claim that a source contradicts.
func seenSinceClaim(e *exposure.Exposure) (exposure.Event, bool) {
	if e.Claim == nil || e.State != exposure.FixClaimed && e.State != exposure.Verifying {
		return exposure.Event{}, false
	}
	for i := range e.Sights {
		if s := &e.Sights[i]; s.Presence == exposure.Observed && s.LastSeen.After(e.Claim.At) {
			return exposure.Event{Kind: exposure.EventObserved, CheckedAt: s.LastSeen, Actor: exposure.Actor{Kind: exposure.Source, Name: s.Source},
				Reason: "seen again by " + s.Source + " after it was claimed fixed"}, true
		}
	}
	return exposure.Event{}, false
}

// notWorthIt sends back what policy no longer wants worked on, if no ticket is about it.
// What is only held would be worked on if the intelligence were fresh: that keeps new ones
// out, and is no reason to drop those that are in.
func notWorthIt(e *exposure.Exposure) (exposure.Event, bool) {
	return exposure.Event{Kind: exposure.EventDemote, Actor: system("policy"), Reason: "it is decided that it can wait"},
		e.State == exposure.Open && !e.Decision.Admit && e.Decision.Held == "" && e.RemediationID == "" && e.Ticket == ""
}
