package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/ledger/ledgertest"
	"github.com/quellsec/quell/internal/lifecycle"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func decision(kind lifecycle.DecisionKind, edits ...func(*lifecycle.Decision)) lifecycle.Decision {
	d := lifecycle.Decision{Kind: kind, Exposure: "x", Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}, Cause: "key-1", Reason: "a pilot", Team: "payments",
		Until: now.Add(48 * time.Hour)}
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

func TestADecisionSaysWhatItLacks(t *testing.T) {
	for _, kind := range lifecycle.DecisionKinds() {
		d := decision(kind, func(d *lifecycle.Decision) { d.For = exposure.WaitVendor })
		require.NoError(t, d.Validate(now), kind)
	}
	tests := []struct {
		name string
		kind lifecycle.DecisionKind
		edit func(*lifecycle.Decision)
		want string
	}{
		{"an unknown kind", "promote", func(*lifecycle.Decision) {}, "no such decision"},
		{"no exposure", lifecycle.DecideRetest, func(d *lifecycle.Decision) { d.Exposure = "" }, "names no exposure"},
		{"no idempotency key", lifecycle.DecideRetest, func(d *lifecycle.Decision) { d.Cause = "" }, "idempotency key"},
		{"nobody decides", lifecycle.DecideRetest, func(d *lifecycle.Decision) { d.Actor.Name = "" }, "who decides"},
		{"a claim without a team", lifecycle.DecideClaim, func(d *lifecycle.Decision) { d.Team = "" }, "name the team"},
		{"a team that is no name", lifecycle.DecideReassign, func(d *lifecycle.Decision) { d.Team = "a | b" }, "name the team"},
		{"a snooze without an end", lifecycle.DecideSnooze, func(d *lifecycle.Decision) { d.Until = time.Time{} }, "in the future"},
		{"a snooze into the past", lifecycle.DecideSnooze, func(d *lifecycle.Decision) { d.Until = now }, "in the future"},
		{"a snooze for ever", lifecycle.DecideSnooze, func(d *lifecycle.Decision) { d.Until = now.AddDate(1, 0, 0) }, "90 days at most"},
		{"a risk without a reason", lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.Reason = " \t" }, "a reason is required"},
		{"a risk without an end", lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.Until = time.Time{} }, "an end is required"},
		{"a mitigation that ended", lifecycle.DecideMitigate, func(d *lifecycle.Decision) { d.Until = now.Add(-time.Hour) }, "in the past"},
		{"an end that nothing fires", lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.EndsOn = []string{"doomsday"} }, "doomsday"},
		{"a false positive without a reason", lifecycle.DecideFalsePositive, func(d *lifecycle.Decision) { d.Reason = "" }, "a reason is required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decision(tt.kind, tt.edit)
			err := d.Validate(now)
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
		})
	}
}

// shelf is a store in memory for one exposure.
type shelf struct{ ledgertest.Memory }

func (s *shelf) Exposure(ctx context.Context, id exposure.ID) (exposure.Exposure, error) {
	found, err := s.Exposures(ctx, []exposure.ID{id})
	if e, ok := found[id]; ok {
		return e, err
	}
	return exposure.Exposure{}, fault.New(fault.NotFound, "there is no %s", id)
}

func born(t *testing.T, s *shelf, edits ...func(*exposure.Exposure)) exposure.ID {
	t.Helper()
	e := exposure.NewExposure(exposure.BornInput{
		Asset: asset.Asset{ID: "01WEB", Name: "web1", Kind: asset.Host}, Source: "nessus-dc1", CheckedAt: now.Add(-time.Hour), At: now.Add(-time.Hour), Cause: "delivery",
		Actor:   exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"},
		Finding: exposure.Finding{UID: "1", Check: "nuclei:weak-login", Title: "weak login", Target: "https://web1", Status: exposure.StatusOpen},
	})
	for _, edit := range edits {
		edit(&e)
	}
	_, err := s.InsertExposures(t.Context(), []exposure.Exposure{e})
	require.NoError(t, err)
	return e.ID
}

