package activities

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/admission"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// waits puts an exposure into the line of a team, due in so many days.
func (r *rig) waits(team, fix string, due int, edits ...func(*exposure.Exposure)) exposure.ID {
	r.t.Helper()
	of := asset.Asset{ID: asset.ID("01" + fix), Version: 1, Kind: asset.Host, Name: "host-" + fix}
	_, err := r.store.InsertAssets(r.t.Context(), []asset.Asset{of})
	require.NoError(r.t, err)
	n, err := r.store.CountExposures(r.t.Context(), exposure.Filter{}, "")
	require.NoError(r.t, err)
	check := fmt.Sprintf("nessus:%d", n[""])
	e := exposure.NewExposure(exposure.BornInput{Asset: of, Source: "nessus-dc1", Run: "r1", CheckedAt: r.clock.Add(-time.Hour), At: r.clock, Cause: "d1",
		Actor:   exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"},
		Finding: exposure.Finding{UID: check, Check: check, Title: "needs " + fix, Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}})
	e.Owner, e.Fix, e.Due, e.Queued = exposure.Owner{Team: team}, fix, r.clock.Add(time.Duration(due)*day), r.clock
	e.Decision = exposure.Decision{Outcome: exposure.Attend, Admit: true, Digest: "d"}
	for _, edit := range edits {
		edit(&e)
	}
	_, err = r.store.InsertExposures(r.t.Context(), []exposure.Exposure{e})
	require.NoError(r.t, err)
	return e.ID
}

func act(e *exposure.Exposure) { e.Decision.Outcome = exposure.Act }

func (r *rig) sweep(admit int) SweepReport {
	r.t.Helper()
	report, err := r.Sweep(r.t.Context(), SweepRequest{Admit: admit, MaxOpen: 1000})
	require.NoError(r.t, err)
	for _, p := range report.Problems {
		require.NotContains(r.t, p, "admitting")
		require.NotContains(r.t, p, "capacity")
	}
	return report
}

func (r *rig) budgets(b admission.Budget) {
	r.Budget = func(team string) admission.Budget {
		if team == "" {
			return admission.Budget{}
		}
		return b
	}
}

// joined brings an exposure to its remediation's ticket.
func (r *rig) joined(id exposure.ID) lifecycle.Remediation {
	r.t.Helper()
	e := r.exposureNow(id)
	v, err := r.Join(r.t.Context(), StepInput{ID: id, Seq: e.LastEvent.Seq})
	require.NoError(r.t, err)
	_, err = r.CreateTicket(r.t.Context(), RemediationStep{ID: v.Remediation})
	require.NoError(r.t, err)
	rem, err := r.store.Remediation(r.t.Context(), v.Remediation)
	require.NoError(r.t, err)
	return rem
}

func (r *rig) state(id exposure.ID) exposure.State { return r.exposureNow(id).State }

func TestATeamIsGivenNoMoreThanItTakesOn(t *testing.T) {
	r := newRig(t, nil)
	r.budgets(admission.Budget{WIP: 2})
	late, soon, next := r.waits("web", "c", 30), r.waits("web", "a", 10), r.waits("web", "b", 20)
	other, nobody := r.waits("db", "a", 40), r.waits("", "a", 50)
	require.Equal(t, 4, r.sweep(100).Admitted)
	for id, want := range map[exposure.ID]exposure.State{soon: exposure.Open, next: exposure.Open, late: exposure.Tracked, other: exposure.Open, nobody: exposure.Open} {
		require.Equal(t, want, r.state(id))
	}
	joins := r.waits("web", "b", 80)
	require.Equal(t, 1, r.sweep(100).Admitted)
	require.Equal(t, exposure.Open, r.state(joins), "its fix is worked on already: it costs nothing")
	require.Contains(t, r.exposureNow(joins).LastEvent.Reason, "works on its fix already")
	require.Equal(t, exposure.Tracked, r.state(late))
}

func TestAGroupOfThousandsDoesNotHideTheNextOne(t *testing.T) {
	r := newRig(t, nil)
	r.budgets(admission.Budget{WIP: 2})
	for range 30 {
		r.waits("web", "a", 5)
	}
	behind := r.waits("web", "b", 20)
	admitted := r.sweep(20).Admitted
	require.Equal(t, exposure.Open, r.state(behind))
	for range 3 {
		admitted += r.sweep(20).Admitted
	}
	require.Equal(t, 31, admitted, "the others join what has begun")
}

