package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

func TestAConfirmedExposureJoinsItsOwnersTicketAndClosesWhenTheReTestNoLongerFindsIt(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.at(2*day, func() {
		require.Equal(t, exposure.Open, s.exposure(id).State)
		s.world.fix(id)
		s.decide(decision(lifecycle.DecideFixClaimed, id), s.accepted)
	})
	s.run(id)
	e := s.exposure(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "confirmed>open", "ticketed", "claim>fix_claimed", "verify>verifying", "refuted>closed"}, s.story(id))
	require.Equal(t, exposure.ProofVerdict, e.Proof.Kind)
	require.Equal(t, exposure.ModeStore, e.Mode)
	require.False(t, e.Wake)
	require.Equal(t, 2, s.world.probed(id))
	require.True(t, lifecycle.IsRemediationOf(e.RemediationID, "payments", e.Fix))
	require.True(t, s.woken.has("remediation/"+e.RemediationID))
}

func TestAClaimOfWhatIsStillThereGoesBackToOpenWithTheEvidenceForTheTicket(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.at(day, func() { s.decide(decision(lifecycle.DecideFixClaimed, id), s.accepted) })
	s.runOn(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "confirmed>open", "ticketed", "claim>fix_claimed", "verify>verifying", "confirmed>open"}, s.story(id))
	intents, err := s.store.Intents(s.t.Context(), s.exposure(id).RemediationID)
	require.NoError(t, err)
	kinds := map[string]int{}
	for _, in := range intents {
		kinds[in.Kind]++
	}
	require.Equal(t, map[string]int{lifecycle.IntentComment: 1, lifecycle.IntentNotify: 1}, kinds)
}

func TestAClaimThatOnlyACoveringRunCanTestWaitsForItAndSomebodyIsToldAfterAWeek(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments", byCoveringRun)
	s.at(time.Hour, func() { s.decide(decision(lifecycle.DecideFixClaimed, id), s.accepted) })
	s.runOn(id) // the run gets old first
	require.Equal(t, exposure.FixClaimed, s.exposure(id).State)
	require.Zero(t, s.world.probed(id))

	again := s.again()
	again.at(day, func() {
		require.Contains(t, again.messages("payments"), "escalation")
		again.reported(id, false)
		again.wake()
	})
	again.run(id)
	require.Equal(t, []string{"discovered>tracked", "admit>open", "ticketed", "claim>fix_claimed", "escalated", "absent>closed"}, again.story(id))
	require.Equal(t, exposure.ProofAbsence, again.exposure(id).Proof.Kind)
}

func TestAnAcceptedRiskIsTestedBeforeItEndsAndWorkResumesWhenItDoes(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.at(time.Hour, func() {
		until := s.now().Add(4 * day)
		s.decide(decision(lifecycle.DecideAcceptRisk, id, func(d *lifecycle.Decision) { d.Until = until }), s.accepted)
	})
	s.at(2*time.Hour, func() {
		require.Equal(t, exposure.Open, s.exposure(id).State, "asking accepts nothing")
		s.decide(approval(id), s.accepted)
	})
	s.at(3*day, func() {
		require.Equal(t, exposure.Accepted, s.exposure(id).State)
		require.Equal(t, 2, s.world.probed(id), "it is tested again half-way")
		require.Equal(t, []string{"decision", "decision", "reminder"}, s.messages("payments"), "asked for, accepted, about to end")
		require.Equal(t, []string{"approval"}, s.messages(activities.Escalation), "nobody is known to have the role")
		require.Equal(t, []string{"decision"}, s.messages("@ann"))
	})
	s.runOn(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "confirmed>open", "ticketed", "requested", "reminded", "accept>accepted", "reminded",
		"confirmed", "reminded", "lapse>validating", "reminded", "confirmed>open"}, s.story(id))
}

func TestAnAcceptedRiskEndsEarlyWhenTheWeaknessBecomesKnownToBeExploited(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.at(time.Hour, func() {
		s.decide(decision(lifecycle.DecideAcceptRisk, id, func(d *lifecycle.Decision) { d.Until, d.EndsOn = s.now().Add(90*day), []string{exposure.EndsOnKEV} }), s.accepted)
	})
	s.at(2*time.Hour, func() { s.decide(approval(id), s.accepted) })
	s.at(day, func() {
		s.world.set(func(w *world) {
			w.decision = exposure.Decision{Outcome: exposure.Act, Digest: "d2", Admit: true, Inputs: map[string]string{"kev": "yes"}}
		})
		s.wake()
	})
	s.runOn(id)
	story := s.story(id)
	require.Equal(t, []string{"requested", "reminded", "accept>accepted", "reminded", "decided", "lapse>validating", "reminded", "confirmed>open"}, story[4:])
}

