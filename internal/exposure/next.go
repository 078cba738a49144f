package exposure

import (
	"slices"
	"strings"
	"time"
)

// StepOutcome is what an event does to an exposure.
type StepOutcome string

// The outcomes of an event.
const (
	Moves          StepOutcome = "moves"           // the state changes
	AttributesOnly StepOutcome = "attributes_only" // recorded; attributes may change, the state doesn't
	Refused        StepOutcome = "refused"         // nothing is recorded
)

// Step is what Next decides. Why says in words why the state doesn't change.
type Step struct {
	To      State       `json:"to"`
	Outcome StepOutcome `json:"outcome"`
	Why     string      `json:"why,omitempty"`
}

// Next is the lifecycle: what an event does to an exposure in its state. A person's
// event that the state doesn't allow is refused; a machine's fact is then recorded and
// changes attributes only. A malformed event (see InvalidError) is refused whoever sends it.
func Next(e Exposure, ev Event) Step {
	return next(&e, &ev)
}

func next(e *Exposure, ev *Event) Step {
	if why := malformed(e, ev); why != "" {
		return Step{To: e.State, Outcome: Refused, Why: why}
	}
	why := ""
	if r := ruleFor(ev.Kind, e.State); r != nil {
		to := r.to[0]
		if r.guard != nil {
			to, why = r.guard(e, ev)
		}
		if why == "" {
			return Step{To: to, Outcome: Moves}
		}
	} else {
		why = unfounded(e, ev)
		if !ev.Kind.Moves() && why == "" && (e.State != Merged || ev.Actor.Kind != Person) {
			return Step{To: e.State, Outcome: AttributesOnly}
		}
		if why == "" {
			why = "it is " + describe(e)
		}
	}
	if ev.Actor.Kind == Person {
		return Step{To: e.State, Outcome: Refused, Why: why}
	}
	return Step{To: e.State, Outcome: AttributesOnly, Why: why}
}

// unfounded says why an event that changes attributes only finds nothing to change. A
// person's is refused then.
func unfounded(e *Exposure, ev *Event) string {
	switch ev.Kind {
	case EventRequested, EventApproved, EventDeclined, EventWithdrawn, EventExpired:
		return asked(e, ev)
	case EventWaiting, EventResumed:
		return paused(e, ev)
	default:
		return ""
	}
}

// malformed says what an event lacks in itself, in whatever state the exposure is.
func malformed(e *Exposure, ev *Event) string {
	switch ev.Kind {
	case EventConfirmed, EventInconclusive, EventRefuted:
		if ev.Verdict == nil || string(ev.Verdict.Outcome) != string(ev.Kind) {
			return "a " + string(ev.Kind) + " event carries a verdict of that outcome"
		}
	case EventAbsent:
		if ev.Proof == nil || ev.Proof.Kind != ProofAbsence {
			return "an absent event carries a proof of absence"
		}
	case EventAccept, EventMitigate, EventDismiss:
		return endless(ev)
	case EventMerge:
		if into := ID(ev.Data[DataMergedInto]); into == "" || into == e.ID {
			return "a merge event names the other exposure that it merges into"
		}
	case EventUnmerge:
		if to := State(ev.Data[DataTo]); to == Merged || !slices.Contains(States(), to) {
			return "an unmerge event names the state to go to"
		}
	case EventSnoozed:
		if ev.Until.IsZero() {
			return "a snooze needs an end"
		}
	case EventDecided:
		if ev.Decision == nil {
			return "a decided event carries a decision"
		}
	case EventAssigned:
		if ev.Owner == nil {
			return "an assigned event carries an owner"
		}
	case EventRequested:
		return unfitRequest(ev)
	case EventWaiting:
		return unfitWait(ev)
	case EventApproved, EventDeclined, EventWithdrawn, EventExpired, EventResumed:
	case EventDiscovered, EventAdmit, EventDemote, EventClaim, EventVerify, EventObserved, EventLapse, EventReopen,
		EventScopeOut, EventScopeIn, EventTicketed, EventReminded, EventEscalated, EventProbeRefused, EventRetest, EventNoted:
	default:
		return "unknown event kind " + string(ev.Kind)
	}
	return ""
}

// endless says what an exception lacks: a reason, or an end that can come.
func endless(ev *Event) string {
	x := ev.Exception
	switch {
	case x == nil || strings.TrimSpace(x.Reason) == "":
		return "a reason is required"
	case x.Until.IsZero() && len(x.EndsOn) == 0:
		return "an end is required: a date, or what ends it"
	case !x.Until.IsZero() && !ev.At.IsZero() && !x.Until.After(ev.At):
		return "the end is in the past"
	}
	for _, trigger := range x.EndsOn {
		if !knownTrigger(trigger) {
			return "nothing can end it on " + strings.ToValidUTF8(trigger, "?") + ": known are kev, evidence, internet, fix, approver_gone and control:NAME"
		}
	}
	return ""
}

// knownTrigger holds the triggers to those that something fires: an unknown one would
// be an end that never comes.
func knownTrigger(trigger string) bool {
	switch trigger {
	case EndsOnKEV, EndsOnEvidence, EndsOnInternet, EndsOnFix, EndsOnApproverGone:
		return true
	}
	name, ok := strings.CutPrefix(trigger, endsOnControl)
	return ok && name != ""
}

// describe says in plain words what state an exposure is in and what a person can do.
func describe(e *Exposure) string {
	switch e.State {
	case Tracked:
		return "tracked, not worked on yet: it can be accepted, mitigated or dismissed, or waits to be admitted"
	case Validating:
		return "being validated: it can be claimed fixed, accepted, mitigated or dismissed"
	case Open:
		return "open: it can be claimed fixed, re-tested, accepted, mitigated or dismissed"
	case FixClaimed:
		return "claimed fixed" + byWhom(e.Claim) + " and waits for its re-test: it can be re-tested, accepted, mitigated or dismissed"
	case Verifying:
		return "being re-tested: wait for the verdict, or accept, mitigate or dismiss it"
	case Closed:
		return "closed" + onDay(e.ClosedAt) + " with proof: it can be reopened"
	case Accepted, Mitigated, FalsePositive:
		return strings.ReplaceAll(string(e.State), "_", " ") + until(e.Exception) + ": it can be reopened"
	case OutOfScope:
		return "out of scope: it comes back when a scope includes its asset"
	case Merged:
		return "merged into " + string(e.MergedInto) + ": act on that one"
	}
	return "not known yet"
}

func byWhom(c *Claim) string {
	if c == nil || c.By == "" {
		return ""
	}
	return " by " + c.By
}

func onDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " on " + t.Format(time.DateOnly)
}

func until(x *Exception) string {
	switch {
	case x == nil:
		return ""
	case x.Until.IsZero():
		return " until " + strings.Join(x.EndsOn, " or ")
	}
	return " until " + x.Until.Format(time.DateOnly)
}
