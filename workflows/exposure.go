// Package workflows is the clock of the lifecycle: it times validation, claims,
// re-tests, reminders and the ends of exceptions, and calls the activities in their
// order. The store is the truth; a workflow carries an ID and reads the rest whenever it
// is woken.
package workflows

import (
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// maxLife is how long one run lives before it continues as new, so that no worker has to
// replay what old code did for ever.
const maxLife = 7 * 24 * time.Hour

// Exposure walks one admitted exposure through its lifecycle. It ends when the exposure
// has left its hands: tracked, closed, a false positive, out of scope or merged. A later
// admission begins another run under the same ID.
func Exposure(ctx workflow.Context, in lifecycle.ExposureInput) error {
	r := &exposureRun{id: in.ID, started: workflow.Now(ctx), wakes: workflow.GetSignalChannel(ctx, lifecycle.SignalWake)}
	r.news = workflow.NewNamedBufferedChannel(ctx, "news", 1)
	if err := r.answer(ctx); err != nil {
		return err
	}
	first := true
	for ctx.Err() == nil { // an operator may cancel it in the Temporal UI
		r.drain()
		view, err := follow(ctx, activities.FollowInput{ID: in.ID, First: first})
		if err != nil {
			if notFound(err) { // erased: nothing is left to do
				return r.settle(ctx)
			}
			r.pause(ctx, err)
			continue
		}
		first = false
		r.see(view)
		for !r.stale && ctx.Err() == nil {
			switch {
			case r.view.Mode != exposure.ModeWorkflow:
				if done, err := r.end(ctx); done {
					return err
				}
			case r.old(ctx) && (!r.retest || !r.view.Method.Probes()):
				if err := r.settle(ctx); err != nil {
					return err
				}
				return workflow.NewContinueAsNewError(ctx, Exposure, lifecycle.ExposureInput{ID: r.id, Version: r.view.Version})
			default:
				if err := r.stage(ctx); err != nil {
					r.pause(ctx, err)
				}
			}
		}
	}
	return ctx.Err()
}

// exposureRun is one run of an Exposure workflow.
type exposureRun struct {
	id       exposure.ID
	started  time.Time
	view     lifecycle.ExposureView
	timeline []lifecycle.TimelineLine
	retest   bool // a person asked for a re-test that hasn't begun
	stale    bool // the view is to be read again
	failures int  // in a row
	wakes    workflow.ReceiveChannel
	news     workflow.Channel // something was decided, and the view shows it: stop waiting
	alarm    alarm
}

// alarm is the timer that a run waits by.
type alarm struct {
	at    time.Time
	rings workflow.Future
	stop  workflow.CancelFunc
}

// stage does what the state asks for: one step, or waiting for something to happen. The
// new view, or a stale one, makes the next round.
func (r *exposureRun) stage(ctx workflow.Context) error {
	if r.owesWord() && r.due(ctx, r.view.NudgeAt) {
		return r.nudge(ctx)
	}
	switch r.view.State {
	case exposure.Validating, exposure.Verifying:
		return r.probe(ctx)
	case exposure.Open:
		return r.mobilize(ctx)
	case exposure.FixClaimed:
		return r.claimed(ctx)
	case exposure.Accepted, exposure.Mitigated, exposure.FalsePositive:
		return r.excepted(ctx)
	case exposure.Tracked, exposure.Closed, exposure.OutOfScope, exposure.Merged:
	}
	r.wait(ctx, time.Time{}) // a state that never is in a workflow's hands
	return nil
}

// mobilize finds an open exposure its owner and its ticket, and waits for a claim. What
// the ticket asks of people is the Remediation's part.
func (r *exposureRun) mobilize(ctx workflow.Context) error {
	switch {
	case r.wantsRetest() && r.view.Method.Probes():
		return r.step(ctx, verify)
	case r.due(ctx, r.view.NudgeAt):
		return r.nudge(ctx)
	case r.view.Owner != "" && !r.view.Joined:
		return r.step(ctx, join)
	}
	r.wait(ctx, r.view.NudgeAt)
	return nil
}

// claimed has a claim tested: by a probe now, or by the next covering run, for which it
// doesn't wait for ever in silence.
func (r *exposureRun) claimed(ctx workflow.Context) error {
	probes := r.view.Method.Probes()
	switch {
	case probes && (r.wantsRetest() || r.due(ctx, r.view.VerifyAt)):
		return r.step(ctx, verify)
	case r.due(ctx, r.view.NudgeAt):
		return r.nudge(ctx)
	case r.view.Owner != "" && !r.view.Joined:
		return r.step(ctx, join)
	}
	r.wait(ctx, earliest(r.view.VerifyAt, r.view.NudgeAt))
	return nil
}

// excepted waits for the end of an exception. Before that it is tested once more, so that
// whoever has to decide again knows what is still there.
func (r *exposureRun) excepted(ctx workflow.Context) error {
	switch {
	case r.due(ctx, r.view.EndsAt):
		return r.step(ctx, lapse)
	case r.wantsRetest() && r.view.Method.Probes():
		return r.probe(ctx)
	case r.due(ctx, r.view.NudgeAt):
		if r.view.Method.Probes() {
			if err := r.probe(ctx); err != nil || r.stale || !r.due(ctx, r.view.NudgeAt) {
				return err
			}
		}
		return r.nudge(ctx)
	}
	r.wait(ctx, earliest(r.view.EndsAt, r.view.NudgeAt))
	return nil
}

// owesWord reports whether the nudge to come is about an exception or a wait: people are
// told of those whatever else is done with the exposure.
func (r *exposureRun) owesWord() bool {
	switch name, _, _ := strings.Cut(r.view.Nudge, "/"); name {
	case "tell", "approval", "expire", "resume":
		return true
	default:
		return false
	}
}

func (r *exposureRun) nudge(ctx workflow.Context) error {
	if r.view.Nudge == "" {
		return nil
	}
	view, err := nudge(ctx, activities.NudgeInput{ID: r.id, Nudge: r.view.Nudge}, about(r.view.Nudge))
	if err == nil {
		r.see(view)
	}
	return err
}

// step lets one activity move the exposure on.
func (r *exposureRun) step(ctx workflow.Context, do func(workflow.Context, activities.StepInput) (lifecycle.ExposureView, error)) error {
	view, err := do(ctx, activities.StepInput{ID: r.id, Seq: r.view.Seq})
	if err == nil {
		r.see(view)
	}
	return err
}

func (r *exposureRun) wantsRetest() bool { return r.retest || r.view.Retest }

// due reports whether a time has come; none never does.
func (r *exposureRun) due(ctx workflow.Context, at time.Time) bool {
	return !at.IsZero() && !at.After(workflow.Now(ctx))
}

// old reports whether the run should continue as new.
func (r *exposureRun) old(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() || workflow.Now(ctx).Sub(r.started) >= maxLife
}

// end ends the run, unless it was woken meanwhile: then the exposure may have come back
// into its hands.
func (r *exposureRun) end(ctx workflow.Context) (bool, error) {
	r.publish(ctx)
	if err := r.settle(ctx); err != nil {
		return true, err
	}
	if r.drain() {
		r.stale = true
		return false, nil
	}
	return true, nil
}

// settle waits until every update under way has been answered.
func (r *exposureRun) settle(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// wait waits for news, for a time (none: zero), or for the run to get old. What was
// decided stands in the view already; a wake or a time that has come makes it stale.
func (r *exposureRun) wait(ctx workflow.Context, until time.Time) {
	renew := r.started.Add(maxLife)
	if until.IsZero() || renew.Before(until) {
		until = renew
	}
	r.publish(ctx)
	r.setAlarm(ctx, until, waitingFor(&r.view))
	s := workflow.NewSelector(ctx)
	s.AddFuture(r.alarm.rings, func(workflow.Future) { r.stale, r.alarm = true, alarm{} })
	r.listen(s)
	s.Select(ctx)
}

// setAlarm makes the timer ring at a time. One that is set for it is left as it is, so
// that a wake which changes nothing leaves no timers in the history.
func (r *exposureRun) setAlarm(ctx workflow.Context, at time.Time, why string) {
	if r.alarm.rings != nil && r.alarm.at.Equal(at) {
		return
	}
	if r.alarm.stop != nil {
		r.alarm.stop()
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	d := max(at.Sub(workflow.Now(ctx)), time.Millisecond)
	r.alarm = alarm{at: at, stop: stop, rings: workflow.NewTimerWithOptions(timerCtx, d, workflow.TimerOptions{Summary: why})}
}

// listen lets a selector return when something happens.
func (r *exposureRun) listen(s workflow.Selector) {
	s.AddReceive(r.wakes, func(c workflow.ReceiveChannel, _ bool) { c.ReceiveAsync(nil); r.stale = true })
	s.AddReceive(r.news, func(c workflow.ReceiveChannel, _ bool) { c.ReceiveAsync(nil) })
}

// publish makes the exposure findable in the UI by what it is now: one write of search
// attributes, and only where one changed. Such a write costs Temporal as much as a step of
// the workflow, so it is made where the exposure comes to rest: what it was for the
// seconds of a probe is in its story.
func (r *exposureRun) publish(ctx workflow.Context) {
	updates := lifecycle.SearchUpdates(workflow.GetTypedSearchAttributes(ctx), &r.view)
	if len(updates) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("an exposure can't be found by what it is now", "exposure", r.id, "error", err)
	}
}

// drain takes all wakes: one look at the store answers them together.
func (r *exposureRun) drain() bool {
	woken := false
	for r.wakes.ReceiveAsync(nil) || r.news.ReceiveAsync(nil) {
		woken = true
	}
	r.stale = false
	return woken
}

// pause waits after a failure that trying again at once would not mend, longer each time.
// A workflow never fails: an exposure in its hands must not be left alone.
func (r *exposureRun) pause(ctx workflow.Context, err error) {
	workflow.GetLogger(ctx).Warn("a step of an exposure's workflow failed; it is tried again", "exposure", r.id, "error", err)
	r.failures = min(r.failures+1, 7)
	r.setAlarm(ctx, workflow.Now(ctx).Add(time.Minute<<(r.failures-1)), "Try again after a failure")
	s := workflow.NewSelector(ctx)
	s.AddFuture(r.alarm.rings, func(workflow.Future) { r.alarm = alarm{} })
	r.listen(s)
	s.Select(ctx)
	r.stale = true
}

// notFound reports whether an activity found nothing by the ID it was given.
func notFound(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == lifecycle.KindNotFound
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