func TestWhatNobodyOwnsClimbsItsLadderUntilATeamClaimsIt(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "")
	s.at(2*day, func() {
		require.Equal(t, []string{"unowned", "unowned"}, s.messages(activities.Escalation))
		require.Empty(t, s.exposure(id).RemediationID, "no ticket before an owner")
		s.decide(decision(lifecycle.DecideClaim, id, func(d *lifecycle.Decision) { d.Team = "platform" }), s.accepted)
	})
	s.runOn(id)
	require.Equal(t, []string{"unowned", "unowned"}, s.messages(activities.Escalation))
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "confirmed>open", "escalated", "escalated", "assigned", "ticketed"}, s.story(id))
	require.Equal(t, "platform", s.remediation(id).Owner)
}

func TestAnExposureThatChangesItsOwnerChangesItsTicket(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	var first string
	s.at(time.Hour, func() {
		first = s.exposure(id).RemediationID
		s.world.set(func(w *world) { w.owners[asset.ID("asset-web1")] = "platform" })
		s.wake()
	})
	s.runOn(id)
	require.Equal(t, []string{"ticketed", "assigned", "ticketed"}, s.story(id)[3:])
	require.NotEqual(t, first, s.exposure(id).RemediationID)
	require.True(t, s.woken.has("remediation/"+first))
}

func TestADecisionThatLacksSomethingLeavesNoTrace(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	tests := []struct {
		name string
		d    lifecycle.Decision
		want string
	}{
		{"a risk without a reason", decision(lifecycle.DecideAcceptRisk, id, func(d *lifecycle.Decision) { d.Reason = " " }), "a reason is required"},
		{"a risk without an end", decision(lifecycle.DecideAcceptRisk, id), "an end is required"},
		{"a claim for no team", decision(lifecycle.DecideClaim, id), "name the team"},
		{"a decision about something else", decision(lifecycle.DecideRetest, "other"), "about something else"},
	}
	s.at(time.Hour, func() {
		for _, tt := range tests {
			s.decide(tt.d, func(_ lifecycle.DecisionResult, err error) { require.ErrorContains(t, err, tt.want, tt.name) })
		}
		s.decide(decision(lifecycle.DecideReopen, id), func(_ lifecycle.DecisionResult, err error) {
			require.ErrorContains(t, err, "it is open", "and one that the state doesn't allow is refused in words")
		})
	})
	s.runOn(id)
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "confirmed>open", "ticketed"}, s.story(id))
}

func TestTheSameDecisionTwiceIsOneDecision(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	d := decision(lifecycle.DecideReassign, id, func(d *lifecycle.Decision) { d.Team = "platform" })
	s.at(time.Hour, func() { s.decide(d, s.accepted) })
	s.at(2*time.Hour, func() {
		s.env.UpdateWorkflow(string(d.Kind), "another update of the same cause", answer{t, func(r lifecycle.DecisionResult, err error) {
			require.NoError(t, err)
			require.True(t, r.Repeated)
		}}, d)
	})
	s.runOn(id)
	require.Equal(t, []string{"ticketed", "assigned", "ticketed"}, s.story(id)[3:])
}

func TestAReTestThatAPersonAsksForBeginsAtOnce(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.at(time.Hour, func() {
		s.world.fix(id)
		s.decide(decision(lifecycle.DecideRetest, id), s.accepted)
	})
	s.run(id)
	require.Equal(t, []string{"ticketed", "retest_requested", "verify>verifying", "refuted>closed"}, s.story(id)[3:])
}

func TestWhatCanWaitAfterAllGoesBackToTrackedUnlessATicketIsAboutIt(t *testing.T) {
	waits := exposure.Decision{Outcome: exposure.Track, Digest: "d2"}
	t.Run("nobody owns it yet", func(t *testing.T) {
		s := skip(t)
		id := s.admitted("web1", "")
		s.at(time.Hour, func() { s.world.set(func(w *world) { w.decision = waits }); s.wake() })
		s.run(id)
		require.Equal(t, []string{"escalated", "decided", "demote>tracked"}, s.story(id)[3:])
		require.Equal(t, exposure.ModeStore, s.exposure(id).Mode)
	})
	t.Run("but not what is only held for want of fresh intelligence", func(t *testing.T) {
		held := exposure.Decision{Outcome: exposure.Attend, Held: "the KEV snapshot is stale", Digest: "d3"}
		s := skip(t)
		id := s.admitted("web1", "")
		s.at(time.Hour, func() { s.world.set(func(w *world) { w.decision = held }); s.wake() })
		s.runOn(id)
		require.Equal(t, exposure.Open, s.exposure(id).State)
		require.Contains(t, s.story(id), "decided")
	})
	t.Run("it has a ticket", func(t *testing.T) {
		s := skip(t)
		id := s.admitted("web1", "payments")
		s.at(time.Hour, func() { s.world.set(func(w *world) { w.decision = waits }); s.wake() })
		s.runOn(id)
		require.Equal(t, []string{"ticketed", "decided"}, s.story(id)[3:])
	})
}

