package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/scope"
)

// MaxSnooze is how long reminders may be put off: whoever needs longer accepts the risk.
const MaxSnooze = 90 * 24 * time.Hour

// Validate says what a decision lacks in itself, in whatever state its exposure is. The
// error is of kind Invalid and names what to do about it.
func (d *Decision) Validate(now time.Time) error {
	switch {
	case !slices.Contains(DecisionKinds(), d.Kind):
		return d.invalid("there is no such decision")
	case d.Exposure == "":
		return d.invalid("it names no exposure")
	case d.Cause == "":
		return d.invalid("an idempotency key is required")
	case d.Actor.Kind == "" || d.Actor.Name == "":
		return d.invalid("it doesn't say who decides")
	}
	switch d.Kind {
	case DecideClaim, DecideReassign:
		if !scope.ValidName(d.Team) {
			return d.invalid("name the team that is to own it")
		}
	case DecideAcceptRisk, DecideMitigate, DecideFalsePositive:
		return d.validException(now)
	case DecideSnooze:
		switch {
		case !d.Until.After(now):
			return d.invalid("say until when, in the future")
		case d.Until.After(now.Add(MaxSnooze)):
			return d.invalid("reminders can be put off for 90 days at most: accept the risk instead")
		}
	case DecideWait:
		switch {
		case !slices.Contains(exposure.WaitKinds(), d.For):
			return d.invalid("say what it waits for: vendor or change_window")
		case !d.Until.After(now):
			return d.invalid("say until when, in the future")
		case strings.TrimSpace(d.Reason) == "":
			return d.invalid("a reason is required")
		}
	case DecideDecline:
		if strings.TrimSpace(d.Reason) == "" {
			return d.invalid("a reason is required: whoever asked is told")
		}
	case DecideRetest, DecideFixClaimed, DecideReopen, DecideApprove, DecideWithdraw, DecideResume:
	case DecideNotOurs:
		switch {
		case strings.TrimSpace(d.Reason) == "":
			return d.invalid("say why: whose it is, or what has changed")
		case d.Team != "" && !scope.ValidName(d.Team):
			return d.invalid("that can't name a team")
		}
	}
	return nil
}

func (d *Decision) validException(now time.Time) error {
	switch {
	case strings.TrimSpace(d.Reason) == "":
		return d.invalid("a reason is required")
	case d.Until.IsZero() && len(d.EndsOn) == 0 && d.Kind != DecideFalsePositive:
		return d.invalid("an end is required: a date, or what ends it")
	}
	// The domain knows what else an exception needs; an open exposure can take any.
	ev := d.event(&exposure.Exposure{State: exposure.Open}, now)
	if step := exposure.Next(exposure.Exposure{State: exposure.Open}, ev); step.Outcome == exposure.Refused {
		return d.invalid(step.Why)
	}
	return nil
}

func (d *Decision) invalid(why string) error {
	return fault.New(fault.Invalid, "deciding %s: %s", strings.ToValidUTF8(string(d.Kind), "?"), why)
}

// event is the decision as an event of its exposure.
func (d *Decision) event(e *exposure.Exposure, now time.Time) exposure.Event {
	ev := exposure.Event{Actor: d.Actor, Cause: d.Cause, Reason: d.Reason, At: now}
	if d.Via != "" {
		ev.Data = map[string]string{exposure.DataVia: d.Via}
	}
	switch d.Kind {
	case DecideClaim:
		ev.Kind, ev.Owner = exposure.EventAssigned, d.owner("claimed by ")
	case DecideReassign:
		ev.Kind, ev.Owner = exposure.EventAssigned, d.owner("assigned by ")
	case DecideNotOurs:
		d.refuse(e, &ev)
	case DecideAcceptRisk:
		ev.Kind, ev.Exception = exposure.EventAccept, d.exception(e)
	case DecideMitigate:
		ev.Kind, ev.Exception = exposure.EventMitigate, d.exception(e)
	case DecideFalsePositive:
		ev.Kind, ev.Exception = exposure.EventDismiss, d.exception(e)
	case DecideSnooze:
		ev.Kind, ev.Until = exposure.EventSnoozed, d.Until
	case DecideRetest:
		ev.Kind = exposure.EventRetest
		if e.State == exposure.Tracked { // a workflow has to take it in hand first
			ev.Kind = exposure.EventAdmit
			ev.Reason = strings.TrimSpace("a test was asked for. " + d.Reason)
		}
	case DecideFixClaimed:
		ev.Kind = exposure.EventClaim
	case DecideReopen:
		ev.Kind = exposure.EventReopen
	case DecideApprove:
		ev.Kind = exposure.EventApproved
	case DecideDecline:
		ev.Kind = exposure.EventDeclined
	case DecideWait:
		ev.Kind = exposure.EventWaiting
		ev.Wait = &exposure.Wait{For: d.For, By: d.Actor.Name, Reason: d.Reason, Reference: d.Reference, Until: d.Until}
	case DecideResume:
		ev.Kind = exposure.EventResumed
	case DecideWithdraw:
		ev.Kind = exposure.EventWithdrawn
	}
	return ev
}

