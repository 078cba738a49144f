package slack_test

import (
	"net/http"
	"testing"

	"github.com/slack-go/slack/slacktest"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/secret"
)

// TestTheClientLibrarysOwnServerTakesWhatWePost posts to the test server that comes with
// slack-go: what ours takes, somebody else's does too.
func TestTheClientLibrarysOwnServerTakesWhatWePost(t *testing.T) {
	server := slacktest.NewTestServer()
	server.Start()
	defer server.Stop()
	instance, err := slack.Registration().Open(connectors.Env{HTTP: &http.Client{}}, &slack.Config{Token: secret.New("xoxb-x"), BaseURL: server.GetAPIURL()})
	require.NoError(t, err)
	s, ok := instance.(*slack.Slack)
	require.True(t, ok)
	m := message("c")
	m.To = "C024BE91L"
	ref, err := s.Post(t.Context(), m, connectors.Attempt{})
	require.NoError(t, err)
	require.Contains(t, string(ref), "C024BE91L/")
	me, err := s.Me(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, me.Team)
	member, err := s.Member(t.Context(), "W012A3CDE")
	require.NoError(t, err)
	require.NotEmpty(t, member.ID)
}
