package localtracker

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// memory keeps tickets as the store does.
type memory struct {
	mu      sync.Mutex
	tickets map[string]lifecycle.Ticket
	made    []string
	writes  int
}

func (m *memory) InsertTicket(_ context.Context, t lifecycle.Ticket) (lifecycle.Ticket, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if have, ok := m.tickets[t.ID]; ok {
		return have, false, nil
	}
	m.tickets[t.ID] = t
	m.made = append(m.made, t.ID)
	return t, true, nil
}

func (m *memory) SwapTicket(_ context.Context, t lifecycle.Ticket) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tickets[t.ID].Version != t.Version-1 {
		return false, nil
	}
	m.tickets[t.ID] = t
	m.writes++
	return true, nil
}

func (m *memory) Ticket(_ context.Context, id string) (lifecycle.Ticket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.tickets[id]; ok {
		return t, nil
	}
	return lifecycle.Ticket{}, fault.New(fault.NotFound, "there is no ticket %s", id)
}

func (m *memory) TicketByMarker(_ context.Context, marker string) (lifecycle.Ticket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tickets {
		if t.Marker == marker {
			return t, nil
		}
	}
	return lifecycle.Ticket{}, fault.New(fault.NotFound, "there is no ticket of %s", marker)
}

func tracker() (*Tracker, *memory, *time.Time) {
	m := &memory{tickets: map[string]lifecycle.Ticket{}}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	return New(m, Config{URL: "https://quell.example.org/"}, func() time.Time { return now }), m, &now
}

func TestCreatingATicketTwiceMakesOne(t *testing.T) {
	tr, m, _ := tracker()
	want := connectors.Issue{Marker: "rem-1", Title: "Upgrade lodash", Description: "why", Team: "payments", Priority: "act"}
	_, err := tr.FindByMarker(t.Context(), "rem-1")
	require.True(t, fault.Is(err, fault.NotFound))
	one, err := tr.Create(t.Context(), want)
	require.NoError(t, err)
	two, err := tr.Create(t.Context(), want)
	require.NoError(t, err)
	require.Equal(t, one, two)
	require.Len(t, m.tickets, 1)
	require.True(t, strings.HasPrefix(one.Key, "QT-"))
	require.Equal(t, "https://quell.example.org/tickets/"+one.Key, one.URL)
	require.Equal(t, connectors.IssueTodo, one.Status)
	found, err := tr.FindByMarker(t.Context(), "rem-1")
	require.NoError(t, err)
	require.Equal(t, one, found)
}

func TestAnotherRemediationWhoseKeyWouldBeTheSameGetsAnother(t *testing.T) {
	tr, m, _ := tracker()
	m.tickets[key("rem-1", 0)] = lifecycle.Ticket{ID: key("rem-1", 0), Version: 1, Marker: "somebody else"}
	issue, err := tr.Create(t.Context(), connectors.Issue{Marker: "rem-1"})
	require.NoError(t, err)
	require.Equal(t, key("rem-1", 1), issue.Key)
}

func TestATicketRemembersWhoClosedItAndWhen(t *testing.T) {
	tr, _, now := tracker()
	issue, err := tr.Create(t.Context(), connectors.Issue{Marker: "rem-1"})
	require.NoError(t, err)
	closed := *now
	issue, err = tr.Move(t.Context(), issue.Key, connectors.IssueDone, "bob")
	require.NoError(t, err)
	require.Equal(t, "bob", issue.ClosedBy)
	require.Equal(t, closed, issue.ClosedAt)

	*now = now.Add(time.Hour)
	_, err = tr.Say(t.Context(), issue.Key, "done, see the change", "bob", "c1")
	require.NoError(t, err)
	issue, err = tr.Get(t.Context(), issue.Key)
	require.NoError(t, err)
	require.Equal(t, closed, issue.ClosedAt, "a comment is not another closing")
	require.Equal(t, *now, issue.UpdatedAt)

	issue.Status = connectors.IssueTodo
	issue, err = tr.Update(t.Context(), issue, "d1")
	require.NoError(t, err)
	require.Empty(t, issue.ClosedBy)
	require.True(t, issue.ClosedAt.IsZero())
	issue.Status = connectors.IssueDone
	issue, err = tr.Update(t.Context(), issue, "d2")
	require.NoError(t, err)
	require.Equal(t, "quell", issue.ClosedBy)
}

func TestAnUpdateThatChangesNothingWritesNothing(t *testing.T) {
	tr, m, _ := tracker()
	issue, err := tr.Create(t.Context(), connectors.Issue{Marker: "rem-1", Title: "Upgrade lodash"})
	require.NoError(t, err)
	_, err = tr.Update(t.Context(), issue, "d1")
	require.NoError(t, err)
	require.Zero(t, m.writes)
}

func TestACommentIsMadeOncePerCauseAndTheOldestGoFirst(t *testing.T) {
	tr, m, _ := tracker()
	issue, err := tr.Create(t.Context(), connectors.Issue{Marker: "rem-1"})
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, tr.Comment(t.Context(), issue.Key, "still there", "c1"))
	}
	require.Len(t, m.tickets[issue.Key].Comments, 1)
	for n := range maxComments {
		require.NoError(t, tr.Comment(t.Context(), issue.Key, "again", "n"+strconv.Itoa(n)))
	}
	comments := m.tickets[issue.Key].Comments
	require.Len(t, comments, maxComments)
	require.Equal(t, "n0", comments[0].Cause)
}

func TestConcurrentCommentsAreAllKept(t *testing.T) {
	tr, m, _ := tracker()
	issue, err := tr.Create(t.Context(), connectors.Issue{Marker: "rem-1"})
	require.NoError(t, err)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() { require.NoError(t, tr.Comment(t.Context(), issue.Key, "x", strconv.Itoa(n))) })
	}
	all.Wait()
	require.Len(t, m.tickets[issue.Key].Comments, 8)
}

func TestWhatAPersonGetsWrongIsSaid(t *testing.T) {
	tr, _, _ := tracker()
	issue, err := tr.Create(t.Context(), connectors.Issue{Marker: "rem-1"})
	require.NoError(t, err)
	tests := []struct {
		name string
		do   func() error
		kind fault.Kind
	}{
		{"a status that there isn't", func() error { _, err := tr.Move(t.Context(), issue.Key, "closed", "bob"); return err }, fault.Invalid},
		{"nobody moves it", func() error { _, err := tr.Move(t.Context(), issue.Key, connectors.IssueDone, ""); return err }, fault.Invalid},
		{"somebody pretends to be us", func() error { _, err := tr.Move(t.Context(), issue.Key, connectors.IssueDone, "quell"); return err }, fault.Invalid},
		{"an empty comment", func() error { _, err := tr.Say(t.Context(), issue.Key, " \n", "bob", ""); return err }, fault.Invalid},
		{"a comment without end", func() error {
			_, err := tr.Say(t.Context(), issue.Key, strings.Repeat("x", maxComment+1), "bob", "")
			return err
		}, fault.Invalid},
		{"a ticket that there isn't", func() error { _, err := tr.Get(t.Context(), "QT-none"); return err }, fault.NotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.kind, fault.KindOf(tt.do())) })
	}
}

func TestATrackerWithoutAStoreSaysSoInsteadOfFailingLater(t *testing.T) {
	reg := Registration()
	in, err := reg.Open(connectors.Env{}, reg.Config())
	require.NoError(t, err)
	tr, ok := in.(connectors.Tracker)
	require.True(t, ok)
	_, err = tr.Create(t.Context(), connectors.Issue{Marker: "x"})
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.NotEmpty(t, (&Config{URL: "ftp://x"}).Validate())
}
