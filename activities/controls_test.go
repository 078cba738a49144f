package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
)

// resting are exposures on web1 and web2, mitigated by a control.
func resting(t *testing.T) (r *rig, one, two exposure.ID) {
	t.Helper()
	r = newRig(t, nil)
	r.Controls = r.store
	p := exception.DefaultPolicy()
	p.Mitigate = false
	r.Rules = exception.NewRules(p, ownership.Config{}, nil)
	one, two = r.unworked("web1", exposure.Track), r.unworked("web2", exposure.Track)
	for _, id := range []exposure.ID{one, two} {
		require.NoError(t, r.says(id, "ann", lifecycle.DecideMitigate, func(d *lifecycle.Decision) { d.Until, d.EndsOn = r.clock.Add(30*day), []string{"control:edr"} }))
		require.Equal(t, exposure.Mitigated, r.exposureNow(id).State)
	}
	r.clock = r.clock.Add(time.Hour)
	return r, one, two
}

func (r *rig) control(state exposure.ControlState, on asset.ID, at time.Time) {
	r.t.Helper()
	_, err := r.SetControl(r.t.Context(), exposure.Control{Name: "edr", Asset: on, State: state, By: "bob", Reason: "agent stopped", At: at})
	require.NoError(r.t, err)
}

func TestAFailedControlEndsTheExceptionsThatRestOnItThere(t *testing.T) {
	for _, tt := range []struct {
		name     string
		said     func(r *rig)
		one, two bool // still mitigated
	}{
		{"nothing is known", func(*rig) {}, true, true},
		{"it works", func(r *rig) { r.control(exposure.ControlWorking, "", r.clock) }, true, true},
		{"it failed on one asset", func(r *rig) { r.control(exposure.ControlFailed, "01web1", r.clock) }, false, true},
		{"it failed everywhere", func(r *rig) { r.control(exposure.ControlFailed, "", r.clock) }, false, false},
		{"and works again on one", func(r *rig) {
			r.control(exposure.ControlFailed, "", r.clock.Add(-time.Minute))
			r.control(exposure.ControlWorking, "01web2", r.clock)
		}, false, true},
		{"older news changes nothing", func(r *rig) {
			r.control(exposure.ControlWorking, "", r.clock)
			r.control(exposure.ControlFailed, "", r.clock.Add(-time.Minute))
		}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, one, two := resting(t)
			began := r.sweeps(time.Time{})
			tt.said(r)
			r.sweeps(began)
			for id, still := range map[exposure.ID]bool{one: tt.one, two: tt.two} {
				e := r.exposureNow(id)
				require.Equal(t, still, e.State == exposure.Mitigated)
				if !still {
					require.Contains(t, e.LastEvent.Reason+r.saidBefore(id), "the control edr has failed, says bob: agent stopped")
				}
			}
			pending, err := r.store.PendingControls(t.Context(), 10)
			require.NoError(t, err)
			require.Empty(t, pending)
		})
	}
}

// saidBefore are the reasons of an exposure's events.
func (r *rig) saidBefore(id exposure.ID) (all string) {
	r.t.Helper()
	events, err := r.store.Events(r.t.Context(), id)
	require.NoError(r.t, err)
	for i := range events {
		all += events[i].Reason
	}
	return all
}

// forgetful dies before it takes a control's mark away, once.
type forgetful struct {
	Controls
	died bool
}

func (f *forgetful) SwapControl(ctx context.Context, c exposure.Control) (bool, error) {
	if !c.Pending && !f.died {
		f.died = true
		return false, errors.New("the process died")
	}
	return f.Controls.SwapControl(ctx, c)
}

func TestWhoeverDiesBetweenAControlsFailureAndItsEndsIsFollowed(t *testing.T) {
	r, one, _ := resting(t)
	f := &forgetful{Controls: r.store}
	r.Controls = f
	r.control(exposure.ControlFailed, "", r.clock) // and dies: nothing but this was written
	require.Error(t, r.endByControls(t.Context(), SweepRequest{}, &SweepReport{}))
	require.True(t, f.died)
	require.NotEqual(t, exposure.Mitigated, r.exposureNow(one).State)
	seq := r.exposureNow(one).LastEvent.Seq
	require.NoError(t, r.endByControls(t.Context(), SweepRequest{}, &SweepReport{}))
	require.Equal(t, seq, r.exposureNow(one).LastEvent.Seq, "it ends once")
	pending, err := r.store.PendingControls(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, pending)
}

func TestATechniqueThatWasExecutedShowsThatAControlFailedOnItsAsset(t *testing.T) {
	r, one, two := resting(t)
	r.ControlTests = []ControlTest{{Name: "edr", Techniques: []string{"T1059"}, Sources: []string{"caldera"}}}
	for source, host := range map[string]string{"caldera": "web1", "stranger": "web2"} {
		e := exposure.NewExposure(exposure.BornInput{Asset: asset.Asset{ID: "01" + asset.ID(host), Kind: asset.Host, Name: host}, Source: source, Run: "r1",
			CheckedAt: r.clock.Add(-time.Minute), At: r.clock, Cause: "d1", Actor: exposure.Actor{Kind: exposure.Source, Name: source},
			Finding: exposure.Finding{UID: "1", Check: "attack:T1059", Title: "shell", Status: exposure.StatusOpen}})
		_, err := r.store.InsertExposures(t.Context(), []exposure.Exposure{e})
		require.NoError(t, err)
	}
	r.sweeps(time.Time{})
	c, err := r.store.Control(t.Context(), exposure.ControlID("edr", "01web1"))
	require.NoError(t, err)
	require.Equal(t, "caldera", c.By)
	require.NotEqual(t, exposure.Mitigated, r.exposureNow(one).State)
	require.Equal(t, exposure.Mitigated, r.exposureNow(two).State, "that source isn't asked")
}
