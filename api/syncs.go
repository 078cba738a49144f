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

// Syncs knows and steers when sources are pulled. Methods that name a source which isn't
// pulled give fault.NotFound.
type Syncs interface {
	Plan(ctx context.Context, source string) (lifecycle.SyncPlan, error)
	History(ctx context.Context, source string, l exposure.List) (exposure.Page[exposure.Sync], error)
	// Start pulls now, unless it is being pulled; since, if not zero, asks for all that
	// changed since then.
	Start(ctx context.Context, source string, since time.Time) error
	Pause(ctx context.Context, source, by, reason string) error
	Resume(ctx context.Context, source, by string) error
}

// SyncRequest asks for a source to be pulled now.
type SyncRequest struct {
	Since time.Time `json:"since,omitzero"` // all that changed since; where the connector can ask so
}

// PauseRequest stops the pulling of a source.
type PauseRequest struct {
	Reason string `json:"reason"`
}

func syncRoutes() []route {
	one := prefix + "/sources/{source}/sync"
	return []route{
		{method: http.MethodGet, path: one, name: "sync", tag: "inventory", summary: "When a source is pulled next", access: needs(RoleViewer).entirely(),
			out: lifecycle.SyncPlan{}, handle: (*Server).getSync},
		{method: http.MethodGet, path: prefix + "/sources/{source}/syncs", name: "syncs", tag: "inventory", summary: "How a source was pulled, newest first",
			access: needs(RoleViewer).entirely(), query: pageParams(), out: exposure.Page[exposure.Sync]{}, handle: (*Server).listSyncs},
		{method: http.MethodPost, path: one, name: "startSync", tag: "inventory", summary: "Pull a source now",
			doc:    "Does nothing but remember since where it is being pulled already: one sync of a source runs at a time.",
			access: needs(RoleOperator).entirely(), in: SyncRequest{}, status: http.StatusAccepted, out: lifecycle.SyncPlan{}, handle: (*Server).startSync},
		{method: http.MethodPost, path: one + "/pause", name: "pauseSync", tag: "inventory", summary: "Stop pulling a source",
			access: needs(RoleOperator).entirely(), in: PauseRequest{}, out: lifecycle.SyncPlan{}, handle: (*Server).pauseSync},
		{method: http.MethodPost, path: one + "/resume", name: "resumeSync", tag: "inventory", summary: "Go on pulling a source",
			access: needs(RoleOperator).entirely(), out: lifecycle.SyncPlan{}, handle: (*Server).resumeSync},
	}
}

func (s *Server) syncs() (Syncs, error) {
	if s.deps.Syncs == nil {
		return nil, fault.New(fault.NotFound, "nothing is pulled here")
	}
	return s.deps.Syncs, nil
}

func (s *Server) getSync(c *call) error {
	syncs, err := s.syncs()
	if err != nil {
		return err
	}
	plan, err := syncs.Plan(c.Request().Context(), c.param("source"))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "asking when a source is pulled")
	}
	return c.json(http.StatusOK, plan)
}

func (s *Server) listSyncs(c *call) error {
	syncs, err := s.syncs()
	if err != nil {
		return err
	}
	page, err := syncs.History(c.Request().Context(), c.param("source"), listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "listing syncs")
	}
	if page.Items == nil {
		page.Items = []exposure.Sync{}
	}
	return c.json(http.StatusOK, page)
}

func (s *Server) startSync(c *call) error {
	var in SyncRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	return s.steer(c, "sync", func(ctx context.Context, syncs Syncs, source string) error { return syncs.Start(ctx, source, in.Since) })
}

func (s *Server) pauseSync(c *call) error {
	var in PauseRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if strings.TrimSpace(in.Reason) == "" {
		return fault.New(fault.Invalid, "pausing a source: say why, in reason")
	}
	return s.steer(c, "pause sync", func(ctx context.Context, syncs Syncs, source string) error {
		return syncs.Pause(ctx, source, c.token.Name, in.Reason)
	})
}

func (s *Server) resumeSync(c *call) error {
	return s.steer(c, "resume sync", func(ctx context.Context, syncs Syncs, source string) error {
		return syncs.Resume(ctx, source, c.token.Name)
	})
}

// steer does something about a source's syncs and answers with what is planned then.
func (s *Server) steer(c *call, what string, do func(ctx context.Context, syncs Syncs, source string) error) error {
	ctx, source := c.Request().Context(), c.param("source")
	syncs, err := s.syncs()
	if err == nil {
		err = do(ctx, syncs, source)
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "steering the pull of a source")
	}
	s.audit(c, what, source)
	plan, err := syncs.Plan(ctx, source)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "asking when a source is pulled")
	}
	return c.json(c.route.success(), plan)
}
