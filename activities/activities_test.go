package activities

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// rig is the activities over a real store, and a policy that never changes its mind.
type rig struct {
	*Activities
	t     *testing.T
	store *store.Store
	clock time.Time
}

func (r *rig) Assess(e exposure.Exposure, _ asset.Asset, _ time.Time) ingest.Assessment {
	return ingest.Assessment{Decision: e.Decision, Due: e.Due, Owner: e.Owner}
}

func (*rig) Wake(context.Context, *exposure.Exposure, string) error {
	return errors.New("temporal is down")
}
func (*rig) WakeRemediation(context.Context, string, string) error {
	return errors.New("temporal is down")
}
func (*rig) StartSource(context.Context, string) error { return errors.New("temporal is down") }
func (*rig) WakeSource(context.Context, string) error  { return errors.New("temporal is down") }
func (*rig) Drain(context.Context, string, int, func(ingest.Progress)) (ingest.Drained, error) {
	return ingest.Drained{}, nil
}

func newRig(t *testing.T, keys map[string]ed25519.PublicKey) *rig {
	t.Helper()
	return newRigOver(t, keys, nil)
}

// newRigOver is newRig with something between the store and its engine.
func newRigOver(t *testing.T, keys map[string]ed25519.PublicKey, wrap func(engine.Engine) engine.Engine) *rig {
	t.Helper()
	r := &rig{t: t, clock: epoch}
	now := func() time.Time { return r.clock }
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{Now: now, Wrap: wrap})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	r.store = s
	r.Activities = New(Deps{Ledger: ledger.New(s, now), Records: s, Journal: s, Board: s, Lines: s, Assess: r, Waker: r, Drainer: r,
		Engage:   func(asset.Asset) scope.Engagement { return scope.Engagement{Probe: true} },
		Trackers: map[string]connectors.Tracker{"local": localtracker.New(s, localtracker.Config{}, now)}, Tracker: "local", Settings: s,
		Notifier: inbox.New(s, now), Keys: keys, Now: now, Log: slog.New(slog.DiscardHandler), Policy: Policy{PublicURL: "https://quell.example.org"}})
	return r
}

// validating puts an exposure into validation.
func (r *rig) validating() exposure.ID {
	r.t.Helper()
	of := asset.Asset{ID: "01WEB", Version: 1, Kind: asset.Host, Name: "web1"}
	_, err := r.store.InsertAssets(r.t.Context(), []asset.Asset{of})
	require.NoError(r.t, err)
	e := exposure.NewExposure(exposure.BornInput{Asset: of, Source: "nessus-dc1", Run: "r1", CheckedAt: r.clock.Add(-time.Hour), At: r.clock, Cause: "d1",
		Actor:   exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"},
		Finding: exposure.Finding{UID: "1", Check: "nuclei:weak-login", Title: "weak login", Target: "https://web1", Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}})
	e.Owner = exposure.Owner{Team: "payments"}
	e.Decision = exposure.Decision{Outcome: exposure.Act, Admit: true, Digest: "d"}
	_, err = r.store.InsertExposures(r.t.Context(), []exposure.Exposure{e})
	require.NoError(r.t, err)
	_, err = r.Ledger.Apply(r.t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventAdmit, Actor: system("policy"), Cause: "admit"}})
	require.NoError(r.t, err)
	return e.ID
}

func (r *rig) exposureNow(id exposure.ID) exposure.Exposure {
	r.t.Helper()
	e, err := r.store.Exposure(r.t.Context(), id)
	require.NoError(r.t, err)
	return e
}

func verdict(outcome exposure.VerdictOutcome, edits ...func(*exposure.Verdict)) exposure.Verdict {
	v := exposure.Verdict{Outcome: outcome, Method: exposure.MethodTemplate, Reason: "looked", CheckedAt: epoch.Add(time.Second), Vantage: "dc1", Evidence: []string{strings.Repeat("ab", 32)}}
	for _, edit := range edits {
		edit(&v)
	}
	return v
}

