package lifecycle_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
)

var rapidContext = context.Background() // rapid.T has none of its own

// house is a ledger with one exposure, and the people who decide on it.
type house struct {
	t     require.TestingT
	shelf *shelf
	l     *ledger.Ledger
	id    exposure.ID
	rules *exception.Rules
	now   time.Time
	n     int
}

func people() ownership.Config {
	return ownership.Config{
		Teams: []ownership.Team{{Name: "payments", Manager: "mia", Members: []string{"ann"}}},
		People: []ownership.Person{{Name: "ann", Role: "operator", Aliases: []string{"ann-cli"}}, {Name: "mia"}, {Name: "bob", Role: "approver"},
			{Name: "eve", Role: "approver"}, {Name: "joe", Role: "approver", Left: "2026-03-10"}},
	}
}

func newHouse(t *testing.T, p exception.Policy, edits ...func(*exposure.Exposure)) *house {
	t.Helper()
	h := &house{t: t, shelf: &shelf{}, rules: exception.NewRules(p, people(), nil), now: now}
	h.id = born(t, h.shelf, append([]func(*exposure.Exposure){func(e *exposure.Exposure) {
		e.Decision.Outcome, e.Owner.Team = exposure.Act, "payments"
	}}, edits...)...)
	h.l = ledger.New(h.shelf, func() time.Time { return h.now })
	return h
}

// as lets somebody decide. What must hold after every decision is in the property test.
func (h *house) as(who string, kind lifecycle.DecisionKind, edits ...func(*lifecycle.Decision)) (lifecycle.DecisionResult, error) {
	h.n++
	d := lifecycle.Decision{Kind: kind, Exposure: h.id, Actor: exposure.Actor{Kind: exposure.Person, Name: who}, Cause: "key-" + strconv.Itoa(h.n), Reason: "a pilot", Via: "api"}
	for _, edit := range edits {
		edit(&d)
	}
	_, out, err := lifecycle.DecideUnder(rapidContext, h.l, h.shelf, h.rules, exposure.ModeStore, d, h.now)
	return out, err
}

func (h *house) exposure() exposure.Exposure {
	e, err := h.shelf.Exposure(rapidContext, h.id)
	require.NoError(h.t, err)
	return e
}

func until(at time.Time) func(*lifecycle.Decision) {
	return func(d *lifecycle.Decision) { d.Until = at }
}

func TestAnExceptionTakesTheApprovalOfOthers(t *testing.T) {
	h := newHouse(t, exception.DefaultPolicy())
	out, err := h.as("ann", lifecycle.DecideAcceptRisk, until(now.AddDate(0, 0, 20)))
	require.NoError(t, err)
	require.Equal(t, exposure.Tracked, out.State)
	require.Contains(t, out.Message, "2 approvals by mia, manager of payments or anybody with the role approver")

	for _, who := range []string{"ann", "ANN", " ann-cli "} { // one person, whatever the token is called
		_, err = h.as(who, lifecycle.DecideApprove, func(d *lifecycle.Decision) { d.Role = "approver" })
		require.ErrorContains(t, err, "whoever asks for an exception can't approve it", who)
	}
	_, err = h.as("pat", lifecycle.DecideApprove, func(d *lifecycle.Decision) { d.Role = "operator" })
	require.Equal(t, fault.Denied, fault.KindOf(err))
	_, err = h.as("pat", lifecycle.DecideDecline, func(d *lifecycle.Decision) { d.Role = "operator" })
	require.Equal(t, fault.Denied, fault.KindOf(err))
	_, err = h.as("bob", lifecycle.DecideWithdraw)
	require.ErrorContains(t, err, "only ann")

	out, err = h.as("mia", lifecycle.DecideApprove) // a manager, by name
	require.NoError(t, err)
	require.Equal(t, exposure.Tracked, out.State)
	require.Contains(t, out.Message, "1 approval more")
	_, err = h.as("Mia", lifecycle.DecideApprove, func(d *lifecycle.Decision) { d.Role = "admin" })
	require.ErrorContains(t, err, "already")

	out, err = h.as("bob", lifecycle.DecideApprove)
	require.NoError(t, err)
	require.Equal(t, exposure.Accepted, out.State)
	x := h.exposure().Exception
	require.Equal(t, "ann", x.By)
	require.Equal(t, []string{"mia", "bob"}, []string{x.Approvals[0].By, x.Approvals[1].By})
	require.Equal(t, []string{exposure.EndsOnKEV, exposure.EndsOnApproverGone}, x.EndsOn, "policy ends it early too")
	require.Nil(t, h.exposure().Request)

	again, err := h.as("bob", lifecycle.DecideApprove, func(d *lifecycle.Decision) { d.Cause = "key-" + strconv.Itoa(h.n-1) })
	require.NoError(t, err)
	require.True(t, again.Repeated, "the same cause is one approval")
}

