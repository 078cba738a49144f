package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/store"
)

// waiting is a message that waits in the first generation of an address.
func waiting(n int, edits ...func(*outbox.Message)) outbox.Message {
	cause := fmt.Sprint("cause-", n)
	m := outbox.Message{ID: outbox.ID("slack", "#web", cause), Version: 1, Notifier: "slack", Address: "#web", To: "web", Cause: cause, Kind: "ticket",
		At: epoch.Add(time.Duration(n) * time.Second), State: outbox.Pending, Gen: 1}
	for _, edit := range edits {
		edit(&m)
	}
	return m
}

func outboxes(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	t.Run("what waits is counted by kind and found by its rank and age", func(t *testing.T) { waitingMessages(t, Open(t, address(t))) })
	t.Run("boxes and threads are looked at in their turn", func(t *testing.T) { boxesAndThreads(t, Open(t, address(t))) })
	t.Run("what was told is forgotten, what was not is kept", func(t *testing.T) { prunedMessages(t, Open(t, address(t))) })
}

func waitingMessages(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	ms := []outbox.Message{
		waiting(1, func(m *outbox.Message) { m.Rank = 2 }),
		waiting(2, func(m *outbox.Message) { m.Rank, m.Kind = 1, "reminder" }),
		waiting(3, func(m *outbox.Message) { m.Rank = 1 }),
		waiting(4, func(m *outbox.Message) { m.Gen = 2 }),
		waiting(5, func(m *outbox.Message) { m.Gen, m.Urgent = 0, true }),
	}
	fresh, err := s.PutMessages(ctx, ms)
	require.NoError(t, err)
	require.True(t, allTrue(fresh))
	fresh, err = s.PutMessages(ctx, ms[:1])
	require.NoError(t, err)
	require.Equal(t, []bool{false}, fresh, "once for a cause and address")

	top, err := s.Waiting(ctx, "slack", "#web", 1, 2)
	require.NoError(t, err)
	require.Equal(t, []outbox.Message{ms[1], ms[2]}, top)
	counts, err := s.CountWaiting(ctx, "slack", "#web", 1)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"ticket": 2, "reminder": 1}, counts)
	lane := laneOf(t, s)
	require.Equal(t, ms[4:], lane)
	n, err := s.CountLane(ctx, "slack")
	require.NoError(t, err)
	require.EqualValues(t, 1, n)

	// Taken out of its box, it is in the lane; sent, it is nowhere.
	taken := ms[1]
	taken.Version, taken.Gen, taken.State, taken.Attempts, taken.Began = 2, 0, outbox.Sending, 1, epoch
	ok, err := s.SwapOut(ctx, taken)
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = s.SwapOut(ctx, taken)
	require.NoError(t, err)
	require.False(t, ok, "one takes it")
	lane = laneOf(t, s)
	require.Equal(t, []outbox.Message{taken, ms[4]}, lane)
	taken.Version, taken.State, taken.Ref, taken.SentAt = 3, outbox.Sent, "C1/17.2", epoch
	_, err = s.SwapOut(ctx, taken)
	require.NoError(t, err)
	lane = laneOf(t, s)
	require.Len(t, lane, 1)
	counts, err = s.CountWaiting(ctx, "slack", "#web", 1)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"ticket": 2}, counts)
	got, err := s.Out(ctx, taken.ID)
	require.NoError(t, err)
	require.Equal(t, taken, got)

	foundMessages(t, s)
}

// foundMessages looks for the five, of which one was sent.
func foundMessages(t *testing.T, s *store.Store) {
	t.Helper()
	for _, q := range []struct {
		notifier, state, to string
		want                int
	}{{want: 5}, {notifier: "slack", want: 5}, {notifier: "email"}, {state: "sent", want: 1}, {state: "pending", to: "web", want: 4}, {to: "ops"}} {
		page, err := s.FindOut(t.Context(), q.notifier, q.state, q.to, exposure.List{})
		require.NoError(t, err)
		require.Len(t, page.Items, q.want, "%+v", q)
	}
}

func laneOf(t *testing.T, s *store.Store) []outbox.Message {
	t.Helper()
	page, err := s.Lane(t.Context(), "slack", exposure.List{})
	require.NoError(t, err)
	return page.Items
}

