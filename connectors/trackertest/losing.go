package trackertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

var losing = []rule{
	{"an update whose answer is lost comes to the same when it is repeated", "faulty", updatedOnceThoughLost},
	{"our done whose answer is lost is ours", "faulty", doneOnceThoughLost},
	{"a comment whose answer is lost is made once", "faulty", commentedOnceThoughLost},
	{"a vendor that asks to wait is throttled, for as long as it asks", "faulty", throttled},
	{"a vendor that doesn't answer is unavailable, and one that refuses us denied", "faulty", failuresHaveKinds},
}

// mostCalls bounds the calls of one operation.
const mostCalls = 12

// insist repeats an operation until it succeeds.
func (h *Harness) insist(t *testing.T, op func() error) {
	t.Helper()
	var err error
	for range 6 {
		if err = op(); err == nil {
			return
		}
		require.Contains(t, []fault.Kind{fault.Unavailable, fault.Throttled, fault.Conflict}, fault.KindOf(err), "%v", err)
		h.clean(t, err)
	}
	require.NoError(t, err)
}

// everywhere repeats an operation under each accident at each of its calls, until it
// succeeds, and then looks at what it came to. try gives the n-th operation, and the look.
func (h *Harness) everywhere(t *testing.T, try func(n int, name string) (op func() error, look func())) {
	t.Helper()
	faulty, n := vendor[Faulty](t, h), 0
	for _, writing := range []bool{true, false} {
		for name, accident := range accidents(writing) {
			for accident.Skip = 0; accident.Skip < mostCalls; accident.Skip++ {
				n++
				op, look := try(n, name)
				faulty.Fail(accident)
				h.insist(t, op)
				fewer := faulty.Calm()
				look()
				if fewer {
					break // it has no more calls than that
				}
			}
		}
	}
}

func updatedOnceThoughLost(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	h.everywhere(t, func(n int, name string) (func() error, func()) {
		want := h.wanted(key)
		want.Title, want.Due = "Upgrade lodash "+name, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n)
		want.Priority = h.priority(n % 2)
		want.Description = "It is now " + name + "."
		return func() error { _, err := h.Tracker.Update(t.Context(), want, want.Due.String()); return err }, func() {
			shown := h.Vendor.Shown(key)
			require.Equal(t, want.Title, shown.Title)
			require.Equal(t, want.Due.Format(time.DateOnly), shown.Due)
			require.Contains(t, shown.Text, want.Description)
			issue := h.get(t, key)
			require.Equal(t, want.Priority, issue.Priority)
			require.Empty(t, issue.Overridden, "a write whose answer was lost is not a person's: %s", name)
		}
	})
}

func doneOnceThoughLost(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	h.everywhere(t, func(n int, name string) (func() error, func()) {
		want := h.wanted(key)
		want.Status = []connectors.IssueStatus{connectors.IssueTodo, connectors.IssueDone}[n%2]
		op := func() error {
			_, err := h.Tracker.Update(t.Context(), want, "c"+name+time.Duration(n).String())
			return err
		}
		return op, func() {
			issue := h.get(t, key)
			require.Equal(t, want.Status == connectors.IssueDone, issue.Status == connectors.IssueDone)
			require.True(t, ours(issue.ClosedBy), "%s: closed by %q", name, issue.ClosedBy)
		}
	})
}

func commentedOnceThoughLost(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	h.everywhere(t, func(n int, name string) (func() error, func()) {
		cause := "cause-" + time.Duration(n).String()
		op := func() error { return h.Tracker.Comment(t.Context(), key, "Still there: "+cause+".", cause) }
		return op, func() {
			require.NoError(t, op())
			require.Equal(t, 1, h.commentsWith(key, "Still there: "+cause+"."), name)
		}
	})
}

func throttled(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	for _, writing := range []bool{true, false} {
		vendor[Faulty](t, h).Fail(Fault{Writing: writing, Status: 429, RetryAfter: 7 * time.Second})
		_, err := h.Tracker.Update(t.Context(), h.other(key), "c1")
		requireKind(t, fault.Throttled, err)
		require.Equal(t, 7*time.Second, fault.RetryAfter(err))
		h.clean(t, err)
		h.Advance(8 * time.Second)
	}
	h.update(t, h.other(key), "c1")
}

func failuresHaveKinds(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	for kind, f := range map[fault.Kind]Fault{
		fault.Unavailable: {Cut: true}, fault.Denied: {Status: 401},
	} {
		vendor[Faulty](t, h).Fail(f)
		_, err := h.Tracker.Get(t.Context(), key)
		requireKind(t, kind, err)
		h.clean(t, err)
		require.NotContains(t, err.Error(), "?", "no query is repeated")
	}
	require.Equal(t, key, h.get(t, key).Key)
}