func TestAVerdictIsTakenForWhatItSaysOnlyIfItCanBeTrusted(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	_, stranger, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	sign := func(key ed25519.PrivateKey, id exposure.ID, v exposure.Verdict) exposure.Verdict {
		signed, err := exposure.SignVerdict(key, id, v)
		require.NoError(t, err)
		return signed
	}
	tests := []struct {
		name    string
		verdict func(exposure.ID) exposure.Verdict
		state   exposure.State
		reason  string
	}{
		{"signed by its vantage", func(id exposure.ID) exposure.Verdict { return sign(private, id, verdict(exposure.Refuted)) }, exposure.FalsePositive, "looked"},
		{"not signed", func(exposure.ID) exposure.Verdict { return verdict(exposure.Refuted) }, exposure.Open, "isn't signed by the key of vantage dc1"},
		{"signed by somebody else", func(id exposure.ID) exposure.Verdict { return sign(stranger, id, verdict(exposure.Refuted)) }, exposure.Open, "isn't signed"},
		{"signed for another exposure", func(exposure.ID) exposure.Verdict { return sign(private, "other", verdict(exposure.Refuted)) }, exposure.Open, "isn't signed"},
		{"changed after it was signed", func(id exposure.ID) exposure.Verdict {
			v := sign(private, id, verdict(exposure.Confirmed))
			v.Outcome = exposure.Refuted
			return v
		}, exposure.Open, "isn't signed"},
		{"no outcome at all", func(exposure.ID) exposure.Verdict { return exposure.Verdict{} }, exposure.Open, "answered without a verdict"},
		{"checked at no time", func(exposure.ID) exposure.Verdict {
			return verdict(exposure.Refuted, func(v *exposure.Verdict) { v.CheckedAt = time.Time{} })
		}, exposure.Open, "doesn't say when"},
		{"checked in the future", func(exposure.ID) exposure.Verdict {
			return verdict(exposure.Refuted, func(v *exposure.Verdict) { v.CheckedAt = epoch.Add(time.Hour) })
		}, exposure.Open, "is ahead of ours"},
		{"evidence that is no hash", func(exposure.ID) exposure.Verdict {
			return verdict(exposure.Refuted, func(v *exposure.Verdict) { v.Evidence = []string{"../../etc/passwd"} })
		}, exposure.Open, "no hash can find"},
		{"a refutation without evidence", func(id exposure.ID) exposure.Verdict {
			return sign(private, id, verdict(exposure.Refuted, func(v *exposure.Verdict) { v.Evidence = nil }))
		}, exposure.Open, "has no evidence"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, map[string]ed25519.PublicKey{"dc1": public})
			id := r.validating()
			in := RecordInput{ID: id, Seq: 2, Vantage: "dc1", Verdict: tt.verdict(id)}
			view, err := r.Record(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, tt.state, view.State)
			e := r.exposureNow(id)
			require.Contains(t, e.Verdict.Reason, tt.reason)
			again, err := r.Record(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, view.Seq, again.Seq, "repeating it records nothing")
		})
	}
}

func TestAClaimLeftByTheTicketIsNotWipedAwayByAVerdict(t *testing.T) {
	r := newRig(t, nil)
	id := r.validating()
	_, _, err := r.Ledger.Touch(t.Context(), id, func(e *exposure.Exposure) bool {
		e.Claim = &exposure.Claim{By: "bob", At: epoch, Via: "ticket"}
		return true
	})
	require.NoError(t, err)
	view, err := r.Record(t.Context(), RecordInput{ID: id, Seq: 2, Vantage: "dc1", Verdict: verdict(exposure.Confirmed)})
	require.NoError(t, err)
	require.Equal(t, exposure.FixClaimed, view.State)
	require.Equal(t, "bob", r.exposureNow(id).Claim.By)
}

