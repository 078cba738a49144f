package chatops_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/connectors/slack"
)

// TestTheManifestAsksForWhatTheCodeUsesAndNothingElse reads deploy/slack/manifest.yaml
// against the code: the scopes that the connector needs, the events and addresses that
// chatops handles, the command that it answers to.
func TestTheManifestAsksForWhatTheCodeUsesAndNothingElse(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "deploy", "slack", "manifest.yaml"))
	require.NoError(t, err)
	var m struct {
		Display  map[string]string `yaml:"display_information"`
		Features struct {
			Home     map[string]bool `yaml:"app_home"`
			Bot      map[string]any  `yaml:"bot_user"`
			Commands []struct {
				Command, URL, Description string
				Hint                      string `yaml:"usage_hint"`
				Escape                    bool   `yaml:"should_escape"`
			} `yaml:"slash_commands"`
		}
		OAuth struct {
			Scopes struct{ Bot []string }
		} `yaml:"oauth_config"`
		Settings struct {
			Events struct {
				URL string   `yaml:"request_url"`
				Bot []string `yaml:"bot_events"`
			} `yaml:"event_subscriptions"`
			Interactivity struct {
				On  bool   `yaml:"is_enabled"`
				URL string `yaml:"request_url"`
			}
			Org      bool `yaml:"org_deploy_enabled"`
			Socket   bool `yaml:"socket_mode_enabled"`
			Rotation bool `yaml:"token_rotation_enabled"`
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(raw)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&m))

	require.Equal(t, slices.Sorted(maps.Keys(slack.Scopes())), m.OAuth.Scopes.Bot)
	require.Equal(t, []string{"app_home_opened", "app_uninstalled", "tokens_revoked"}, m.Settings.Events.Bot)
	require.True(t, m.Features.Home["home_tab_enabled"])
	require.True(t, m.Settings.Interactivity.On)
	require.False(t, m.Settings.Rotation, "a token that rotates isn't supported")
	config, ok := slack.Registration().Config().(*slack.Config)
	require.True(t, ok)
	require.Len(t, m.Features.Commands, 1)
	require.Equal(t, config.Command, m.Features.Commands[0].Command)
	require.LessOrEqual(t, len(m.Display["description"]), 140)

	r := newRig(t, nil)
	for _, address := range []string{m.Features.Commands[0].URL, m.Settings.Events.URL, m.Settings.Interactivity.URL} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, "quell.example.com", u.Host)
		w := httptest.NewRecorder()
		r.chat.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, u.Path, http.NoBody))
		require.Equal(t, http.StatusUnauthorized, w.Code, "%s is there, and wants a signature", u.Path)
	}
}
