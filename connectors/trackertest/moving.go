package trackertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

var moving = []rule{
	{"our own done is not taken for a person's", "", ownDoneIsOurs},
	{"a person's done is told, with who and when", "person", personsDoneIsTold},
	{"a person's done is told though we closed it before", "person", personsDoneAfterOurs},
	{"our done is ours though a person closed it before", "person", ourDoneAfterAPersons},
	{"an empty status leaves the status, whoever moves it", "person", emptyStatusLeavesIt},
	{"a closed issue is reopened, and another comment is no other closing", "person", reopened},
}

func (h *Harness) pass() {
	if h.Advance != nil {
		h.Advance(time.Minute)
	}
}

// moved is the suite's issue brought to a status by us.
func (h *Harness) moved(t *testing.T, key string, to connectors.IssueStatus, cause string) connectors.Issue {
	t.Helper()
	h.pass()
	want := h.wanted(key)
	want.Status = to
	return h.update(t, want, cause)
}

func ownDoneIsOurs(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	got := h.moved(t, key, connectors.IssueDone, "c1")
	for _, issue := range []connectors.Issue{got, h.get(t, key)} {
		require.Equal(t, connectors.IssueDone, issue.Status)
		require.True(t, ours(issue.ClosedBy), "closed by %q", issue.ClosedBy)
	}
	require.Equal(t, connectors.IssueDone, h.Vendor.Shown(key).Status)
	h.moved(t, key, connectors.IssueTodo, "c2")
	require.NotEqual(t, connectors.IssueDone, h.Vendor.Shown(key).Status)
	require.Empty(t, h.get(t, key).ClosedBy)
	require.True(t, ours(h.moved(t, key, connectors.IssueDone, "c3").ClosedBy))
}

func (h *Harness) requirePersons(t *testing.T, key, by string, at time.Time) {
	t.Helper()
	issue := h.get(t, key)
	require.Equal(t, connectors.IssueDone, issue.Status)
	require.Equal(t, by, issue.ClosedBy)
	if !issue.ClosedAt.IsZero() {
		require.WithinDuration(t, at, issue.ClosedAt, time.Second)
	}
}

func personsDoneIsTold(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	h.pass()
	at := h.Now()
	vendor[Person](t, h).Move(key, connectors.IssueDone, "bob")
	h.requirePersons(t, key, "bob", at)
	h.pass()
	vendor[Person](t, h).Say(key, "fixed in CHG-7", "ann")
	h.requirePersons(t, key, "bob", at)
	h.settle()
	found, err := h.Tracker.FindByMarker(t.Context(), Marker)
	require.NoError(t, err)
	require.Equal(t, "bob", found.ClosedBy, "found as it is read")
}

func personsDoneAfterOurs(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	h.moved(t, key, connectors.IssueDone, "c1")
	h.pass()
	vendor[Person](t, h).Move(key, connectors.IssueTodo, "ann")
	require.Empty(t, h.get(t, key).ClosedBy)
	h.pass()
	at := h.Now()
	vendor[Person](t, h).Move(key, connectors.IssueDone, "bob")
	h.requirePersons(t, key, "bob", at)
}

func ourDoneAfterAPersons(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	h.pass()
	vendor[Person](t, h).Move(key, connectors.IssueDone, "bob")
	h.moved(t, key, connectors.IssueTodo, "c1")
	got := h.moved(t, key, connectors.IssueDone, "c2")
	require.True(t, ours(got.ClosedBy), "closed by %q", got.ClosedBy)
	require.True(t, ours(h.get(t, key).ClosedBy))
}

func emptyStatusLeavesIt(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	for _, status := range []connectors.IssueStatus{connectors.IssueInProgress, connectors.IssueDone} {
		h.pass()
		vendor[Person](t, h).Move(key, status, "bob")
		want := h.wanted(key)
		want.Title = "Upgrade npm/lodash, " + string(status)
		got := h.update(t, want, string(status))
		require.Equal(t, status, got.Status)
		require.Equal(t, status, h.Vendor.Shown(key).Status)
	}
	require.Equal(t, "bob", h.get(t, key).ClosedBy, "our writing on it is not our closing it")
}

func reopened(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	h.pass()
	vendor[Person](t, h).Move(key, connectors.IssueDone, "bob")
	got := h.moved(t, key, connectors.IssueTodo, "c1")
	require.NotEqual(t, connectors.IssueDone, got.Status)
	require.Empty(t, got.ClosedBy)
	require.NoError(t, h.Tracker.Comment(t.Context(), key, "still there", "c2"))
	issue := h.get(t, key)
	require.NotEqual(t, connectors.IssueDone, issue.Status)
	require.Empty(t, issue.ClosedBy)
	require.True(t, issue.ClosedAt.IsZero())
}
