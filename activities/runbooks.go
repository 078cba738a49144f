package activities

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

// Runs keeps the runs of runbooks, and who has a place at one.
//
//nolint:interfacebloat // two kinds of documents, each found, begun and swapped
type Runs interface {
	// ClaimRun inserts a run if its ID is free, and gives the one that is stored.
	ClaimRun(ctx context.Context, r runbook.Run) (runbook.Run, bool, error)
	RunbookRun(ctx context.Context, id string) (runbook.Run, error)
	// SwapRun writes it where the stored version is Version-1.
	SwapRun(ctx context.Context, r runbook.Run) (bool, error)
	RunsOf(ctx context.Context, remediation string) ([]runbook.Run, error)
	DueRuns(ctx context.Context, before time.Time, most int) ([]runbook.Run, error)
	FindRuns(ctx context.Context, book string, state runbook.State, l exposure.List) (exposure.Page[runbook.Run], error)
	Budget(ctx context.Context, name string) (state []byte, version int64, err error)
	SwapBudget(ctx context.Context, name string, version int64, state []byte) (bool, error)
}

// Caller calls a runbook: one signed message, whose ID is the same however often it is
// repeated. It gives the body of a good answer. What may have arrived, and what may be
// tried again, is an error of kind throttled or unavailable.
type Caller interface {
	Call(ctx context.Context, id string, body []byte) ([]byte, error)
}

// Runbooks are the configured runbooks, in their order, with what it takes to run them.
type Runbooks struct {
	Store Runs
	All   []*runbook.Runbook
	Call  map[string]Caller // by name
	// Wake tells the workflow of a run that something is to be done. What is lost on the way is
	// sent again by the sweep.
	Wake func(ctx context.Context, run, reason string) error
}

// Named finds a runbook.
func (b *Runbooks) Named(name string) (*runbook.Runbook, bool) {
	if b == nil {
		return nil, false
	}
	i := slices.IndexFunc(b.All, func(x *runbook.Runbook) bool { return x.Name == name })
	if i < 0 {
		return nil, false
	}
	return b.All[i], true
}

// runRounds bounds how much one look at a run does: there are fewer sorts of things.
const runRounds = 12

// FollowRun does what is to be done for a run now, and says when to look again. Each thing
// is written down before the next one, so that whoever dies is followed by another who goes
// on from there.
func (a *Activities) FollowRun(ctx context.Context, in lifecycle.RunbookInput) (lifecycle.RunbookStep, error) {
	if a.Runbooks == nil {
		return lifecycle.RunbookStep{}, nil
	}
	for range runRounds {
		beat(ctx, in.Run)
		r, err := a.runbookRun(ctx, in.Run)
		if fault.Is(err, fault.NotFound) {
			return lifecycle.RunbookStep{}, nil
		}
		if err != nil {
			return lifecycle.RunbookStep{}, err
		}
		did, next, err := a.stepRun(ctx, &r)
		if err != nil {
			return lifecycle.RunbookStep{}, err
		}
		if did {
			continue
		}
		if err := a.showRun(ctx, &r); err != nil { // before it is noted that nothing is to be done
			return lifecycle.RunbookStep{}, err
		}
		if r.Next.Equal(next) {
			return lifecycle.RunbookStep{State: r.State, Next: next}, nil
		}
		r.Next = next
		if _, err := a.swapRun(ctx, &r); err != nil {
			return lifecycle.RunbookStep{}, err
		}
	}
	return lifecycle.RunbookStep{State: runbook.Approved, Next: a.now().Add(time.Second)}, nil
}

// stepRun does one thing, or says when there is something to be done.
func (a *Activities) stepRun(ctx context.Context, r *runbook.Run) (did bool, next time.Time, err error) {
	book, configured := a.Runbooks.Named(r.Runbook)
	now := a.now()
	switch {
	case r.State.UnderWay() && !r.Entered: // before anybody hears of it
		return true, next, a.enter(ctx, r)
	case r.Told < len(r.Log):
		return true, next, a.tellRun(ctx, r, book)
	case r.State.UnderWay() && !configured:
		r.Avoid("the configuration has no runbook of that name any more", now)
		return a.wrote(ctx, r)
	case r.State == runbook.Requested:
		return a.waitForApproval(ctx, r, book)
	case r.State.Running() && !r.Deadline.IsZero() && !now.Before(r.Deadline):
		r.Miss(now)
		return a.wrote(ctx, r)
	case r.State == runbook.Approved:
		if r.Next.After(now) { // an attempt is under way, or is to be made later
			return false, sooner(r.Next, r.Deadline), nil
		}
		return a.callRunbook(ctx, r, book)
	case r.State.Running():
		return false, r.Deadline, nil
	case r.State == runbook.Claimed:
		return a.testClaim(ctx, r)
	default:
		return a.endRun(ctx, r)
	}
}

func sooner(x, y time.Time) time.Time {
	if y.IsZero() || !x.IsZero() && x.Before(y) {
		return x
	}
	return y
}

// enter makes a run the one of its remediation: no two are under way for one. It comes
// after the run is stored, so whoever dies in between is followed by the sweep.
func (a *Activities) enter(ctx context.Context, r *runbook.Run) error {
	holder := ""
	_, err := a.edit(ctx, r.Remediation, func(rem *lifecycle.Remediation) bool {
		holder = ""
		if rem.Run == r.ID {
			return false
		}
		if rem.Run != "" {
			other, err := a.Runbooks.Store.RunbookRun(ctx, rem.Run)
			if err == nil && other.State.UnderWay() || err != nil && !fault.Is(err, fault.NotFound) {
				holder = rem.Run
				return false
			}
		}
		rem.Run = r.ID
		return true
	})
	switch {
	case fault.Is(err, fault.NotFound):
		r.Avoid("its remediation is gone", a.now())
	case err != nil:
		return err
	case holder != "":
		r.Avoid("run "+holder+" is under way for the same ticket", a.now())
	default:
		r.Entered = true
	}
	_, err = a.swapRun(ctx, r)
	return err
}

