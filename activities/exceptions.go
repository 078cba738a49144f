package activities

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// The rungs of exceptions and of requests for them, as nudges name them.
const (
	rungTell     = "tell"     // people of an event
	rungApproval = "approval" // approvers of a request that waits
	rungExpire   = "expire"   // a request that nobody answered
	rungResume   = "resume"   // the clock of the due date runs again
)

// requestRung is the reminder of a waiting request that is due or comes next, or its
// expiry. Reminders that were missed are passed over but for the last.
func (p *Policy) requestRung(e *exposure.Exposure, now time.Time) (string, time.Time) {
	q := e.Request
	name := func(k int) string { return rungApproval + "/" + strconv.FormatInt(q.Seq, 10) + "/" + strconv.Itoa(k) }
	var teams []string
	if p.hours != nil {
		teams = p.asked(e)
	}
	reminder := func(k int) time.Time { return p.worked(e, teams, q.At.Add(time.Duration(k)*p.RemindRequest)) }
	next := 1
	for k := 1; q.At.Add(time.Duration(k) * p.RemindRequest).Before(q.Expires); k++ {
		switch at := reminder(k); {
		case reminded(e, name(k)):
			next = k + 1
		case k > next && !at.After(now):
			next = k
		}
	}
	if at := reminder(next); at.Before(q.Expires) && now.Before(q.Expires) {
		return name(next), at
	}
	return rungExpire + "/" + strconv.FormatInt(q.Seq, 10), q.Expires
}

// exceptionNudge carries out a rung about an exception or a request for one, and gives
// the exposure after it. It is safe to repeat: messages have causes, and so has the event.
func (a *Activities) exceptionNudge(ctx context.Context, e *exposure.Exposure, nudge string) (ledger.Result, error) {
	ev := exposure.Event{Kind: exposure.EventReminded, Actor: system("lifecycle"), Cause: nudge}
	_, name, _ := strings.Cut(nudge, "/")
	switch rung(nudge) {
	case rungTell:
		if err := a.tellEvent(ctx, e, name); err != nil {
			return ledger.Result{}, err
		}
		ev.Reason, ev.Data = "people were told", map[string]string{exposure.DataTold: name}
	case rungApproval:
		for _, m := range a.approvalMessages(e, nudge, "Still waiting for your approval: ") {
			if err := a.notify(ctx, m, e); err != nil {
				return ledger.Result{}, err
			}
		}
		ev.Reason = "approvers were reminded of the request by " + e.Request.By
	case rungExpire:
		ev.Kind, ev.Reason = exposure.EventExpired, "nobody decided on the request by "+e.Request.By+" until "+e.Request.Expires.Format(time.DateOnly)
	case rungResume:
		ev.Kind, ev.Reason = exposure.EventResumed, "the time to wait is over"
	}
	res, err := a.Ledger.Apply(ctx, ledger.Change{ID: e.ID, As: e.Mode, Event: ev})
	if err != nil {
		return res, err
	}
	return res, a.tell(ctx, &res.Exposure, &res.Event)
}

// tellEvent tells the ticket and the people whom it concerns of one event about an
// exception.
func (a *Activities) tellEvent(ctx context.Context, e *exposure.Exposure, name string) error {
	ev := e.LastEvent
	if exposure.EventID(ev.Exposure, ev.Seq) != name {
		found, ok, err := a.event(ctx, e.ID, name)
		if err != nil || !ok { // an event that isn't there any more has nobody to be told of it
			return err
		}
		ev = found
	}
	if err := a.tell(ctx, e, &ev); err != nil {
		return err
	}
	for _, m := range a.exceptionMessages(e, &ev, name) {
		if err := a.notify(ctx, m, e); err != nil {
			return err
		}
	}
	return nil
}

