package inbox

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

type memory map[string]lifecycle.InboxMessage

func (m memory) InsertMessage(_ context.Context, x lifecycle.InboxMessage) (bool, error) {
	_, there := m[x.ID]
	if !there {
		m[x.ID] = x
	}
	return !there, nil
}

func TestAMessageIsDeliveredOncePerCause(t *testing.T) {
	m := memory{}
	in := New(m, func() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 999_999, time.UTC) })
	for range 3 {
		require.NoError(t, in.Notify(t.Context(), connectors.Message{Cause: "rem|remind|7d", To: "payments", Kind: "reminder", Subject: "Due soon"}))
	}
	require.NoError(t, in.Notify(t.Context(), connectors.Message{Cause: "rem|remind|1d", To: "payments", Kind: "reminder", Subject: "Due tomorrow"}))
	require.Len(t, m, 2)
	for _, x := range m {
		require.Equal(t, "payments", x.To)
		require.False(t, x.Read)
		require.Zero(t, x.At.Nanosecond()%int(time.Millisecond), "the store keeps milliseconds")
	}
}

func TestAMessageWithoutCauseOrAddresseeIsRefused(t *testing.T) {
	in := New(memory{}, time.Now)
	require.Equal(t, fault.Invalid, fault.KindOf(in.Notify(t.Context(), connectors.Message{To: "payments"})))
	require.Equal(t, fault.Invalid, fault.KindOf(in.Notify(t.Context(), connectors.Message{Cause: "c"})))
}

func TestAnInboxWithoutAStoreSaysSoInsteadOfFailingLater(t *testing.T) {
	reg := Registration()
	opened, err := reg.Open(connectors.Env{}, reg.Config())
	require.NoError(t, err)
	in, ok := opened.(connectors.Notifier)
	require.True(t, ok)
	require.Equal(t, fault.Unavailable, fault.KindOf(in.Notify(t.Context(), connectors.Message{Cause: "c", To: "x"})))
}
