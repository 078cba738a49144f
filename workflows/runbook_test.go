package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/runbook"
)

// running is a house with a run that its runbook has taken, and has two hours for.
func running(t *testing.T) (*skipping, string) {
	t.Helper()
	s := skip(t)
	book, err := runbook.New(runbook.Definition{Name: "patch", Timeout: 2 * time.Hour, MaxRunning: 1, Remind: time.Hour}, ownership.Config{}, nil)
	require.NoError(t, err)
	s.acts.Runbooks = &activities.Runbooks{Store: s.store, All: []*runbook.Runbook{book}, Wake: func(context.Context, string, string) error { return nil }}
	_, _, err = s.store.ClaimRemediation(t.Context(), lifecycle.Remediation{ID: "r-1", Version: 1, Owner: "payments", Run: "run_1", Status: lifecycle.RemediationOpen})
	require.NoError(t, err)
	_, _, err = s.store.ClaimRun(t.Context(), runbook.Run{ID: "run_1", Version: 1, Remediation: "r-1", Runbook: "patch", Team: "payments", State: runbook.Sent, Entered: true, Attempts: 1,
		Deadline: s.env.Now().Add(2 * time.Hour), Next: s.env.Now()})
	require.NoError(t, err)
	return s, "run_1"
}

func TestARunWaitsForItsRunbookAndNoLonger(t *testing.T) {
	s, run := running(t)
	began := s.env.Now()
	s.env.ExecuteWorkflow(lifecycle.RunbookWorkflow, lifecycle.RunbookInput{Run: run})
	require.NoError(t, s.env.GetWorkflowError())
	r, err := s.store.RunbookRun(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, runbook.TimedOut, r.State)
	require.WithinDuration(t, began.Add(2*time.Hour), r.EndsAt, time.Second)
}

func TestARunGoesOnAtOnceWhenItsRunbookIsHeard(t *testing.T) {
	s, run := running(t)
	began := s.env.Now()
	s.at(time.Hour, func() {
		_, err := s.acts.RunAnswered(t.Context(), "patch", "m1", runbook.Answer{Run: run, Status: runbook.StatusFailed, Detail: "no space"})
		require.NoError(t, err)
		s.wakeFor("answered")
	})
	s.env.ExecuteWorkflow(lifecycle.RunbookWorkflow, lifecycle.RunbookInput{Run: run})
	require.NoError(t, s.env.GetWorkflowError())
	require.WithinDuration(t, began.Add(time.Hour), s.env.Now(), time.Minute)
	r, err := s.store.RunbookRun(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, runbook.Failed, r.State)
	require.Zero(t, r.Next)
}
