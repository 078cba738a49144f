package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ownership"
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

func TestTheChatDecidesOnRunsOfRunbooksThroughTheSameCallAsTheAPI(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	tree, errs := ownership.Compile(ownership.Config{})
	require.Empty(t, errs)
	a := &app{cfg: &config.Config{}, store: s, registry: prometheus.NewRegistry(), judge: ingest.NewJudge(ingest.Grounds{Owners: tree}), sources: &sources{}, log: slog.New(slog.DiscardHandler)}
	a.openChat("slack", &slack.Slack{})
	require.NoError(t, a.wireActivities())
	require.Equal(t, runs{a.activities, s}, a.chat.Runs)
}
