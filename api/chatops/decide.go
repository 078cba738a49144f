package chatops

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// carryOut decides what an order says, and tells in words what really happened. It is
// safe to repeat: the press is the cause.
func (c *Chat) carryOut(ctx context.Context, o *order, p *lifecycle.Press) (string, error) {
	who, err := c.who(ctx, o.User, o.Team)
	if err != nil {
		return "", err
	}
	if o.Kind == string(lifecycle.DecideClaim) && o.Into == "" && len(who.teams) == 1 {
		o.Into = who.teams[0]
	}
	switch kind, id := subject(o.Subject); kind {
	case "exposure", "request": // a request stands on its exposure
		return c.decide(ctx, &who, o, exposure.ID(id))
	case "remediation":
		return c.decideAll(ctx, &who, o, id, p)
	case lifecycle.SubjectRun:
		return c.decideRun(ctx, &who, o, id)
	}
	return "", fault.New(fault.Invalid, "%q is nothing that can be decided on", shown(o.Subject))
}

// decideTime is how long a decision may take: a workflow answers in milliseconds if a
// worker is there.
const decideTime = 15 * time.Second

// decide takes one decision on one exposure, unless somebody else took one of its sort
// after what was pressed had been written.
func (c *Chat) decide(ctx context.Context, who *person, o *order, id exposure.ID) (string, error) {
	for range 4 {
		e, err := c.exposure(ctx, who, id)
		if err != nil {
			return "", err
		}
		if !o.Seen.IsZero() && !e.LastEvent.At.Before(o.Seen) {
			if err := c.overtaken(ctx, who, o, &e, func(ev *exposure.Event) bool { return !ev.At.Before(o.Seen) }); err != nil {
				return "", err
			}
		}
		if o.Kind == kindNotOurs && e.Owner.Team == "" && o.Into == "" && len(who.teams) == 1 {
			o.Into = who.teams[0] // of what nobody owns it is said whose it isn't
		}
		if err := who.allowed(o.Kind, e.Owner.Team, o.Into); err != nil {
			if repeated, _ := c.repeats(ctx, &e, o); !repeated { // what it did may be why it is not allowed any more
				return "", err
			}
		}
		d := o.decision(who, id)
		d.IfVersion = e.Version
		result, err := c.once(ctx, d)
		if err == nil {
			return result.Message, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return "", err
		}
		now, readErr := c.Exposures.Exposure(ctx, id)
		if readErr != nil || now.Version == e.Version {
			return "", err // the state forbids it
		}
		// The exposure moved between our look and our decision. If it was a person, he won.
		if err := c.overtaken(ctx, who, o, &now, func(ev *exposure.Event) bool { return ev.Seq > e.LastEvent.Seq }); err != nil {
			return "", err
		}
	}
	return "", fault.New(fault.Unavailable, "the exposure changes too fast")
}

func (c *Chat) once(ctx context.Context, d lifecycle.Decision) (lifecycle.DecisionResult, error) {
	ctx, cancel := context.WithTimeout(ctx, decideTime)
	defer cancel()
	result, err := c.Decider.Decide(ctx, d)
	return result, err //nolint:wrapcheck // it says what was being decided
}

// rivals are the events of others that answer the question which a decision is about:
// whose it is, what becomes of it, when to remind, whether its clock stands still, whether to test, what comes of a request.
func rivals(kind string) []exposure.EventKind {
	switch lifecycle.DecisionKind(kind) {
	case lifecycle.DecideClaim, lifecycle.DecideReassign, kindNotOurs:
		return []exposure.EventKind{exposure.EventAssigned}
	case lifecycle.DecideAcceptRisk, lifecycle.DecideMitigate, lifecycle.DecideFalsePositive, lifecycle.DecideFixClaimed, lifecycle.DecideReopen:
		return []exposure.EventKind{exposure.EventAccept, exposure.EventMitigate, exposure.EventDismiss, exposure.EventClaim, exposure.EventReopen, exposure.EventRequested}
	case lifecycle.DecideSnooze:
		return []exposure.EventKind{exposure.EventSnoozed}
	case lifecycle.DecideWait, lifecycle.DecideResume:
		return []exposure.EventKind{exposure.EventWaiting, exposure.EventResumed}
	case lifecycle.DecideRetest:
		return []exposure.EventKind{exposure.EventRetest}
	case lifecycle.DecideApprove, lifecycle.DecideDecline, lifecycle.DecideWithdraw: // two who approve don't stand in each other's way
		return []exposure.EventKind{exposure.EventAccept, exposure.EventMitigate, exposure.EventDismiss, exposure.EventDeclined, exposure.EventWithdrawn}
	default:
		return nil
	}
}

// overtaken is the refusal of a press that came after somebody else's: who did what.
// Unseen tells which events whoever pressed can't have seen.
func (c *Chat) overtaken(ctx context.Context, who *person, o *order, e *exposure.Exposure, unseen func(*exposure.Event) bool) error {
	events, err := c.chain(ctx, e)
	if err != nil {
		return err
	}
	for _, ev := range slices.Backward(events) {
		switch {
		case !unseen(&ev):
			return nil
		case ev.Cause == causeOf(o.ID):
			return nil // it is ours, from before we died
		case ev.Actor.Kind == exposure.Person && ev.Actor.Name != who.name && slices.Contains(rivals(o.Kind), ev.Kind):
			return fault.New(fault.Conflict, "%s was first: %s %s at %s. Look at it as it is now, and press again if you still want to", ev.Actor.Name, ev.Actor.Name, what(&ev), clockTime(ev.At, who.zone))
		}
	}
	return nil
}

