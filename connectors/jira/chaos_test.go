package jira_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/internal/fault"
)

// Whatever is lost, and however often, there is one issue and one comment in Jira's own
// ledger, and the last word is ours: the caller does as the engine does, and waits for the
// search after each attempt of which it doesn't know how it ended.
func TestNothingIsMadeTwiceWhateverIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom([]jiratest.Mode{jiratest.Cloud, jiratest.DataCenter}).Draw(rt, "mode")
		w := newWorld(t, mode)
		defer w.http.Close()
		for _, f := range rapid.SliceOfN(accident(), 0, 8).Draw(rt, "accidents") {
			w.Server.Fail(f)
		}
		insist := func(op func() error) {
			for range 40 {
				err := op()
				if err == nil {
					return
				}
				require.Contains(rt, []fault.Kind{fault.Unavailable, fault.Throttled, fault.Denied}, fault.KindOf(err), "%v", err)
				require.NotContains(rt, err.Error(), apiToken)
				w.advance(w.tracker.Lag())
			}
			require.Fail(rt, "it never succeeded")
		}
		var made connectors.Issue
		insist(func() error {
			var err error
			if made, err = w.tracker.FindByMarker(t.Context(), marker); fault.Is(err, fault.NotFound) {
				made, err = w.tracker.Create(t.Context(), ticket())
			}
			return err
		})
		for n, status := range rapid.SliceOfN(rapid.SampledFrom([]connectors.IssueStatus{"", connectors.IssueDone, connectors.IssueTodo}), 1, 4).Draw(rt, "statuses") {
			w.advance(time.Minute)
			for range rapid.IntRange(0, 2).Draw(rt, "more") {
				w.Server.Fail(accident().Draw(rt, "accident"))
			}
			want := ticket()
			want.Key, want.Title, want.Status = made.Key, "Upgrade lodash, "+strconv.Itoa(n), status
			cause := "c" + strconv.Itoa(n)
			insist(func() error { _, err := w.tracker.Update(t.Context(), want, cause); return err })
			insist(func() error { return w.tracker.Comment(t.Context(), made.Key, "Said "+cause+".", cause) })
			x := w.Issue(made.Key)
			require.Equal(rt, want.Title, x.Title)
			require.Len(rt, x.Comments, n+1)
			if status != "" {
				require.Equal(rt, status == connectors.IssueDone, x.Category == "done")
			}
		}
		w.Calm()
		require.Equal(rt, []string{made.Key}, w.Made())
		issue, err := w.tracker.Get(t.Context(), made.Key)
		require.NoError(rt, err)
		require.Contains(rt, []string{"", "quell"}, issue.ClosedBy)
		require.Empty(rt, issue.Overridden)
	})
}

// accident is of the kinds that a Jira in trouble has.
func accident() *rapid.Generator[jiratest.Fault] {
	return rapid.Custom(func(t *rapid.T) jiratest.Fault {
		f := jiratest.Fault{
			Writing: rapid.Bool().Draw(t, "writing"), Skip: rapid.IntRange(0, 3).Draw(t, "skip"), After: rapid.Bool().Draw(t, "after"), Cut: rapid.Bool().Draw(t, "cut"),
			Status: rapid.SampledFrom([]int{429, 500, 502, 503, 504, 401}).Draw(t, "status"),
		}
		if f.Status == 429 || f.Status == 401 { // then nothing was done
			f.After = f.After && f.Cut
		}
		return f
	})
}