func TestEachDecisionBecomesItsEvent(t *testing.T) {
	covering := func(e *exposure.Exposure) { e.Verification = exposure.Verification{Method: exposure.MethodCoveringRun} }
	decided := func(o exposure.DecisionOutcome) func(*exposure.Exposure) {
		return func(e *exposure.Exposure) { e.Decision.Outcome = o }
	}
	inputs := func(key string) func(*exposure.Exposure) {
		return func(e *exposure.Exposure) { e.Decision.Inputs = map[string]string{key: "yes"} }
	}
	tests := []struct {
		name    string
		of      []func(*exposure.Exposure)
		d       lifecycle.Decision
		kind    exposure.EventKind
		state   exposure.State
		message string
		refused string
	}{
		{"claiming owns", nil, decision(lifecycle.DecideClaim), exposure.EventAssigned, exposure.Tracked, "payments owns it now.", ""},
		{"accepting asks for approval", nil, decision(lifecycle.DecideAcceptRisk), exposure.EventRequested, exposure.Tracked, "takes 2 approvals", ""},
		{"so does mitigating", nil, decision(lifecycle.DecideMitigate), exposure.EventRequested, exposure.Tracked, "takes 2 approvals", ""},
		{"dismissing without an end holds for the evidence, and as long as nobody has to be asked", nil, decision(lifecycle.DecideFalsePositive, func(d *lifecycle.Decision) { d.Until = time.Time{} }),
			exposure.EventDismiss, exposure.FalsePositive, "until 2026-04-01, or until evidence or kev ends it", ""},
		{"dismissing for long asks for approval", []func(*exposure.Exposure){decided(exposure.Track)}, decision(lifecycle.DecideFalsePositive, func(d *lifecycle.Decision) { d.Until = now.AddDate(0, 5, 0) }),
			exposure.EventRequested, exposure.Tracked, "takes 1 approval", ""},
		{"nothing is accepted for longer than policy allows", []func(*exposure.Exposure){decided(exposure.Attend)}, decision(lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.Until = now.AddDate(0, 0, 91) }), "", "", "", "90d at most, until 2026-05-31"},
		{"approving what nobody asked for is refused", nil, decision(lifecycle.DecideApprove, func(d *lifecycle.Decision) { d.Role = "approver" }), "", "", "", "no request for an exception waits"},
		{"so is declining it", nil, decision(lifecycle.DecideDecline), "", "", "", "no request for an exception waits"},
		{"and withdrawing it", nil, decision(lifecycle.DecideWithdraw), "", "", "", "no request for an exception waits"},
		{"a test of what waits admits it", nil, decision(lifecycle.DecideRetest), exposure.EventAdmit, exposure.Validating, "the verdict follows", ""},
		{"a test that no probe can make is refused", []func(*exposure.Exposure){covering}, decision(lifecycle.DecideRetest), "", "", "", "a complete run of nessus-dc1 will tell"},
		{"a claim on what nobody works on is refused", nil, decision(lifecycle.DecideFixClaimed), "", "", "", "it is tracked"},
		{"an end that has come already is refused", []func(*exposure.Exposure){inputs("kev")}, decision(lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.EndsOn = []string{"kev"} }), "", "", "", "it is already"},
		{"likewise for the internet", []func(*exposure.Exposure){inputs("publicly_exposed")}, decision(lifecycle.DecideMitigate, func(d *lifecycle.Decision) { d.EndsOn = []string{"internet"} }), "", "", "", "it is already"},
		{"an exposure that has changed since is refused", nil, decision(lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.IfVersion = 7 }), "", "", "", "changed since you saw it"},
		{"an exposure that there isn't", nil, decision(lifecycle.DecideClaim, func(d *lifecycle.Decision) { d.Exposure = "none" }), "", "", "", "there is no none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &shelf{}
			id := born(t, s, tt.of...)
			if tt.d.Exposure == "x" {
				tt.d.Exposure = id
			}
			l := ledger.New(s, func() time.Time { return now })
			res, result, err := lifecycle.DecideUnder(t.Context(), l, s, exception.Default(), exposure.ModeStore, tt.d, now)
			if tt.refused != "" {
				require.ErrorContains(t, err, tt.refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.kind, res.Event.Kind)
			require.Equal(t, tt.state, result.State)
			require.Contains(t, result.Message, tt.message)
			require.Equal(t, "ann", res.Event.Actor.Name)
			require.Equal(t, "key-1", res.Event.Cause)

			_, again, err := lifecycle.DecideUnder(t.Context(), l, s, exception.Default(), res.Exposure.Mode, tt.d, now)
			require.NoError(t, err)
			require.True(t, again.Repeated)
			require.Equal(t, result.Seq, again.Seq)
		})
	}
}

