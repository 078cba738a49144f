package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

const (
	aimTicket     = 5  // seconds, of half of them
	aimTicketTail = 10 // seconds, of all but one in a hundred
	ticketRuns    = 200
)

// ticketFigures measure how long it takes from a person closing a ticket to the verdict
// of the re-test, standing in the store.
func (b *bench) ticketFigures(ctx context.Context) error {
	if !b.wants("ticket") {
		return nil
	}
	dir, err := b.folder("ticket")
	if err != nil {
		return err
	}
	o, err := inChild(ctx, task{Kind: "ticket", Dir: dir, Findings: max(5, b.scaled(ticketRuns)), Profile: b.profile("ticket")}, 2, b.log)
	if err != nil {
		return err
	}
	b.note("%.0f tickets closed; the slowest verdict came after %.2f s", o.Values["closed"], o.Values["slowest"])
	b.figure(Figure{Name: "ticket_to_verdict_p50", Value: o.Values["p50"], Unit: "s", Aim: aimTicket, Most: true})
	b.figure(Figure{Name: "ticket_to_verdict_p99", Value: o.Values["p99"], Unit: "s", Aim: aimTicketTail, Most: true})
	return nil
}

// tickets closes one ticket after the other: a system at rest, as a person meets it.
func tickets(ctx context.Context, t task) (o outcome, err error) {
	server, err := startTemporal(ctx, t.Dir)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	h, err := newHouse(ctx, t.Dir, server)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	took := make([]time.Duration, t.Findings)
	for i := range took {
		if took[i], err = h.closeTicket(ctx, 10*i); err != nil { // a tenth each, for a ticket each
			return o, fmt.Errorf("closing ticket %d: %w", i, err)
		}
	}
	o.Values = map[string]float64{"closed": float64(len(took)), "p50": quantile(took, 0.5).Seconds(), "p99": quantile(took, 0.99).Seconds(), "slowest": quantile(took, 1).Seconds()}
	return o, nil
}

// closeTicket brings an exposure as far as its ticket, mends the weakness, and closes the
// ticket as a person does. It tells how long the proof took.
func (h *house) closeTicket(ctx context.Context, n int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	id, err := h.admit(ctx, n)
	if err != nil {
		return 0, err
	}
	var ticket lifecycle.Ticket
	err = eventually(ctx, func() (bool, error) {
		e, err := h.store.Exposure(ctx, id)
		if err != nil || e.RemediationID == "" || e.State != exposure.Open {
			return false, err
		}
		ticket, err = h.store.TicketByMarker(ctx, e.RemediationID)
		if fault.Is(err, fault.NotFound) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return 0, err
	}
	h.probe.fix(id)
	begun := time.Now()
	if err := h.moveToDone(ctx, ticket); err != nil {
		return 0, err
	}
	err = eventually(ctx, func() (bool, error) {
		e, err := h.store.Exposure(ctx, id)
		return err == nil && e.State == exposure.Closed, err
	})
	return time.Since(begun), err
}

// moveToDone writes the ticket and wakes its remediation, as the API does for a person.
func (h *house) moveToDone(ctx context.Context, ticket lifecycle.Ticket) error {
	for {
		ticket.Version++
		ticket.Status, ticket.ClosedBy, ticket.ClosedAt, ticket.UpdatedAt = "done", "ann", utc(), utc()
		swapped, err := h.store.SwapTicket(ctx, ticket)
		if err != nil {
			return err
		}
		if swapped {
			return h.lifecycle.WakeRemediation(ctx, ticket.Marker, "ticket")
		}
		if ticket, err = h.store.Ticket(ctx, ticket.ID); err != nil {
			return err
		}
	}
}

// eventually asks every ten milliseconds.
func eventually(ctx context.Context, ask func() (bool, error)) error {
	for {
		ok, err := ask()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