// exceptionMessages are what people are told of an event about an exception: whoever
// owns, whoever asked, and whoever has to decide.
func (a *Activities) exceptionMessages(e *exposure.Exposure, ev *exposure.Event, name string) []connectors.Message {
	subject := exceptionSubject(ev)
	var asked string
	switch {
	case ev.Exception != nil && ev.Exception.Quorum > 0:
		asked = ev.Exception.By
	default:
		asked = ev.Data[exposure.DataAsked]
	}
	var out []connectors.Message
	add := func(to string) {
		if slices.ContainsFunc(out, func(m connectors.Message) bool { return m.To == to }) {
			return
		}
		out = append(out, connectors.Message{Cause: name + "|" + to, To: to, Kind: "decision", Thread: e.RemediationID,
			Subject: subject + ": " + lifecycle.Plain(e.Title, 120), Text: a.tale(e, ev)})
	}
	// What comes back on a ticket is told by the ticket's own message.
	if e.RemediationID == "" || !reopens(ev) {
		add(orEscalation(e.Owner.Team))
	}
	if asked != "" && !exposure.SamePerson(asked, ev.Actor.Name) {
		add("@" + asked)
	}
	if ev.Kind == exposure.EventRequested && e.Request != nil {
		out = append(out, a.approvalMessages(e, name, "Your approval is asked for: ")...)
	}
	return out
}

func exceptionSubject(ev *exposure.Event) string {
	switch ev.Kind {
	case exposure.EventRequested:
		return "An exception is asked for"
	case exposure.EventDeclined:
		return "The exception was declined"
	case exposure.EventWithdrawn:
		return "The request for an exception was withdrawn"
	case exposure.EventExpired:
		return "The request for an exception expired"
	case exposure.EventLapse:
		return "The exception ended, work resumes"
	case exposure.EventAccept:
		return "The risk is accepted"
	case exposure.EventMitigate:
		return "It counts as mitigated"
	case exposure.EventDismiss:
		return "It counts as a false positive"
	case exposure.EventWaiting:
		return "The clock stands still"
	case exposure.EventResumed:
		return "The clock runs again"
	default:
		return "Decided"
	}
}

// maxApprovers bounds how many people one request goes out to.
const maxApprovers = 20

// askedOf are the people, by name, who may approve the request of an exposure and haven't.
func (a *Activities) askedOf(e *exposure.Exposure) []string {
	return slices.DeleteFunc(a.Rules.Approvers(e, e.Request.By, a.now()), e.Request.ApprovedBy)
}

// approversAt are the addresses of those who are asked to approve.
func approversAt(people []string) []string {
	if len(people) == 0 {
		return []string{Escalation} // whoever has the role may be known by a token alone
	}
	people = people[:min(len(people), maxApprovers)]
	to := make([]string, 0, len(people))
	for _, name := range people {
		to = append(to, "@"+name)
	}
	return to
}

// approvalMessages ask those who may approve and haven't, with what they need to decide.
func (a *Activities) approvalMessages(e *exposure.Exposure, cause, subject string) []connectors.Message {
	to := approversAt(a.askedOf(e))
	out := make([]connectors.Message, 0, len(to))
	for _, address := range to {
		m := connectors.Message{Cause: cause + "|approval|" + address, To: address, Kind: "approval", Thread: e.RemediationID,
			Subject: subject + lifecycle.Plain(e.Title, 120), Text: requestText(e),
			Actions: []connectors.Action{
				{Kind: string(lifecycle.DecideApprove), Subject: "request:" + string(e.ID), Label: "Approve", Primary: true},
				{Kind: string(lifecycle.DecideDecline), Subject: "request:" + string(e.ID), Label: "Decline", Danger: true},
			}}
		if rung(cause) == rungApproval {
			m.Cause = string(e.ID) + "|" + m.Cause
		}
		out = append(out, m)
	}
	return out
}

// requestText is what an approver has to know.
func requestText(e *exposure.Exposure) string {
	q := e.Request
	var b strings.Builder
	fmt.Fprintf(&b, "%s asks that **%s** on **%s** count as %s until %s", text(q.By), text(e.Title), text(e.AssetName), word(string(q.Kind), ""), q.Until.Format(time.DateOnly))
	if len(q.EndsOn) > 0 {
		b.WriteString(", or until " + text(strings.Join(q.EndsOn, " or ")) + " ends it")
	}
	fmt.Fprintf(&b, ". Reason: %s\n\nDecided as %s, severity %s, due %s.", text(q.Reason), word(string(e.Decision.Outcome), "nothing yet"), e.Severity, date(e.Due))
	if len(e.Decision.Why) > 0 {
		b.WriteString(" " + text(e.Decision.Why[0]) + ".")
	}
	fmt.Fprintf(&b, "\n\n%d of %d approvals are there. Without an answer the request expires on %s; nothing is approved by waiting.",
		len(q.Approvals), q.Quorum, q.Expires.Format(time.DateOnly))
	return b.String()
}

