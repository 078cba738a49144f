package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

func TestASweepAdmitsAtItsRateAndContinuesAsNewWithWhatItSavedUp(t *testing.T) {
	s := skip(t)
	var asked []activities.SweepRequest
	s.env.OnActivity(activities.NameSweep, mockAny, mockAny).Return(func(_ context.Context, in activities.SweepRequest) (activities.SweepReport, error) {
		asked = append(asked, in)
		report := activities.SweepReport{Updated: in.Updated, Cursor: fmt.Sprint(len(asked))}
		if len(asked) > 10 {
			report.Admitted = in.Admit
		}
		return report, nil
	})
	s.env.ExecuteWorkflow(lifecycle.SweepWorkflow, lifecycle.SweepInput{Every: 10 * time.Second, AdmitPerMinute: 60, MaxOpen: 5})
	require.True(t, workflow.IsContinueAsNewError(s.env.GetWorkflowError()))
	require.Len(t, asked, 500)
	require.Equal(t, []int{10, 20, 30, 40, 50, 60, 60}, []int{asked[0].Admit, asked[1].Admit, asked[2].Admit, asked[3].Admit, asked[4].Admit, asked[5].Admit, asked[6].Admit},
		"what is saved up is at most a minute's")
	require.Equal(t, 60, asked[10].Admit)
	require.Equal(t, 10, asked[11].Admit)
	require.Equal(t, 5, asked[0].MaxOpen)
	require.Equal(t, "499", asked[499].Cursor)
}

func (h *house) sweep(in activities.SweepRequest) activities.SweepReport {
	h.t.Helper()
	report, err := h.acts.Sweep(h.t.Context(), in)
	require.NoError(h.t, err)
	require.Empty(h.t, report.Problems)
	return report
}

func TestTheQueueIsAdmittedByDueDateThenDecisionUnderABound(t *testing.T) {
	s := skip(t)
	due := s.now().Add(day)
	soon := func(outcome exposure.DecisionOutcome) func(*exposure.Exposure) {
		return func(e *exposure.Exposure) { e.Due, e.Decision.Outcome = due, outcome }
	}
	later, attend, act := s.born("later", "payments"), s.born("attend", "payments", soon(exposure.Attend)), s.born("act", "payments", soon(exposure.Act))
	waits := s.born("waits", "payments", soon(exposure.Track), func(e *exposure.Exposure) { e.Decision.Admit = false })
	states := func() []exposure.State {
		return []exposure.State{s.exposure(act).State, s.exposure(attend).State, s.exposure(later).State, s.exposure(waits).State}
	}
	v, tr := exposure.Validating, exposure.Tracked

	require.Equal(t, 1, s.sweep(activities.SweepRequest{Admit: 10, MaxOpen: 1}).Admitted)
	require.Equal(t, []exposure.State{v, tr, tr, tr}, states())
	require.True(t, s.woken.has("exposure/"+string(act)))
	require.Contains(t, s.sweep(activities.SweepRequest{Admit: 10, MaxOpen: 1}).Held, "1 exposures are worked on")
	require.Equal(t, 1, s.sweep(activities.SweepRequest{Admit: 1, MaxOpen: 9}).Admitted)
	require.Equal(t, []exposure.State{v, v, tr, tr}, states())
	require.Equal(t, 1, s.sweep(activities.SweepRequest{Admit: 10, MaxOpen: 9}).Admitted)
	require.Equal(t, []exposure.State{v, v, v, tr}, states())
	require.True(t, s.exposure(waits).Queued.IsZero(), "what was decided otherwise since leaves the queue")
	require.Zero(t, s.sweep(activities.SweepRequest{Admit: 10, MaxOpen: 9}).Admitted)
}

func TestWakesThatWereLostAreSentAgain(t *testing.T) {
	s := skip(t)
	id := s.joined("web1", "payments")
	rem := "remediation/" + s.exposure(id).RemediationID
	s.woken.woken = nil
	require.Zero(t, s.sweep(activities.SweepRequest{}).Woken, "it may still be on its way")
	a := s.later(31 * time.Second)
	require.Equal(t, 2, a.sweep(activities.SweepRequest{}).Woken)
	require.True(t, s.woken.has("exposure/"+string(id)))
	require.True(t, s.woken.has(rem))
}

