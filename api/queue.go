package api

import (
	"context"
	"net/http"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Queue knows who waits to be worked on, and where in the line.
type Queue interface {
	// Waiting counts the exposures that wait, by team; "" are those that nobody owns.
	Waiting(ctx context.Context) (map[string]int64, error)
	// Queue gives the line of a team, or of every team for "", each with its first so many.
	Queue(ctx context.Context, team string, first int) ([]lifecycle.TeamQueue, error)
	// PlaceOf gives an exposure's place in the line; nil: it stands in none.
	PlaceOf(ctx context.Context, e *exposure.Exposure) (*lifecycle.Place, error)
}

// firstInLine is how many places of each line are shown where nobody asks for more.
const firstInLine = 10

func queueRoutes() []route {
	return []route{{
		method: http.MethodGet, path: prefix + "/queue", name: "queue", tag: "work", summary: "What each team works on, and what waits for it",
		doc:    "Budgets, what is in progress and what waits, counted in fixes: exposures that one fix mends stand in one place of the line. limit is how many places are shown of each line; a team's own line is given by team.",
		access: needs(RoleViewer).entirely(), query: []param{text("team", "Only this team."), number("limit", "How many places of each line are shown; 10 if absent.")},
		out: Items[lifecycle.TeamQueue]{}, handle: (*Server).queue,
	}}
}

func (s *Server) queue(c *call) error {
	first := firstInLine
	if c.QueryParam("limit") != "" {
		first = listOf(c.QueryParams()).Limit
	}
	if s.deps.Queue == nil {
		return c.json(http.StatusOK, Items[lifecycle.TeamQueue]{Items: []lifecycle.TeamQueue{}})
	}
	lines, err := s.deps.Queue.Queue(c.Request().Context(), c.QueryParam("team"), first)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the line")
	}
	return c.json(http.StatusOK, Items[lifecycle.TeamQueue]{Items: listed(lines)})
}

// place is where an exposure stands in the line.
func (s *Server) place(c *call, e *exposure.Exposure) (*lifecycle.Place, error) {
	if s.deps.Queue == nil {
		return nil, nil //nolint:nilnil // nobody keeps a line
	}
	place, err := s.deps.Queue.PlaceOf(c.Request().Context(), e)
	return place, fault.Wrap(fault.KindOf(err), err, "finding an exposure's place in the line")
}
