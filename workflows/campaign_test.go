package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/workflows"
)

// steps are the activities of a campaign, and when each was called.
type steps struct {
	env  *testsuite.TestWorkflowEnvironment
	done []string
	at   []time.Time
}

func step[In, Out any](s *steps, name string, do func(In) (Out, error)) {
	s.env.RegisterActivityWithOptions(func(_ context.Context, in In) (Out, error) {
		s.done, s.at = append(s.done, name), append(s.at, s.env.Now())
		return do(in)
	}, activity.RegisterOptions{Name: name})
}

func following(t *testing.T, look func(now time.Time, n int) activities.CampaignPlan) *steps {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	s := &steps{env: suite.NewTestWorkflowEnvironment()}
	s.env.SetTestTimeout(time.Minute)
	workflows.Register(s.env)
	n := 0
	step(s, activities.NameLook, func(activities.CampaignStep) (activities.CampaignPlan, error) { n++; return look(s.env.Now(), n), nil })
	return s
}

func (s *steps) run() error {
	s.env.ExecuteWorkflow(lifecycle.CampaignWorkflow, lifecycle.CampaignInput{ID: "kev"})
	return s.env.GetWorkflowError()
}

func TestACampaignIsFollowedUntilEverybodyKnowsThatItHasEnded(t *testing.T) {
	s := following(t, func(now time.Time, n int) activities.CampaignPlan {
		p := activities.CampaignPlan{State: campaign.Open, NextAt: now.Add(24 * time.Hour)}
		switch n {
		case 1:
			p.Messages, p.Create = []string{"m|notify|started"}, true
		case 2:
			p.Write = true
		case 3:
			p.State, p.Write, p.Messages, p.Comments = campaign.Met, true, []string{"m|notify|ended"}, []string{"m|comment|ended"}
		case 4:
			p.State, p.Done = campaign.Met, true
		}
		return p
	})
	step(s, activities.NameCampaignTell, func(in activities.CampaignStep) (activities.Done, error) {
		require.Len(t, in.Intents, 1)
		return activities.Done{}, nil
	})
	step(s, activities.NameCampaignTicket, func(activities.CampaignStep) (activities.TicketResult, error) {
		return activities.TicketResult{Key: "X-1"}, nil
	})
	step(s, activities.NameCampaignSync, func(activities.CampaignStep) (activities.SyncResult, error) { return activities.SyncResult{}, nil })
	step(s, activities.NameCampaignSay, func(in activities.CampaignStep) (activities.Done, error) {
		require.Equal(t, []string{"m|comment|ended"}, in.Intents)
		return activities.Done{}, nil
	})
	require.NoError(t, s.run())
	look, tell, create, sync, say := activities.NameLook, activities.NameCampaignTell, activities.NameCampaignTicket, activities.NameCampaignSync, activities.NameCampaignSay
	require.Equal(t, []string{look, tell, create, look, sync, look, tell, sync, say, look}, s.done)
	require.Less(t, s.at[3].Sub(s.at[2]), time.Minute, "what comes of a new ticket is seen at once")
	require.Greater(t, s.at[5].Sub(s.at[4]), time.Hour, "else it waits until it is time")
	require.Less(t, s.at[9].Sub(s.at[8]), time.Minute)
}

func TestATrackerThatIsDownDoesntKeepPeopleFromBeingTold(t *testing.T) {
	s := following(t, func(_ time.Time, n int) activities.CampaignPlan {
		return activities.CampaignPlan{State: campaign.Open, Messages: []string{"m|notify|missed/0"}, Create: true, Done: n == 3}
	})
	told := 0
	step(s, activities.NameCampaignTell, func(activities.CampaignStep) (activities.Done, error) { told++; return activities.Done{}, nil })
	step(s, activities.NameCampaignTicket, func(activities.CampaignStep) (activities.TicketResult, error) {
		return activities.TicketResult{}, errors.New("down")
	})
	require.NoError(t, s.run())
	require.Equal(t, 2, told)
}

func TestSomethingThatIsRefusedIsPlannedAgainByTheNextLook(t *testing.T) {
	s := following(t, func(_ time.Time, n int) activities.CampaignPlan {
		return activities.CampaignPlan{State: campaign.Open, Create: true, Done: n == 4}
	})
	step(s, activities.NameCampaignTicket, func(activities.CampaignStep) (activities.TicketResult, error) {
		return activities.TicketResult{}, temporal.NewNonRetryableApplicationError("no such project", "denied", nil)
	})
	require.NoError(t, s.run())
	require.Len(t, s.done, 7, "refused, and not tried again before the next look")
	require.GreaterOrEqual(t, s.at[2].Sub(s.at[1]), time.Minute)
}

func TestAWakeHasACampaignLookedAtAtOnce(t *testing.T) {
	s := following(t, func(now time.Time, n int) activities.CampaignPlan {
		return activities.CampaignPlan{State: campaign.Open, NextAt: now.Add(48 * time.Hour), Done: n == 2}
	})
	s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(lifecycle.SignalWake, lifecycle.Wake{Reason: "closed"}) }, time.Hour)
	require.NoError(t, s.run())
	require.InDelta(t, time.Hour.Seconds(), s.at[1].Sub(s.at[0]).Seconds(), 60)
}

func TestALongCampaignContinuesAsNew(t *testing.T) {
	s := following(t, func(now time.Time, _ int) activities.CampaignPlan {
		return activities.CampaignPlan{State: campaign.Open, NextAt: now.Add(6 * time.Hour)}
	})
	err := s.run()
	require.True(t, workflow.IsContinueAsNewError(err), "%v", err)
}