// later is the same house some time on.
func (s *skipping) later(d time.Duration) *house {
	h := *s.house
	now := s.now().Add(d)
	h.now = func() time.Time { return now }
	deps := s.acts.Deps
	deps.Now = h.now
	deps.Ledger = ledger.New(s.store, h.now)
	h.acts = activities.New(deps)
	return &h
}

// excepted is an exposure that a person accepted before any workflow had it.
func (s *skipping) excepted(edit func(*exposure.Exception)) exposure.ID {
	s.t.Helper()
	id := s.born("web1", "payments")
	x := &exposure.Exception{Reason: "a pilot", By: "ann", Until: s.now().Add(30 * day), Digest: exposure.EvidenceDigest(s.exposure(id))}
	edit(x)
	_, err := s.ledger.Apply(s.t.Context(), ledger.Change{ID: id, As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventAccept,
		Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}, Cause: "accept", Reason: "a pilot", Exception: x}})
	require.NoError(s.t, err)
	require.Equal(s.t, exposure.ModeStore, s.exposure(id).Mode)
	return id
}

func TestAnExceptionThatNoWorkflowTimesEndsOnItsDate(t *testing.T) {
	s := skip(t)
	id := s.excepted(func(*exposure.Exception) {})
	require.Zero(t, s.sweep(activities.SweepRequest{}).Lapsed)
	after := s.later(30*day + time.Second)
	require.Equal(t, 1, after.sweep(activities.SweepRequest{}).Lapsed)
	e := s.exposure(id)
	require.Equal(t, exposure.Validating, e.State, "it is worked on, since policy wants it")
	require.Equal(t, exposure.ModeWorkflow, e.Mode)
	require.True(t, s.woken.has("exposure/"+string(id)))
	require.Zero(t, after.sweep(activities.SweepRequest{}).Lapsed)
}

func TestAnExceptionThatNoWorkflowTimesIsTestedBeforeItEnds(t *testing.T) {
	s := skip(t)
	id := s.excepted(func(*exposure.Exception) {})
	s.tellsOf(id)
	early := s.later(22 * day)
	early.sweep(activities.SweepRequest{})
	require.Equal(t, exposure.ModeStore, s.exposure(id).Mode, "there is time")
	s.woken.woken = nil
	late := s.later(23*day + time.Second)
	late.sweep(activities.SweepRequest{})
	require.Equal(t, exposure.ModeWorkflow, s.exposure(id).Mode)
	require.True(t, s.woken.has("exposure/"+string(id)))
	late.sweep(activities.SweepRequest{})

	s = s.in(environment(s.now().Add(23*day + time.Second)))
	s.at(day, func() {
		require.Equal(t, exposure.Accepted, s.exposure(id).State)
		require.Equal(t, 1, s.world.probed(id))
		require.Equal(t, []string{"decision", "reminder"}, s.messages("payments"), "accepted, about to end")
	})
	s.runOn(id)
	require.Equal(t, []string{"discovered>tracked", "accept>accepted", "reminded", "noted", "confirmed", "reminded", "lapse>validating", "reminded", "confirmed>open", "ticketed"}, s.story(id))
}

// tellsOf has people told of what was decided on an exposure.
func (s *skipping) tellsOf(id exposure.ID) {
	s.t.Helper()
	s.sweep(activities.SweepRequest{})
	require.Empty(s.t, s.exposure(id).Untold)
}

func TestTheEndOfWhatNoProbeCanTestIsOnlyTold(t *testing.T) {
	s := skip(t)
	id := s.born("web1", "payments", byCoveringRun)
	x := &exposure.Exception{Reason: "a pilot", By: "ann", Until: s.now().Add(30 * day), Digest: exposure.EvidenceDigest(s.exposure(id))}
	_, err := s.ledger.Apply(t.Context(), ledger.Change{ID: id, As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventAccept,
		Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}, Cause: "accept", Reason: "a pilot", Exception: x}})
	require.NoError(t, err)
	s.tellsOf(id)
	s.later(23*day + time.Second).sweep(activities.SweepRequest{})
	require.Equal(t, exposure.ModeStore, s.exposure(id).Mode)
	require.Equal(t, []string{"decision", "reminder"}, s.messages("payments"))
}