func boxesAndThreads(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	_, err := s.Box(ctx, "slack", "#web")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	for n, at := range map[string]time.Time{"#web": day(3), "#ops": day(1), "#still": {}} {
		b, err := s.ClaimBox(ctx, outbox.NewBox("slack", n))
		require.NoError(t, err)
		b.Version, b.Look, b.Gen = 2, at, 7
		ok, err := s.SwapBox(ctx, b)
		require.NoError(t, err)
		require.True(t, ok)
		ok, err = s.SwapBox(ctx, b)
		require.NoError(t, err)
		require.False(t, ok)
		b, err = s.ClaimBox(ctx, outbox.NewBox("slack", n))
		require.NoError(t, err)
		require.EqualValues(t, 7, b.Gen, "it is there already")
	}
	due, err := s.DueBoxes(ctx, "slack", 10)
	require.NoError(t, err)
	require.Len(t, due, 2)
	require.Equal(t, "#ops", due[0].Address)
	due, err = s.DueBoxes(ctx, "email", 10)
	require.NoError(t, err)
	require.Empty(t, due)
	all, err := s.Boxes(ctx, "slack")
	require.NoError(t, err)
	require.Len(t, all, 3)

	thread := outbox.Thread{ID: outbox.ThreadID("slack", "#web", "rem-1"), Version: 1, Notifier: "slack", Address: "#web", Thread: "rem-1", Head: "C1/1", Shown: "d1", At: epoch}
	stored, err := s.ClaimThread(ctx, thread)
	require.NoError(t, err)
	require.Equal(t, thread, stored)
	waits, err := s.DueThreads(ctx, "slack", 10)
	require.NoError(t, err)
	require.Empty(t, waits)
	thread.Version, thread.Look, thread.Want, thread.Card = 2, day(1), "d2", []byte(`{"title":"x"}`)
	ok, err := s.SwapThread(ctx, thread)
	require.NoError(t, err)
	require.True(t, ok)
	waits, err = s.DueThreads(ctx, "slack", 10)
	require.NoError(t, err)
	require.Equal(t, []outbox.Thread{thread}, waits)
	waits, err = s.ThreadsOf(ctx, "rem-1")
	require.NoError(t, err)
	require.Len(t, waits, 1)
	waits, err = s.ThreadsOf(ctx, "rem-2")
	require.NoError(t, err)
	require.Empty(t, waits)
	stored, err = s.Thread(ctx, thread.ID)
	require.NoError(t, err)
	require.Equal(t, thread, stored)
}

func prunedMessages(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	box, err := s.ClaimBox(ctx, outbox.NewBox("slack", "#web"))
	require.NoError(t, err)
	box.Version, box.Gen, box.Seal = 2, 4, &outbox.Seal{Gen: 3, At: epoch}
	_, err = s.SwapBox(ctx, box)
	require.NoError(t, err)
	keep := []outbox.Message{
		waiting(1, func(m *outbox.Message) { m.Gen = 3 }), // sealed, and not told yet
		waiting(2, func(m *outbox.Message) { m.Gen = 4 }),
		waiting(3, func(m *outbox.Message) { m.Gen, m.Urgent = 0, true }),
		waiting(4, func(m *outbox.Message) { m.Gen, m.State = 0, outbox.Sending }),
		waiting(5, func(m *outbox.Message) { m.Gen, m.State, m.At = 0, outbox.Sent, day(20) }), // young
	}
	_, err = s.PutMessages(ctx, append([]outbox.Message{
		waiting(11, func(m *outbox.Message) { m.Gen, m.State = 0, outbox.Sent }),
		waiting(12, func(m *outbox.Message) { m.Gen, m.State = 0, outbox.Failed }),
		waiting(13, func(m *outbox.Message) { m.Gen = 2 }), // folded
	}, keep...))
	require.NoError(t, err)
	removed, err := s.PruneMessages(ctx, day(10))
	require.NoError(t, err)
	require.Equal(t, 3, removed)
	left, err := s.FindOut(ctx, "", "", "", exposure.List{})
	require.NoError(t, err)
	require.ElementsMatch(t, keep, left.Items)

	_, err = s.ClaimThread(ctx, outbox.Thread{ID: "t", Version: 1, Notifier: "slack", Thread: "r", At: epoch})
	require.NoError(t, err)
	removed, err = s.PruneThreads(ctx, epoch)
	require.NoError(t, err)
	require.Zero(t, removed)
	removed, err = s.PruneThreads(ctx, day(10))
	require.NoError(t, err)
	require.Equal(t, 1, removed)

	for _, m := range []lifecycle.InboxMessage{{ID: "read", Version: 1, At: epoch, Read: true}, {ID: "unread", Version: 1, At: epoch}} {
		_, err = s.InsertMessage(ctx, m)
		require.NoError(t, err)
	}
	removed, err = s.PruneInbox(ctx, day(10))
	require.NoError(t, err)
	require.Equal(t, 1, removed, "what nobody has read stays")
}