// waitForApproval reminds approvers, and ends a request whose time or reason is gone.
func (a *Activities) waitForApproval(ctx context.Context, r *runbook.Run, book *runbook.Runbook) (bool, time.Time, error) {
	now := a.now()
	if !now.Before(r.Expires) {
		r.Expire(now)
		return a.wrote(ctx, r)
	}
	left, err := a.standing(ctx, r)
	if err != nil {
		return false, time.Time{}, err
	}
	if len(left) == 0 {
		r.Avoid("none of its exposures is as it was when it was asked for", now)
		return a.wrote(ctx, r)
	}
	// Reminders that were missed are passed over but for the last.
	passed := int(now.Sub(r.At) / book.Remind)
	if at := a.reminderOf(r, book, left, passed, now); passed > r.Reminded && at.After(now) {
		return false, sooner(at, r.Expires), nil
	}
	if passed > r.Reminded {
		for _, m := range a.runApprovals(r, book, "remind/"+r.ID+"/"+strconv.Itoa(passed), "Still waiting for your approval: ", nil) {
			if err := a.notifyRun(ctx, m, r); err != nil {
				return false, time.Time{}, err
			}
		}
		r.Reminded = passed
		return a.wrote(ctx, r)
	}
	return false, sooner(a.reminderOf(r, book, left, passed+1, now), r.Expires), nil
}

// reminderOf is when approvers are reminded for the k-th time: when one of them works, or
// at once where something has to be acted on.
func (a *Activities) reminderOf(r *runbook.Run, book *runbook.Runbook, left []exposure.Exposure, k int, now time.Time) time.Time {
	at := r.At.Add(time.Duration(k) * book.Remind)
	if slices.ContainsFunc(left, func(e exposure.Exposure) bool { return e.Decision.Outcome == exposure.Act }) {
		return at
	}
	return a.Hours.first(a.teamsOf(book.Approvers(r, now)), at)
}

// standing are the exposures of a run that are live members of its remediation still, and
// as they were when it was asked for.
func (a *Activities) standing(ctx context.Context, r *runbook.Run) ([]exposure.Exposure, error) {
	var out []exposure.Exposure
	err := a.Records.EachExposure(ctx, exposure.Filter{Remediation: r.Remediation}, func(e exposure.Exposure) error {
		if e.State.Live() && e.Claim == nil && r.Covers(&e) {
			out = append(out, e)
		}
		return nil
	})
	return out, fault.Wrap(fault.KindOf(err), err, "reading what run "+r.ID+" is about")
}

// endRun gives back what a run that is over holds.
func (a *Activities) endRun(ctx context.Context, r *runbook.Run) (bool, time.Time, error) {
	if err := a.leaveRunbook(ctx, r.Runbook, r.ID); err != nil {
		return false, time.Time{}, err
	}
	if r.Body != nil {
		r.Body = nil
		return a.wrote(ctx, r)
	}
	return false, time.Time{}, nil
}

// runbookRun reads a run.
func (a *Activities) runbookRun(ctx context.Context, id string) (runbook.Run, error) {
	r, err := a.Runbooks.Store.RunbookRun(ctx, id)
	return r, fault.Wrap(fault.KindOf(err), err, "reading run "+id)
}

// swapRun writes a run unless somebody else was faster.
func (a *Activities) swapRun(ctx context.Context, r *runbook.Run) (bool, error) {
	r.Version++
	ok, err := a.Runbooks.Store.SwapRun(ctx, *r)
	return ok, fault.Wrap(fault.KindOf(err), err, "writing run "+r.ID)
}

// wrote is swapRun as a step: whoever loses the race looks anew.
func (a *Activities) wrote(ctx context.Context, r *runbook.Run) (bool, time.Time, error) {
	_, err := a.swapRun(ctx, r)
	return true, time.Time{}, err
}

// editRun changes a run; fn says whether there is anything to write. It may be called again
// after a lost race.
func (a *Activities) editRun(ctx context.Context, id string, fn func(*runbook.Run) (bool, error)) (runbook.Run, error) {
	for range swapAttempts {
		r, err := a.runbookRun(ctx, id)
		if err != nil {
			return r, err
		}
		changed, err := fn(&r)
		if err != nil || !changed {
			return r, err
		}
		if ok, err := a.swapRun(ctx, &r); ok || err != nil {
			return r, err
		}
	}
	return runbook.Run{}, fault.New(fault.Unavailable, "writing run %s: lost %d races", id, swapAttempts)
}

// wakeRun wakes the workflow of a run.
func (a *Activities) wakeRun(ctx context.Context, id, reason string) {
	if a.Runbooks == nil || id == "" {
		return
	}
	if err := a.Runbooks.Wake(ctx, id, reason); err != nil {
		a.Log.WarnContext(ctx, "waking the workflow of a runbook's run failed; the sweep will try again", "run", id, "error", err)
	}
}

// resendRuns wakes the workflows of runs that something is to be done for, and wasn't.
func (a *Activities) resendRuns(ctx context.Context, _ SweepRequest, report *SweepReport) error {
	if a.Runbooks == nil {
		return nil
	}
	due, err := a.Runbooks.Store.DueRuns(ctx, a.now().Add(-wakeAge), sweepBatch)
	if err != nil {
		return err
	}
	for i := range due {
		a.wakeRun(ctx, due[i].ID, "sent again")
	}
	report.Woken += len(due)
	return nil
}
