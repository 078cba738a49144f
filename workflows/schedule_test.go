package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// TestASourceIsPulledOnItsSchedule drives the schedules of a real server: made and changed
// by the configuration, triggered, paused and resumed by a person, ended with the source.
func TestASourceIsPulledOnItsSchedule(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := live(t, s, nil)
	l.pulls(&vendor{pages: 2})
	spec := lifecycle.SyncSpec{Source: "tenable", Every: 24 * time.Hour}
	require.NoError(t, l.client.EnsureSync(t.Context(), spec))
	require.NoError(t, l.client.EnsureSync(t.Context(), spec), "a second start changes nothing")
	plan := l.plan()
	require.False(t, plan.Paused)
	require.WithinRange(t, plan.Next, clock(), clock().Add(24*time.Hour))

	require.NoError(t, l.client.TriggerSync(t.Context(), "tenable"))
	l.until("the sync is done", func() bool {
		page, err := l.store.Syncs(t.Context(), "tenable", exposure.List{Limit: 1})
		return err == nil && len(page.Items) == 1 && page.Items[0].Status == exposure.SyncDone
	})
	_, text := l.delivered()
	require.Equal(t, "page 1\npage 2\n", text)

	require.NoError(t, l.client.PauseSync(t.Context(), "tenable", "ann", "the vendor moves"))
	require.NoError(t, l.client.EnsureSync(t.Context(), lifecycle.SyncSpec{Source: "tenable", At: []string{"02:30", "14:30"}}))
	plan = l.plan()
	require.True(t, plan.Paused, "a person's pause outlives a restart")
	require.Equal(t, "paused by ann: the vendor moves", plan.Note)
	require.NoError(t, l.client.ResumeSync(t.Context(), "tenable", "bob"))
	plan = l.plan()
	require.False(t, plan.Paused)
	require.Equal(t, 30, plan.Next.Minute())
	require.Contains(t, []int{2, 14}, plan.Next.Hour())

	paused := spec
	paused.Paused = true
	require.NoError(t, l.client.EnsureSync(t.Context(), paused))
	require.True(t, l.plan().Paused)
	require.NoError(t, l.client.EnsureSync(t.Context(), spec))
	require.False(t, l.plan().Paused, "what the configuration paused, the configuration resumes")

	require.NoError(t, l.client.DropSyncs(t.Context(), func(source string) bool { return source != "tenable" }))
	l.until("the schedule is gone", func() bool {
		_, err := l.client.SyncPlan(t.Context(), "tenable")
		return fault.Is(err, fault.NotFound)
	})
	require.True(t, fault.Is(l.client.TriggerSync(t.Context(), "tenable"), fault.NotFound))
	bad := lifecycle.SyncSpec{Source: "tenable", At: []string{"half past two"}}
	require.True(t, fault.Is(l.client.EnsureSync(t.Context(), bad), fault.Invalid))
}

func (l *living) plan() lifecycle.SyncPlan {
	l.t.Helper()
	plan, err := l.client.SyncPlan(l.t.Context(), "tenable")
	require.NoError(l.t, err)
	return plan
}