func TestWhatARequestWasAskedOnMustStillHold(t *testing.T) {
	changed := map[string]struct {
		edit func(*exposure.Exposure)
		want string
	}{
		"evidence":          {func(e *exposure.Exposure) { e.Findings[0].Evidence = "another version" }, "what the sources report has changed"},
		"kev":               {func(e *exposure.Exposure) { e.Decision.Inputs = map[string]string{"kev": "yes"} }, "known to be exploited"},
		"a shorter term":    {func(e *exposure.Exposure) { e.Decision.Outcome = exposure.Act }, "more urgent"},
		"the request's end": {func(*exposure.Exposure) {}, "expired"},
	}
	for name, c := range changed {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, exception.DefaultPolicy(), func(e *exposure.Exposure) { e.Decision.Outcome = exposure.Attend })
			_, err := h.as("ann", lifecycle.DecideAcceptRisk, until(now.AddDate(0, 0, 80)))
			require.NoError(t, err)
			_, _, err = h.l.Touch(t.Context(), h.id, func(e *exposure.Exposure) bool {
				e.Findings = slices.Clone(e.Findings)
				c.edit(e)
				return true
			})
			require.NoError(t, err)
			if name == "the request's end" {
				h.now = now.AddDate(0, 0, 15)
			}
			_, err = h.as("bob", lifecycle.DecideApprove)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, fault.Conflict, fault.KindOf(err))
			require.Equal(t, exposure.Tracked, h.exposure().State)
		})
	}
}

func TestATeamOfOneMayApproveItselfWhereItSaysSo(t *testing.T) {
	p := exception.DefaultPolicy()
	p.SelfApproval = true
	h := newHouse(t, p, func(e *exposure.Exposure) { e.Decision.Outcome = exposure.Attend })
	out, err := h.as("bob", lifecycle.DecideAcceptRisk, until(now.AddDate(0, 0, 20)))
	require.NoError(t, err)
	require.Equal(t, exposure.Accepted, out.State)
	require.Equal(t, "bob", h.exposure().Exception.Approvals[0].By)
	operators := newHouse(t, p, func(e *exposure.Exposure) { e.Decision.Outcome = exposure.Attend })
	out, err = operators.as("pat", lifecycle.DecideAcceptRisk, until(now.AddDate(0, 0, 20)))
	require.NoError(t, err)
	require.Equal(t, exposure.Tracked, out.State, "who may not approve others can't approve himself")
}