func (d *Decision) owner(how string) *exposure.Owner {
	return &exposure.Owner{Team: d.Team, How: how + d.Actor.Name, Confidence: 1, Manual: true}
}

// refuse takes the exposure from the team that says that it isn't theirs. Whose it is
// instead the rules find out, without that team. A team that was merely asked, and doesn't
// own it, leaves it as it is.
func (d *Decision) refuse(e *exposure.Exposure, ev *exposure.Event) {
	team, owner := d.refusing(e), exposure.Owner{}
	if team != e.Owner.Team {
		owner = e.Owner
	} else {
		owner.How = "not " + team + "'s, says " + d.Actor.Name
	}
	ev.Kind, ev.Owner = exposure.EventAssigned, &owner
	if ev.Data == nil {
		ev.Data = map[string]string{}
	}
	ev.Data[exposure.DataRefused] = team
}

// refusing is the team that says that it isn't theirs.
func (d *Decision) refusing(e *exposure.Exposure) string {
	if d.Team != "" {
		return d.Team
	}
	return e.Owner.Team
}

func (d *Decision) exception(e *exposure.Exposure) *exposure.Exception {
	x := &exposure.Exception{By: d.Actor.Name, Reason: d.Reason, Until: d.Until, EndsOn: d.EndsOn,
		Digest: exposure.EvidenceDigest(*e), KEVThen: e.Decision.Inputs["kev"] == "yes", FixThen: exposure.FixKnown(e)}
	if d.Kind == DecideFalsePositive && d.Until.IsZero() && len(d.EndsOn) == 0 {
		x.EndsOn = []string{exposure.EndsOnEvidence} // it holds for what was looked at
	}
	return x
}

// senseless says why a decision, though complete, would come to nothing for the exposure
// as it is. Nothing is recorded then: a record that had no effect would mislead.
func (d *Decision) senseless(e *exposure.Exposure) string {
	switch d.Kind {
	case DecideRetest:
		switch {
		case slices.Contains([]exposure.State{exposure.Closed, exposure.FalsePositive, exposure.OutOfScope, exposure.Merged}, e.State):
			return "it is " + strings.ReplaceAll(string(e.State), "_", " ") + ": reopen it to have it tested again"
		case !e.Verification.Method.Probes():
			return "no probe can test it: a complete run of " + strings.Join(e.Sources, " and ") + " will tell"
		}
	case DecideAcceptRisk, DecideMitigate, DecideFalsePositive:
		for _, end := range d.EndsOn {
			if end == exposure.EndsOnInternet && e.Decision.Inputs["publicly_exposed"] == "yes" {
				return "it can't end when the asset becomes reachable from the internet: it is already"
			}
			if end == exposure.EndsOnKEV && e.Decision.Inputs["kev"] == "yes" {
				return "it can't end when the weakness becomes known to be exploited: it is already"
			}
			if end == exposure.EndsOnFix && exposure.FixKnown(e) {
				return "it can't end when a fix is released: one is known already"
			}
		}
	case DecideNotOurs:
		if d.refusing(e) == "" {
			return "nobody owns it: name the team that it doesn't belong to"
		}
	default:
	}
	return ""
}

// nobodys says that a decision gives the exposure to a team that there isn't.
func (d *Decision) nobodys(rules *exception.Rules) error {
	if d.Kind == DecideClaim || d.Kind == DecideReassign {
		return rules.KnownTeam(d.Team) //nolint:wrapcheck // the words are the refusal
	}
	return nil
}

// deciding is one decision on its way into the ledger.
type deciding struct {
	ledger  *ledger.Ledger
	records Records
	rules   *exception.Rules
	as      exposure.Mode
	d       *Decision
	now     time.Time
}

type ledgerResult = ledger.Result

