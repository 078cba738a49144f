package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/workflows"
)

func TestATrackerIsAskedAgainAndAgainAndAtOnceWhereThereIsMore(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	workflows.Register(env)
	var at []time.Time
	env.RegisterActivityWithOptions(func(context.Context, activities.ReconcileRequest) (activities.ReconcileReport, error) {
		at = append(at, env.Now())
		return activities.ReconcileReport{Every: time.Minute, More: len(at) == 1, Gone: len(at) == 4}, nil
	}, activity.RegisterOptions{Name: activities.NameReconcile})
	env.ExecuteWorkflow(lifecycle.ReconcileWorkflow, lifecycle.ReconcileInput{Tracker: "jira"})
	require.NoError(t, env.GetWorkflowError(), "it ends with the tracker")
	require.Len(t, at, 4)
	require.Less(t, at[1].Sub(at[0]), 10*time.Second)
	require.InDelta(t, 60, at[2].Sub(at[1]).Seconds(), 5)
	require.InDelta(t, 60, at[3].Sub(at[2]).Seconds(), 5)
}

func TestALongReconcileContinuesAsNew(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	workflows.Register(env)
	env.RegisterActivityWithOptions(func(context.Context, activities.ReconcileRequest) (activities.ReconcileReport, error) {
		return activities.ReconcileReport{Every: 5 * time.Second}, nil
	}, activity.RegisterOptions{Name: activities.NameReconcile})
	env.ExecuteWorkflow(lifecycle.ReconcileWorkflow, lifecycle.ReconcileInput{Tracker: "jira"})
	require.True(t, workflow.IsContinueAsNewError(env.GetWorkflowError()))
}
