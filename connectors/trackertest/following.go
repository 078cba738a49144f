package trackertest

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

var following = []rule{
	{"what was changed is told, page by page", "changing person", changesAreTold},
	{"a copy is no change of ours", "changing cloner", copiesAreNoChanges},
	{"a set-up that is right has no problems", "checker", goodSetup},
	{"a set-up that can't be looked at is a problem, and shows no secret", "checker faulty", badSetup},
}

// changed gathers all pages.
func (h *Harness) changed(t *testing.T, since time.Time) map[string]connectors.Issue {
	t.Helper()
	changing, ok := h.Tracker.(connectors.Changing)
	require.True(t, ok)
	out, cursor := map[string]connectors.Issue{}, ""
	for range 100 {
		page, err := changing.Changed(t.Context(), since, cursor)
		require.NoError(t, err)
		for _, issue := range page.Issues {
			out[issue.Key] = issue
		}
		if page.Next == "" {
			return out
		}
		require.NotEqual(t, cursor, page.Next)
		cursor = page.Next
	}
	require.Fail(t, "the pages don't end")
	return nil
}

func changesAreTold(t *testing.T, h *Harness) {
	t.Helper()
	keys := make([]string, 0, 7)
	for n := range 7 {
		made, err := h.Tracker.Create(t.Context(), h.issue(Marker+strconv.Itoa(n)))
		require.NoError(t, err)
		keys = append(keys, made.Key)
	}
	h.settle()
	h.Advance(time.Hour)
	since := h.Now()
	h.pass()
	for _, key := range keys[2:] {
		vendor[Person](t, h).Move(key, connectors.IssueDone, "bob")
	}
	h.settle()
	got := h.changed(t, since)
	for n, key := range keys {
		issue, told := got[key]
		require.Equal(t, n >= 2, told, key)
		if told {
			require.Equal(t, Marker+strconv.Itoa(n), issue.Marker)
			require.Equal(t, connectors.IssueDone, issue.Status)
			require.Equal(t, "bob", issue.ClosedBy)
		}
	}
	require.Len(t, h.changed(t, since.Add(-24*time.Hour)), len(keys))
}

func copiesAreNoChanges(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	since := h.Now()
	copied := vendor[Cloner](t, h).Clone(key, "bob")
	h.settle()
	require.NotContains(t, h.changed(t, since), copied)
}

func goodSetup(t *testing.T, h *Harness) {
	t.Helper()
	checker, ok := h.Tracker.(connectors.Checker)
	require.True(t, ok)
	require.Empty(t, checker.Check(t.Context()))
}

func badSetup(t *testing.T, h *Harness) {
	t.Helper()
	checker, ok := h.Tracker.(connectors.Checker)
	require.True(t, ok)
	for _, f := range []Fault{{Status: 401}, {Status: 403}, {Cut: true}} {
		vendor[Faulty](t, h).Fail(f)
		problems := checker.Check(t.Context())
		require.NotEmpty(t, problems)
		for _, problem := range problems {
			h.clean(t, problem)
		}
	}
}
