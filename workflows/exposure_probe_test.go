package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
)

func TestARefutedExposureIsAFalsePositiveAndLeavesTheWorkflowsHands(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.world.fix(id)
	s.run(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "refuted>false_positive"}, s.story(id))
	require.Equal(t, exposure.ModeStore, s.exposure(id).Mode)
	require.Empty(t, s.tickets())
}

func TestARefutationOlderThanTheLastSightProvesNothing(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments", func(e *exposure.Exposure) {
		e.Sights[0].LastSeen = e.Sights[0].LastSeen.Add(2 * day) // by a scanner whose clock is ahead
	})
	s.world.fix(id)
	s.runOn(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "refuted", "inconclusive>open", "ticketed"}, s.story(id))
	require.Contains(t, s.exposure(id).Verdict.Reason, "isn't newer than its last sight by nessus-dc1")
}

func TestAnExposureThatNoProbePollsForGoesOnToOpenAndSaysSo(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.env.OnActivity(lifecycle.ActivityProbe, mockAny, mockAny).Return(lifecycle.ProbeResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil))
	s.runOn(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "inconclusive>open", "ticketed"}, s.story(id))
	require.Equal(t, `no probe is polling at vantage "here"`, s.exposure(id).Verdict.Reason)
}

func TestAnInconclusiveReTestIsTriedAgainEachTimeLater(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	i := exposure.Inconclusive
	s.world.answers[id] = []exposure.VerdictOutcome{exposure.Confirmed, i, i, i}
	s.at(day, func() {
		s.world.fix(id)
		s.decide(decision(lifecycle.DecideFixClaimed, id), s.accepted)
	})
	s.run(id)
	require.Equal(t, exposure.Closed, s.exposure(id).State)
	require.Equal(t, 5, s.world.probed(id))
	events, err := s.store.Events(s.t.Context(), id)
	require.NoError(t, err)
	var tests []time.Time
	for _, ev := range events {
		if ev.Kind == exposure.EventVerify {
			tests = append(tests, ev.At)
		}
	}
	require.Len(t, tests, 4)
	require.GreaterOrEqual(t, tests[1].Sub(tests[0]), 5*time.Minute)
	require.GreaterOrEqual(t, tests[2].Sub(tests[1]), 5*time.Minute)
	require.Greater(t, tests[3].Sub(tests[2]), tests[2].Sub(tests[1]))
}

func TestAProbeWaitsForTheWindowOfTheRulesOfEngagement(t *testing.T) {
	s := skip(t) // it is nine in the morning
	s.world.rules.Windows = []scope.Window{{From: "22:00", To: "23:00"}}
	id := s.admitted("web1", "payments")
	s.at(12*time.Hour, func() { require.Equal(t, exposure.Validating, s.exposure(id).State) })
	s.at(13*time.Hour+time.Minute, func() { require.Equal(t, exposure.Open, s.exposure(id).State) })
	s.runOn(id)
	require.Equal(t, 1, s.world.probed(id))
}

func TestAProbeThatTheRulesForbidIsAnEventThatSaysWhy(t *testing.T) {
	s := skip(t)
	s.world.rules = scope.Engagement{}
	id := s.admitted("web1", "payments")
	s.runOn(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "probe_refused", "inconclusive>open", "ticketed"}, s.story(id))
	require.Contains(t, s.exposure(id).Verdict.Reason, "nobody consented")
	require.Zero(t, s.world.probed(id))
}

func TestADecisionDuringAProbeGivesTheProbeUp(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.env.OnActivity(lifecycle.ActivityProbe, mockAny, mockAny).After(3*time.Hour).Return(lifecycle.ProbeResult{}, nil)
	s.at(time.Hour, func() {
		s.decide(decision(lifecycle.DecideFalsePositive, id), s.accepted)
	})
	s.run(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "dismiss>false_positive"}, s.story(id))
}
