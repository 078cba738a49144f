package api

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// aLine is a queue in which everybody is third.
type aLine struct{ asked []string }

func (*aLine) Waiting(context.Context) (map[string]int64, error) {
	return map[string]int64{"web": 3}, nil
}

func (l *aLine) Queue(_ context.Context, team string, first int) ([]lifecycle.TeamQueue, error) {
	l.asked = append(l.asked, team)
	return []lifecycle.TeamQueue{{Team: "web", WIP: first, First: []lifecycle.QueueEntry{}}}, nil
}

func (*aLine) PlaceOf(context.Context, *exposure.Exposure) (*lifecycle.Place, error) {
	return &lifecycle.Place{Team: "web", Place: 3, Of: 9}, nil
}

func TestTheLineIsShown(t *testing.T) {
	t.Parallel()
	line := &aLine{}
	r := newRig(t, func(d *Deps) { d.Queue = line })
	answer := r.ask(http.MethodGet, "/api/v1/queue?team=web&limit=7", r.tokens[RoleViewer], nil)
	require.Equal(t, http.StatusOK, answer.Code)
	require.Contains(t, answer.Body.String(), `"wip":7`)
	require.Equal(t, []string{"web"}, line.asked)
	require.Equal(t, http.StatusForbidden, r.ask(http.MethodGet, "/api/v1/queue", r.token(t, "shop-only", RoleAdmin, "shop"), nil).Code)
	detail := r.ask(http.MethodGet, "/api/v1/exposures/"+string(r.first().ID), r.tokens[RoleViewer], nil)
	require.Contains(t, detail.Body.String(), `"place":3`)
	require.Contains(t, r.ask(http.MethodGet, "/api/v1/stats", r.tokens[RoleViewer], nil).Body.String(), `"waiting":{"web":3}`)
	require.NotContains(t, r.ask(http.MethodGet, "/api/v1/stats", r.token(t, "shop-viewer", RoleViewer, "shop"), nil).Body.String(), `"waiting"`)
}
