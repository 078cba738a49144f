package api

import (
	"context"
	"net/http"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// TrackerStatus is how things stand with one tracker.
type TrackerStatus struct {
	Name       string                `json:"name"`
	Connector  string                `json:"connector"`
	Roles      []string              `json:"roles"`             // what it can do beyond the least
	Webhook    string                `json:"webhook,omitempty"` // the path that it calls
	Open       int64                 `json:"open"`              // remediations that are open in it
	Troubled   int64                 `json:"troubled"`          // of them, those that are kept from their ticket
	Problems   []string              `json:"problems"`          // with its set-up, when that was last looked at
	CheckedAt  time.Time             `json:"checked_at,omitzero"`
	Reconciled *lifecycle.Reconciled `json:"reconciled,omitempty"` // the built-in one isn't asked what was changed
}

// Trackers knows how things stand with the trackers.
type Trackers interface {
	Trackers(ctx context.Context) ([]TrackerStatus, error)
	// CheckTracker has a tracker look at its set-up at the vendor now; fault.NotFound.
	CheckTracker(ctx context.Context, name string) (TrackerStatus, error)
}

// Remediations knows what the tickets are about, whatever tracker they are in.
type Remediations interface {
	Remediation(ctx context.Context, id string) (lifecycle.Remediation, error)
	RemediationByTicket(ctx context.Context, key string) (lifecycle.Remediation, error)
	FindRemediations(ctx context.Context, f lifecycle.RemediationFilter, l exposure.List) (exposure.Page[lifecycle.Remediation], error)
	Intents(ctx context.Context, remediation string) ([]lifecycle.Intent, error)
	// Recreate says that there is to be another ticket in place of a deleted one.
	Recreate(ctx context.Context, id, by string) (lifecycle.Remediation, error)
}

// RemediationDetail is a remediation with what was done for it.
type RemediationDetail struct {
	Remediation lifecycle.Remediation `json:"remediation"`
	States      map[string]int64      `json:"states"`  // of its exposures
	Runs        []RunView             `json:"runs"`    // of runbooks, oldest first
	Journal     []lifecycle.Intent    `json:"journal"` // oldest first; what isn't done was begun, and is tried again
}

func trackerRoutes() []route {
	trackers, remediations := prefix+"/trackers", prefix+"/remediations"
	return []route{
		{method: http.MethodGet, path: trackers, name: "trackers", tag: "work", summary: "How things stand with the trackers", access: needs(RoleViewer).entirely(),
			out: []TrackerStatus{}, handle: (*Server).listTrackers},
		{method: http.MethodPost, path: trackers + "/{tracker}/check", name: "checkTracker", tag: "work", summary: "Look at a tracker's set-up at the vendor",
			doc:    "Projects, fields, permissions and transitions that its configuration needs. Every problem is told at once, with what to do.",
			access: needs(RoleOperator).entirely(), out: TrackerStatus{}, handle: (*Server).checkTracker},
		{method: http.MethodGet, path: remediations, name: "remediations", tag: "work", summary: "Find remediations: one team's one fix, with one ticket",
			access: needs(RoleViewer), query: append(pageParams(), choice("status", "Whether any of its exposures is live.", []string{"open", "done"}),
				text("team", "The owning team."), choice("troubled", "Only those that are kept from their ticket.", []string{"true"})),
			out: exposure.Page[lifecycle.Remediation]{}, handle: (*Server).listRemediations},
		{method: http.MethodGet, path: remediations + "/{remediation}", name: "remediation", tag: "work", summary: "One remediation, by its ID or its ticket's key",
			access: needs(RoleViewer), out: RemediationDetail{}, handle: (*Server).getRemediation},
		{method: http.MethodPost, path: remediations + "/{remediation}/recreate", name: "recreateTicket", tag: "work", summary: "Have another ticket made in place of a deleted one",
			access: needs(RoleOperator), out: lifecycle.Remediation{}, handle: (*Server).recreateTicket},
	}
}

func (s *Server) listTrackers(c *call) error {
	all := []TrackerStatus{}
	if s.deps.Trackers != nil {
		var err error
		if all, err = s.deps.Trackers.Trackers(c.Request().Context()); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "asking how the trackers are")
		}
	}
	return c.json(http.StatusOK, all)
}

func (s *Server) checkTracker(c *call) error {
	name := c.param("tracker")
	if s.deps.Trackers == nil {
		return fault.New(fault.NotFound, "there is no tracker %s", shown(name))
	}
	status, err := s.deps.Trackers.CheckTracker(c.Request().Context(), name)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "checking a tracker")
	}
	return c.json(http.StatusOK, status)
}

func (s *Server) listRemediations(c *call) error {
	ctx, q := c.Request().Context(), c.QueryParams()
	page, err := s.deps.Remediations.FindRemediations(ctx, lifecycle.RemediationFilter{
		Status: lifecycle.RemediationStatus(q.Get("status")), Owner: q.Get("team")}, listOf(q))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding remediations")
	}
	out := exposure.Page[lifecycle.Remediation]{Items: []lifecycle.Remediation{}, Next: page.Next}
	for i := range page.Items {
		if q.Get("troubled") != "" && page.Items[i].Trouble == nil {
			continue
		}
		ok, err := s.seesRemediation(ctx, c, page.Items[i].ID)
		if err != nil {
			return err
		}
		if ok {
			out.Items = append(out.Items, page.Items[i])
		}
	}
	return c.json(http.StatusOK, out)
}

// remediation finds one that the caller may see, by its ID or by its ticket's key.
func (s *Server) remediation(ctx context.Context, c *call) (lifecycle.Remediation, error) {
	name := c.param("remediation")
	rem, err := s.deps.Remediations.Remediation(ctx, name)
	if fault.Is(err, fault.NotFound) {
		rem, err = s.deps.Remediations.RemediationByTicket(ctx, name)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return rem, fault.Wrap(fault.KindOf(err), err, "reading a remediation")
	}
	ok := err == nil
	if ok {
		if ok, err = s.seesRemediation(ctx, c, rem.ID); err != nil {
			return rem, err
		}
	}
	if !ok {
		return lifecycle.Remediation{}, fault.New(fault.NotFound, "there is no remediation %s, and none with a ticket of that key", shown(name))
	}
	return rem, nil
}

func (s *Server) getRemediation(c *call) error {
	ctx := c.Request().Context()
	rem, err := s.remediation(ctx, c)
	if err != nil {
		return err
	}
	out := RemediationDetail{Remediation: rem}
	if out.States, err = s.deps.Exposures.CountExposures(ctx, exposure.Filter{Remediation: rem.ID}, "state"); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting the exposures of a remediation")
	}
	if out.Journal, err = s.deps.Remediations.Intents(ctx, rem.ID); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading what was done for a remediation")
	}
	if out.Runs, err = s.runsOf(ctx, c, rem.ID); err != nil {
		return err
	}
	if out.Journal == nil {
		out.Journal = []lifecycle.Intent{}
	}
	if out.States == nil {
		out.States = map[string]int64{}
	}
	return c.json(http.StatusOK, out)
}

func (s *Server) recreateTicket(c *call) error {
	ctx := c.Request().Context()
	rem, err := s.remediation(ctx, c)
	if err != nil {
		return err
	}
	if rem, err = s.deps.Remediations.Recreate(ctx, rem.ID, c.token.Name); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "having another ticket made")
	}
	s.audit(c, "ticket to be made anew", rem.ID)
	return c.json(http.StatusOK, rem)
}
