package activities

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
)

// unworked is an exposure that no workflow has in hand, with a ticket from before.
func (r *rig) unworked(name string, outcome exposure.DecisionOutcome) exposure.ID {
	r.t.Helper()
	e := exposure.NewExposure(exposure.BornInput{Asset: asset.Asset{ID: "01" + asset.ID(name), Kind: asset.Host, Name: name}, Source: "nessus-dc1", Run: "r1",
		CheckedAt: r.clock.Add(-time.Hour), At: r.clock, Cause: "d1", Actor: exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"},
		Finding: exposure.Finding{UID: "1", Check: "nessus:1", Title: "weak login", Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}})
	e.Owner, e.Fix = exposure.Owner{Team: "payments"}, name
	e.Decision = exposure.Decision{Outcome: outcome, Digest: "d"}
	rem, err := r.claimRemediation(r.t.Context(), &e)
	require.NoError(r.t, err)
	e.RemediationID, e.Ticket = rem.ID, "QT-1"
	_, err = r.store.InsertExposures(r.t.Context(), []exposure.Exposure{e})
	require.NoError(r.t, err)
	return e.ID
}

func (r *rig) says(id exposure.ID, who string, kind lifecycle.DecisionKind, edit func(*lifecycle.Decision)) error {
	d := lifecycle.Decision{Kind: kind, Exposure: id, Actor: exposure.Actor{Kind: exposure.Person, Name: who}, Cause: who + "/" + string(kind) + "/" + r.clock.String(), Reason: "a pilot"}
	if edit != nil {
		edit(&d)
	}
	_, _, err := lifecycle.DecideUnder(r.t.Context(), r.Ledger, r.store, r.Rules, exposure.ModeStore, d, r.clock)
	return err
}

// sweeps lets the sweep look until there is nothing left to say.
func (r *rig) sweeps(updated time.Time) time.Time {
	r.t.Helper()
	for range 20 {
		report, err := r.Sweep(r.t.Context(), SweepRequest{Updated: updated})
		require.NoError(r.t, err)
		for _, problem := range report.Problems {
			require.Contains(r.t, problem, "temporal is down", "as it is in this rig")
		}
		updated = report.Updated
		if report.Told+report.Lapsed == 0 {
			return updated
		}
	}
	r.t.Fatal("the sweep never comes to rest")
	return updated
}

func (r *rig) mail(to string) []lifecycle.InboxMessage {
	r.t.Helper()
	page, err := r.store.FindMessages(r.t.Context(), to, false, exposure.List{Limit: 1000})
	require.NoError(r.t, err)
	slices.Reverse(page.Items)
	return page.Items
}

func kindsOf(messages []lifecycle.InboxMessage) []string {
	out := make([]string, len(messages))
	for i, m := range messages {
		out[i] = m.Kind
	}
	return out
}

func staffed(r *rig) {
	r.Rules = exception.NewRules(exception.DefaultPolicy(), ownership.Config{
		Teams:  []ownership.Team{{Name: "payments", Manager: "mia"}},
		People: []ownership.Person{{Name: "mia"}, {Name: "bob", Role: "approver", Left: "2026-04-01"}, {Name: "ann", Role: "approver"}},
	}, nil)
}

func TestARequestIsToldRemindedAndExpiresButNeverApprovesItself(t *testing.T) {
	r := newRig(t, nil)
	staffed(r)
	id := r.unworked("web1", exposure.Attend)
	require.NoError(t, r.says(id, "ann", lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.Until = r.clock.Add(60 * day) }))
	updated := r.sweeps(time.Time{})
	for _, who := range []string{"@mia", "@bob"} {
		asked := r.mail(who)
		require.Equal(t, []string{"approval"}, kindsOf(asked), who)
		require.Contains(t, asked[0].Text, "ann asks that")
		require.Contains(t, asked[0].Text, "nothing is approved by waiting")
	}
	require.Empty(t, r.mail("@ann"), "who asks isn't asked")
	require.Equal(t, []string{"decision"}, kindsOf(r.mail("payments")))
	for range 20 {
		r.clock = r.clock.Add(day)
		updated = r.sweeps(updated)
	}
	require.Len(t, r.mail("@mia"), 5, "asked once, and reminded every three days until it expired")
	e := r.exposureNow(id)
	require.Nil(t, e.Request)
	require.Equal(t, exposure.Tracked, e.State)
	require.Equal(t, []string{"decision"}, kindsOf(r.mail("@ann")))
	require.Contains(t, r.mail("@ann")[0].Subject, "expired")
	intents, err := r.store.Intents(t.Context(), e.RemediationID)
	require.NoError(t, err)
	require.Len(t, intents, 2, "the ticket is told that it was asked for, and that it expired")
}

func TestARequestWhoseEvidenceChangedIsVoidAtOnce(t *testing.T) {
	r := newRig(t, nil)
	id := r.unworked("web1", exposure.Attend)
	require.NoError(t, r.says(id, "ann", lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.Until = r.clock.Add(60 * day) }))
	updated := r.sweeps(time.Time{})
	_, _, err := r.Ledger.Touch(t.Context(), id, func(e *exposure.Exposure) bool {
		e.Findings = slices.Clone(e.Findings)
		e.Findings[0].Evidence = "another version"
		return true
	})
	require.NoError(t, err)
	r.sweeps(updated)
	require.Nil(t, r.exposureNow(id).Request)
	require.Contains(t, r.mail("@ann")[0].Text, "has to be asked for again")
}

