package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// excepts is the state that a decision asks for, where it asks for an exception.
func (d *Decision) excepts() (exposure.State, bool) {
	switch d.Kind {
	case DecideAcceptRisk:
		return exposure.Accepted, true
	case DecideMitigate:
		return exposure.Mitigated, true
	case DecideFalsePositive:
		return exposure.FalsePositive, true
	default:
		return "", false
	}
}

// aboutRequest reports whether a decision asks for an exception or is about a request for
// one: its event depends on what the exposure holds.
func (d *Decision) aboutRequest() bool {
	switch d.Kind {
	case DecideApprove, DecideDecline, DecideWithdraw, DecideWait, DecideResume:
		return true
	default:
		_, ok := d.excepts()
		return ok
	}
}

// ruled makes the event of a decision about an exception, under the rules. Whether the
// approvals suffice is counted on the exposure as it was read, so the event holds for that
// version alone.
func (d *Decision) ruled(rules *exception.Rules, e *exposure.Exposure, now time.Time) (exposure.Event, error) {
	ev := d.event(e, now)
	kind, excepts := d.excepts()
	switch {
	case excepts:
		if !e.State.Live() {
			return ev, nil // refused, in the domain's words
		}
		request, granted, err := rules.Ask(e, exception.Wish{Kind: kind, By: d.Actor.Name, Role: d.Role, Via: d.Via, Reason: d.Reason, Until: d.Until, EndsOn: d.EndsOn}, now)
		switch {
		case err != nil:
			return ev, d.refused(err)
		case granted:
			ev.Exception = request.Exception(request.Approvals)
		default:
			ev.Kind, ev.Exception, ev.Request = exposure.EventRequested, nil, &request
		}
	case d.Kind == DecideApprove:
		return d.approval(rules, e, ev, now)
	case d.Kind == DecideDecline && e.Request != nil && !rules.MayApprove(e, d.Actor.Name, d.Role, now):
		return ev, d.refused(&exception.RefusedError{Denied: true, Why: "who may approve it may decline it: " + strings.Join(rules.InWords(e), " or ")})
	case d.Kind == DecideWait && e.State.Live() && e.OpenWait() == nil:
		w, err := rules.Wait(e, *ev.Wait, d.Actor.Name, d.Role, now)
		if err != nil {
			return ev, d.refused(err)
		}
		ev.Wait = &w
	case d.Kind == DecideWithdraw:
		ev.Actor.Name = rules.Person(d.Actor.Name)
	}
	return ev, nil
}

// approval is the event of an approval: one of several, or the one that makes the
// exception. That is one event, so nobody can die between the last yes and what it means.
func (d *Decision) approval(rules *exception.Rules, e *exposure.Exposure, ev exposure.Event, now time.Time) (exposure.Event, error) {
	ev.Actor.Name = rules.Person(d.Actor.Name)
	// Whether this approval counts is the domain's to say, in its words.
	if step := exposure.Next(*e, ev); step.Outcome == exposure.Refused {
		return ev, nil
	}
	approvals, quorum, err := rules.Approve(e, d.Actor.Name, d.Role, d.Via, now)
	if err != nil {
		return ev, d.refused(err)
	}
	if len(approvals) < quorum {
		return ev, nil
	}
	kind, ok := exposure.Grants(e.Request.Kind)
	if !ok {
		return ev, fault.New(fault.Internal, "approving a request for %q", e.Request.Kind)
	}
	ev.Kind, ev.Exception = kind, e.Request.Exception(approvals)
	ev.Exception.Quorum = quorum
	if ev.Reason == "" {
		ev.Reason = e.Request.Reason
	}
	return ev, nil
}

func (d *Decision) refused(err error) error {
	var refusal *exception.RefusedError
	kind := fault.Conflict
	switch {
	case !errors.As(err, &refusal):
		return err
	case refusal.Denied:
		kind = fault.Denied
	case d.Kind == DecideAcceptRisk || d.Kind == DecideMitigate || d.Kind == DecideFalsePositive:
		kind = fault.Invalid
	}
	return fault.New(kind, "deciding %s: %s", d.Kind, refusal.Why)
}

// applyRuled records a decision about an exception. Who decides at the same time as
// another decides anew on what the other left.
func (x *deciding) applyRuled(ctx context.Context, e exposure.Exposure) (ledgerResult, error) {
	d := x.d
	for range ruledAttempts {
		ev, err := d.ruled(x.rules, &e, x.now)
		if err != nil {
			return x.unlessDecided(ctx, &e, err)
		}
		version := d.IfVersion
		if version == 0 {
			version = e.Version
		}
		res, err := x.apply(ctx, ev, version)
		if err == nil || !fault.Is(err, fault.Conflict) || d.IfVersion != 0 {
			return res, err
		}
		again, readErr := x.records.Exposure(ctx, d.Exposure)
		if readErr != nil || again.Version == e.Version {
			return res, err
		}
		e = again
	}
	return ledgerResult{}, fault.New(fault.Unavailable, "deciding %s: the exposure changes faster than it can be read", d.Kind)
}

// ruledAttempts bounds the retries of a decision whose exposure changes under it.
const ruledAttempts = 16

// said says in a sentence what a decision about an exception did.
func (d *Decision) said(ev *exposure.Event, e *exposure.Exposure) string {
	switch ev.Kind {
	case exposure.EventRequested:
		q := ev.Request
		return fmt.Sprintf("Asked for: it takes %s by %s, before %s. Until then it stays as it is.", count(q.Quorum-len(q.Approvals), "approval"),
			strings.Join(q.Approvers, " or "), q.Expires.UTC().Format(time.DateOnly))
	case exposure.EventApproved:
		if q := e.Request; q != nil {
			return fmt.Sprintf("Approved: it takes %s more.", count(max(1, q.Quorum-len(q.Approvals)), "approval"))
		}
		return "Approved."
	case exposure.EventDeclined:
		return "Declined: it stays as it is, and whoever asked is told."
	case exposure.EventWaiting:
		return "Its clock stands still until " + ev.Wait.Until.UTC().Format(time.DateOnly) + "; it is due " + e.Due.UTC().Format(time.DateOnly) + "."
	case exposure.EventResumed:
		return "Its clock runs again; it is due " + e.Due.UTC().Format(time.DateOnly) + "."
	case exposure.EventWithdrawn:
		return "Withdrawn: it stays as it is."
	case exposure.EventAccept:
		return "The risk is accepted " + endOf(ev.Exception) + "."
	case exposure.EventMitigate:
		return "It counts as mitigated " + endOf(ev.Exception) + "."
	case exposure.EventDismiss:
		return "It is dismissed as a false positive " + endOf(ev.Exception) + "."
	default:
		return fmt.Sprintf("It is %s.", e.State)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func endOf(x *exposure.Exception) string {
	switch {
	case x == nil:
		return "until something ends it"
	case !x.Until.IsZero() && len(x.EndsOn) > 0:
		return "until " + x.Until.UTC().Format(time.DateOnly) + ", or until " + strings.Join(x.EndsOn, " or ") + " ends it"
	case !x.Until.IsZero():
		return "until " + x.Until.UTC().Format(time.DateOnly)
	case slices.Equal(x.EndsOn, []string{exposure.EndsOnEvidence}):
		return "until what the sources report changes"
	}
	return "until " + strings.Join(x.EndsOn, " or ") + " ends it"
}
