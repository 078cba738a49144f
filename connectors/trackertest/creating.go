package trackertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

var creating = []rule{
	{"an issue is created as it should be", "", createdAsItShouldBe},
	{"an issue is found by its marker once the search has caught up", "", foundByMarker},
	{"two markers are two issues", "", twoMarkers},
	{"a lost answer to a creation leads to one issue, before and after the vendor made it", "faulty", createdOnceThoughLost},
}

func createdAsItShouldBe(t *testing.T, h *Harness) {
	t.Helper()
	want := h.issue(Marker)
	made := h.create(t)
	require.Equal(t, []string{made.Key}, h.Vendor.Made())
	require.Equal(t, connectors.IssueTodo, made.Status)
	got := h.get(t, made.Key)
	require.Equal(t, made.Key, got.Key)
	require.Equal(t, Marker, got.Marker)
	require.Equal(t, want.Title, got.Title)
	require.Equal(t, want.Priority, got.Priority)
	require.True(t, got.Due.Equal(want.Due), "%s", got.Due)
	require.Equal(t, connectors.IssueTodo, got.Status)
	require.Empty(t, got.Overridden)
	require.Empty(t, got.ClosedBy)
	require.True(t, got.ClosedAt.IsZero())
	require.NotEmpty(t, got.Description)
	require.Equal(t, made.URL, got.URL)
	shown := h.Vendor.Shown(made.Key)
	require.Equal(t, want.Title, shown.Title)
	for _, words := range []string{"owns this", "known to be exploited", "What is affected", "web1.example.com", "443/tcp", "Upgrade lodash to 4.17.21.", "npm ls lodash"} {
		require.Contains(t, shown.Text, words)
	}
}

func foundByMarker(t *testing.T, h *Harness) {
	t.Helper()
	_, err := h.Tracker.FindByMarker(t.Context(), Marker)
	requireKind(t, fault.NotFound, err)
	made := h.create(t)
	found, err := h.Tracker.FindByMarker(t.Context(), Marker)
	require.NoError(t, err)
	require.Equal(t, made.Key, found.Key)
	require.Equal(t, Marker, found.Marker)
	require.Equal(t, made.Title, found.Title)
}

func twoMarkers(t *testing.T, h *Harness) {
	t.Helper()
	const other = Marker + "0"
	one := h.create(t)
	_, err := h.Tracker.FindByMarker(t.Context(), other)
	requireKind(t, fault.NotFound, err)
	two, err := h.Tracker.Create(t.Context(), h.issue(other))
	require.NoError(t, err)
	require.NotEqual(t, one.Key, two.Key)
	h.settle()
	for marker, key := range map[string]string{Marker: one.Key, other: two.Key} {
		found, err := h.Tracker.FindByMarker(t.Context(), marker)
		require.NoError(t, err)
		require.Equal(t, key, found.Key)
	}
}

// accidents are the ways in which an answer gets lost.
func accidents(writing bool) map[string]Fault {
	return map[string]Fault{
		"5xx before":        {Writing: writing, Status: 503},
		"5xx after":         {Writing: writing, Status: 500, After: true},
		"gateway, after":    {Writing: writing, Status: 504, After: true},
		"cut before":        {Writing: writing, Cut: true},
		"cut after":         {Writing: writing, Cut: true, After: true},
		"throttled, before": {Writing: writing, Status: 429, RetryAfter: 3e9},
	}
}

func createdOnceThoughLost(t *testing.T, h *Harness) {
	t.Helper()
	seen := 0
	for name, accident := range accidents(true) {
		for skip := range 4 {
			accident.Skip = skip
			faulty := vendor[Faulty](t, h)
			before := len(h.Vendor.Made())
			marker := Marker + string(rune('a'+seen))
			seen++
			faulty.Fail(accident)
			issue := h.once(t, marker)
			h.settle()
			made := h.Vendor.Made()[before:]
			require.Equal(t, []string{issue.Key}, made, "%s, after %d calls", name, skip)
			require.Equal(t, marker, h.get(t, issue.Key).Marker)
			if faulty.Calm() {
				break // a creation has no more calls than that
			}
		}
	}
}

// once does what the engine does: search, create, and after a failure wait for the search
// to catch up before it searches again.
func (h *Harness) once(t *testing.T, marker string) connectors.Issue {
	t.Helper()
	for range 10 {
		found, err := h.Tracker.FindByMarker(t.Context(), marker)
		if fault.Is(err, fault.NotFound) {
			found, err = h.Tracker.Create(t.Context(), h.issue(marker))
		}
		if err == nil {
			return found
		}
		require.Contains(t, []fault.Kind{fault.Unavailable, fault.Throttled}, fault.KindOf(err), "%v", err)
		h.clean(t, err)
		h.settle()
	}
	require.Fail(t, "it was never created")
	return connectors.Issue{}
}
