package workflows_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	temporallog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/workflows"
)

// skipping is a house whose clock leaps over waiting.
type skipping struct {
	*house
	env   *testsuite.TestWorkflowEnvironment
	clock *present
	woken *recorder
}

// present is the time of the run that is under way.
type present struct {
	env *testsuite.TestWorkflowEnvironment
}

func (c *present) now() time.Time { return c.env.Now() }

const (
	day     = 24 * time.Hour
	mockAny = mock.Anything
)

func skip(t *testing.T) *skipping {
	t.Helper()
	c, woken := &present{env: environment(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))}, &recorder{}
	s := &skipping{house: newHouse(t, c.now, woken), clock: c, woken: woken}
	return s.in(c.env)
}

// environment is what a run runs in, from a time on.
func environment(start time.Time) *testsuite.TestWorkflowEnvironment {
	var s testsuite.WorkflowTestSuite
	s.SetLogger(temporallog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := s.NewTestWorkflowEnvironment()
	env.SetStartTime(start)
	env.SetTestTimeout(20 * time.Second)
	return env
}

// in puts the house into an environment.
func (s *skipping) in(env *testsuite.TestWorkflowEnvironment) *skipping {
	s.clock.env = env
	workflows.Register(env)
	activities.Register(env, s.acts)
	env.RegisterActivityWithOptions(s.world.Probe, activity.RegisterOptions{Name: lifecycle.ActivityProbe})
	return &skipping{house: s.house, env: env, clock: s.clock, woken: s.woken}
}

// at does something after a while.
func (s *skipping) at(after time.Duration, do func()) { s.env.RegisterDelayedCallback(do, after) }

// wake tells the workflow that the store changed.
func (s *skipping) wake() { s.env.SignalWorkflow(lifecycle.SignalWake, lifecycle.Wake{Reason: "test"}) }

// decide sends a decision and gives its answer to check.
func (s *skipping) decide(d lifecycle.Decision, check func(lifecycle.DecisionResult, error)) {
	s.env.UpdateWorkflow(string(d.Kind), d.Cause, answer{s.t, check}, d)
}

// answer receives an update's answer.
type answer struct {
	t     *testing.T
	check func(lifecycle.DecisionResult, error)
}

func (answer) Accept() {}

func (a answer) Reject(err error) { a.check(lifecycle.DecisionResult{}, err) }

func (a answer) Complete(result any, err error) {
	r, _ := result.(lifecycle.DecisionResult)
	a.check(r, err)
}

func (s *skipping) accepted(r lifecycle.DecisionResult, err error) {
	require.NoError(s.t, err)
	require.NotEmpty(s.t, r.Message)
}

// run runs the exposure's workflow until it ends.
func (s *skipping) run(id exposure.ID) {
	s.t.Helper()
	s.env.ExecuteWorkflow(lifecycle.ExposureWorkflow, lifecycle.ExposureInput{ID: id})
	require.True(s.t, s.env.IsWorkflowCompleted())
	require.NoError(s.t, s.env.GetWorkflowError())
}

// runOn runs it until it would continue as new, and expects that.
func (s *skipping) runOn(id exposure.ID) {
	s.t.Helper()
	s.env.ExecuteWorkflow(lifecycle.ExposureWorkflow, lifecycle.ExposureInput{ID: id})
	require.True(s.t, s.env.IsWorkflowCompleted())
	require.True(s.t, workflow.IsContinueAsNewError(s.env.GetWorkflowError()), "%v", s.env.GetWorkflowError())
}

// again is the same house in a further run, which begins when the last one ended.
func (s *skipping) again() *skipping {
	s.t.Helper()
	return s.in(environment(s.env.Now()))
}