// overtaken is a request that what has become known since makes pointless.
func overtaken(e *exposure.Exposure) (exposure.Event, bool) {
	if e.Request == nil {
		return exposure.Event{}, false
	}
	why := e.Request.Outdated(e)
	return exposure.Event{Kind: exposure.EventExpired, Actor: system("lifecycle"), Reason: why + ": it has to be asked for again"}, why != ""
}

// waited is a wait that something ends before its time.
func waited(e *exposure.Exposure) (exposure.Event, bool) {
	why := exception.WaitOver(e)
	return exposure.Event{Kind: exposure.EventResumed, Actor: system("lifecycle"), Reason: why}, why != "" && e.State.Live()
}

// followRequests looks after requests and untold events of exposures that no workflow has
// in hand.
func (a *Activities) followRequests(ctx context.Context, _ SweepRequest, report *SweepReport) error {
	now := a.now()
	for _, filter := range []exposure.Filter{{Mode: exposure.ModeStore, Untold: true}, {Mode: exposure.ModeStore, Requested: true}} {
		err := a.Records.EachExposure(ctx, filter, func(e exposure.Exposure) error {
			did, err := a.followRequest(ctx, &e, now)
			if err != nil && !fault.Is(err, fault.Conflict) { // else somebody was faster
				return err
			}
			if did {
				report.Told++
			}
			beat(ctx, "requests")
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *Activities) followRequest(ctx context.Context, e *exposure.Exposure, now time.Time) (bool, error) {
	nudge, at := "", time.Time{}
	if len(e.Untold) > 0 {
		nudge = rungTell + "/" + e.Untold[0]
	} else if ev, ok := overtaken(e); ok {
		_, err := a.applyInStore(ctx, []ledger.Change{a.storeChange(e, ev.Kind, ev.Actor.Name, ev.Reason)}, "expired")
		return err == nil, err
	} else if e.Request != nil && e.State.Live() {
		nudge, at = a.Policy.requestRung(e, now)
	}
	if nudge == "" || at.After(now) {
		return false, nil
	}
	res, err := a.exceptionNudge(ctx, e, nudge)
	if err != nil {
		return false, err
	}
	return true, a.timeEnd(ctx, &res.Exposure, now)
}

// timeEnd sets the timer of an exception that no workflow has in hand to the time at which
// people are told that it ends soon; that sets it to the end.
func (a *Activities) timeEnd(ctx context.Context, e *exposure.Exposure, now time.Time) error {
	v := a.Policy.view(e, now)
	if rung(v.Nudge) != "ending" || !v.NudgeAt.After(now) || !e.TimerAt.After(v.NudgeAt) {
		return nil
	}
	_, _, err := a.Ledger.Touch(ctx, e.ID, func(e *exposure.Exposure) bool {
		changed := e.Mode == exposure.ModeStore && e.State.Excepted() && e.TimerAt.After(v.NudgeAt)
		if changed {
			e.TimerAt = v.NudgeAt
		}
		return changed
	})
	return err
}

// toBeTested reports whether an exception that no workflow has in hand ends so soon that it
// is tested once more, which only a workflow can have done.
func toBeTested(e *exposure.Exposure, v *lifecycle.ExposureView, now time.Time) bool {
	return (e.State == exposure.Accepted || e.State == exposure.Mitigated) && e.Verification.Method.Probes() &&
		rung(v.Nudge) == "ending" && !v.NudgeAt.After(now)
}

// remindOfEnd tells that an exception which no workflow has in hand ends soon.
func (a *Activities) remindOfEnd(ctx context.Context, e *exposure.Exposure, now time.Time) error {
	v := a.Policy.view(e, now)
	if rung(v.Nudge) != "ending" || v.NudgeAt.After(now) {
		return nil
	}
	m := endingMessage(e, v.Nudge)
	if err := a.notify(ctx, m, e); err != nil {
		return err
	}
	_, err := a.Ledger.Apply(ctx, ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{
		Kind: exposure.EventReminded, Actor: system("lifecycle"), Cause: v.Nudge, Reason: m.Subject}})
	return err
}
