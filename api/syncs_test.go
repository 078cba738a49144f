package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// schedule is what the rig's one pulled source, "signed", is up to.
type schedule struct {
	plan    lifecycle.SyncPlan
	started []time.Time
}

// Plan implements Syncs.
func (m *memory) Plan(_ context.Context, source string) (lifecycle.SyncPlan, error) {
	if source != "signed" {
		return lifecycle.SyncPlan{}, fault.New(fault.NotFound, "source %q is not pulled", source)
	}
	return m.schedule.plan, nil
}

// History implements Syncs.
func (m *memory) History(context.Context, string, exposure.List) (exposure.Page[exposure.Sync], error) {
	return exposure.Page[exposure.Sync]{Items: []exposure.Sync{{Source: "signed", Name: "r-1", Status: exposure.SyncDone, Started: noon, Ended: noon, Pages: 2}}}, nil
}

// Start implements Syncs.
func (m *memory) Start(ctx context.Context, source string, since time.Time) error {
	_, err := m.Plan(ctx, source)
	m.schedule.started = append(m.schedule.started, since)
	return err
}

// Pause implements Syncs.
func (m *memory) Pause(ctx context.Context, source, by, reason string) error {
	_, err := m.Plan(ctx, source)
	m.schedule.plan = lifecycle.SyncPlan{Paused: true, Note: by + ": " + reason}
	return err
}

// Resume implements Syncs.
func (m *memory) Resume(ctx context.Context, source, _ string) error {
	_, err := m.Plan(ctx, source)
	m.schedule.plan = lifecycle.SyncPlan{}
	return err
}

func TestASourceIsPulledNowPausedAndResumed(t *testing.T) {
	r := newRig(t)
	path := prefix + "/sources/signed/sync"
	operator := r.tokens[RoleOperator]
	require.Equal(t, http.StatusAccepted, r.ask(http.MethodPost, path, operator, SyncRequest{Since: noon}).Code)
	require.Equal(t, []time.Time{noon}, r.schedule.started)
	require.Equal(t, http.StatusBadRequest, r.ask(http.MethodPost, path+"/pause", operator, PauseRequest{}).Code, "a pause says why")
	answer := r.ask(http.MethodPost, path+"/pause", operator, PauseRequest{Reason: "the vendor moves"})
	require.Equal(t, http.StatusOK, answer.Code)
	require.Contains(t, answer.Body.String(), "the vendor moves")
	require.Contains(t, r.log.String(), "pause sync", "it is logged who did it")
	require.Equal(t, http.StatusOK, r.ask(http.MethodPost, path+"/resume", operator, nil).Code)
	require.False(t, r.schedule.plan.Paused)
	require.Equal(t, http.StatusNotFound, r.ask(http.MethodPost, prefix+"/sources/uploads/sync", operator, SyncRequest{}).Code)
	require.Equal(t, http.StatusForbidden, r.ask(http.MethodPost, path, r.tokens[RoleViewer], SyncRequest{}).Code)
}
