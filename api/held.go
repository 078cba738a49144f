package api

import (
	"net/http"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// HoldDecision is a person's decision on a delivery that the breaker holds.
type HoldDecision struct {
	Reason string `json:"reason"` // why: it stands in the delivery for good
}

func heldRoutes() []route {
	held := func(verb, name, summary, doc string, handle func(*Server, *call) error) route {
		return route{method: http.MethodPost, path: prefix + "/deliveries/{id}/" + verb, name: name, tag: "deliveries", summary: summary, doc: doc,
			access: needs(RoleApprover).entirely(), in: HoldDecision{}, out: exposure.Delivery{}, handle: handle}
	}
	return []route{
		held("approve", "approveDelivery", "Let a held delivery take away what it would",
			"It is ingested once more, and this time applied whole. Whatever closes by it names who approved it.", (*Server).approveHeld),
		held("reject", "rejectDelivery", "End a held delivery without a change", "What it saw stays; what it would have taken away stays too.", (*Server).rejectHeld),
	}
}

func (s *Server) approveHeld(c *call) error { return s.decideHeld(c, exposure.HoldApproved) }
func (s *Server) rejectHeld(c *call) error  { return s.decideHeld(c, exposure.HoldRejected) }

// decideHeld decides on a held delivery, once: the same decision by the same person again
// is answered with what it did.
func (s *Server) decideHeld(c *call, outcome exposure.HoldOutcome) error {
	var in HoldDecision
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.Reason = strings.TrimSpace(in.Reason); in.Reason == "" || len(in.Reason) > maxComment {
		return invalid(FieldError{Field: "reason", Detail: "must hold something, and at most " + bytesText(maxComment)})
	}
	ctx := c.Request().Context()
	const attempts = 3 // the sweep may note at the same time that people were told
	for range attempts {
		d, err := s.deps.Deliveries.Delivery(ctx, c.param("id"))
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading a delivery")
		}
		if !d.Waits() {
			if d.Hold != nil && d.Hold.Outcome == outcome && d.Hold.By == c.token.Name {
				s.wakes.source(ctx, d.Source) // the first wake may have been lost
				return c.json(http.StatusOK, d)
			}
			return fault.New(fault.Conflict, "deciding on delivery %s: %s", d.ID, undecidable(&d))
		}
		d = d.Decide(outcome, c.token.Name, in.Reason, ms(s.now()))
		swapped, err := s.deps.Deliveries.SwapDelivery(ctx, d)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "deciding on delivery "+d.ID)
		}
		if swapped {
			s.audit(c, "held delivery "+string(outcome), d.ID)
			if outcome == exposure.HoldApproved {
				s.wakes.source(ctx, d.Source)
			}
			return c.json(http.StatusOK, d)
		}
	}
	return fault.New(fault.Unavailable, "deciding on a delivery: lost %d races", attempts)
}

// undecidable says why there is nothing to decide on a delivery.
func undecidable(d *exposure.Delivery) string {
	h := d.Hold
	switch {
	case h == nil || h.Outcome == "":
		return "the breaker doesn't hold it"
	case h.Outcome == exposure.HoldSuperseded:
		return "it was superseded by delivery " + h.By
	case h.Outcome == exposure.HoldTimedOut:
		return "nobody decided in time; replay it if it is right"
	}
	return "it was " + string(h.Outcome) + " by " + h.By
}
