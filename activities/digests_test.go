package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
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
