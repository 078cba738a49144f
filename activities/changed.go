package activities

import (
	"context"
	"slices"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// maxHeard is how many of the last changes of a ticket are remembered, to know those that
// are told again.
const maxHeard = 16

// TicketChanged notes that the ticket of a remediation is to be read, and wakes its
// workflow. That is all a tracker's word leads to: it may be late, repeated, out of order,
// or about our own write. Once it is noted nothing is lost: the sweep sends the wake again,
// and the note stays until the ticket was read. What is not about a remediation of ours is
// let go.
func (a *Activities) TicketChanged(ctx context.Context, c lifecycle.TicketChange) error {
	rem, ok, err := a.changed(ctx, c)
	if err != nil || !ok {
		return err
	}
	known, onItsWay := false, false
	_, err = a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		known = c.Cause != "" && slices.Contains(r.Heard, c.Cause)
		if known {
			return false
		}
		if c.Cause != "" {
			r.Heard = append(slices.Clone(r.Heard), c.Cause)
			r.Heard = r.Heard[max(0, len(r.Heard)-maxHeard):]
		}
		// A wake that surely is on its way stands for this one too, if it is for a look.
		onItsWay = r.Wake && !r.Look.IsZero() && r.WakeAt.After(a.now().Add(-awake))
		r.Look = a.now()
		if !onItsWay {
			r.Wake, r.WakeAt = true, r.Look
		}
		return true
	})
	if err != nil || known || onItsWay {
		return err
	}
	a.Log.DebugContext(ctx, "a ticket changed", "remediation", rem.ID, "ticket", c.Key, "what", lifecycle.Plain(c.What, 80))
	if err := a.Waker.WakeRemediation(ctx, rem.ID, "ticket"); err != nil {
		a.Log.WarnContext(ctx, "waking a remediation's workflow failed; the sweep will try again", "remediation", rem.ID, "error", err)
	}
	return nil
}

// changed finds the remediation that a change is about: by its marker, else by the key of
// its ticket. A marker that names another tracker's remediation is a copy's.
func (a *Activities) changed(ctx context.Context, c lifecycle.TicketChange) (lifecycle.Remediation, bool, error) {
	if c.Marker != "" {
		rem, err := a.Journal.Remediation(ctx, c.Marker)
		if err == nil {
			return rem, rem.Tracker == c.Tracker, nil
		}
		if !fault.Is(err, fault.NotFound) {
			return rem, false, fault.Wrap(fault.KindOf(err), err, "finding the remediation of ticket "+c.Key)
		}
	}
	if c.Key == "" {
		return lifecycle.Remediation{}, false, nil
	}
	const namesakes = 10 // in other trackers
	page, err := a.Board.FindRemediations(ctx, lifecycle.RemediationFilter{Ticket: c.Key}, exposure.List{Limit: namesakes})
	if err != nil {
		return lifecycle.Remediation{}, false, fault.Wrap(fault.KindOf(err), err, "finding the remediation of ticket "+c.Key)
	}
	for i := range page.Items {
		if page.Items[i].Tracker == c.Tracker {
			return page.Items[i], true, nil
		}
	}
	return lifecycle.Remediation{}, false, nil
}
