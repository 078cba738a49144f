package app

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/internal/config"
)

// calling is a tracker with roles of which the contract says that they are optional.
type calling struct{ connectors.Tracker }

func (calling) Lag() time.Duration { return time.Minute }
func (calling) VerifyWebhook(http.Header, []byte, time.Time) (string, error) {
	return "id", nil
}

func (calling) Ticket(http.Header, []byte) (connectors.TicketChange, bool) {
	return connectors.TicketChange{Key: "PAY-1", Marker: "m", Cause: "c", What: "moved"}, true
}

func TestATrackerKeepsTheRolesThatItHas(t *testing.T) {
	a := &app{cfg: &config.Config{Trackers: []config.Tracker{{Name: "desk", Connector: "localtracker", Config: &localtracker.Config{}}}},
		log: slog.New(slog.DiscardHandler)}
	opened, err := a.openTrackers(newPeopleMetrics(prometheus.NewRegistry()))
	require.NoError(t, err)
	require.Equal(t, []string{"builtin", "desk"}, opened.names())
	for _, name := range opened.names() {
		require.IsType(t, &localtracker.Tracker{}, opened.byName[name], "wrapped, it could hide that its search lags: tickets would be made twice")
	}
	_, ok := opened.hook("desk")
	require.False(t, ok, "the built-in tracker calls nobody")

	opened.order = append(opened.order, config.Tracker{Name: "jira", Webhook: config.TrackerHook{Rate: 5, Burst: 7, MaxBody: 9}})
	opened.byName["jira"] = calling{opened.byName["desk"]}
	hook, ok := opened.hook("jira")
	require.True(t, ok)
	change, ours := hook.Ticket(nil, nil)
	require.True(t, ours)
	require.Equal(t, "m", change.Marker)
	require.Equal(t, []any{5.0, 7, int64(9)}, []any{hook.Rate, hook.Burst, hook.MaxBody})
}
