package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Statements reads what authors of VEX say.
type Statements interface {
	FindStatements(ctx context.Context, f exposure.StatementFilter, l exposure.List) (exposure.Page[exposure.Statement], error)
}

func statementRoutes() []route {
	return []route{{
		method: http.MethodGet, path: prefix + "/statements", name: "statements", tag: "exposures", summary: "What VEX documents say, newest first",
		doc:    "Those that speak of an exposure stand on it, under stated. Withdrawn ones are listed here with when they were.",
		access: needs(RoleViewer).entirely(), out: exposure.Page[exposure.Statement]{}, handle: (*Server).listStatements,
		query: append(pageParams(), text("vulnerability", "A CVE or the ID of an advisory, in any case."), text("source", "The source.")),
	}}
}

func (s *Server) listStatements(c *call) error {
	f := exposure.StatementFilter{Vulnerability: strings.ToUpper(c.QueryParam("vulnerability")), Source: c.QueryParam("source")}
	page, err := s.deps.Statements.FindStatements(c.Request().Context(), f, listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding statements")
	}
	return c.json(http.StatusOK, paged(page))
}
