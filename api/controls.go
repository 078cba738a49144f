package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/scope"
)

// Controls knows how compensating controls are doing.
type Controls interface {
	FindControls(ctx context.Context, name string, state exposure.ControlState, l exposure.List) (exposure.Page[exposure.Control], error)
	// SetControl notes how a control is doing; of two words the newer one counts.
	SetControl(ctx context.Context, c exposure.Control) (exposure.Control, error)
}

// ControlRequest says how a control is doing.
type ControlRequest struct {
	State  exposure.ControlState `json:"state"` // working, failed
	Reason string                `json:"reason"`
	Asset  asset.ID              `json:"asset,omitempty"` // empty: everywhere
	At     time.Time             `json:"at,omitzero"`     // as of when; absent: now
}

func controlRoutes() []route {
	states := []string{string(exposure.ControlWorking), string(exposure.ControlFailed)}
	return []route{
		{method: http.MethodGet, path: prefix + "/controls", name: "controls", tag: "work", summary: "What is known of compensating controls, newest first", access: needs(RoleViewer).entirely(),
			query: append(pageParams(), text("name", "Of this control."), choice("state", "How it is doing.", states)), out: exposure.Page[exposure.Control]{}, handle: (*Server).listControls},
		{method: http.MethodPut, path: prefix + "/controls/{control}", name: "setControl", tag: "work", summary: "Say that a compensating control works or failed",
			doc:    "On one asset, or everywhere. That it failed ends the exceptions with control:NAME there. Of two words the newer one counts.",
			access: needs(RoleOperator).entirely(), in: ControlRequest{}, out: exposure.Control{}, handle: (*Server).setControl},
	}
}

func (s *Server) listControls(c *call) error {
	q, out := c.QueryParams(), exposure.Page[exposure.Control]{Items: []exposure.Control{}}
	if s.deps.Controls != nil {
		page, err := s.deps.Controls.FindControls(c.Request().Context(), q.Get("name"), exposure.ControlState(q.Get("state")), listOf(q))
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "finding controls")
		}
		out.Items, out.Next = listed(page.Items), page.Next
	}
	return c.json(http.StatusOK, out)
}

func (s *Server) setControl(c *call) error {
	var in ControlRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	name, now := c.param("control"), s.now()
	switch {
	case !scope.ValidName(name):
		return invalid(FieldError{Field: "control", Detail: "is no name: use letters, digits, dots, dashes and underscores"})
	case in.State != exposure.ControlWorking && in.State != exposure.ControlFailed:
		return invalid(FieldError{Field: "state", Detail: "must be working or failed"})
	case strings.TrimSpace(in.Reason) == "" || len(in.Reason) > maxReason:
		return invalid(FieldError{Field: "reason", Detail: "is required, and at most " + bytesText(maxReason)})
	case in.At.After(now):
		return invalid(FieldError{Field: "at", Detail: "is in the future"})
	case s.deps.Controls == nil:
		return fault.New(fault.NotFound, "controls aren't kept here")
	}
	ctx := c.Request().Context()
	if in.Asset != "" {
		a, err := s.deps.Assets.Asset(ctx, in.Asset)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading asset "+shown(string(in.Asset)))
		}
		in.Asset = a.ID
	}
	if in.At.IsZero() {
		in.At = now
	}
	out, err := s.deps.Controls.SetControl(ctx, exposure.Control{Name: name, Asset: in.Asset, State: in.State, By: c.token.Name, Reason: in.Reason, At: ms(in.At)})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "noting how a control is doing")
	}
	s.audit(c, "control "+string(in.State), name+"|"+string(in.Asset))
	return c.json(http.StatusOK, out)
}
