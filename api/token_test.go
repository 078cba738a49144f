package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
)

func TestATokenIsRandomAndKeptAsItsHash(t *testing.T) {
	a, textA, err := NewToken("ann", RoleViewer, []string{"shop"}, time.Time{}, noon)
	require.NoError(t, err)
	b, textB, err := NewToken("ann", RoleViewer, nil, time.Time{}, noon)
	require.NoError(t, err)
	require.NotEqual(t, textA.Reveal(), textB.Reveal())
	require.NotEqual(t, a.ID, b.ID)
	require.Regexp(t, `^quell_[0-9a-z]{10}_[0-9a-z]{52}$`, textA.Reveal(), "32 random bytes")
	kept, err := json.Marshal(a)
	require.NoError(t, err)
	require.NotContains(t, string(kept), strings.Split(textA.Reveal(), "_")[2])
	require.Equal(t, HashToken(textA.Reveal()), a.Hash)
}

func TestATokenThatWouldMisleadIsRefused(t *testing.T) {
	for name, in := range map[string]struct {
		name    string
		role    Role
		scopes  []string
		expires time.Time
	}{
		"no name":             {"", RoleViewer, nil, time.Time{}},
		"quell's own name":    {"quell", RoleViewer, nil, time.Time{}},
		"a name with a break": {"ann\nbob", RoleViewer, nil, time.Time{}},
		"an unknown role":     {"ann", "root", nil, time.Time{}},
		// Kept, an empty list could not be told from none, which means all.
		"an empty list of scopes": {"ann", RoleViewer, []string{}, time.Time{}},
		"an empty scope":          {"ann", RoleViewer, []string{""}, time.Time{}},
		"an end in the past":      {"ann", RoleViewer, nil, noon},
	} {
		_, _, err := NewToken(in.name, in.role, in.scopes, in.expires, noon)
		require.Error(t, err, name)
		require.Equal(t, http.StatusBadRequest, problemOf(err).Status, name)
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
	}
}

func TestTokensAreMadeListedAndRevokedByAdmins(t *testing.T) {
	r := newRig(t)
	admin := r.tokens[RoleAdmin]
	made := into[TokenMade](t, r.ask(http.MethodPost, prefix+"/tokens", admin, TokenRequest{Name: "ann", Role: RoleViewer}), http.StatusCreated)
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, prefix+"/exposures", made.Token, nil).Code)
	refused(t, r.ask(http.MethodPost, prefix+"/tokens", admin, TokenRequest{Name: "ann", Role: RoleViewer}), http.StatusConflict)

	list := r.ask(http.MethodGet, prefix+"/tokens", admin, nil)
	require.Contains(t, list.Body.String(), made.ID)
	require.NotContains(t, list.Body.String(), made.Token)
	require.NotContains(t, list.Body.String(), HashToken(made.Token))

	require.Equal(t, http.StatusNoContent, r.ask(http.MethodDelete, prefix+"/tokens/"+made.ID, admin, nil).Code)
	require.Equal(t, http.StatusUnauthorized, r.ask(http.MethodGet, prefix+"/exposures", made.Token, nil).Code)
	refused(t, r.ask(http.MethodDelete, prefix+"/tokens/other", admin, nil), http.StatusNotFound)
	require.NotContains(t, r.log.String(), made.Token)
	require.Contains(t, r.log.String(), "token=admin-token", "who did it is logged")
}
