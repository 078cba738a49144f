package activities

import (
	"context"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Courier delivers what is in the outbox.
type Courier interface {
	// Deliver does a bounded part of what is to be done for a notifier now. Of two at the
	// same time, one gets each message.
	Deliver(ctx context.Context, notifier string, beat func(what string)) (lifecycle.Delivered, error)
	// Resend wakes the notifiers again for which something should have been done by now.
	Resend(ctx context.Context) (int, error)
}

// Shower is a notifier that keeps the cards of remediations up to date where they are
// shown.
type Shower interface {
	Show(ctx context.Context, thread string, card connectors.Card, actions []connectors.Action) error
}

// Deliver tells people what a notifier has to tell.
func (a *Activities) Deliver(ctx context.Context, in lifecycle.DeliverInput) (lifecycle.Delivered, error) {
	if a.Courier == nil {
		return lifecycle.Delivered{}, nil
	}
	done, err := a.Courier.Deliver(ctx, in.Notifier, func(what string) { beat(ctx, what) })
	return done, fault.Wrap(fault.KindOf(err), err, "delivering what "+in.Notifier+" has to tell")
}

// resendDeliveries wakes notifiers whose wakes were lost.
func (a *Activities) resendDeliveries(ctx context.Context, _ SweepRequest, report *SweepReport) error {
	if a.Courier == nil {
		return nil
	}
	n, err := a.Courier.Resend(ctx)
	report.Woken += n
	return err
}