// ApplyDecision is DecideUnder the rules of those who configure none.
func ApplyDecision(ctx context.Context, l *ledger.Ledger, records Records, as exposure.Mode, d Decision, now time.Time) (ledger.Result, DecisionResult, error) {
	return DecideUnder(ctx, l, records, exception.Default(), as, d, now)
}

// DecideUnder records a decision in the ledger, on behalf of a caller that works in the
// given mode, under the rules of exceptions. It is safe to repeat: the same cause is one
// decision.
func DecideUnder(ctx context.Context, l *ledger.Ledger, records Records, rules *exception.Rules, as exposure.Mode, d Decision, now time.Time) (ledger.Result, DecisionResult, error) {
	x := deciding{ledger: l, records: records, rules: rules, as: as, d: &d, now: now}
	e, err := records.Exposure(ctx, d.Exposure)
	if err != nil {
		return ledger.Result{}, DecisionResult{}, fault.Wrap(fault.KindOf(err), err, "reading exposure "+string(d.Exposure))
	}
	var res ledger.Result
	if why := d.senseless(&e); why != "" {
		res, err = x.unlessDecided(ctx, &e, fault.New(fault.Conflict, "deciding %s: %s", d.Kind, why))
	} else if why := d.nobodys(rules); why != nil {
		res, err = x.unlessDecided(ctx, &e, d.invalid(why.Error()))
	} else if d.aboutRequest() {
		res, err = x.applyRuled(ctx, e)
	} else {
		res, err = x.apply(ctx, d.event(&e, now), d.IfVersion)
	}
	if err != nil {
		return res, DecisionResult{}, err
	}
	told := d.result(&res)
	return res, told, nil
}

// unlessDecided gives the error, unless the decision was made before, and what it led to
// is what forbids it now.
func (x *deciding) unlessDecided(ctx context.Context, e *exposure.Exposure, refusal error) (ledger.Result, error) {
	decided, err := inChain(ctx, x.records, e, x.d.Cause)
	if err != nil {
		return ledger.Result{}, err
	}
	if !decided {
		return ledger.Result{}, refusal
	}
	return x.apply(ctx, x.d.event(e, x.now), x.d.IfVersion)
}

func (x *deciding) apply(ctx context.Context, ev exposure.Event, version int64) (ledger.Result, error) {
	res, err := x.ledger.Apply(ctx, ledger.Change{ID: x.d.Exposure, As: x.as, Event: ev, IfVersion: version})
	return res, fault.Wrap(fault.KindOf(err), err, "deciding "+string(x.d.Kind))
}

func inChain(ctx context.Context, records Records, e *exposure.Exposure, cause string) (bool, error) {
	if e.LastEvent.Cause == cause {
		return true, nil
	}
	events, err := records.Events(ctx, e.ID)
	if err != nil {
		return false, fault.Wrap(fault.KindOf(err), err, "reading the events of exposure "+string(e.ID))
	}
	return slices.ContainsFunc(events, func(ev exposure.Event) bool { return ev.Cause == cause }), nil
}

func (d *Decision) result(r *ledger.Result) DecisionResult {
	e := &r.Exposure
	return DecisionResult{Exposure: e.ID, State: e.State, Version: e.Version, Seq: r.Event.Seq, Repeated: r.Repeated, Message: d.message(e, &r.Event)}
}

// message says in a sentence what happened.
func (d *Decision) message(e *exposure.Exposure, ev *exposure.Event) string {
	switch d.Kind {
	case DecideClaim, DecideReassign:
		return d.Team + " owns it now."
	case DecideAcceptRisk, DecideMitigate, DecideFalsePositive, DecideApprove, DecideDecline, DecideWithdraw, DecideWait, DecideResume:
		return d.said(ev, e)
	case DecideNotOurs:
		if e.Owner.Team != "" {
			return "Noted. " + e.Owner.Team + " owns it."
		}
		return "Noted, and learned from. Whose it is instead is being found out."
	case DecideSnooze:
		return "No reminders until " + d.Until.UTC().Format("2006-01-02 15:04") + "."
	case DecideRetest:
		return "A re-test was asked for; the verdict follows."
	case DecideFixClaimed:
		if !e.Verification.Method.Probes() {
			return "Taken as a claim, not as proof: the next complete run of " + strings.Join(e.Sources, " and ") + " will tell."
		}
		return "Taken as a claim, not as proof: the re-test begins."
	case DecideReopen:
		return "It is open again and will be validated."
	}
	return fmt.Sprintf("It is %s.", e.State)
}
