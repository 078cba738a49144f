package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Tickets keeps the issues of the built-in tracker.
type Tickets interface {
	Ticket(ctx context.Context, key string) (lifecycle.Ticket, error)
	SwapTicket(ctx context.Context, t lifecycle.Ticket) (bool, error) // false: the version has moved on
	// FindTickets gives those of a status and a team; empty matches any.
	FindTickets(ctx context.Context, status, team string, l exposure.List) (exposure.Page[lifecycle.Ticket], error)
}

// StatusRequest moves a ticket.
type StatusRequest struct {
	Status string `json:"status"` // todo, in_progress, done
}

// CommentRequest adds a comment to a ticket.
type CommentRequest struct {
	Text string `json:"text"`
}

const maxComment = 16 << 10

func ticketStatuses() []string { return []string{"todo", "in_progress", "done"} }

func workRoutes() []route {
	tickets := prefix + "/tickets"
	match := text("If-Match", "The ETag of the ticket as it was read.")
	key := text("Idempotency-Key", "Makes a repeat of the request the same comment.")
	return append([]route{
		{method: http.MethodGet, path: tickets, name: "tickets", tag: "work", summary: "Find tickets of the built-in tracker", access: needs(RoleViewer),
			query: append(pageParams(), choice("status", "Where it stands.", ticketStatuses()), text("team", "The owning team.")),
			out:   exposure.Page[lifecycle.Ticket]{}, handle: (*Server).listTickets},
		{method: http.MethodGet, path: tickets + "/{key}", name: "ticket", tag: "work", summary: "One ticket", access: needs(RoleViewer),
			out: lifecycle.Ticket{}, etag: true, handle: (*Server).getTicket},
		{method: http.MethodPost, path: tickets + "/{key}/status", name: "moveTicket", tag: "work", summary: "Move a ticket",
			doc:    "Done is a claim that all its exposures are fixed: they are tested, and the ticket comes back if one is still there.",
			access: needs(RoleOperator), headers: []param{match}, in: StatusRequest{}, out: lifecycle.Ticket{}, handle: (*Server).moveTicket},
		{method: http.MethodPost, path: tickets + "/{key}/comments", name: "commentTicket", tag: "work", summary: "Comment on a ticket",
			access: needs(RoleOperator), headers: []param{key}, in: CommentRequest{}, out: lifecycle.Ticket{}, status: http.StatusCreated, handle: (*Server).commentTicket},
	}, append(append(append(queueRoutes(), campaignRoutes()...), inboxRoutes()...), outboxRoutes()...)...)
}

// seesRemediation reports whether the caller may see every exposure of a remediation: its
// ticket speaks of all of them.
func (s *Server) seesRemediation(ctx context.Context, c *call, id string) (bool, error) {
	if c.visible() == nil {
		return true, nil
	}
	all, err := s.deps.Exposures.CountExposures(ctx, exposure.Filter{Remediation: id}, "")
	if err != nil {
		return false, fault.Wrap(fault.KindOf(err), err, "counting the exposures of a ticket")
	}
	seen, err := s.deps.Exposures.CountExposures(ctx, exposure.Filter{Remediation: id, Visible: c.visible()}, "")
	if err != nil {
		return false, fault.Wrap(fault.KindOf(err), err, "counting the exposures of a ticket")
	}
	return total(all) > 0 && total(all) == total(seen), nil
}

func (s *Server) listTickets(c *call) error {
	ctx := c.Request().Context()
	page, err := s.deps.Tickets.FindTickets(ctx, c.QueryParam("status"), c.QueryParam("team"), listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding tickets")
	}
	out := exposure.Page[lifecycle.Ticket]{Items: []lifecycle.Ticket{}, Next: page.Next}
	for i := range page.Items {
		ok, err := s.seesRemediation(ctx, c, page.Items[i].Marker)
		if err != nil {
			return err
		}
		if ok {
			out.Items = append(out.Items, page.Items[i])
		}
	}
	return c.json(http.StatusOK, out)
}

