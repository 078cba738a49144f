package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Remediation keeps the ticket of one owner's one fix: it alone writes to it. It ends
// when no member is live; a member that comes back begins another run under the same ID,
// with the same ticket.
func Remediation(ctx workflow.Context, in lifecycle.RemediationInput) error {
	r := &remediationRun{step: activities.RemediationStep{ID: in.ID}, started: workflow.Now(ctx),
		wakes: workflow.GetSignalChannel(ctx, lifecycle.SignalWake), look: true}
	for ctx.Err() == nil {
		r.drain()
		p, err := plan(ctx, r.step)
		if err == nil && p.Gone {
			return nil
		}
		done := false
		if err == nil {
			done, err = r.carryOut(ctx, &p)
		}
		switch {
		case err != nil:
			workflow.GetLogger(ctx).Warn("a step of a remediation's workflow failed; it is tried again", "remediation", in.ID, "error", err)
			r.failures = min(r.failures+1, 7)
			r.wait(ctx, workflow.Now(ctx).Add(time.Minute<<(r.failures-1)), "Try again after a failure")
			if r.old(ctx) { // what fails for weeks must not make a history without an end
				return workflow.NewContinueAsNewError(ctx, Remediation, in)
			}
			continue
		case done && !r.drain():
			return nil
		case done || r.again:
			continue
		}
		r.failures = 0
		if r.old(ctx) {
			return workflow.NewContinueAsNewError(ctx, Remediation, in)
		}
		r.rest(ctx, &p)
		r.gather(ctx)
	}
	return ctx.Err()
}

// old reports whether it is time for another run to go on.
func (r *remediationRun) old(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() || workflow.Now(ctx).Sub(r.started) >= maxLife
}

// remediationRun is one run of a Remediation workflow.
type remediationRun struct {
	step     activities.RemediationStep
	started  time.Time
	looked   time.Time // when the ticket was last read
	look     bool      // it is to be read, whether or not we have something to write
	again    bool      // what was done calls for another look at the store
	failures int
	wakes    workflow.ReceiveChannel
}

// carryOut does what the plan says, in the order in which people should see it, and
// reports whether the remediation has come to its end.
func (r *remediationRun) carryOut(ctx workflow.Context, p *activities.Plan) (bool, error) {
	r.again = false
	if p.Create {
		ticket, err := createTicket(ctx, r.step, p)
		if err != nil {
			return false, err
		}
		p.Ticket, r.looked, r.look = ticket.Key, workflow.Now(ctx), false
		p.Messages = append(p.Messages, []string{lifecycle.IntentID(r.step.ID, lifecycle.IntentNotify, "created/"+ticket.Key)})
	} else if p.Ticket != "" && (p.Write || p.Look || r.look || !r.looked.Add(p.Poll).After(workflow.Now(ctx))) {
		if err := r.sync(ctx, p); err != nil {
			return false, err
		}
	}
	if p.Ticket != "" && len(p.Comments) > 0 {
		if err := comment(ctx, activities.RemediationStep{ID: r.step.ID, Intents: p.Comments}, p.Ticket); err != nil {
			return false, err
		}
	}
	for _, intents := range p.Messages {
		if err := notify(ctx, activities.RemediationStep{ID: r.step.ID, Intents: intents}, p.Owner); err != nil {
			return false, err
		}
	}
	if p.Ticket != "" && len(p.Attach) > 0 { // last: nothing waits for files
		if err := attach(ctx, activities.RemediationStep{ID: r.step.ID, Intents: p.Attach}, p.Ticket); err != nil {
			return false, err
		}
		r.again = true // there may be more of them
	}
	if p.Live > 0 || r.again {
		return false, nil
	}
	done, err := finish(ctx, r.step)
	r.again = !done
	return done, err
}

// sync brings the ticket up to date. A person who closed it claims that all members are
// fixed.
func (r *remediationRun) sync(ctx workflow.Context, p *activities.Plan) error {
	found, err := syncTicket(ctx, r.step, p.Ticket)
	if err != nil {
		return err
	}
	r.look, r.looked = false, workflow.Now(ctx)
	r.again = found.Gone || found.Again || !found.ClosedAt.IsZero()
	if found.Gone || found.ClosedAt.IsZero() {
		return nil
	}
	return claimMembers(ctx, activities.ClaimInput{ID: r.step.ID, By: found.ClosedBy, At: found.ClosedAt, Since: found.Claimed})
}

// rest waits for a wake, the next reminder, or the time to look at the ticket again.
func (r *remediationRun) rest(ctx workflow.Context, p *activities.Plan) {
	until := r.started.Add(maxLife)
	until = earliest(until, p.NextAt)
	if p.Ticket != "" {
		until = earliest(until, r.looked.Add(p.Poll))
	}
	summary := "Look at the ticket"
	if until.Equal(p.NextAt) {
		summary = "Remind " + lifecycle.Plain(p.Owner, 64)
	}
	r.wait(ctx, until, summary)
}

// lullOfMembers is how long a ticket waits for what else happens to its members: a scan or
// a fix mostly concerns many of them.
const lullOfMembers = time.Second

// gather waits for the others, where a member's wake came. What people do with the ticket
// is looked at without delay.
func (r *remediationRun) gather(ctx workflow.Context) {
	if !r.drain() || r.look {
		return
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	timer := workflow.NewTimerWithOptions(timerCtx, lullOfMembers, workflow.TimerOptions{Summary: "Gather what else happens"})
	for !r.look && !timer.IsReady() {
		s := workflow.NewSelector(ctx)
		s.AddFuture(timer, func(workflow.Future) {})
		s.AddReceive(r.wakes, func(workflow.ReceiveChannel, bool) {})
		s.Select(ctx)
		r.drain()
	}
	stop()
}

func (r *remediationRun) wait(ctx workflow.Context, until time.Time, why string) {
	timerCtx, stop := workflow.WithCancel(ctx)
	s := workflow.NewSelector(ctx)
	s.AddFuture(workflow.NewTimerWithOptions(timerCtx, max(until.Sub(workflow.Now(ctx)), time.Millisecond), workflow.TimerOptions{Summary: why}), func(workflow.Future) {})
	s.AddReceive(r.wakes, func(workflow.ReceiveChannel, bool) {})
	s.Select(ctx)
	stop()
}

// drain takes all wakes: one look at the store answers them together. Only a wake by a
// member spares the look at the ticket.
func (r *remediationRun) drain() bool {
	woken := false
	for {
		var w lifecycle.Wake
		if !r.wakes.ReceiveAsync(&w) {
			return woken
		}
		woken = true
		if !byMember(w.Reason) {
			r.look = true
		}
	}
}

// byMember reports whether a wake was about a member: then its reason is an event's kind.
func byMember(reason string) bool {
	if reason == "joined" || reason == "left" || reason == lifecycle.WakeRunbook {
		return true
	}
	for _, kind := range exposure.EventKinds() {
		if reason == string(kind) {
			return true
		}
	}
	return false
}
