package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store"
)

func TestTheFirstTokenIsMadeOnceAndAgainOnlyWhenItIsRevoked(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	text, err := firstToken(t.Context(), tokens{s})
	require.NoError(t, err)
	made, err := (tokens{s}).TokenByHash(t.Context(), api.HashToken(text.Reveal()))
	require.NoError(t, err)
	require.Equal(t, api.RoleAdmin, made.Role)

	_, err = firstToken(t.Context(), tokens{s})
	require.True(t, fault.Is(err, fault.Conflict))

	require.NoError(t, s.RevokeToken(t.Context(), made.ID, now()))
	_, err = firstToken(t.Context(), tokens{s})
	require.NoError(t, err)
}
