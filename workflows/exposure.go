// Package workflows is the clock of the lifecycle: it times validation, claims,
// re-tests, reminders and the ends of exceptions, and calls the activities in their
// order. The store is the truth; a workflow carries an ID and reads the rest whenever it
// is woken.
package workflows

import (
	"errors"
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
		if err := r.see(ctx, view); err != nil {
			return err
		}
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
	news     workflow.Channel // something was decided: stop waiting
}

// stage does what the state asks for: one step, or waiting for something to happen. The
// new view, or a stale one, makes the next round.
func (r *exposureRun) stage(ctx workflow.Context) error {
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
			if err := r.probe(ctx); err != nil || r.stale {
				return err
			}
		}
		return r.nudge(ctx)
	}
	r.wait(ctx, earliest(r.view.EndsAt, r.view.NudgeAt))
	return nil
}

func (r *exposureRun) nudge(ctx workflow.Context) error {
	if r.view.Nudge == "" {
		return nil
	}
	view, err := nudge(ctx, activities.NudgeInput{ID: r.id, Nudge: r.view.Nudge}, about(r.view.Nudge))
	if err != nil {
		return err
	}
	return r.see(ctx, view)
}

// step lets one activity move the exposure on.
func (r *exposureRun) step(ctx workflow.Context, do func(workflow.Context, activities.StepInput) (lifecycle.ExposureView, error)) error {
	view, err := do(ctx, activities.StepInput{ID: r.id, Seq: r.view.Seq})
	if err != nil {
		return err
	}
	return r.see(ctx, view)
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

// wait waits for news, for a time (none: zero), or for the run to get old.
func (r *exposureRun) wait(ctx workflow.Context, until time.Time) {
	now := workflow.Now(ctx)
	renew := r.started.Add(maxLife)
	if until.IsZero() || renew.Before(until) {
		until = renew
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	timer := workflow.NewTimerWithOptions(timerCtx, max(until.Sub(now), time.Millisecond), workflow.TimerOptions{Summary: waitingFor(&r.view)})
	s := workflow.NewSelector(ctx)
	s.AddFuture(timer, func(workflow.Future) {})
	r.listen(s)
	s.Select(ctx)
	stop()
	r.stale = true
}

// listen lets a selector return when something happens that the store tells about.
func (r *exposureRun) listen(s workflow.Selector) {
	s.AddReceive(r.wakes, func(c workflow.ReceiveChannel, _ bool) { c.ReceiveAsync(nil) })
	s.AddReceive(r.news, func(c workflow.ReceiveChannel, _ bool) { c.ReceiveAsync(nil) })
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
	timerCtx, stop := workflow.WithCancel(ctx)
	s := workflow.NewSelector(ctx)
	s.AddFuture(workflow.NewTimerWithOptions(timerCtx, time.Minute<<(r.failures-1), workflow.TimerOptions{Summary: "Try again after a failure"}), func(workflow.Future) {})
	r.listen(s)
	s.Select(ctx)
	stop()
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