func TestAnAcceptedRiskThatNoWorkflowHasIsTestedWhenAPersonAsks(t *testing.T) {
	s := skip(t)
	id := s.excepted(func(*exposure.Exception) {})
	_, err := s.acts.Decide(t.Context(), decision(lifecycle.DecideRetest, id))
	require.Error(t, err, "it is in the store's hands")
	_, result, err := lifecycle.DecideUnder(t.Context(), s.ledger, s.store, s.acts.Rules, exposure.ModeStore, decision(lifecycle.DecideRetest, id), s.now())
	require.NoError(t, err)
	require.Contains(t, result.Message, "the verdict follows")
	last, _ := s.months(lifecycle.ExposureWorkflow, lifecycle.ExposureInput{ID: id}, 35*day, deed{day, func(s *skipping) {
		require.Equal(t, exposure.Accepted, s.exposure(id).State)
		require.Equal(t, 1, s.world.probed(id))
	}})
	require.Equal(t, 3, last.world.probed(id), "now, a week before the end, and at the end")
}

func TestAnExceptionThatNoWorkflowTimesEndsEarlyOnItsTriggers(t *testing.T) {
	tests := []struct {
		name    string
		endsOn  string
		changes func(*exposure.Exposure)
		ends    bool
	}{
		{"the CVE entered the KEV catalogue", exposure.EndsOnKEV, func(e *exposure.Exposure) { e.Decision.Inputs = map[string]string{"kev": "yes"} }, true},
		{"the asset became reachable from the internet", exposure.EndsOnInternet, func(e *exposure.Exposure) { e.Decision.Inputs = map[string]string{"publicly_exposed": "yes"} }, true},
		{"what the sources report changed", exposure.EndsOnEvidence, func(e *exposure.Exposure) { e.Findings[0].Title = "Something else" }, true},
		{"something that it doesn't end on", exposure.EndsOnKEV, func(e *exposure.Exposure) { e.Findings[0].Title = "Something else" }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := skip(t)
			id := s.excepted(func(x *exposure.Exception) { x.EndsOn = []string{tt.endsOn} })
			report := s.sweep(activities.SweepRequest{})
			require.Zero(t, report.Lapsed)
			_, _, err := s.ledger.Touch(s.t.Context(), id, func(e *exposure.Exposure) bool { tt.changes(e); return true })
			require.NoError(t, err)
			report = s.sweep(activities.SweepRequest{Updated: report.Updated})
			require.Equal(t, tt.ends, report.Lapsed == 1)
			if tt.ends {
				e := s.exposure(id)
				require.Equal(t, exposure.Validating, e.State)
				require.Equal(t, tt.endsOn, e.LastEvent.Data[exposure.DataTrigger])
			}
		})
	}
}

func TestTrackedExposuresThatNobodyOwnsAreToldOfOncePerAssetAndRung(t *testing.T) {
	s := skip(t)
	s.born("near", "", func(e *exposure.Exposure) { e.Due = s.now().Add(3 * day); e.Decision.Admit = false })
	s.born("far", "", func(e *exposure.Exposure) { e.Due = s.now().Add(60 * day); e.Decision.Admit = false })
	require.Equal(t, 1, s.sweep(activities.SweepRequest{}).Nudged)
	require.Zero(t, s.sweep(activities.SweepRequest{}).Nudged)
	require.Equal(t, 1, s.later(day+time.Hour).sweep(activities.SweepRequest{}).Nudged)
	require.Equal(t, []string{"unowned", "unowned"}, s.messages(activities.Escalation))
}

func TestAPartOfTheSweepThatFailsDoesNotKeepTheRestFromBeingDone(t *testing.T) {
	s := skip(t)
	id := s.excepted(func(*exposure.Exception) {})
	after := s.later(31 * day)
	after.acts.Board = broken{after.acts.Board}
	report, err := after.acts.Sweep(s.t.Context(), activities.SweepRequest{Admit: 1, MaxOpen: 1})
	require.NoError(t, err)
	require.Len(t, report.Problems, 1)
	require.Contains(t, report.Problems[0], "restarting sources")
	require.Equal(t, 1, report.Lapsed)
	require.Equal(t, exposure.Validating, s.exposure(id).State)
}

// broken is a board that can't say which sources have deliveries.
type broken struct{ activities.Board }

func (broken) PendingSources(context.Context) ([]string, error) { return nil, context.DeadlineExceeded }
