package api

import (
	"context"
	"net/http"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Inbox keeps the messages of the built-in notifier.
type Inbox interface {
	// FindMessages gives those to a team (empty matches any), newest first.
	FindMessages(ctx context.Context, to string, unread bool, l exposure.List) (exposure.Page[lifecycle.InboxMessage], error)
	MarkRead(ctx context.Context, id string) error // fault.NotFound
}

func inboxRoutes() []route {
	return []route{
		{method: http.MethodGet, path: prefix + "/inbox", name: "inbox", tag: "work", summary: "Read the built-in inbox, newest first", access: needs(RoleViewer),
			query: append(pageParams(), text("to", "The team, or escalation."), yesNo("unread", "True: only what nobody has read.")),
			out:   exposure.Page[lifecycle.InboxMessage]{}, handle: (*Server).listInbox},
		{method: http.MethodPost, path: prefix + "/inbox/{id}/read", name: "markRead", tag: "work", summary: "Mark a message as read",
			access: needs(RoleOperator).entirely(), status: http.StatusNoContent, handle: (*Server).markRead},
	}
}

// seesMessage reports whether the caller may see everything that a message is about.
func (s *Server) seesMessage(ctx context.Context, c *call, m *lifecycle.InboxMessage) (bool, error) {
	if c.visible() == nil {
		return true, nil
	}
	for _, subject := range m.Subjects {
		e, err := s.deps.Exposures.Exposure(ctx, exposure.ID(subject))
		if err == nil {
			if !c.sees(e.Scopes) {
				return false, nil
			}
			continue
		}
		if !fault.Is(err, fault.NotFound) {
			return false, fault.Wrap(fault.KindOf(err), err, "reading what a message is about")
		}
		if ok, err := s.seesRemediation(ctx, c, subject); err != nil || !ok {
			return false, err
		}
	}
	return len(m.Subjects) > 0, nil
}

func (s *Server) listInbox(c *call) error {
	ctx := c.Request().Context()
	page, err := s.deps.Inbox.FindMessages(ctx, c.QueryParam("to"), c.QueryParam("unread") == "true", listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding messages")
	}
	out := exposure.Page[lifecycle.InboxMessage]{Items: []lifecycle.InboxMessage{}, Next: page.Next}
	for i := range page.Items {
		ok, err := s.seesMessage(ctx, c, &page.Items[i])
		if err != nil {
			return err
		}
		if ok {
			out.Items = append(out.Items, page.Items[i])
		}
	}
	return c.json(http.StatusOK, out)
}

func (s *Server) markRead(c *call) error {
	id := c.param("id")
	err := s.deps.Inbox.MarkRead(c.Request().Context(), id)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "there is no message %s", shown(id))
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "marking a message as read")
	}
	s.audit(c, "message read", id)
	return c.NoContent(http.StatusNoContent)
}
