package workflows_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// deed is something that people do on a day, counted from the first.
type deed struct {
	at time.Duration
	do func(*skipping)
}

// months lets a workflow live on, from run to run, while people do their deeds, until it
// ends or the days are over. It gives the house as it is then, and the runs that it took.
func (s *skipping) months(name string, in any, days time.Duration, deeds ...deed) (*skipping, int) {
	s.t.Helper()
	began, now := s.env.Now(), s
	for runs := 1; ; runs++ {
		here, passed := now, now.env.Now().Sub(began)
		for _, d := range deeds {
			if d.at >= passed && d.at < passed+7*day {
				here.at(d.at-passed, func() { d.do(here) })
			}
		}
		here.env.ExecuteWorkflow(name, in)
		require.True(s.t, here.env.IsWorkflowCompleted())
		err := here.env.GetWorkflowError()
		if !workflow.IsContinueAsNewError(err) {
			require.NoError(s.t, err)
			return here, runs
		}
		if here.env.Now().Sub(began) >= days {
			return here, runs
		}
		now = here.again()
	}
}

// diary is an exposure's story with the day of each event.
func (h *house) diary(id exposure.ID, began time.Time) []string {
	h.t.Helper()
	kinds := h.story(id)
	events, err := h.store.Events(h.t.Context(), id)
	require.NoError(h.t, err)
	events = append(events, h.exposure(id).LastEvent)
	out := make([]string, len(kinds))
	for i := range kinds {
		out[i] = fmt.Sprintf("%d %s", int(events[i].At.Sub(began)/day), kinds[i])
	}
	return out
}

// told is what somebody was told, with the day.
func (h *house) told(to string, began time.Time) []string {
	h.t.Helper()
	page, err := h.store.FindMessages(h.t.Context(), to, false, exposure.List{Limit: 1000})
	require.NoError(h.t, err)
	out := make([]string, 0, len(page.Items))
	for _, m := range slices.Backward(page.Items) {
		out = append(out, fmt.Sprintf("%d %s", int(m.At.Sub(began)/day), m.Kind))
	}
	return out
}

// TestAnExposureLivesForMonthsAndEverythingHappensOnItsDayAndOnce waits for a vendor, is
// accepted for a quarter, tested before that ends, and mended after half a year.
func TestAnExposureLivesForMonthsAndEverythingHappensOnItsDayAndOnce(t *testing.T) {
	s := skip(t)
	began := s.now()
	id := s.admitted("web1", "payments")
	last, runs := s.months(lifecycle.ExposureWorkflow, lifecycle.ExposureInput{ID: id}, 200*day,
		deed{10 * day, func(s *skipping) {
			s.decide(decision(lifecycle.DecideWait, id, func(d *lifecycle.Decision) { d.For, d.Until = exposure.WaitVendor, began.Add(40*day) }), s.accepted)
		}},
		deed{70 * day, func(s *skipping) {
			require.Equal(t, exposure.Open, s.exposure(id).State)
			s.decide(decision(lifecycle.DecideAcceptRisk, id, func(d *lifecycle.Decision) { d.Until = began.Add(160 * day) }), s.accepted)
		}},
		deed{71 * day, func(s *skipping) { s.decide(approval(id), s.accepted) }},
		deed{100 * day, func(s *skipping) {
			require.Equal(t, exposure.Accepted, s.exposure(id).State)
			require.Equal(t, 1, s.world.probed(id), "nothing is tested long before the end")
		}},
		deed{161 * day, func(s *skipping) { require.Equal(t, exposure.Open, s.exposure(id).State) }},
		deed{190 * day, func(s *skipping) {
			s.world.fix(id)
			s.decide(decision(lifecycle.DecideFixClaimed, id), s.accepted)
		}},
	)
	require.GreaterOrEqual(t, runs, 190/7, "each run lives for a week")
	require.Equal(t, exposure.Closed, last.exposure(id).State)
	require.Equal(t, exposure.ProofVerdict, last.exposure(id).Proof.Kind)
	require.Equal(t, []string{"0 discovered>tracked", "0 admit>validating", "0 confirmed>open", "0 ticketed", "10 waiting", "10 reminded", "40 resumed", "40 reminded",
		"70 requested", "70 reminded", "71 accept>accepted", "71 reminded", "153 confirmed", "153 reminded", "160 lapse>validating", "160 reminded", "160 confirmed>open",
		"190 claim>fix_claimed", "190 verify>verifying", "190 refuted>closed"}, last.diary(id, began))
	require.Equal(t, 4, last.world.probed(id), "at first, a week before the end, at the end, and after the claim")
}

// TestATicketIsFollowedForMonths reminds of a due date that is far away, puts it off for a
// snooze, and calls people in after it, from run to run.
func TestATicketIsFollowedForMonths(t *testing.T) {
	s := skip(t)
	began := s.now()
	id := s.joined("web1", "payments", func(e *exposure.Exposure) { e.Due = began.Add(150 * day) })
	last, runs := s.months(lifecycle.RemediationWorkflow, lifecycle.RemediationInput{ID: s.exposure(id).RemediationID}, 200*day,
		deed{142 * day, func(s *skipping) {
			_, err := s.acts.Decide(s.t.Context(), decision(lifecycle.DecideSnooze, id, func(d *lifecycle.Decision) { d.Until = began.Add(146 * day) }))
			require.NoError(t, err)
			s.wakeFor("snoozed")
		}},
	)
	require.GreaterOrEqual(t, runs, 200/7)
	require.Equal(t, []string{"0 ticket", "146 reminder", "149 reminder", "150 escalation", "153 escalation", "157 escalation"}, last.told("payments", began))
	require.Equal(t, []string{"150 escalation", "153 escalation", "157 escalation", "158 escalation"}, last.told(activities.Escalation, began))
	require.Len(t, last.tickets(), 1)
}