func TestAClaimIsSpentOnceACheckHasFoundTheWeaknessAfterIt(t *testing.T) {
	r := newRig(t, nil)
	id := r.validating()
	_, err := r.Record(t.Context(), RecordInput{ID: id, Seq: 2, Vantage: "dc1", Verdict: verdict(exposure.Confirmed)})
	require.NoError(t, err)
	v, err := r.Join(t.Context(), StepInput{ID: id, Seq: 3})
	require.NoError(t, err)
	claim := ClaimInput{ID: v.Remediation, By: "bob", At: epoch}
	out, err := r.ClaimMembers(t.Context(), claim)
	require.NoError(t, err)
	require.Zero(t, out.Claimed, "the check came after the ticket was closed")
	claim.At = epoch.Add(time.Minute)
	out, err = r.ClaimMembers(t.Context(), claim)
	require.NoError(t, err)
	require.Equal(t, 1, out.Claimed)
	rem, err := r.store.Remediation(t.Context(), v.Remediation)
	require.NoError(t, err)
	require.Equal(t, claim.At, rem.ClosedSeen)
	require.Empty(t, rem.Digest, "the ticket is no longer as it was written")
}

func TestWhatTemporalDidNotHearIsLeftInTheStoreForTheSweep(t *testing.T) {
	r := newRig(t, nil) // whose Temporal is down
	id := r.validating()
	_, err := r.Record(t.Context(), RecordInput{ID: id, Seq: 2, Vantage: "dc1", Verdict: verdict(exposure.Confirmed)})
	require.NoError(t, err)
	v, err := r.Join(t.Context(), StepInput{ID: id, Seq: 3})
	require.NoError(t, err)
	rem, err := r.store.Remediation(t.Context(), v.Remediation)
	require.NoError(t, err)
	require.True(t, rem.Wake)
}

func TestJoiningTwiceIsJoiningOnce(t *testing.T) {
	r := newRig(t, nil)
	id := r.validating()
	_, err := r.Record(t.Context(), RecordInput{ID: id, Seq: 2, Vantage: "dc1", Verdict: verdict(exposure.Confirmed)})
	require.NoError(t, err)
	in := StepInput{ID: id, Seq: 3}
	one, err := r.Join(t.Context(), in)
	require.NoError(t, err)
	two, err := r.Join(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, one.Seq, two.Seq)
	require.Equal(t, one.Remediation, two.Remediation)
}

func TestTheLadderOfWhatNobodyOwnsPassesOverRungsThatWereMissed(t *testing.T) {
	p := DefaultPolicy()
	p.Unowned = []time.Duration{0, day, 3 * day}
	e := exposure.Exposure{State: exposure.Open, Owner: exposure.Owner{Since: epoch}}
	at := func(now time.Time, sent ...string) (string, time.Time) {
		e.ReminderLog = sent
		v := p.view(&e, now)
		return v.Nudge, v.NudgeAt
	}
	zero, one, two := "unowned/0/"+stamp(epoch), "unowned/1/"+stamp(epoch), "unowned/2/"+stamp(epoch)
	tests := []struct {
		name string
		now  time.Time
		sent []string
		want string
		when time.Time
	}{
		{"at once", epoch, nil, zero, epoch},
		{"then the next", epoch.Add(time.Hour), []string{zero}, one, epoch.Add(day)},
		{"after a long silence the last that is due", epoch.Add(2 * day), nil, one, epoch.Add(day)},
		{"or the very last", epoch.Add(9 * day), []string{zero}, two, epoch.Add(3 * day)},
		{"and then no more", epoch.Add(9 * day), []string{zero, two}, "", time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nudge, when := at(tt.now, tt.sent...)
			require.Equal(t, tt.want, nudge)
			require.True(t, tt.when.Equal(when), "%v", when)
		})
	}
}

