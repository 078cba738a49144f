package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/exposure"
)

func TestARemediationGoesToTheFirstTrackerThatTakesIt(t *testing.T) {
	cfg, err := parse(`
owners: {teams: [{name: payments}, {name: platform}]}
scopes: [{name: pci, include: [{name: "pci-*"}]}]
trackers:
  - {name: everything, connector: scanner}
  - {name: urgent, connector: scanner, takes: {teams: [payments], decisions: [act]}}
  - {name: pci, connector: scanner, takes: {scopes: [pci]}, on_deleted: ask, reconcile: 10s}
`)
	require.NoError(t, err)
	for _, tt := range []struct {
		name, team string
		scopes     []string
		decision   exposure.DecisionOutcome
		want       string
	}{
		{"what no other takes goes to the one that says nothing", "platform", nil, exposure.Act, "everything"},
		{"each list must have it", "payments", nil, exposure.Act, "urgent"},
		{"one list that has it is not enough", "payments", nil, exposure.Attend, "everything"},
		{"one scope in common is enough", "platform", []string{"lab", "pci"}, exposure.Track, "pci"},
		{"the first that takes it gets it", "payments", []string{"pci"}, exposure.Act, "urgent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, config.TrackerFor(cfg.Trackers, tt.team, tt.scopes, tt.decision))
		})
	}
	require.Equal(t, "urgent", config.TrackerFor(cfg.Trackers[1:], "platform", nil, exposure.Track), "where none takes it, the first does")
	require.Equal(t, config.BuiltinTracker, config.TrackerFor(nil, "platform", nil, exposure.Track))
	require.Equal(t, "30s", cfg.Trackers[0].Reconcile.Std().String())
	require.Equal(t, config.DeletedRecreate, cfg.Trackers[0].OnDeleted)
	require.Equal(t, "2160h0m0s", cfg.Trackers[0].ReopenWithin.Std().String())
	require.Equal(t, "10s", cfg.Trackers[2].Reconcile.Std().String())
}

func TestWhatATrackerCannotTakeOrBeIsReported(t *testing.T) {
	_, err := parse(`
owners: {teams: [{name: payments}]}
trackers:
  - {name: jira, connector: scanner, takes: {teams: [payment], scopes: [nowhere], decisions: [urgent]}, on_deleted: forget, reconcile: 1s}
  - {name: jira, connector: scanner, rate: -1}
  - {name: builtin, connector: scanner}
`)
	require.Error(t, err)
	for _, want := range []string{
		`trackers[0].takes.teams[0]: "payment" is no team of owners.teams; did you mean "payments"?`,
		`trackers[0].takes.scopes[0]: "nowhere" is no scope`,
		`trackers[0].takes.decisions[0]: "urgent" is no decision`,
		`trackers[0].on_deleted: is recreate or ask`,
		`trackers[0].reconcile: is between five seconds and a day`,
		`trackers[1].name: "jira" is used twice`,
		`trackers[1].rate: is between 0 and 10000 requests a second`,
		`trackers[2].name: "builtin" is the built-in tracker`,
	} {
		require.ErrorContains(t, err, want)
	}
}