// repeats reports whether an order has been carried out on an exposure already.
func (c *Chat) repeats(ctx context.Context, e *exposure.Exposure, o *order) (bool, error) {
	events, err := c.chain(ctx, e)
	return slices.ContainsFunc(events, func(ev exposure.Event) bool { return ev.Cause == causeOf(o.ID) }), err
}

// chain gives the events of an exposure with its newest, which its own document has first.
func (c *Chat) chain(ctx context.Context, e *exposure.Exposure) ([]exposure.Event, error) {
	events, err := c.Exposures.Events(ctx, e.ID)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading what happened to an exposure")
	}
	if n := len(events); n == 0 || events[n-1].Seq < e.LastEvent.Seq {
		events = append(events, e.LastEvent)
	}
	return events, nil
}

func what(ev *exposure.Event) string {
	if ev.Kind == exposure.EventAssigned && ev.Owner != nil && ev.Owner.Team != "" {
		return "gave it to " + ev.Owner.Team
	}
	return done(string(ev.Kind))
}

func clockTime(t time.Time, zone *time.Location) string { return t.In(zone).Format("15:04 MST") }

// most a decision may be about, through one button.
const mostMembers = 100_000

// decideAll takes one decision on everything that a ticket is about and that still lives.
func (c *Chat) decideAll(ctx context.Context, who *person, o *order, remediation string, p *lifecycle.Press) (string, error) {
	ids, err := c.membersOf(ctx, who, remediation)
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", fault.New(fault.NotFound, "there is nothing left of it to decide on")
	}
	var said []string
	whys := map[string]int{}
	for i, id := range ids {
		if i%50 == 49 { // others leave it to us for another while
			p.NextAt = ms(c.Now()).Add(lease)
			if *p, err = c.advance(ctx, *p, p.Status); err != nil {
				return "", err
			}
		}
		text, err := c.decide(ctx, who, o, id)
		switch fault.KindOf(err) {
		case "":
			said = append(said, text)
		case fault.Unavailable, fault.Throttled, fault.Internal:
			return "", err // the rest is done when it is tried again
		case fault.Invalid, fault.NotFound, fault.Denied, fault.Conflict:
			whys[strings.TrimSuffix(refused(err), ".")]++
			if len(ids) == 1 {
				return "", err
			}
		}
	}
	return summed(said, whys, len(ids)), nil
}

// membersOf gives the exposures of a remediation that still live, as far as they may be seen.
func (c *Chat) membersOf(ctx context.Context, who *person, remediation string) ([]exposure.ID, error) {
	var ids []exposure.ID
	l := exposure.List{Sort: exposure.SortID, Limit: 1000}
	for {
		page, err := c.Exposures.FindExposures(ctx, exposure.Filter{Remediation: remediation, States: live(), Visible: who.visible}, l)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "finding what a ticket is about")
		}
		for i := range page.Items {
			ids = append(ids, page.Items[i].ID)
		}
		if l.Cursor = page.Next; l.Cursor == "" {
			return ids, nil
		}
		if len(ids) > mostMembers {
			return nil, fault.New(fault.Invalid, "the ticket is about more than %d exposures: decide with quell's command line", mostMembers)
		}
	}
}

func live() []exposure.State {
	return slices.DeleteFunc(exposure.States(), func(s exposure.State) bool { return !s.Live() })
}

// summed says what happened to many.
func summed(said []string, whys map[string]int, total int) string {
	if len(said) == total && total > 0 {
		return "All " + strconv.Itoa(total) + ": " + said[0]
	}
	var b strings.Builder
	b.WriteString(strconv.Itoa(len(said)) + " of " + strconv.Itoa(total))
	if len(said) > 0 {
		b.WriteString(": " + said[0])
	} else {
		b.WriteString(" decided.")
	}
	lines := make([]string, 0, len(whys))
	for why, n := range whys {
		lines = append(lines, "\n"+strconv.Itoa(n)+" stayed as they were. "+why+".")
	}
	slices.Sort(lines)
	const most = 5
	return b.String() + strings.Join(lines[:min(len(lines), most)], "")
}

// exposure reads one that a person may see. One that he may not is not there.
func (c *Chat) exposure(ctx context.Context, who *person, id exposure.ID) (exposure.Exposure, error) {
	e, err := c.Exposures.Exposure(ctx, id)
	if err == nil && !who.sees(e.Scopes) || fault.Is(err, fault.NotFound) {
		return exposure.Exposure{}, fault.New(fault.NotFound, "there is no exposure %s", shown(string(id)))
	}
	return e, fault.Wrap(fault.KindOf(err), err, "reading an exposure")
}

// shown is a text of somebody's in an answer.
func shown(text string) string { return lifecycle.Plain(text, 60) }