func TestATestOfAClaimComesAtOnceAndThenEachTimeLaterUpToADay(t *testing.T) {
	claimed := func(checks ...time.Duration) time.Duration {
		e := exposure.Exposure{Claim: &exposure.Claim{At: epoch}}
		if len(checks) > 0 {
			e.Verdict = &exposure.Verdict{CheckedAt: epoch.Add(checks[0])}
		}
		return verifyAt(&e).Sub(epoch)
	}
	require.Zero(t, claimed())
	require.Zero(t, claimed(-time.Hour), "a verdict from before the claim says nothing of it")
	require.Equal(t, time.Second+5*time.Minute, claimed(time.Second))
	require.Equal(t, 2*time.Hour, claimed(time.Hour))
	require.Equal(t, 11*day, claimed(10*day))
}

func TestATicketShowsNothingThatForeignTextCouldTurnItInto(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"a | b", "<script>", "[x](javascript:1)", "@everyone", "`code`", "# head", "a\n\n## b", "\x1b[2J"}))
		m := member{id: "x", asset: hostile.Draw(t, "asset"), title: hostile.Draw(t, "title"), weakness: hostile.Draw(t, "weakness"), location: hostile.Draw(t, "location"),
			state: exposure.Open, why: []string{hostile.Draw(t, "why")}, fixText: hostile.Draw(t, "fix")}
		r := lifecycle.Remediation{ID: "r", Owner: "payments", Fix: hostile.Draw(t, "how")}
		issue := issueOf(&r, []member{m}, "")
		for _, bad := range []string{"<", "`", "](", "\x1b", "@e", "\n#  "} {
			require.NotContains(t, issue.Description, bad)
		}
		require.NotContains(t, issue.Title, "\n")
		require.LessOrEqual(t, len(issue.Title), 300)
		rows := 0
		for line := range strings.SplitSeq(issue.Description, "\n") {
			if strings.HasPrefix(line, "|") {
				rows++
				require.Equal(t, 7, strings.Count(line, "|"), line)
			}
		}
		require.Equal(t, 3, rows)
		require.Equal(t, issue, issueOf(&r, []member{m}, ""), "equal members give an equal ticket")
	})
}

func TestATicketListsAFewAndCountsTheRest(t *testing.T) {
	members := make([]member, 120)
	for i := range members {
		members[i] = member{id: exposure.ID(strings.Repeat("x", i+1)), asset: "host", title: "old openssl", state: exposure.Open, fixedIn: "3.0.9", outcome: exposure.Attend}
	}
	issue := issueOf(&lifecycle.Remediation{ID: "r", Owner: "payments", Fix: "pkg:deb/openssl"}, members, "https://quell.example.org")
	require.Equal(t, "Upgrade deb/openssl on host", issue.Title)
	require.Contains(t, issue.Description, "to 3.0.9 or later")
	require.Contains(t, issue.Description, "… and 70 more")
	require.Contains(t, issue.Description, "(https://quell.example.org/exposures/x)")
	require.Equal(t, "attend", issue.Priority)
}

// names collects what is registered.
type names map[string]any

func (n names) RegisterActivityWithOptions(fn any, o activity.RegisterOptions) { n[o.Name] = fn }

func TestEveryActivityIsRegisteredAndItsErrorsSpeakTemporalsTerms(t *testing.T) {
	r := newRig(t, nil)
	n := names{}
	Register(n, r.Activities)
	require.Len(t, n, 29)
	follow, ok := n[NameFollow].(func(context.Context, FollowInput) (lifecycle.ExposureView, error))
	require.True(t, ok)
	_, err := follow(t.Context(), FollowInput{ID: "none"})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, string(fault.NotFound), app.Type())
	require.True(t, app.NonRetryable())
}

func TestARebuildSaysWhatTemporalDidNotTake(t *testing.T) {
	r := newRig(t, nil)
	r.validating()
	out, err := r.Rebuild(t.Context())
	require.ErrorContains(t, err, "temporal is down")
	require.Zero(t, out)
}
