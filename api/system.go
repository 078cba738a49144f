package api

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that must work for the daemon to be ready.
type Check struct {
	Name string // "store", "temporal"
	Ask  func(ctx context.Context) error
	// Advisory is a part without which the daemon still can work: it is told, and no more.
	Advisory bool
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // name → ok, failed, degraded or stopping
}

func systemRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/livez", name: "livez", tag: "system", summary: "Whether the process answers", access: open(),
			out: Readiness{}, handle: (*Server).livez},
		{method: http.MethodGet, path: "/readyz", name: "readyz", tag: "system", summary: "Whether the daemon can work",
			doc: "503 with the same body while it can't.", access: open(), out: Readiness{}, handle: (*Server).readyz},
		{method: http.MethodGet, path: metricsPath, name: "metrics", tag: "system", summary: "Metrics for Prometheus",
			access: needs(RoleViewer).entirely(), outType: "text/plain", handle: (*Server).scrape},
		{method: http.MethodGet, path: prefix + "/openapi.json", name: "openapi", tag: "system", summary: "This document",
			access: open(), out: map[string]any{}, handle: (*Server).describe},
	}
}

func (s *Server) livez(c *call) error {
	return c.json(http.StatusOK, Readiness{Ready: true, Checks: map[string]string{}})
}

// readyz asks every check, and says of each only whether it works: the reason is in the log.
func (s *Server) readyz(c *call) error {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	out := Readiness{Ready: true, Checks: map[string]string{}}
	for _, check := range s.deps.Checks {
		out.Checks[check.Name] = "ok"
		if err := check.Ask(ctx); err != nil && check.Advisory {
			out.Checks[check.Name] = "degraded"
		} else if err != nil {
			out.Ready, out.Checks[check.Name] = false, "failed"
			s.log.Warn("readiness check failed", "check", check.Name, "error", err)
		}
	}
	select {
	case <-s.stopping:
		out.Ready, out.Checks["server"] = false, "stopping"
	default:
	}
	status := http.StatusOK
	if !out.Ready {
		status = http.StatusServiceUnavailable
	}
	return c.json(status, out)
}

func (s *Server) scrape(c *call) error {
	promhttp.HandlerFor(s.deps.Registry, promhttp.HandlerOpts{}).ServeHTTP(c.Response(), c.Request())
	return nil
}

func (s *Server) describe(c *call) error {
	return c.Blob(http.StatusOK, jsonType, s.openapi)
}
