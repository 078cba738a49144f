package exposure

import (
	"slices"
	"time"
)

// move folds a change of state into the attributes that belong to the states.
func move(e *Exposure, ev *Event) {
	if ev.Kind == EventAdmit {
		e.Queued = time.Time{}
	}
	if ev.To != Open && ev.To != Validating { // given back, or somebody is at it
		e.Yield = ""
	}
	switch ev.To {
	case Tracked, Validating:
		e.Claim, e.Exception, e.Proof = nil, nil, nil
	case Open:
		e.Claim, e.Exception, e.Proof = nil, nil, nil
	case FixClaimed, Verifying:
		e.Exception, e.Proof = nil, nil
		if ev.Kind == EventClaim {
			e.Claim = &Claim{By: ev.Actor.Name, At: ev.At, Note: ev.Reason, Via: ev.Data[DataVia]}
		}
	case Closed:
		e.Proof, e.Exception, e.Request = ev.Proof, nil, nil
	case Accepted, Mitigated, FalsePositive:
		e.Exception, e.Request = ev.Exception, nil
	case OutOfScope, Merged:
		// Everything stays as it was, for the way back.
	}
	e.MergedInto, e.Retest = "", false
	if ev.To == Merged {
		e.MergedInto = ID(ev.Data[DataMergedInto])
	}
	if e.State == Closed && (ev.Kind == EventObserved || ev.Kind == EventReopen) {
		e.Reopens++
	}
	e.Learn = e.Learn || ev.To == Closed && e.RemediationID != ""
	window(e, ev)
	mode(e, ev)
}

// window keeps the exposure windows: a window opens when the weakness is first seen and
// closes with the check that proved it gone; a regression opens another.
func window(e *Exposure, ev *Event) {
	switch {
	case ev.To == Closed && e.ClosedAt.IsZero():
		e.ClosedAt = ev.Proof.At
		e.Window += max(0, e.ClosedAt.Sub(e.OpenedAt))
	case ev.To.Live() && !e.ClosedAt.IsZero():
		e.ClosedAt, e.OpenedAt = time.Time{}, ev.At
		if ev.Kind == EventObserved {
			e.OpenedAt = ev.CheckedAt
		}
	}
}

// mode says who may write next. An exposure that comes into the workflow's hands from
// elsewhere starts with a wake: if whoever moved it dies before telling Temporal, the
// sweep starts the workflow.
func mode(e *Exposure, ev *Event) {
	before := e.Mode
	switch ev.To {
	case Validating, Open, FixClaimed, Verifying:
		e.Mode = ModeWorkflow
	case Tracked, Closed, FalsePositive, OutOfScope, Merged:
		e.Mode = ModeStore
	case Accepted, Mitigated: // whoever has it times its end
	}
	switch {
	case e.Mode == ModeStore:
		e.Wake, e.WakeAt = false, time.Time{}
	case before != ModeWorkflow:
		e.Wake, e.WakeAt = true, ev.At
	}
	e.TimerAt = time.Time{}
	if e.Mode == ModeStore && ev.To.Excepted() {
		e.TimerAt = e.Exception.Until
	}
	if w := e.OpenWait(); w != nil && e.Mode == ModeStore && ev.To.Live() {
		e.TimerAt = w.Until
	}
}

// takeUp gives what is excepted into the hands of a workflow, which can have it tested and
// times its end from then on. A false positive stays where it is: what a probe finds is what
// somebody has said of it already.
func takeUp(e *Exposure, ev *Event) {
	if e.Mode != ModeStore || e.State != Accepted && e.State != Mitigated {
		return
	}
	e.Mode, e.TimerAt = ModeWorkflow, time.Time{}
	e.Wake, e.WakeAt = true, ev.At
}

// maxRefused is how many refusals an exposure keeps; a team has one.
const maxRefused = 20

// handed folds what a new owner says of the one before: who refused it, and how often it
// went from hand to hand because somebody said so. A team that takes it after all has not
// refused it.
func handed(e *Exposure, ev *Event) {
	before, now := e.Owner.Team, ev.Owner.Team
	if before != now { // whether the one before answered is no longer of interest
		e.Silent, e.Answer = "", ""
	}
	if team := ev.Data[DataRefused]; team != "" {
		e.Refused = slices.DeleteFunc(slices.Clone(e.Refused), func(r NotOurs) bool { return r.Team == team })
		e.Refused = append(e.Refused, NotOurs{Team: team, By: ev.Actor.Name, Reason: ev.Reason, At: ev.At})
		e.Refused = e.Refused[max(0, len(e.Refused)-maxRefused):]
	} else if ev.Owner.Manual && e.RefusedBy(now) {
		e.Refused = slices.DeleteFunc(slices.Clone(e.Refused), func(r NotOurs) bool { return r.Team == now })
	}
	if ev.Actor.Kind != Person {
		return
	}
	e.Learn = true
	if before != "" && before != now {
		e.Bounces++
	}
}

// attributes folds what an event carries, whether the state moves or not.
func attributes(e *Exposure, ev *Event) {
	answered(e, ev)
	if v := ev.Verdict; v != nil && (e.Verdict == nil || !v.CheckedAt.Before(e.Verdict.CheckedAt)) {
		e.Verdict = v
	}
	if ev.Verdict != nil { // however old its check is: it was what was asked for
		e.Retest = false
	}
	if ev.Owner != nil {
		handed(e, ev)
		since := e.Owner.Since
		team := e.Owner.Team
		e.Owner = *ev.Owner
		switch {
		case !e.Owner.Since.IsZero():
		case team == e.Owner.Team && !since.IsZero():
			e.Owner.Since = since
		default:
			e.Owner.Since = ev.At
		}
	}
	if ev.Decision != nil {
		e.Decision = *ev.Decision
	}
	if due, err := time.Parse(time.RFC3339, ev.Data[DataDue]); err == nil { // empty = not given
		e.Due = ms(due)
	}
	switch ev.Kind {
	case EventSnoozed:
		e.SnoozeUntil = ev.Until
	case EventNoted:
		noted(e, ev)
		if ev.Data[DataTested] != "" {
			takeUp(e, ev)
		}
	case EventRetest:
		e.Retest = true
		takeUp(e, ev)
	case EventTicketed:
		e.RemediationID, e.Ticket = ev.Data[DataRemediation], ev.Data[DataTicket]
	case EventReminded, EventEscalated:
		if ev.Data[DataTold] != "" {
			break // it stands in the chain; the log is for rungs
		}
		e.ReminderLog = append(slices.Clip(e.ReminderLog), ev.Cause)
	default:
	}
}
