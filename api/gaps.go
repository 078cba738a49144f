package api

import (
	"context"
	"net/http"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/scope"
)

// Gaps knows what scoping doesn't cover.
type Gaps interface {
	Gaps(ctx context.Context, page scope.GapPage) ([]scope.Gap, error)
}

func gapRoutes() []route {
	return []route{{
		method: http.MethodGet, path: prefix + "/gaps", name: "gaps", tag: "inventory", summary: "What scoping does not cover",
		doc:    "Every kind of gap with how many there are and the first of them. Those that follow want the kind, and its next as the cursor.",
		access: needs(RoleViewer).entirely(), out: Items[scope.Gap]{}, handle: (*Server).listGaps,
		query: append(pageParams(), choice("gap", "Only this kind of gap.", scope.GapKinds())),
	}}
}

func (s *Server) listGaps(c *call) error {
	l := listOf(c.QueryParams())
	page := scope.GapPage{Kind: scope.GapKind(c.QueryParam("gap")), After: l.Cursor, Limit: l.Limit}
	if page.After != "" && page.Kind == "" {
		return invalid(FieldError{Field: "cursor", Detail: "goes on with one kind of gap: name it with gap"})
	}
	gaps, err := s.deps.Gaps.Gaps(c.Request().Context(), page)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "looking for gaps")
	}
	return c.json(http.StatusOK, Items[scope.Gap]{Items: listed(gaps)})
}