func TestAnExceptionEndsWhenAFixIsReleasedOrWhoApprovedItHasLeft(t *testing.T) {
	for trigger, happens := range map[string]func(*rig, exposure.ID){
		exposure.EndsOnFix: func(r *rig, id exposure.ID) {
			_, _, err := r.Ledger.Touch(r.t.Context(), id, func(e *exposure.Exposure) bool {
				e.Findings = slices.Clone(e.Findings)
				e.Findings[0].Package = &exposure.Package{Name: "openssl", FixedIn: "3.0.1"}
				return true
			})
			require.NoError(r.t, err)
		},
		exposure.EndsOnApproverGone: func(r *rig, _ exposure.ID) { r.clock = time.Date(2026, 4, 1, 0, 0, 1, 0, time.UTC) },
	} {
		t.Run(trigger, func(t *testing.T) {
			r := newRig(t, nil)
			staffed(r)
			id := r.unworked("web1", exposure.Attend)
			require.NoError(t, r.says(id, "ann", lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.Until, d.EndsOn = r.clock.Add(60*day), []string{trigger} }))
			require.NoError(t, r.says(id, "bob", lifecycle.DecideApprove, nil))
			updated := r.sweeps(time.Time{})
			require.Equal(t, exposure.Accepted, r.exposureNow(id).State)
			happens(r, id)
			r.sweeps(updated)
			e := r.exposureNow(id)
			require.Equal(t, exposure.Tracked, e.State)
			asked := r.mail("@ann")
			require.Contains(t, asked[len(asked)-1].Subject, "The exception ended, work resumes")
		})
	}
}

// TestNothingExpiresSilentlyAndNothingStaysAcceptedForEver walks random histories of
// exposures that are asked for, approved, declined and left alone, with the sweep looking
// now and then.
func TestNothingExpiresSilentlyAndNothingStaysAcceptedForEver(t *testing.T) {
	r := newRig(t, nil)
	staffed(r)
	n := 0
	terms := map[exposure.DecisionOutcome]time.Duration{exposure.Act: 30 * day, exposure.Attend: 90 * day, exposure.Track: 180 * day}
	rapid.Check(t, func(rt *rapid.T) {
		n++
		outcome := rapid.SampledFrom([]exposure.DecisionOutcome{exposure.Act, exposure.Attend, exposure.Track}).Draw(rt, "outcome")
		id := r.unworked("host"+strconv.Itoa(n), outcome)
		updated := r.clock.Add(-overlap)
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			kind := rapid.SampledFrom([]lifecycle.DecisionKind{lifecycle.DecideAcceptRisk, lifecycle.DecideMitigate, lifecycle.DecideFalsePositive,
				lifecycle.DecideApprove, lifecycle.DecideApprove, lifecycle.DecideDecline}).Draw(rt, "kind")
			_ = r.says(id, rapid.SampledFrom([]string{"ann", "mia", "pat"}).Draw(rt, "who"), kind, func(d *lifecycle.Decision) {
				d.Role = rapid.SampledFrom([]string{"operator", "approver"}).Draw(rt, "role")
				d.Until = r.clock.Add(time.Duration(rapid.IntRange(1, 200).Draw(rt, "days")) * day)
			})
			r.clock = r.clock.Add(time.Duration(rapid.IntRange(1, 30*24).Draw(rt, "hours")) * time.Hour)
			if rapid.Bool().Draw(rt, "swept") {
				updated = r.sweeps(updated)
			}
			if e := r.exposureNow(id); e.State.Excepted() {
				require.False(rt, e.Exception.Until.IsZero())
				require.LessOrEqual(rt, e.Exception.Until.Sub(e.Exception.At), terms[outcome])
			}
		}
		r.clock = r.clock.Add(200 * day)
		r.sweeps(updated)
		e := r.exposureNow(id)
		require.True(rt, e.State.Live(), "it stayed %s", e.State)
		require.Nil(rt, e.Request)
		require.Empty(rt, e.Untold)
		r.everythingWasTold(rt, &e)
	})
}

// everythingWasTold holds what was said to what happened: for each event about an
// exception a message to somebody, and a comment on the ticket.
func (r *rig) everythingWasTold(t require.TestingT, e *exposure.Exposure) {
	events, err := r.store.Events(r.t.Context(), e.ID)
	require.NoError(t, err)
	events = append(events, e.LastEvent)
	intents, err := r.store.Intents(r.t.Context(), e.RemediationID)
	require.NoError(t, err)
	page, err := r.store.FindMessages(r.t.Context(), "payments", false, exposure.List{Limit: 1000})
	require.NoError(t, err)
	for i := range events {
		ev := &events[i]
		if !comments(ev) {
			continue
		}
		name := exposure.EventID(ev.Exposure, ev.Seq)
		require.True(t, slices.ContainsFunc(intents, func(in lifecycle.Intent) bool { return in.Kind == lifecycle.IntentComment && in.Cause == name }), "no comment on %s", ev.Kind)
		sum := sha256.Sum256([]byte(name + "|payments")) // as the inbox names its messages
		told := slices.ContainsFunc(page.Items, func(m lifecycle.InboxMessage) bool { return m.ID == hex.EncodeToString(sum[:16]) }) ||
			slices.ContainsFunc(intents, func(in lifecycle.Intent) bool {
				return in.Kind == lifecycle.IntentNotify && strings.HasSuffix(in.Cause, name)
			})
		require.True(t, told, "nobody was told of %s", ev.Kind)
	}
}
