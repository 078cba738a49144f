package api

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

// controlDesk remembers what was said of controls.
type controlDesk struct{ said []exposure.Control }

func (d *controlDesk) FindControls(context.Context, string, exposure.ControlState, exposure.List) (exposure.Page[exposure.Control], error) {
	return exposure.Page[exposure.Control]{Items: d.said}, nil
}

func (d *controlDesk) SetControl(_ context.Context, c exposure.Control) (exposure.Control, error) {
	d.said = append(d.said, c)
	return c, nil
}

func TestWhoSaysThatAControlFailedIsKnownAndMayDoIt(t *testing.T) {
	desk := &controlDesk{}
	r := newRig(t, func(d *Deps) { d.Controls = desk })
	path := prefix + "/controls/edr"
	failed := ControlRequest{State: exposure.ControlFailed, Reason: "agent stopped"}
	require.Equal(t, http.StatusForbidden, r.ask(http.MethodPut, path, r.tokens[RoleViewer], failed).Code)
	require.Equal(t, http.StatusForbidden, r.ask(http.MethodPut, path, r.token(t, "narrow", RoleAdmin, "shop"), failed).Code, "it is about all scopes")
	for name, bad := range map[string]ControlRequest{
		"no state":   {Reason: "x"},
		"no reason":  {State: exposure.ControlFailed},
		"the future": {State: exposure.ControlFailed, Reason: "x", At: noon.AddDate(0, 0, 1)},
	} {
		require.Equal(t, http.StatusBadRequest, r.ask(http.MethodPut, path, r.tokens[RoleOperator], bad).Code, name)
	}
	unknown := failed
	unknown.Asset = "none"
	require.Equal(t, http.StatusNotFound, r.ask(http.MethodPut, path, r.tokens[RoleOperator], unknown).Code)
	require.Empty(t, desk.said)
	require.Equal(t, http.StatusOK, r.ask(http.MethodPut, path, r.tokens[RoleOperator], failed).Code)
	require.Equal(t, []exposure.Control{{Name: "edr", State: exposure.ControlFailed, By: "operator-token", Reason: "agent stopped", At: noon}}, desk.said)
}
