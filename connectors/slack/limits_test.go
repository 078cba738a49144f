package slack_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/fault"
)

// shared is a Governor that writes down what it is asked.
type shared struct {
	took  []string
	held  map[string]time.Time
	rates map[string]float64
	err   error
}

func (g *shared) Take(ctx context.Context, budget string, _ float64) error {
	g.took = append(g.took, fmt.Sprint(budget, " ", connectors.Urgent(ctx)))
	return g.err
}

func (g *shared) Hold(_ context.Context, budget string, until time.Time) error {
	g.held[budget] = until
	return nil
}

func (g *shared) Limit(budget string, rate, _ float64) { g.rates[budget] = rate }

func TestLimitsAreSharedAndKept(t *testing.T) {
	g := &shared{held: map[string]time.Time{}, rates: map[string]float64{}}
	r := newRig(t, func(_ *slack.Config, _ *slacktest.Options, env *connectors.Env) { env.Governor = g })
	m := message("c")
	m.Urgent = true
	_, err := r.Post(t.Context(), m, connectors.Attempt{})
	require.NoError(t, err)
	own := "slack/slack/chat.postMessage/" + payments
	require.Equal(t, []string{"slack/slack/chat.postMessage true", own + " true"}, g.took)
	require.InDelta(t, 1.0, g.rates[own], 0, "a message a second and channel")

	r.fake.Inject(slacktest.Fault{Method: "chat.postMessage", Status: 429, Retry: 30})
	_, err = r.Post(t.Context(), message("d"), connectors.Attempt{})
	require.Equal(t, fault.Throttled, fault.KindOf(err))
	require.Equal(t, epoch.Add(30*time.Second), g.held[own], "everybody waits")

	g.err = &fault.Error{Kind: fault.Throttled, Msg: "later", RetryAfter: time.Hour}
	_, err = r.Post(t.Context(), message("e"), connectors.Attempt{})
	require.Equal(t, time.Hour, fault.RetryAfter(err))
	require.Zero(t, r.fake.Causes()[payments+" e"], "nothing is sent out of turn")
}
