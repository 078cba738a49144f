package activities

import (
	"context"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Journal keeps remediations, and the intents of what they do to the outside: written
// before the effect, done after it.
type Journal interface {
	// ClaimRemediation inserts it if its ID is free, and gives the one that is stored.
	ClaimRemediation(ctx context.Context, r lifecycle.Remediation) (lifecycle.Remediation, bool, error)
	Remediation(ctx context.Context, id string) (lifecycle.Remediation, error)
	// SwapRemediation writes it where the stored version is Version-1.
	SwapRemediation(ctx context.Context, r lifecycle.Remediation) (bool, error)
	Intents
}

// Intents is the part of the journal about single effects.
type Intents interface {
	// PutIntent inserts an intent if its ID is free, and gives the one that is stored.
	PutIntent(ctx context.Context, i lifecycle.Intent) (lifecycle.Intent, bool, error)
	// BeginIntent is PutIntent for what is done again and again: one that was carried out
	// before is open once more.
	BeginIntent(ctx context.Context, i lifecycle.Intent) error
	DoneIntent(ctx context.Context, id, result string, at time.Time) error
	Intents(ctx context.Context, remediation string) ([]lifecycle.Intent, error)
}

// swapAttempts bounds lost races for one remediation: its members all write to it.
const swapAttempts = 64

// edit changes a remediation; fn says whether there is anything to write. It may be
// called again after a lost race.
func (a *Activities) edit(ctx context.Context, id string, fn func(*lifecycle.Remediation) bool) (lifecycle.Remediation, error) {
	for range swapAttempts {
		r, err := a.Journal.Remediation(ctx, id)
		if err != nil {
			return r, fault.Wrap(fault.KindOf(err), err, "reading remediation "+id)
		}
		if !fn(&r) {
			return r, nil
		}
		r.Version++
		r.UpdatedAt = a.now()
		swapped, err := a.Journal.SwapRemediation(ctx, r)
		if err != nil {
			return r, fault.Wrap(fault.KindOf(err), err, "writing remediation "+id)
		}
		if swapped {
			return r, nil
		}
	}
	return lifecycle.Remediation{}, fault.New(fault.Unavailable, "writing remediation %s: lost %d races", id, swapAttempts)
}

// tell lets the remediation of an exposure know of an event: what is to be said on the
// ticket and to the owner is put into its journal, then it is woken. Repeating it is safe.
func (a *Activities) tell(ctx context.Context, e *exposure.Exposure, ev *exposure.Event) error {
	if e.RemediationID == "" || !concerns(e, ev) {
		return nil
	}
	occasion := exposure.EventID(ev.Exposure, ev.Seq)
	if comments(ev) {
		if err := a.intend(ctx, e.RemediationID, lifecycle.IntentComment, occasion); err != nil {
			return err
		}
	}
	if reopens(ev) {
		if err := a.intend(ctx, e.RemediationID, lifecycle.IntentNotify, "reopened/"+occasion); err != nil {
			return err
		}
	}
	return a.wakeRemediation(ctx, e.RemediationID, string(ev.Kind), e.State.Live())
}

// concerns reports whether a remediation has anything to do, or its ticket anything to
// show, because of an event. That a probe is about to test a claim is not worth a word:
// its verdict follows.
func concerns(e *exposure.Exposure, ev *exposure.Event) bool {
	switch ev.Kind {
	case exposure.EventAssigned, exposure.EventDecided, exposure.EventSnoozed, exposure.EventTicketed:
		return true
	case exposure.EventRequested, exposure.EventDeclined, exposure.EventWithdrawn, exposure.EventExpired, exposure.EventWaiting, exposure.EventResumed:
		return true
	case exposure.EventVerify:
		return false
	case exposure.EventClaim:
		return !e.Verification.Method.Probes()
	default:
		return ev.From != ev.To
	}
}

// comments reports whether an event is said on the ticket. What merely moves on stands in
// the ticket's table.
func comments(ev *exposure.Event) bool {
	switch ev.Kind {
	case exposure.EventConfirmed, exposure.EventInconclusive:
		return ev.From == exposure.Verifying
	case exposure.EventObserved, exposure.EventAccept, exposure.EventMitigate, exposure.EventDismiss, exposure.EventLapse, exposure.EventReopen, exposure.EventDemote:
		return ev.From != ev.To
	case exposure.EventRequested, exposure.EventDeclined, exposure.EventWithdrawn, exposure.EventExpired, exposure.EventWaiting, exposure.EventResumed:
		return true
	default:
		return false
	}
}

// reopens reports whether an event brings back what somebody thought done.
func reopens(ev *exposure.Event) bool {
	switch ev.Kind {
	case exposure.EventConfirmed:
		return ev.From == exposure.Verifying
	case exposure.EventObserved, exposure.EventLapse, exposure.EventReopen:
		return ev.From != ev.To
	default:
		return false
	}
}

func (a *Activities) intend(ctx context.Context, remediation, kind, cause string) error {
	_, _, err := a.Journal.PutIntent(ctx, lifecycle.Intent{
		ID: lifecycle.IntentID(remediation, kind, cause), Version: 1, Remediation: remediation, Kind: kind, Cause: cause, CreatedAt: a.now(),
	})
	return fault.Wrap(fault.KindOf(err), err, "noting what is to be done for remediation "+remediation)
}

// awake is how young a wake is that surely is on its way still: until its workflow has
// taken it back, one signal stands for all.
const awake = 2 * time.Second

// wakeRemediation marks a remediation as woken, which the sweep repeats, then wakes its
// workflow. A live member takes it up again where it was done.
func (a *Activities) wakeRemediation(ctx context.Context, id, reason string, live bool) error {
	onItsWay := false
	rem, err := a.edit(ctx, id, func(r *lifecycle.Remediation) bool {
		onItsWay = r.Wake && r.Status == lifecycle.RemediationOpen && r.WakeAt.After(a.now().Add(-awake))
		if live && r.Status == lifecycle.RemediationDone {
			r.Status = lifecycle.RemediationOpen
		}
		if !onItsWay {
			r.Wake, r.WakeAt = true, a.now()
		}
		return true // even then: its workflow must not take that wake back for having read too early
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return nil // erased: there is nobody to tell
	case err != nil || onItsWay:
		return err
	}
	if reason != lifecycle.WakeRunbook {
		a.wakeRun(ctx, rem.Run, reason) // which may wait for what comes of its claim
	}
	if err := a.Waker.WakeRemediation(ctx, id, reason); err != nil {
		if ctx.Err() != nil {
			return fault.Wrap(fault.Unavailable, err, "waking remediation "+id) // we are being stopped: this is to be done again
		}
		a.Log.WarnContext(ctx, "waking a remediation's workflow failed; the sweep will try again", "remediation", id, "error", err)
	}
	return nil
}

// wakeExposure tells an exposure's workflow that it was written to.
func (a *Activities) wakeExposure(ctx context.Context, e *exposure.Exposure, reason string) {
	if err := a.Waker.Wake(ctx, e, reason); err != nil {
		a.Log.WarnContext(ctx, "waking an exposure's workflow failed; the sweep will try again", "exposure", e.ID, "error", err)
	}
}