func TestTwoWhoApproveAtOnceAreBothCounted(t *testing.T) {
	h := newHouse(t, exception.DefaultPolicy())
	_, err := h.as("ann", lifecycle.DecideAcceptRisk, until(now.AddDate(0, 0, 20)))
	require.NoError(t, err)
	h.t = t
	done := make(chan error, 2)
	for _, who := range []string{"mia", "bob"} {
		go func() {
			d := lifecycle.Decision{Kind: lifecycle.DecideApprove, Exposure: h.id, Actor: exposure.Actor{Kind: exposure.Person, Name: who}, Cause: "press-" + who}
			_, _, err := lifecycle.DecideUnder(t.Context(), h.l, h.shelf, h.rules, exposure.ModeStore, d, h.now)
			done <- err
		}()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.Equal(t, exposure.Accepted, h.exposure().State)
	require.Len(t, h.exposure().Exception.Approvals, 2)
}

// TestNothingIsExceptedWithoutItsQuorumOrForLongerThanPolicyAllows walks random histories:
// whoever decides whatever, with whatever token.
func TestNothingIsExceptedWithoutItsQuorumOrForLongerThanPolicyAllows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHouse(t, exception.DefaultPolicy())
		h.t = rt
		outcomes := []exposure.DecisionOutcome{exposure.Act, exposure.Attend, exposure.Track, ""}
		quorum := map[exposure.DecisionOutcome]int{exposure.Act: 2, "": 2, exposure.Attend: 1, exposure.Track: 1}
		term := map[exposure.DecisionOutcome]int{exposure.Act: 30, "": 30, exposure.Attend: 90, exposure.Track: 180}
		names := []string{"ann", "Ann", "ann-cli", "mia", "bob", "eve", "joe", "pat"}
		kinds := []lifecycle.DecisionKind{lifecycle.DecideAcceptRisk, lifecycle.DecideMitigate, lifecycle.DecideApprove, lifecycle.DecideApprove,
			lifecycle.DecideApprove, lifecycle.DecideDecline, lifecycle.DecideWithdraw, lifecycle.DecideReopen}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			h.now = h.now.Add(time.Duration(rapid.IntRange(0, 72).Draw(rt, "hours")) * time.Hour)
			before := h.exposure()
			if before.Mode == exposure.ModeWorkflow { // reopened: hand it back, as a workflow would
				_, err := h.l.Apply(rapidContext, ledger.Change{ID: h.id, As: exposure.ModeWorkflow, Event: exposure.Event{Kind: exposure.EventDemote,
					Actor: exposure.Actor{Kind: exposure.System, Name: "policy"}, Cause: fmt.Sprint("demote-", before.LastEvent.Seq)}})
				require.NoError(rt, err)
			}
			outcome := rapid.SampledFrom(outcomes).Draw(rt, "outcome")
			_, _, err := h.l.Touch(rapidContext, h.id, func(e *exposure.Exposure) bool { e.Decision.Outcome = outcome; return true })
			require.NoError(rt, err)
			who, kind := rapid.SampledFrom(names).Draw(rt, "who"), rapid.SampledFrom(kinds).Draw(rt, "kind")
			before = h.exposure()
			_, _ = h.as(who, kind, func(d *lifecycle.Decision) {
				d.Role = rapid.SampledFrom([]string{"", "operator", "approver"}).Draw(rt, "role")
				d.EndsOn = []string{exposure.EndsOnEvidence}
				if rapid.Bool().Draw(rt, "dated") {
					d.Until = h.now.AddDate(0, 0, rapid.IntRange(1, 200).Draw(rt, "days"))
				}
			})
			e := h.exposure()
			if e.State == before.State || !e.State.Excepted() {
				continue
			}
			x := e.Exception
			require.NotNil(rt, before.Request, "an exception that nobody asked for")
			require.False(rt, x.Until.IsZero(), "it stays for ever")
			require.False(rt, x.Until.After(x.Asked.AddDate(0, 0, term[outcome])), "longer than policy allows")
			distinct := map[string]bool{}
			for _, a := range x.Approvals {
				name := strings.ToLower(h.rules.Person(a.By))
				require.NotEqual(rt, strings.ToLower(h.rules.Person(x.By)), name, "approved by who asked")
				require.False(rt, name == "joe" && !h.now.Before(time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)), "approved by who left")
				distinct[name] = true
			}
			require.GreaterOrEqual(rt, len(distinct), quorum[outcome], "too few approved")
		}
	})
}