func TestAFailureKeepsItsKindThroughAHistory(t *testing.T) {
	tests := []struct {
		kind    fault.Kind
		retried bool
	}{
		{fault.Invalid, false}, {fault.NotFound, false}, {fault.Denied, false}, {fault.Conflict, false},
		{fault.Throttled, true}, {fault.Unavailable, true}, {fault.Internal, true},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind), func(t *testing.T) {
			err := lifecycle.Failure(&fault.Error{Kind: tt.kind, Msg: "fetching page 3", RetryAfter: 7 * time.Second})
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, tt.retried, !app.NonRetryable())
			require.Equal(t, 7*time.Second, app.NextRetryDelay())
			back := lifecycle.Kinded(fmt.Errorf("activity error: %w", err))
			require.Equal(t, tt.kind, fault.KindOf(back))
			require.Equal(t, "fetching page 3", back.Error())
		})
	}
	require.NoError(t, lifecycle.Failure(nil))
	require.Equal(t, fault.Internal, fault.KindOf(lifecycle.Kinded(temporal.NewApplicationError("panic", "PanicError"))))
	plain := errors.New("plain")
	require.Equal(t, plain, lifecycle.Kinded(plain))
	require.True(t, lifecycle.IsNotFound(fmt.Errorf("describing: %w", serviceerror.NewNotFound("no"))))
	require.False(t, lifecycle.IsNotFound(plain))
}

func TestPlainTextIsOneLineOfBoundedLengthThatNothingActsOn(t *testing.T) {
	require.Equal(t, "Default login on web1", lifecycle.Plain("Default\n\tlogin  on <web1>", 80))
	require.Equal(t, "click(http://evil)31m", lifecycle.Plain("[click](http://evil)\x1b[31m", 80))
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(8, 200).Draw(t, "limit")
		got := lifecycle.Plain(rapid.String().Draw(t, "text"), limit)
		require.LessOrEqual(t, len(got), limit)
		require.False(t, strings.ContainsAny(got, "\n\r\t\x1b`*[]<>|\\!"), "%q", got)
	})
}

func TestARemediationIsNamedByItsOwnerAndItsFix(t *testing.T) {
	id := lifecycle.RemediationID("payments", "pkg:npm/lodash", 3)
	require.True(t, strings.HasSuffix(id, "-3"))
	require.True(t, lifecycle.IsRemediationOf(id, "payments", "pkg:npm/lodash"))
	require.False(t, lifecycle.IsRemediationOf(id, "payments", "pkg:npm/left-pad"))
	require.False(t, lifecycle.IsRemediationOf(id, "platform", "pkg:npm/lodash"))
	require.False(t, lifecycle.IsRemediationOf("", "", ""))
}

func TestSearchAttributesAreWrittenOnlyWhereTheyChange(t *testing.T) {
	v := lifecycle.ExposureView{State: exposure.Open, Decision: exposure.Act, Severity: exposure.SeverityHigh, Due: now,
		Scopes: []string{"shop"}, CVEs: []string{"CVE-2026-0001"}, Sources: []string{"nessus-dc1"}}
	first := lifecycle.SearchUpdates(temporal.NewSearchAttributes(), &v)
	require.Len(t, first, 8)
	have := temporal.NewSearchAttributes(first...)
	require.Empty(t, lifecycle.SearchUpdates(have, &v))
	owner, ok := have.GetKeyword(lifecycle.KeyOwner)
	require.True(t, ok)
	require.Equal(t, lifecycle.Unowned, owner)
	v.Owner, v.State = "payments", exposure.FixClaimed
	require.Len(t, lifecycle.SearchUpdates(have, &v), 2)
	require.Len(t, lifecycle.SearchAttributeTypes(), 8)

	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf("CVE-2026-%04d", i)
	}
	e := exposure.Exposure{CVEs: many}
	require.Len(t, lifecycle.ViewOf(&e).CVEs, 20)
}
