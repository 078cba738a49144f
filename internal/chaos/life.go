package chaos

import (
	"context"
	"strconv"
	"time"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// life is one remediation with its members, and what their workflows would remember.
type life struct {
	n       int
	owner   string
	fix     string
	id      string // of the remediation
	members []*member

	first    bool      // of a run: whoever acted last may have died before telling
	woken    bool      // the remediation
	stirred  bool      // anything of it
	alarm    time.Time // when its timers ring, by our clock
	look     bool      // at the ticket
	looked   time.Time // when it was last looked at, by our clock
	next     time.Time // reminder
	again    bool
	until    time.Time // it waits after a failure, by the world's clock
	failures int
	finished bool // the remediation is done
	ended    bool // and nothing is left to do

	ticket  string // as people see it
	closed  int    // by people
	lies    int    // closings with nothing fixed
	removed int
}

// member is one exposure.
type member struct {
	id      exposure.ID
	fixed   bool // in truth
	pending *activities.RecordInput
}

func (c *cohort) newLife(n int) *life {
	l := &life{n: n, owner: "payments", first: true, look: true, fix: "pkg:npm/lib-" + strconv.Itoa(c.number) + "-" + strconv.Itoa(n)}
	if c.random.IntN(3) == 0 {
		l.owner = "platform"
	}
	size := 1
	switch r := c.random.IntN(20); {
	case r == 0:
		size = 3
	case r < 4:
		size = 2
	}
	for range size {
		l.members = append(l.members, &member{})
	}
	l.id = lifecycle.RemediationID(l.owner, l.fix, 1)
	c.of[l.id] = l
	return l
}

// forget is what a workflow that begins anew knows.
func (l *life) forget() {
	l.first, l.look, l.woken, l.stirred, l.again, l.ended = true, true, true, true, false, false
	l.looked, l.next, l.until, l.failures = time.Time{}, time.Time{}, time.Time{}, 0
}

// abandonIn of so many deaths the workflow is lost too, and begins anew from the store.
const abandonIn = 5

// do calls an activity as Temporal does: again, with the same input, when the process dies.
func (c *cohort) do(l *life, activity func() error) error {
	const tries = 6
	for range tries {
		err, dead := c.attempt(activity)
		if !dead {
			return err
		}
		if err := c.reboot(); err != nil {
			return err
		}
		c.clock.pass(time.Second)
		if c.random.IntN(abandonIn) == 0 {
			l.forget()
			return fault.New(fault.Unavailable, "the workflow was lost with its process")
		}
	}
	return fault.New(fault.Unavailable, "the activity never comes back")
}

// attempt calls an activity once, and reports whether the process died in it.
func (c *cohort) attempt(activity func() error) (err error, dead bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case died:
			dead = true
		default:
			panic(r)
		}
	}()
	return activity(), false
}

const (
	poll = 90 * time.Minute
	// sweepEvery is when a life is looked at that nobody woke, since wakes get lost.
	sweepEvery = 40 * time.Minute
)

// sleeps reports whether neither a signal nor a timer calls for a life's workflows.
func (c *cohort) sleeps(l *life) bool {
	return !l.first && !l.stirred && !l.look && !l.again && l.failures == 0 && l.alarm.After(c.clock.ours())
}

// ring sets the alarm no later than a time; zero is never.
func (l *life) ring(at time.Time) {
	if !at.IsZero() && at.Before(l.alarm) {
		l.alarm = at
	}
}

// step is one turn of a life's workflows.
func (c *cohort) step(ctx context.Context, l *life) error {
	if l.until.After(c.clock.world()) || c.sleeps(l) {
		return nil
	}
	l.stirred, l.alarm = false, c.clock.ours().Add(sweepEvery)
	err := c.walk(ctx, l)
	if err == nil {
		err = c.remediate(ctx, l)
	}
	switch {
	case err == nil:
		if l.failures = 0; !l.finished {
			return nil
		}
		ended, err := c.ended(ctx, l)
		l.ended = ended
		return err
	case ctx.Err() != nil:
		return err
	case fault.Is(err, fault.Internal):
		return err // a defect: it is no weather
	}
	l.failures = min(l.failures+1, 6)
	wait := max(fault.RetryAfter(err), time.Duration(l.failures)*time.Minute)
	l.until = c.clock.world().Add(wait)
	return nil
}

// walk takes the members on, each as its Exposure workflow does.
func (c *cohort) walk(ctx context.Context, l *life) error {
	for _, m := range l.members {
		for range 6 {
			e, err := c.store.Exposure(ctx, m.id)
			if err != nil {
				return err
			}
			if e.Mode != exposure.ModeWorkflow && !l.first || !l.first && !e.Wake && e.State == exposure.Open && e.RemediationID != "" || e.State.Excepted() && !e.Wake && !l.first {
				break
			}
			var v lifecycle.ExposureView
			in := activities.FollowInput{ID: m.id, First: l.first}
			if err := c.do(l, func() (err error) { v, err = c.Follow(ctx, in); return err }); err != nil {
				return err
			}
			moved, err := c.stage(ctx, l, m, &v)
			if err != nil {
				return err
			}
			if !moved {
				break
			}
		}
	}
	l.first = false
	return nil
}