func TestTheClockStandsStillWithinTheMaximumAndForWhomPolicyLetsStopIt(t *testing.T) {
	due := now.AddDate(0, 0, 14)
	of := func(t *testing.T, edits ...func(*exposure.Exposure)) *house {
		t.Helper()
		return newHouse(t, exception.DefaultPolicy(), append([]func(*exposure.Exposure){func(e *exposure.Exposure) { e.Due = due }}, edits...)...)
	}
	forVendor := func(days int) func(*lifecycle.Decision) {
		return func(d *lifecycle.Decision) {
			d.For, d.Until, d.Reference = exposure.WaitVendor, now.AddDate(0, 0, days), "CASE-1"
		}
	}
	h := of(t)
	out, err := h.as("pat", lifecycle.DecideWait, forVendor(10))
	require.NoError(t, err)
	require.Contains(t, out.Message, "stands still until 2026-03-12")
	require.Equal(t, due.AddDate(0, 0, 10), h.exposure().Due)
	require.Equal(t, "CASE-1", h.waiting().Reference)
	_, err = h.as("pat", lifecycle.DecideWait, forVendor(12))
	require.ErrorContains(t, err, "waits already")
	h.now = now.AddDate(0, 0, 4)
	_, err = h.as("pat", lifecycle.DecideResume)
	require.NoError(t, err)
	require.Equal(t, due.AddDate(0, 0, 4), h.exposure().Due, "what it didn't wait is given back")
	require.Nil(t, h.waiting())
	_, err = h.as("pat", lifecycle.DecideResume)
	require.ErrorContains(t, err, "isn't stopped")
	_, err = h.as("pat", lifecycle.DecideWait, forVendor(4+27))
	require.ErrorContains(t, err, "30d altogether", "4 days are spent")

	exploited := of(t, func(e *exposure.Exposure) { e.Decision.Inputs = map[string]string{"kev": "yes"} })
	_, err = exploited.as("pat", lifecycle.DecideWait, forVendor(2))
	require.Equal(t, fault.Denied, fault.KindOf(err))
	_, err = exploited.as("bob", lifecycle.DecideWait, forVendor(2))
	require.NoError(t, err)
	require.True(t, exploited.waiting().Approved)
}

func TestAWaitEndsWhenTheFixIsReleasedOrItBecomesKnownToBeExploited(t *testing.T) {
	e := exposure.Exposure{Waits: []exposure.Wait{{For: exposure.WaitVendor}}}
	require.Empty(t, exception.WaitOver(&e))
	e.Findings = []exposure.Finding{{Package: &exposure.Package{FixedIn: "2.0"}}}
	require.Contains(t, exception.WaitOver(&e), "fix has been released")
	e.Waits[0].Fix = true
	require.Empty(t, exception.WaitOver(&e), "it was known when the wait began")
	e.Decision = exposure.Decision{Outcome: exposure.Act, Inputs: map[string]string{"kev": "yes"}}
	require.Contains(t, exception.WaitOver(&e), "exploited")
	e.Waits[0].Approved = true
	require.Empty(t, exception.WaitOver(&e))
}

func (h *house) waiting() *exposure.Wait {
	e := h.exposure()
	return e.OpenWait()
}

func TestNothingIsGivenToATeamThatNobodyConfigured(t *testing.T) {
	h := newHouse(t, exception.DefaultPolicy())
	for _, kind := range []lifecycle.DecisionKind{lifecycle.DecideClaim, lifecycle.DecideReassign} {
		_, err := h.as("bob", kind, func(d *lifecycle.Decision) { d.Team = "paymens" })
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
		require.ErrorContains(t, err, `there is no team "paymens"; did you mean payments?`)
	}
	require.EqualValues(t, 1, h.exposure().LastEvent.Seq, "nothing was recorded")
	_, err := h.as("bob", lifecycle.DecideReassign, func(d *lifecycle.Decision) { d.Team = "payments" })
	require.NoError(t, err)

	h.rules = exception.NewRules(exception.DefaultPolicy(), ownership.Config{Teams: []ownership.Team{{Name: "others"}}}, nil)
	again, err := h.as("bob", lifecycle.DecideReassign, func(d *lifecycle.Decision) { d.Team, d.Cause = "payments", "key-"+strconv.Itoa(h.n-1) })
	require.NoError(t, err, "what was decided while there was the team is decided")
	require.True(t, again.Repeated)
	h.rules = exception.Default()
	_, err = h.as("bob", lifecycle.DecideReassign, func(d *lifecycle.Decision) { d.Team = "anybody" })
	require.NoError(t, err, "without teams any name is one")
}
