package activities

import (
	"context"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// maxGenerations bounds the search for a generation that isn't done yet.
const maxGenerations = 10_000

// Join puts an exposure into the remediation of its owner and fix, beginning it if need
// be, and takes it out of another one.
func (a *Activities) Join(ctx context.Context, in StepInput) (lifecycle.ExposureView, error) {
	e, err := a.exposure(ctx, in.ID)
	if err != nil {
		return lifecycle.ExposureView{}, err
	}
	v := a.Policy.view(&e, a.now())
	if e.Mode != exposure.ModeWorkflow || e.Owner.Team == "" || v.Joined {
		if v.Joined { // an attempt that died may have joined, and told nobody
			err = a.tellJoined(ctx, &e, &e.LastEvent)
		}
		return v, err
	}
	rem, err := a.claimRemediation(ctx, &e)
	if err != nil {
		return v, err
	}
	data := map[string]string{exposure.DataRemediation: rem.ID, exposure.DataTicket: rem.Ticket}
	if e.RemediationID != "" {
		data[dataLeft] = e.RemediationID
	}
	res, err := a.Ledger.Apply(ctx, ledger.Change{ID: e.ID, As: exposure.ModeWorkflow, Event: exposure.Event{
		Kind: exposure.EventTicketed, Actor: system("lifecycle"), Cause: in.cause(exposure.EventTicketed),
		Reason: "owned by " + rem.Owner + ", mended by " + lifecycle.Plain(rem.Fix, 200),
		Data:   data,
	}})
	if err != nil {
		return v, err
	}
	return a.viewAfter(&res), a.tellJoined(ctx, &res.Exposure, &res.Event)
}

// dataLeft names, in a ticketed event, the remediation that the exposure left.
const dataLeft = "left"

// tellJoined wakes the remediation that an exposure has joined, and the one that it left.
func (a *Activities) tellJoined(ctx context.Context, e *exposure.Exposure, ev *exposure.Event) error {
	if left := ev.Data[dataLeft]; left != "" && ev.Kind == exposure.EventTicketed {
		if err := a.wakeRemediation(ctx, left, "left", false); err != nil {
			return err
		}
	}
	return a.wakeRemediation(ctx, e.RemediationID, "joined", e.State.Live())
}

// takenUpAgain reports whether a remediation that is done is for a new exposure too: its
// ticket is reopened, if it isn't too old for that. One without a ticket has nothing that
// could be reopened, and costs nothing.
func (a *Activities) takenUpAgain(rem *lifecycle.Remediation) bool {
	done := rem.DoneAt
	if done.IsZero() {
		done = rem.UpdatedAt // done before that was noted
	}
	return a.now().Before(done.Add(a.keeping(rem.Tracker).ReopenWithin))
}

// trackerFor names the tracker that a remediation goes to which an exposure begins.
func (a *Activities) trackerFor(e *exposure.Exposure) string {
	if a.Route == nil {
		return a.Tracker
	}
	return a.Route(e.Owner.Team, e.Scopes, e.Decision.Outcome)
}

// claimRemediation finds the owner's remediation of the fix that is open, or begins one:
// the first generation that isn't done, or not for long.
func (a *Activities) claimRemediation(ctx context.Context, e *exposure.Exposure) (lifecycle.Remediation, error) {
	var previous *lifecycle.EarlierTicket
	for generation := 1; generation <= maxGenerations; generation++ {
		now := a.now()
		rem, _, err := a.Journal.ClaimRemediation(ctx, lifecycle.Remediation{
			ID: lifecycle.RemediationID(e.Owner.Team, e.Fix, generation), Version: 1, Owner: e.Owner.Team, Fix: e.Fix, Generation: generation,
			Status: lifecycle.RemediationOpen, Tracker: a.trackerFor(e), Due: e.Due, CreatedAt: now, UpdatedAt: now, Previous: previous,
		})
		if err != nil {
			return rem, fault.Wrap(fault.KindOf(err), err, "claiming the remediation of "+e.Owner.Team)
		}
		if rem.Status != lifecycle.RemediationDone || a.takenUpAgain(&rem) {
			return rem, nil
		}
		if rem.Ticket != "" {
			previous = &lifecycle.EarlierTicket{Remediation: rem.ID, Ticket: rem.Ticket, URL: rem.TicketURL}
		}
	}
	return lifecycle.Remediation{}, fault.New(fault.Internal, "claiming the remediation of %s: %d generations of one fix are done", e.Owner.Team, maxGenerations)
}
