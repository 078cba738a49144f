package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

func controlFacts(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	ctx := t.Context()
	put := func(name string, state exposure.ControlState, at time.Duration, pending bool, version int64) bool {
		ok, err := s.SwapControl(ctx, exposure.Control{ID: exposure.ControlID(name, ""), Version: version, Name: name, State: state, At: epoch.Add(at), Pending: pending})
		require.NoError(t, err)
		return ok
	}
	require.True(t, put("edr", exposure.ControlWorking, 0, false, 1))
	require.False(t, put("edr", exposure.ControlFailed, 0, false, 1), "somebody was faster")
	require.True(t, put("edr", exposure.ControlFailed, time.Minute, true, 2))
	require.True(t, put("waf", exposure.ControlWorking, 0, false, 1))
	c, err := s.Control(ctx, exposure.ControlID("edr", ""))
	require.NoError(t, err)
	require.Equal(t, exposure.ControlFailed, c.State)
	_, err = s.Control(ctx, "none")
	require.True(t, fault.Is(err, fault.NotFound))
	page, err := s.FindControls(ctx, "", "", exposure.List{})
	require.NoError(t, err)
	require.Equal(t, "edr", page.Items[0].Name, "the newest first")
	require.Len(t, page.Items, 2)
	page, err = s.FindControls(ctx, "waf", exposure.ControlWorking, exposure.List{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	pending, err := s.PendingControls(ctx, 10)
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Equal(t, "edr", pending[0].Name)
}
