package activities

import (
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Policy is how long things may wait. Workflows learn its times from the views that
// activities give them, so that a change of policy counts from the next look on.
type Policy struct {
	Vantage       string          // where probes go whose scope names no vantage
	ProbeWait     time.Duration   // how long a probe may wait for one that polls at its vantage
	Remind        []time.Duration // before a ticket is due
	Escalate      []time.Duration // after it was due
	Unowned       []time.Duration // the ladder of what nobody owns, since it has no owner
	UnownedTo     []string        // whom each of its rungs tells: a team, escalation, @person, likely, managers, scope
	OwnerWithin   time.Duration   // how long something may be without an owner
	CoveringRun   time.Duration   // how long a claim may wait for a run of its source
	RetestBefore  time.Duration   // how long before its end an exception is re-tested
	TicketPoll    time.Duration   // how often a ticket is looked at that nobody told us about
	CapacityLead  time.Duration   // how long before its due date what waits for its team's capacity is raised
	UrgentWithin  time.Duration   // known to be exploited and due within so long waits for no budget
	RemindRequest time.Duration   // how often approvers are reminded of a request
	Silence       int             // how many reminders and escalations in a row an owner may leave unanswered
	PublicURL     string          // of quell, for links; empty: none

	hours   Hours                                          // when people are asked; nil: at any hour
	unowned func(e *exposure.Exposure, to string) []string // the teams that a rung asks
	asked   func(e *exposure.Exposure) []string            // the teams of those who may approve
}

const day = 24 * time.Hour

// DefaultPolicy is what a configuration begins with.
func DefaultPolicy() Policy {
	return Policy{
		Vantage: "local", ProbeWait: 10 * time.Minute,
		Remind: []time.Duration{7 * day, day}, Escalate: []time.Duration{0, 3 * day, 7 * day},
		Unowned: []time.Duration{0, day, 3 * day}, OwnerWithin: 7 * day, CoveringRun: 7 * day, RetestBefore: 7 * day, TicketPoll: time.Hour, CapacityLead: 3 * day, RemindRequest: 3 * day, Silence: 3,
	}
}

// fill gives what is not set its default.
func (p *Policy) fill() {
	d := DefaultPolicy()
	if p.Vantage == "" {
		p.Vantage = d.Vantage
	}
	for _, v := range []struct{ have, def *time.Duration }{
		{&p.ProbeWait, &d.ProbeWait}, {&p.CoveringRun, &d.CoveringRun}, {&p.RetestBefore, &d.RetestBefore}, {&p.TicketPoll, &d.TicketPoll}, {&p.CapacityLead, &d.CapacityLead}, {&p.RemindRequest, &d.RemindRequest}, {&p.OwnerWithin, &d.OwnerWithin},
	} {
		if *v.have <= 0 {
			*v.have = *v.def
		}
	}
	if p.Silence <= 0 {
		p.Silence = d.Silence
	}
	for _, v := range []struct{ have, def *[]time.Duration }{{&p.Remind, &d.Remind}, {&p.Escalate, &d.Escalate}, {&p.Unowned, &d.Unowned}} {
		if *v.have == nil {
			*v.have = *v.def
		}
	}
}

// view is what a workflow is told of an exposure: with the times that policy sets.
func (p *Policy) view(e *exposure.Exposure, now time.Time) lifecycle.ExposureView {
	v := lifecycle.ViewOf(e)
	switch {
	case e.State == exposure.FixClaimed && e.Verification.Method.Probes():
		v.VerifyAt = verifyAt(e)
	case e.State == exposure.FixClaimed && e.Claim != nil:
		v.Nudge = "uncovered/" + stamp(e.Claim.At)
		v.NudgeAt = e.Claim.At.Add(p.CoveringRun)
	case e.State.Excepted() && e.Exception != nil && !e.Exception.Until.IsZero():
		// Not before half of it has passed, however short it is.
		lead := min(p.RetestBefore, e.Exception.Until.Sub(e.Exception.At)/2)
		v.Nudge = "ending/" + stamp(e.Exception.Until)
		v.NudgeAt = e.Exception.Until.Add(-lead)
	case e.State.Live() && e.Owner.Team == "":
		v.Nudge, v.NudgeAt = p.unownedRung(e, now)
	}
	if v.Nudge != "" && reminded(e, v.Nudge) {
		v.Nudge, v.NudgeAt = "", time.Time{}
	}
	if v.Nudge != "" && e.State.Live() && e.SnoozeUntil.After(v.NudgeAt) {
		v.NudgeAt = e.SnoozeUntil
	}
	p.first(&v, e, now)
	return v
}

// first puts what comes before the nudge of the view in its place: what people have still
// to be told of, a request that waits, a wait that ends.
func (p *Policy) first(v *lifecycle.ExposureView, e *exposure.Exposure, now time.Time) {
	earlier := func(nudge string, at time.Time) {
		if v.Nudge == "" || at.Before(v.NudgeAt) {
			v.Nudge, v.NudgeAt = nudge, at
		}
	}
	if e.Request != nil && e.State.Live() {
		earlier(p.requestRung(e, now))
	}
	if w := e.OpenWait(); w != nil && e.State.Live() {
		earlier(rungResume+"/"+stamp(w.Until), w.Until)
	}
	if len(e.Untold) > 0 {
		v.Nudge, v.NudgeAt = rungTell+"/"+e.Untold[0], e.UpdateAt
	}
}

// unownedRung is the rung of the ladder that is due, or comes next. Rungs that were
// missed while nothing ran are passed over but for the last.
func (p *Policy) unownedRung(e *exposure.Exposure, now time.Time) (string, time.Time) {
	since := e.Owner.Since
	if since.IsZero() {
		since = e.OpenedAt
	}
	name := func(i int) string { return "unowned/" + strconv.Itoa(i) + "/" + stamp(since) }
	at := func(i int) time.Time {
		if p.hours == nil {
			return since.Add(p.Unowned[i])
		}
		return p.worked(e, p.unowned(e, p.unownedTo(strconv.Itoa(i))), since.Add(p.Unowned[i]))
	}
	next := 0
	for i := range p.Unowned {
		if reminded(e, name(i)) {
			next = i + 1
		} else if i > next && !at(i).After(now) {
			next = i
		}
	}
	if next >= len(p.Unowned) {
		return "", time.Time{}
	}
	return name(next), at(next)
}

func reminded(e *exposure.Exposure, cause string) bool {
	for _, sent := range e.ReminderLog {
		if sent == cause {
			return true
		}
	}
	return false
}

// verifyAt is when a claim is tested: at once, and after an inconclusive test again when
// about as much time has passed as between claim and test, at most a day later.
func verifyAt(e *exposure.Exposure) time.Time {
	if e.Claim == nil {
		return e.UpdateAt
	}
	claimed := e.Claim.At
	if e.Verdict == nil || !e.Verdict.CheckedAt.After(claimed) {
		return claimed
	}
	return e.Verdict.CheckedAt.Add(min(max(e.Verdict.CheckedAt.Sub(claimed), 5*time.Minute), day))
}

func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// rung names what a nudge is about: the part before the first slash.
func rung(nudge string) string {
	name, _, _ := strings.Cut(nudge, "/")
	return name
}
