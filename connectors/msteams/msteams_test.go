package msteams_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/msteams"
	"github.com/quellsec/quell/connectors/notifiertest"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

func TestItIsANotifier(t *testing.T) {
	notifiertest.Run(t, func(t *testing.T) notifiertest.Rig {
		t.Helper()
		var got []string
		s := notifiertest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			var m struct {
				Type        string
				Attachments []struct {
					ContentType string
					Content     struct {
						Type, Version string
						Body          []map[string]any
						Actions       []struct{ Type, Title, URL string }
					}
				}
			}
			if err != nil || len(body) > 28<<10 || r.URL.Query().Get("sig") != "s3cr3t-sig" || json.Unmarshal(body, &m) != nil || m.Type != "message" || len(m.Attachments) != 1 ||
				m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || m.Attachments[0].Content.Type != "AdaptiveCard" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			var text strings.Builder
			for _, block := range m.Attachments[0].Content.Body {
				if line, ok := block["text"].(string); ok {
					text.WriteString(strings.ReplaceAll(line, "\\", "") + "\n")
				}
			}
			for _, a := range m.Attachments[0].Content.Actions {
				if !strings.HasPrefix(a.URL, "https://") {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
			}
			got = append(got, text.String())
			w.WriteHeader(http.StatusAccepted)
		})
		c := &msteams.Config{Channels: []msteams.Channel{{Name: "payments", URL: secret.New(s.URL + "/workflows/1?sig=s3cr3t-sig")}}}
		require.Empty(t, c.Validate())
		reg := msteams.Registration()
		in, err := reg.Open(connectors.Env{HTTP: httpclient.New(httpclient.Options{Reach: reg.Reach(c), Rate: 1000, Now: time.Now})}, c)
		require.NoError(t, err)
		poster, ok := in.(connectors.Poster)
		require.True(t, ok)
		return notifiertest.Rig{Notifier: poster, To: "payments", Bad: "none", Next: s.Next, Secrets: []string{"s3cr3t"}, Got: func() []string { return got },
			Repeats: "a Workflow's webhook knows no repetitions and can't be asked", Marked: "This may be here already"}
	})
}

func TestAConfigurationThatCantWorkIsRefusedWithoutRepeatingItsSecrets(t *testing.T) {
	for _, c := range []msteams.Config{{}, {URL: secret.New("ftp://hunter2")}, {Channels: []msteams.Channel{{Name: "a"}, {URL: secret.New("https://x.example")}}}} {
		errs := c.Validate()
		require.NotEmpty(t, errs)
		for _, err := range errs {
			require.NotContains(t, err.Error(), "hunter2")
		}
	}
}