func TestATeamBeginsNoMoreThanItTakesInADay(t *testing.T) {
	r := newRig(t, nil)
	r.budgets(admission.Budget{Intake: 1})
	first, second := r.waits("web", "a", 10), r.waits("web", "b", 20)
	require.Equal(t, 1, r.sweep(100).Admitted)
	require.Zero(t, r.sweep(100).Admitted)
	r.clock = r.clock.Add(admission.Day + time.Minute)
	require.Equal(t, 1, r.sweep(100).Admitted)
	require.Equal(t, exposure.Open, r.state(first))
	require.Equal(t, exposure.Open, r.state(second))
}

func TestWhatIsUrgentWaitsForNoBudgetAndWhatNobodyBeganGivesWay(t *testing.T) {
	r := newRig(t, nil)
	r.budgets(admission.Budget{WIP: 2})
	first, second := r.waits("web", "a", 10), r.waits("web", "b", 20)
	r.sweep(100)
	rem := r.joined(second)
	require.NotEmpty(t, rem.Ticket)
	urgent := r.waits("web", "z", 90, act)
	report := r.sweep(100)
	require.Equal(t, 1, report.Admitted)
	require.Equal(t, 1, report.Pushed)
	require.Equal(t, exposure.Open, r.state(urgent))
	require.Zero(t, r.sweep(100).Pushed, "once is enough")

	view, err := r.Follow(t.Context(), FollowInput{ID: second})
	require.NoError(t, err)
	require.Equal(t, exposure.Tracked, view.State, "the later turn gives way")
	e := r.exposureNow(second)
	require.True(t, e.Waiting())
	require.Equal(t, rem.Ticket, e.Ticket, "it keeps its ticket")
	require.Contains(t, e.LastEvent.Reason, "needs z")
	require.Empty(t, e.Yield)
	require.Equal(t, exposure.Open, r.state(first))

	plan, err := r.Plan(t.Context(), RemediationStep{ID: rem.ID})
	require.NoError(t, err)
	require.Equal(t, 1, plan.Live, "its ticket stays open")
	_, err = r.Comment(t.Context(), RemediationStep{ID: rem.ID, Intents: plan.Comments})
	require.NoError(t, err)
	ticket, err := r.store.Ticket(t.Context(), rem.Ticket)
	require.NoError(t, err)
	require.Contains(t, ticket.Comments[len(ticket.Comments)-1].Text, "Not now")
	require.Zero(t, r.sweep(100).Admitted, "and there is no place for it yet")

	// When the urgent work is done there is a place again, on the same ticket.
	r.closed(urgent)
	require.Equal(t, 1, r.sweep(100).Admitted)
	require.Equal(t, exposure.Open, r.state(second))
	require.Equal(t, rem.ID, r.exposureNow(second).RemediationID)
}

// closed lets the source prove that an exposure is gone.
func (r *rig) closed(id exposure.ID) {
	r.t.Helper()
	r.clock = r.clock.Add(time.Hour)
	_, _, err := r.Ledger.Touch(r.t.Context(), id, func(e *exposure.Exposure) bool {
		e.Sights[0].Presence, e.Sights[0].CheckedAt, e.Sights[0].Run = exposure.VerifiedAbsent, r.clock, "r2"
		return true
	})
	require.NoError(r.t, err)
	v, err := r.Follow(r.t.Context(), FollowInput{ID: id})
	require.NoError(r.t, err)
	require.Equal(r.t, exposure.Closed, v.State)
}

func TestWorkThatSomebodyBeganIsNotPushedBack(t *testing.T) {
	r := newRig(t, nil)
	r.budgets(admission.Budget{WIP: 1})
	begun := r.waits("web", "a", 10)
	r.sweep(100)
	rem := r.joined(begun)
	r.move(rem.Ticket, string(connectors.IssueInProgress))
	r.waits("web", "z", 1, act)
	report := r.sweep(100)
	require.Equal(t, 1, report.Admitted)
	require.Zero(t, report.Pushed)
	require.Empty(t, r.exposureNow(begun).Yield)
}

func (r *rig) move(key, status string) {
	r.t.Helper()
	ticket, err := r.store.Ticket(r.t.Context(), key)
	require.NoError(r.t, err)
	ticket.Status, ticket.Version, ticket.UpdatedAt = status, ticket.Version+1, r.clock
	if status == string(connectors.IssueDone) {
		ticket.ClosedBy, ticket.ClosedAt = "ann", r.clock
	}
	ok, err := r.store.SwapTicket(r.t.Context(), ticket)
	require.NoError(r.t, err)
	require.True(r.t, ok)
}