// stage does what an exposure's state asks for, and reports whether it did anything.
func (c *cohort) stage(ctx context.Context, l *life, m *member, v *lifecycle.ExposureView) (bool, error) {
	step := activities.StepInput{ID: m.id, Seq: v.Seq}
	switch {
	case v.Mode != exposure.ModeWorkflow:
		return false, nil
	case v.State == exposure.Validating, v.State == exposure.Verifying:
		if m.pending == nil || m.pending.Seq != v.Seq { // the probe's answer is in the workflow's history
			m.pending = c.probe(m, v.Seq)
		}
		err := c.do(l, func() error { _, err := c.Record(ctx, *m.pending); return err })
		return true, err
	case (v.State == exposure.Open || v.State == exposure.FixClaimed) && v.Owner != "" && !v.Joined:
		return true, c.do(l, func() error { _, err := c.Join(ctx, step); return err })
	case v.State == exposure.FixClaimed && !v.VerifyAt.After(c.clock.ours()):
		return true, c.do(l, func() error { _, err := c.Verify(ctx, step); return err })
	case v.State == exposure.FixClaimed:
		l.ring(v.VerifyAt)
	}
	return false, nil
}

// remediate does what the Remediation workflow does with one plan.
func (c *cohort) remediate(ctx context.Context, l *life) error {
	rem, err := c.store.Remediation(ctx, l.id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	l.finished = rem.Status == lifecycle.RemediationDone
	now := c.clock.ours()
	due := !l.looked.Add(poll).After(now)
	resent := rem.Wake && rem.WakeAt.Before(now.Add(-30*time.Second)) // by the sweep
	if !l.woken && !l.look && !l.again && !due && !resent && (l.next.IsZero() || l.next.After(now)) {
		l.ring(l.next)
		return nil
	}
	l.woken, l.again = false, false
	step := activities.RemediationStep{ID: l.id}
	var p activities.Plan
	if err := c.do(l, func() (err error) { p, err = c.Plan(ctx, step); return err }); err != nil {
		return err
	}
	l.next = p.NextAt
	l.ring(l.next)
	if err := c.ticket(ctx, l, &p, due); err != nil {
		return err
	}
	if err := c.tell(ctx, l, &p); err != nil {
		return err
	}
	if p.Live > 0 || l.again {
		return nil
	}
	done := false
	err = c.do(l, func() (err error) { done, err = c.Finish(ctx, step); return err })
	l.again, l.finished = !done, done
	return err
}

// ticket makes the ticket or brings it up to date.
func (c *cohort) ticket(ctx context.Context, l *life, p *activities.Plan, due bool) error {
	step := activities.RemediationStep{ID: l.id}
	if p.Create {
		var made activities.TicketResult
		if err := c.do(l, func() (err error) { made, err = c.CreateTicket(ctx, step); return err }); err != nil {
			return err
		}
		l.ticket, p.Ticket, l.looked, l.look = made.Key, made.Key, c.clock.ours(), false
		p.Messages = append(p.Messages, []string{lifecycle.IntentID(l.id, lifecycle.IntentNotify, "created/"+made.Key)})
		return nil
	}
	if p.Ticket == "" || !p.Write && !l.look && !due {
		return nil
	}
	var found activities.SyncResult
	if err := c.do(l, func() (err error) { found, err = c.SyncTicket(ctx, step); return err }); err != nil {
		return err
	}
	l.ticket, l.look, l.looked = p.Ticket, false, c.clock.ours()
	if found.Gone {
		l.ticket, l.again = "", true
		return nil
	}
	if found.ClosedAt.IsZero() {
		return nil
	}
	l.again = true
	claim := activities.ClaimInput{ID: l.id, By: found.ClosedBy, At: found.ClosedAt}
	return c.do(l, func() error { _, err := c.ClaimMembers(ctx, claim); return err })
}

// tell comments and sends what the plan says.
func (c *cohort) tell(ctx context.Context, l *life, p *activities.Plan) error {
	if p.Ticket != "" && l.ticket != "" && len(p.Comments) > 0 {
		in := activities.RemediationStep{ID: l.id, Intents: p.Comments}
		if err := c.do(l, func() error { _, err := c.Comment(ctx, in); return err }); err != nil {
			return err
		}
	}
	for _, intents := range p.Messages {
		in := activities.RemediationStep{ID: l.id, Intents: intents}
		if err := c.do(l, func() error { _, err := c.Notify(ctx, in); return err }); err != nil {
			return err
		}
	}
	return nil
}

// ended reports whether nothing is left to do: no member is live, and the remediation is
// done.
func (c *cohort) ended(ctx context.Context, l *life) (bool, error) {
	rem, err := c.store.Remediation(ctx, l.id)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil || rem.Status != lifecycle.RemediationDone || rem.Wake {
		return false, err
	}
	for _, m := range l.members {
		e, err := c.store.Exposure(ctx, m.id)
		if err != nil || e.State.Live() || e.Wake {
			return false, err
		}
	}
	return true, nil
}
