package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/outbox"
)

func TestDigestsSayWhatThereIsToSayOnceAtTheirTime(t *testing.T) {
	r := newRig(t, nil)
	_, _, err := r.Ledger.Touch(t.Context(), r.validating(), func(e *exposure.Exposure) bool { // of payments
		e.Due = epoch.Add(-time.Hour)
		return true
	})
	require.NoError(t, err)
	var told []connectors.Message
	fails := errors.New("the store is down")
	r.Digests = []Digests{{Notifier: "mail", When: outbox.Schedule{Minutes: 9 * 60, Zone: time.UTC},
		Teams: map[string][]string{"payments": {"payments"}, "web": {"web"}, "@ann": {"web", "payments"}, Escalation: nil},
		Tell: func(_ context.Context, m connectors.Message) error {
			told = append(told, m)
			return fails
		}}}
	r.clock = epoch.Add(5 * time.Minute) // nine o'clock has passed
	report := SweepReport{}
	require.Error(t, r.tellDigests(t.Context(), SweepRequest{}, &report))
	require.Zero(t, report.Digested, "it is tried again")
	first := len(told)
	fails = nil
	require.NoError(t, r.tellDigests(t.Context(), SweepRequest{}, &report))
	again := told[first:]
	require.Len(t, again, 2, "payments and ann; web and the escalation have nothing to hear")
	causes := map[string]bool{}
	for _, m := range told {
		causes[m.Cause] = true
		require.Equal(t, "Exposures: 1 overdue", m.Subject)
		require.Contains(t, m.Text, "**Overdue: 1**")
		require.Contains(t, m.Text, "weak login on web1, high, due 2026-03-02")
	}
	require.Len(t, causes, 2, "the same causes")
	require.NoError(t, r.tellDigests(t.Context(), SweepRequest{Digested: report.Digested}, &report))
	require.Len(t, told, first+2)
	r.clock = r.clock.Add(24 * time.Hour)
	require.NoError(t, r.tellDigests(t.Context(), SweepRequest{Digested: report.Digested}, &report))
	require.Len(t, told, first+4, "the next day")
	r.clock = r.clock.Add(23*time.Hour + 50*time.Minute) // down over the third day's time, and back much too late
	require.NoError(t, r.tellDigests(t.Context(), SweepRequest{Digested: report.Digested}, &report))
	require.Len(t, told, first+4)
}

func TestADigestNamesWhatWaitsForTheApprovalOfItsReader(t *testing.T) {
	r, _, rem, _ := booked(t)
	staffed(r)
	r.unworked("web9", exposure.Attend) // payments', and neither due nor asked for
	id := r.unworked("web7", exposure.Attend)
	require.NoError(t, r.says(id, "ann", lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.Until = r.clock.Add(60 * day) }))
	run := r.ask(rem, "k1")
	told := map[string]connectors.Message{}
	r.Digests = []Digests{{Notifier: "mail", When: outbox.Schedule{Minutes: 9 * 60, Zone: time.UTC},
		Teams: map[string][]string{"@mia": {"payments"}, "@bob": nil, "@boss": nil, "@ann": nil, "@zoe": nil},
		Tell:  func(_ context.Context, m connectors.Message) error { told[m.To] = m; return nil }}}
	r.clock = epoch.Add(5 * time.Minute)
	var report SweepReport
	require.NoError(t, r.tellDigests(t.Context(), SweepRequest{}, &report))
	for _, to := range []string{"@mia", "@bob"} {
		require.Contains(t, told[to].Subject, "1 waiting for your approval", to)
		require.Contains(t, told[to].Text, "quell exposures approve "+string(id), to)
		require.NotContains(t, told[to].Text, run.ID, to)
	}
	require.Equal(t, "Exposures: 1 waiting for your approval", told["@boss"].Subject)
	require.Contains(t, told["@boss"].Text, "quell runbooks approve "+run.ID)
	require.NotContains(t, told["@bob"].Text, "Overdue", "who is in no team hears of no team's exposures")
	require.NotContains(t, told, "@ann", "who asks isn't asked, and nothing else is hers")
	require.NotContains(t, told, "@zoe", "nothing is said where nothing waits")
}