func TestWhoMovesATicketInTheLineTakesItUp(t *testing.T) {
	for status, want := range map[connectors.IssueStatus]exposure.State{connectors.IssueInProgress: exposure.Open, connectors.IssueDone: exposure.FixClaimed} {
		t.Run(string(status), func(t *testing.T) {
			r := newRig(t, nil)
			r.budgets(admission.Budget{WIP: 1})
			id := r.waits("web", "a", 10)
			r.sweep(100)
			rem := r.joined(id)
			r.waits("web", "z", 1, act)
			r.sweep(100)
			_, err := r.Follow(t.Context(), FollowInput{ID: id})
			require.NoError(t, err)
			require.Equal(t, exposure.Tracked, r.state(id))

			r.clock = r.clock.Add(time.Hour)
			r.move(rem.Ticket, string(status))
			found, err := r.SyncTicket(t.Context(), RemediationStep{ID: rem.ID})
			require.NoError(t, err)
			if !found.ClosedAt.IsZero() {
				_, err = r.ClaimMembers(t.Context(), ClaimInput{ID: rem.ID, By: found.ClosedBy, At: found.ClosedAt})
				require.NoError(t, err)
			}
			_, err = r.Follow(t.Context(), FollowInput{ID: id})
			require.NoError(t, err)
			require.Equal(t, want, r.state(id))
		})
	}
}

func TestNothingThatWaitsForCapacityPassesItsDueDateInSilence(t *testing.T) {
	r := newRig(t, nil)
	r.budgets(admission.Budget{WIP: 1})
	r.waits("web", "a", 1)
	r.sweep(100)
	near, far := r.waits("web", "b", 2), r.waits("web", "c", 40)
	report := r.sweep(100)
	require.Equal(t, 1, report.Raised)
	require.Zero(t, r.sweep(100).Raised, "once for each due date")
	require.Contains(t, r.exposureNow(near).LastEvent.Reason, "waits for capacity of team web")
	require.Equal(t, exposure.EventEscalated, r.exposureNow(near).LastEvent.Kind)
	require.NotEqual(t, exposure.EventEscalated, r.exposureNow(far).LastEvent.Kind)
	for _, to := range []string{Escalation, "web"} {
		page, err := r.store.FindMessages(t.Context(), to, true, exposure.List{})
		require.NoError(t, err)
		told := 0
		for _, m := range page.Items {
			if strings.Contains(m.Subject, "capacity of team web") {
				told++
			}
		}
		require.Equal(t, 1, told, to)
	}
}

func TestWhatPolicyNoLongerWantsLeavesTheLine(t *testing.T) {
	r := newRig(t, nil)
	id := r.waits("web", "a", 10, func(e *exposure.Exposure) { e.Decision.Admit = false })
	require.Zero(t, r.sweep(100).Admitted)
	require.Zero(t, r.exposureNow(id).Queued)
}

func TestTheGlobalLimitsHold(t *testing.T) {
	r := newRig(t, nil)
	var worked []exposure.ID
	for i := range 5 {
		worked = append(worked, r.waits("web", fmt.Sprint(i), 10))
	}
	require.Equal(t, 2, r.sweep(2).Admitted)
	worked = slices.DeleteFunc(worked, func(id exposure.ID) bool { return r.exposureNow(id).State == exposure.Tracked })
	report, err := r.Sweep(t.Context(), SweepRequest{Admit: 100, MaxOpen: 3})
	require.NoError(t, err)
	require.Equal(t, 1, report.Admitted)
	report, err = r.Sweep(t.Context(), SweepRequest{Admit: 100, MaxOpen: 3})
	require.NoError(t, err)
	require.Contains(t, report.Held, "3 exposures are worked on")
	_, err = r.Ledger.Apply(t.Context(), ledger.Change{ID: worked[0], As: exposure.ModeWorkflow, Event: exposure.Event{Kind: exposure.EventAccept, Cause: "accept", Reason: "a pilot",
		Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}, Exception: &exposure.Exception{By: "ann", Reason: "a pilot", Until: r.clock.Add(90 * day)}}})
	require.NoError(t, err)
	require.Equal(t, exposure.ModeWorkflow, r.exposureNow(worked[0]).Mode)
	report, err = r.Sweep(t.Context(), SweepRequest{Admit: 100, MaxOpen: 3})
	require.NoError(t, err)
	require.Equal(t, 1, report.Admitted, "an accepted risk takes nobody's turn until it ends")
}

func TestTheEarliestTurnOfAllTeamsComesFirst(t *testing.T) {
	r := newRig(t, nil)
	r.budgets(admission.Budget{WIP: 9, Intake: 9})
	ids := make([]exposure.ID, 0, 5)
	for i, team := range []string{"web", "db", "sre", "web", "db"} {
		ids = append(ids, r.waits(team, fmt.Sprint("fix", i), 50-i))
	}
	for i := len(ids) - 1; i >= 0; i-- {
		require.Equal(t, 1, r.sweep(1).Admitted)
		require.Equal(t, exposure.Open, r.state(ids[i]), "the %d.", i)
	}
}
