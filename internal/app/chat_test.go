package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/store"
)

func TestAPersonSeesInAChatWhatHisTokensSee(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	a := &app{store: s}
	long, past := now().Add(time.Hour), now().Add(-time.Hour)
	for i, token := range []store.Token{
		{Name: "ann", Scopes: []string{"hr"}, Expires: long}, {Name: "ann", Scopes: []string{"dmz", "hr"}}, {Name: "ann", Expires: past}, {Name: "ann", Revoked: past},
		{Name: "bob", Scopes: []string{"hr"}}, {Name: "bob"}, {Name: "dave", Scopes: []string{"hr"}, Revoked: past},
	} {
		token.ID, token.Hash, token.Role = string(rune('a'+i)), string(rune('a'+i)), "viewer"
		require.NoError(t, s.PutToken(t.Context(), token))
	}
	for person, want := range map[string][]string{"ann": {"dmz", "hr"}, "bob": nil, "carol": nil, "dave": nil} {
		got, err := a.visibleTo(t.Context(), person)
		require.NoError(t, err)
		require.Equal(t, want, got, person)
	}
}