func TestFactsThatEndAnExposureEndItsWorkflow(t *testing.T) {
	tests := []struct {
		name string
		fact func(*skipping, exposure.ID)
		want string
	}{
		{"its asset was merged with one that has the same weakness", func(s *skipping, id exposure.ID) {
			_, _, err := s.ledger.Touch(s.t.Context(), id, func(e *exposure.Exposure) bool { e.MergedInto = "survivor"; return true })
			require.NoError(s.t, err)
		}, "merge>merged"},
		{"a scope excludes the asset", func(s *skipping, _ exposure.ID) { s.world.set(func(w *world) { w.excluded = true }) }, "scope_out>out_of_scope"},
		{"every source that reported it no longer sees it", func(s *skipping, id exposure.ID) { s.reported(id, false) }, "absent>closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := skip(t)
			id := s.admitted("web1", "payments")
			s.at(time.Hour, func() { tt.fact(s, id); s.wake() })
			s.run(id)
			story := s.story(id)
			require.Equal(t, tt.want, story[len(story)-1])
			require.Equal(t, exposure.ModeStore, s.exposure(id).Mode)
		})
	}
}

func TestASourceThatSeesItAfterTheClaimContradictsTheClaim(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments", byCoveringRun)
	s.at(time.Hour, func() { s.decide(decision(lifecycle.DecideFixClaimed, id), s.accepted) })
	s.at(2*time.Hour, func() { s.reported(id, true); s.wake() })
	s.runOn(id)
	require.Equal(t, []string{"claim>fix_claimed", "observed>open"}, s.story(id)[3:])
}

func TestARunTellsItsStateAndItsStory(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.at(day, func() {
		var v lifecycle.ExposureView
		value, err := s.env.QueryWorkflow(lifecycle.QueryState)
		require.NoError(t, err)
		require.NoError(t, value.Get(&v))
		require.Equal(t, exposure.Open, v.State)
		require.Equal(t, "payments", v.Owner)
		var lines []lifecycle.TimelineLine
		value, err = s.env.QueryWorkflow(lifecycle.QueryTimeline)
		require.NoError(t, err)
		require.NoError(t, value.Get(&lines))
		kinds := make([]exposure.EventKind, len(lines))
		for i, l := range lines {
			kinds[i] = l.Event
		}
		require.Equal(t, []exposure.EventKind{exposure.EventDiscovered, exposure.EventAdmit, exposure.EventConfirmed, exposure.EventTicketed}, kinds)
	})
	s.runOn(id)
	require.WithinDuration(t, time.Date(2026, 3, 9, 9, 0, 0, 0, time.UTC), s.env.Now(), time.Minute, "a run lives a week")
}

func TestAWorkflowThatAnOperatorCancelsEnds(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.at(time.Hour, s.env.CancelWorkflow)
	s.env.ExecuteWorkflow(lifecycle.ExposureWorkflow, lifecycle.ExposureInput{ID: id})
	require.True(t, temporal.IsCanceledError(s.env.GetWorkflowError()), "%v", s.env.GetWorkflowError())
	require.Equal(t, exposure.Open, s.exposure(id).State)
}

func TestAnErasedExposureEndsItsWorkflow(t *testing.T) {
	s := skip(t)
	s.run("01gone")
}

func TestAFailureThatTryingAtOnceWouldNotMendIsTriedLater(t *testing.T) {
	s := skip(t)
	id := s.admitted("web1", "payments")
	s.world.fix(id)
	calls := 0
	s.env.OnActivity(activities.NamePrepare, mockAny, mockAny).Return(func(ctx context.Context, in activities.StepInput) (activities.Prepared, error) {
		if calls++; calls < 4 {
			return activities.Prepared{}, temporal.NewNonRetryableApplicationError("a defect", "internal", nil)
		}
		return s.acts.Prepare(ctx, in)
	})
	s.run(id)
	require.Equal(t, exposure.FalsePositive, s.exposure(id).State)
}
