package activities

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
)

// Router says how an exposure of an asset is followed up: by what its route sets, and in
// the working hours of its owner's calendar; nil: at any hour.
type Router func(e exposure.Exposure, a asset.Asset) (ownership.Options, *calendar.Calendar)

// followUp is how the most pressing member of a remediation is followed up, for all of
// them. Without a router it is the policy alone.
func (a *Activities) followUp(ctx context.Context, members []member) (ownership.Options, *calendar.Calendar, error) {
	if a.Router == nil || len(members) == 0 {
		return ownership.Options{}, nil, nil
	}
	e, err := a.exposure(ctx, members[0].id)
	if fault.Is(err, fault.NotFound) {
		return ownership.Options{}, nil, nil
	}
	if err != nil {
		return ownership.Options{}, nil, err
	}
	of, err := a.assetOf(ctx, &e)
	if err != nil {
		return ownership.Options{}, nil, err
	}
	options, office := a.Router(e, of)
	return options, office, nil
}

// step is one rung of a remediation's ladder.
type step struct {
	at    time.Time
	cause string
	to    string // of an escalation by a route: whom else it goes to
}

// ladder gives all rungs of a due date in the order of their times: the route's where it
// sets them, else the policy's. They are moved into working hours, but for what has to be
// acted on, which nobody's evening holds up.
func (a *Activities) ladder(since, due time.Time, urgent bool, o *ownership.Options, office *calendar.Calendar) []step {
	if due.IsZero() {
		return nil
	}
	leads := a.Policy.Remind
	var after []ownership.Step
	if o.Reminds {
		leads = nil
		for _, lead := range o.ReminderBefore {
			leads = append(leads, lead.Std())
		}
	}
	var rungs []step
	for _, lead := range leads {
		if at := due.Add(-lead); at.After(since) { // else the new ticket itself says it
			rungs = append(rungs, step{at: at, cause: "remind/" + stamp(due) + "/" + lead.String()})
		}
	}
	if o.Escalates {
		after = o.Escalation
		for _, s := range after {
			rungs = append(rungs, step{at: due.Add(s.After.Std()), cause: "escalate/" + stamp(due) + "/" + s.After.Std().String() + "/" + s.To, to: s.To})
		}
	} else {
		for _, late := range a.Policy.Escalate {
			rungs = append(rungs, step{at: due.Add(late), cause: "escalate/" + stamp(due) + "/" + late.String()})
		}
	}
	if office != nil && !urgent {
		for i := range rungs {
			r := &rungs[i]
			if at := office.Next(r.at); strings.HasPrefix(r.cause, "escalate") || at.Before(due) {
				r.at = at
			}
		}
	}
	slices.SortStableFunc(rungs, func(x, y step) int { return x.at.Compare(y.at) })
	return rungs
}

// rungs are the reminders and escalations that are due now, and when the next one is. Of
// several reminders or of several rungs to the same people that were missed, only the last
// is told; everybody on the way up is.
func (a *Activities) rungs(since time.Time, s *standing, urgent bool, o *ownership.Options, office *calendar.Calendar) (due []string, next time.Time) {
	if s.live == 0 || s.due.IsZero() {
		return nil, time.Time{}
	}
	now := a.now()
	if s.snoozed.After(now) {
		return nil, s.snoozed
	}
	last := map[string]string{}
	var order []string
	for _, r := range a.ladder(since, s.due, urgent, o, office) {
		if r.at.After(now) {
			next = r.at
			break
		}
		if _, there := last[r.to]; !there {
			order = append(order, r.to)
		}
		if r.to != "" {
			delete(last, "") // a reminder that an escalation has overtaken
		}
		last[r.to] = r.cause
	}
	for _, to := range order {
		if cause, ok := last[to]; ok && !slices.Contains(due, cause) {
			due = append(due, cause)
		}
	}
	return due, next
}

// escalatesTo is whom an escalation goes to beside the owner.
func escalatesTo(intent string) string {
	if parts := strings.SplitN(causeOf(intent), "/", 4); len(parts) == 4 && parts[3] != "" {
		return parts[3]
	}
	return Escalation
}

// FollowUp is how an exposure is followed up: what was sent, and what comes next.
func (a *Activities) FollowUp(ctx context.Context, e exposure.Exposure) (lifecycle.FollowUp, error) {
	now := a.now()
	out := lifecycle.FollowUp{Due: e.Due, Waited: e.Waited(time.Time{}).Truncate(time.Second).String(), Ladder: []lifecycle.Rung{}}
	if len(e.Waits) == 0 {
		out.Waited = ""
	}
	if w := e.OpenWait(); w != nil {
		wait := *w
		out.Waiting = &wait
	}
	v := a.Policy.view(&e, now)
	if v.Nudge != "" {
		out.Next, out.NextAt = nudgeInWords(v.Nudge), v.NudgeAt
	}
	if e.RemediationID == "" {
		return out, nil
	}
	rem, err := a.remediation(ctx, e.RemediationID)
	if fault.Is(err, fault.NotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	members, err := a.members(ctx, e.RemediationID)
	if err != nil {
		return out, err
	}
	options, office, err := a.followUp(ctx, members)
	if err != nil {
		return out, err
	}
	if office != nil {
		out.Calendar, out.Timezone = office.Name(), office.Zone().String()
	}
	out.Channel = options.Channel
	intents, err := a.Journal.Intents(ctx, e.RemediationID)
	if err != nil {
		return out, fault.Wrap(fault.KindOf(err), err, "reading what was sent of remediation "+e.RemediationID)
	}
	s := stand(members)
	for _, r := range a.ladder(rem.CreatedAt, s.due, urgent(members), &options, office) {
		rung := rungOf(r.cause, r.at, rem.Owner, intents)
		if rung.Sent.IsZero() && r.at.After(now) && s.live > 0 && (out.Next == "" || r.at.Before(out.NextAt)) {
			out.Next, out.NextAt = rung.Kind+" to "+rung.To, r.at
		}
		out.Ladder = append(out.Ladder, rung)
	}
	if s.snoozed.After(now) && out.NextAt.Before(s.snoozed) {
		out.NextAt = s.snoozed
	}
	return out, nil
}

// rungOf is a rung of the ladder as people see it: to whom, and when it was sent.
func rungOf(cause string, at time.Time, owner string, intents []lifecycle.Intent) lifecycle.Rung {
	rung := lifecycle.Rung{At: at, Kind: "reminder", To: owner}
	if strings.HasPrefix(cause, "escalate") {
		rung.Kind, rung.To = "escalation", escalatesTo(cause)
	}
	for i := range intents {
		if in := &intents[i]; in.Kind == lifecycle.IntentNotify && in.Cause == cause && in.Done {
			rung.Sent = in.DoneAt
		}
	}
	return rung
}

// urgent reports whether the most pressing member has to be acted on.
func urgent(members []member) bool {
	return len(members) > 0 && members[0].outcome == exposure.Act
}

func nudgeInWords(nudge string) string {
	switch rung(nudge) {
	case "unowned":
		return "escalation, as nobody owns it"
	case "uncovered":
		return "escalation, as no run has looked since it was claimed fixed"
	case "ending":
		return "re-test and reminder, as its exception ends"
	case rungTell:
		return "people are told of what was decided"
	case rungApproval:
		return "reminder to approve"
	case rungExpire:
		return "the request for an exception expires"
	case rungResume:
		return "its clock runs again"
	}
	return nudge
}
