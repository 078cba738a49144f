package app

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/lifecycle"
)

func TestRemediationsKeptFromTheirTicketAreCountedByTracker(t *testing.T) {
	a := campaignDesk(t).app
	counted := func(want string) {
		t.Helper()
		require.NoError(t, testutil.CollectAndCompare(&troubleMetrics{app: a}, strings.NewReader(`# HELP quell_tracker_troubled_remediations Open remediations that something keeps from their ticket.
# TYPE quell_tracker_troubled_remediations gauge
`+want)))
	}
	counted(`quell_tracker_troubled_remediations{tracker="builtin"} 0` + "\n")

	add := func(id, tracker string, status lifecycle.RemediationStatus, trouble *lifecycle.Trouble) {
		t.Helper()
		_, _, err := a.store.ClaimRemediation(t.Context(), lifecycle.Remediation{ID: id, Version: 1, Status: status, Owner: "web", Tracker: tracker, Trouble: trouble})
		require.NoError(t, err)
	}
	denied := &lifecycle.Trouble{What: "no permission", Since: now()}
	add("r1", config.BuiltinTracker, lifecycle.RemediationOpen, nil)
	add("r2", "jira", lifecycle.RemediationOpen, denied)
	add("r3", "jira", lifecycle.RemediationOpen, denied)
	add("r4", "jira", lifecycle.RemediationDone, denied)
	counted(`quell_tracker_troubled_remediations{tracker="builtin"} 0
quell_tracker_troubled_remediations{tracker="jira"} 2
`)
}
