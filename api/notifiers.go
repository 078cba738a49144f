package api

import (
	"context"
	"net/http"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Outbox says what was told to whom, and how those who tell it are doing.
type Outbox interface {
	Status(ctx context.Context) ([]lifecycle.NotifierStatus, error)
	Check(ctx context.Context, name string) ([]string, error) // fault.NotFound
	Test(ctx context.Context, name, to, by string) (string, error)
	Messages(ctx context.Context, notifier, state, to string, l exposure.List) (exposure.Page[lifecycle.Told], error)
}

// TestRequest asks for a message that says that it is a test.
type TestRequest struct {
	To string `json:"to"` // a team, escalation, or a person or channel with @ or # in front
}

// TestResult names the message, to be found among the messages.
type TestResult struct {
	Message string `json:"message"`
}

func outboxStates() []string { return []string{"pending", "sending", "sent", "folded", "failed"} }

func outboxRoutes() []route {
	notifiers := prefix + "/notifiers"
	return []route{
		{method: http.MethodGet, path: notifiers, name: "notifiers", tag: "work", summary: "How those who tell people are doing", access: needs(RoleViewer).entirely(),
			out: exposure.Page[lifecycle.NotifierStatus]{}, handle: (*Server).listNotifiers},
		{method: http.MethodPost, path: notifiers + "/{name}/check", name: "checkNotifier", tag: "work", summary: "Look at a notifier's set-up at its vendor",
			access: needs(RoleOperator).entirely(), out: lifecycle.NotifierCheck{}, handle: (*Server).checkNotifier},
		{method: http.MethodPost, path: notifiers + "/{name}/test", name: "testNotifier", tag: "work", summary: "Send a test message",
			access: needs(RoleOperator).entirely(), in: TestRequest{}, out: TestResult{}, status: http.StatusAccepted, handle: (*Server).testNotifier},
		{method: http.MethodGet, path: prefix + "/messages", name: "messages", tag: "work", summary: "What was told to whom, and what is to be, newest first",
			access: needs(RoleViewer).entirely(),
			query:  append(pageParams(), text("notifier", "By whom."), text("to", "The team, or escalation."), choice("state", "Where it stands.", outboxStates())),
			out:    exposure.Page[lifecycle.Told]{}, handle: (*Server).listMessages},
	}
}

// outbox is there in a daemon, and not in every test of the rest.
func (s *Server) outbox() (Outbox, error) {
	if s.deps.Outbox == nil {
		return nil, fault.New(fault.Unavailable, "there is no outbox here")
	}
	return s.deps.Outbox, nil
}

func (s *Server) listNotifiers(c *call) error {
	out, err := s.outbox()
	if err != nil {
		return err
	}
	all, err := out.Status(c.Request().Context())
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "asking how notifiers are doing")
	}
	return c.json(http.StatusOK, exposure.Page[lifecycle.NotifierStatus]{Items: all})
}

func (s *Server) checkNotifier(c *call) error {
	out, err := s.outbox()
	if err != nil {
		return err
	}
	problems, err := out.Check(c.Request().Context(), c.param("name"))
	if err != nil {
		return err //nolint:wrapcheck // it says which there is none of
	}
	return c.json(http.StatusOK, lifecycle.NotifierCheck{Name: c.param("name"), Problems: problems})
}

func (s *Server) testNotifier(c *call) error {
	out, err := s.outbox()
	if err != nil {
		return err
	}
	var in TestRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.To == "" {
		return fault.New(fault.Invalid, "to: is missing: a team, escalation, or a person or channel with @ or # in front")
	}
	id, err := out.Test(c.Request().Context(), c.param("name"), in.To, c.token.Name)
	if err != nil {
		return err //nolint:wrapcheck // likewise
	}
	s.audit(c, "test message sent", c.param("name"))
	return c.json(http.StatusAccepted, TestResult{Message: id})
}

func (s *Server) listMessages(c *call) error {
	out, err := s.outbox()
	if err != nil {
		return err
	}
	q := c.QueryParams()
	page, err := out.Messages(c.Request().Context(), q.Get("notifier"), q.Get("state"), q.Get("to"), listOf(q))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding messages")
	}
	return c.json(http.StatusOK, page)
}
