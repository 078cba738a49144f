package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/config"
)

func TestARunbookHasDefaultsAndTakesApprovalUnlessTheFileSaysNot(t *testing.T) {
	cfg, err := config.Parse("quell.yaml", []byte(`
runbooks:
  - {name: patch, url: "https://rundeck.example.com/hooks/quell", secret: "${env:RUNBOOK}"}
  - name: isolate
    url: https://soar.example.com/isolate
    secret: ${env:RUNBOOK}
    when: asset.kind == "host" && "pci" in asset.scopes && asset.tags["tier"] == "lab" && exposure.kev
    approval: {quorum: 0, approvers: ["@boss"]}
    propose: true
    timeout: 30m
    max_running: 1
  - {name: third, url: "https://x.example.com", secret: "${env:RUNBOOK}", approval: {expires: 1d}}
`), config.Options{Unresolved: true})
	require.NoError(t, err)
	d := cfg.Runbooks[0].Definition()
	require.Equal(t, 1, d.Quorum)
	require.Equal(t, []string{"owner_manager", "role_approver"}, d.Approvers)
	require.Equal(t, 4*time.Hour, d.Timeout)
	require.Equal(t, 5, d.MaxRunning)
	require.Zero(t, cfg.Runbooks[1].Definition().Quorum, "nobody has to approve where the file says so")
	require.Equal(t, 1, cfg.Runbooks[2].Definition().Quorum, "what the file doesn't say about is asked for")
}

func TestWhatARunbookCannotBeIsReportedWhereItStands(t *testing.T) {
	_, err := config.Parse("quell.yaml", []byte(`
runbooks:
  - {name: patch, url: "ftp://x", secret: "${env:SHORT}", when: 'exposure.sevrity == "high"', approval: {quorum: 12, approvers: [anybody, "@a", "@a"]}, timeout: 1s, max_running: -1}
  - {name: patch, url: "https://x.example.com/?token=1", when: exposure.title, approvals: {}}
  - name: third
    url: https://x.example.com
    secret: written-out
    approval: {expires: 5m, remind: 1s}
`), config.Options{Environ: func(string) (string, bool) { return "hunter2hunter2", true }})
	require.Error(t, err)
	for _, want := range []string{
		`runbooks[0].url: wants https:// or http:// and a host`,
		`runbooks[0].secret: wants whsec_ and base64`,
		`runbooks[0].when: column 1: undeclared reference to 'exposure'`,
		`runbooks[0].approval.quorum: is between 0 and 9`,
		`runbooks[0].approval.approvers[0]: "anybody" is not owner_manager`,
		`runbooks[0].approval.approvers[2]: "@a" is named twice`,
		`runbooks[0].timeout: is between one minute and 31 days`,
		`runbooks[0].max_running: is between 1 and 1000`,
		`runbooks[1].name: "patch" is used twice`,
		`runbooks[1].url: wants to end with the path`,
		`runbooks[1].secret: is missing`,
		`runbooks[1].when: gives a string, and no truth`,
		`unknown key "approvals"; did you mean "approval"?`,
		`runbooks[2].secret: a secret is never written into the file`,
		`runbooks[2].approval.expires: is between an hour and 90 days`,
		`runbooks[2].approval.remind: is a minute at least`,
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "hunter2")
	require.Contains(t, err.Error(), "quell.yaml:3:")
}