// ticket reads one ticket that the caller may see.
func (s *Server) ticket(ctx context.Context, c *call) (lifecycle.Ticket, error) {
	key := c.param("key")
	t, err := s.deps.Tickets.Ticket(ctx, key)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return t, fault.Wrap(fault.KindOf(err), err, "reading a ticket")
	}
	ok := err == nil
	if ok {
		if ok, err = s.seesRemediation(ctx, c, t.Marker); err != nil {
			return t, err
		}
	}
	if !ok {
		return lifecycle.Ticket{}, fault.New(fault.NotFound, "there is no ticket %s", shown(key))
	}
	return t, nil
}

func (s *Server) getTicket(c *call) error {
	t, err := s.ticket(c.Request().Context(), c)
	if err != nil {
		return err
	}
	if c.unchanged(etag(t.Version, "")) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.json(http.StatusOK, t)
}

// editTicket writes what edit makes of a ticket, once more after a lost race, and wakes
// its remediation. An edit that changes nothing writes nothing.
func (s *Server) editTicket(c *call, version int64, edit func(t *lifecycle.Ticket) (changed bool)) (lifecycle.Ticket, error) {
	ctx := c.Request().Context()
	const attempts = 16
	for range attempts {
		t, err := s.ticket(ctx, c)
		if err != nil {
			return t, err
		}
		if version != 0 && t.Version != version {
			return t, stale(t.Version)
		}
		t.Comments = append([]lifecycle.Comment(nil), t.Comments...)
		if !edit(&t) {
			return t, nil
		}
		t.Version++
		t.UpdatedAt = ms(s.now())
		swapped, err := s.deps.Tickets.SwapTicket(ctx, t)
		if err != nil {
			return t, fault.Wrap(fault.KindOf(err), err, "writing a ticket")
		}
		if swapped {
			// Stored: if the wake is lost, the remediation's own look at its ticket finds it.
			if err := s.deps.Waker.WakeRemediation(ctx, t.Marker, "ticket"); err != nil {
				s.log.Warn("waking the remediation of a ticket", "ticket", t.ID, "error", err)
			}
			return t, nil
		}
	}
	return lifecycle.Ticket{}, fault.New(fault.Unavailable, "writing a ticket: lost %d races", attempts)
}

func (s *Server) moveTicket(c *call) error {
	var in StatusRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if why := choice("status", "", ticketStatuses()).wrongValue(in.Status); why != "" {
		return invalid(FieldError{Field: "status", Detail: why})
	}
	version, err := c.ifMatch()
	if err != nil {
		return err
	}
	t, err := s.editTicket(c, version, func(t *lifecycle.Ticket) bool {
		if t.Status == in.Status {
			return false
		}
		t.Status, t.ClosedBy, t.ClosedAt = in.Status, "", time.Time{}
		if in.Status == "done" {
			t.ClosedBy, t.ClosedAt = c.token.Name, ms(s.now())
		}
		return true
	})
	if err != nil {
		return err
	}
	s.audit(c, "ticket moved to "+in.Status, t.ID)
	c.Response().Header().Set("ETag", etag(t.Version, ""))
	return c.json(http.StatusOK, t)
}

func (s *Server) commentTicket(c *call) error {
	var in CommentRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if strings.TrimSpace(in.Text) == "" || len(in.Text) > maxComment {
		return invalid(FieldError{Field: "text", Detail: "must hold something, and at most " + bytesText(maxComment)})
	}
	cause, err := s.idempotencyKey(c)
	if err != nil {
		return err
	}
	t, err := s.editTicket(c, 0, func(t *lifecycle.Ticket) bool {
		for i := range t.Comments {
			if t.Comments[i].Cause == cause {
				return false
			}
		}
		t.Comments = append(t.Comments, lifecycle.Comment{Cause: cause, By: c.token.Name, Text: in.Text, At: ms(s.now())})
		return true
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, t)
}
