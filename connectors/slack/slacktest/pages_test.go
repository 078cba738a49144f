package slacktest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/secret"
)

func page(t *testing.T, response *http.Response, err error) string {
	t.Helper()
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(body)
}

func TestThePagesShowWhatWasPostedAndTheirButtonsWork(t *testing.T) {
	var pressed []string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		_, err = slack.Signed().Verify(r.Header, body, time.Now(), secret.New("s"))
		assert.NoError(t, err)
		form, err := url.ParseQuery(string(body))
		assert.NoError(t, err)
		pressed = append(pressed, r.URL.Path+" "+form.Get("text")+form.Get("payload"))
		_, _ = w.Write([]byte(`{"text":"as you wish"}`))
	}))
	defer app.Close()
	fake := slacktest.New(slacktest.Options{Secret: "s", Endpoint: app.URL, Users: []slacktest.User{{ID: "U0ANN00000", Name: "ann"}},
		Channels: []slacktest.Channel{{ID: "C0PAYMENT1", Name: "payments", Member: true}}})
	server := httptest.NewServer(fake.Handler())
	defer server.Close()
	instance, err := slack.Registration().Open(connectors.Env{HTTP: server.Client()}, &slack.Config{Token: secret.New("xoxb-x"), BaseURL: server.URL + "/api"})
	require.NoError(t, err)
	s, ok := instance.(*slack.Slack)
	require.True(t, ok)
	_, err = s.Post(t.Context(), connectors.Message{Cause: "c", To: "C0PAYMENT1", Subject: `<!channel> <script>alert(1)</script>`, Text: "see",
		Links: map[string]string{"ticket": "https://jira.example.com/browse/PAY-7"}, Actions: []connectors.Action{{Kind: "claim", Subject: "exposure:x"}}}, connectors.Attempt{})
	require.NoError(t, err)

	ask := func(method, query string, form url.Values) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/"+query, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := server.Client().Do(r)
		return page(t, response, err)
	}
	html := ask(http.MethodGet, "?me=U0ANN00000&channel=C0PAYMENT1", nil)
	require.Contains(t, html, "&lt;!channel&gt; &lt;script&gt;")
	require.NotContains(t, html, "<script>")
	require.Contains(t, html, `<a href="https://jira.example.com/browse/PAY-7" rel="noreferrer">ticket</a>`)
	require.Contains(t, html, `value="quell/claim/0"`)

	ts := fake.Messages("C0PAYMENT1")[0].TS
	require.Contains(t, ask(http.MethodPost, "", url.Values{"me": {"U0ANN00000"}, "channel": {"C0PAYMENT1"}, "do": {"press"}, "ts": {ts}, "action": {"quell/claim/0"}}), "as you wish")
	require.Contains(t, ask(http.MethodPost, "", url.Values{"me": {"U0ANN00000"}, "channel": {"C0PAYMENT1"}, "do": {"run"}, "text": {"/quell mine"}}), "as you wish")
	require.Len(t, pressed, 2)
	require.Contains(t, pressed[0], `"value":"exposure:x"`)
	require.Equal(t, "/slack/commands mine", pressed[1])

	strange, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/", strings.NewReader("do=run&me=U0ANN00000&channel=C0PAYMENT1&text=mine"))
	require.NoError(t, err)
	strange.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	strange.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := server.Client().Do(strange)
	page(t, response, err)
	require.Equal(t, http.StatusForbidden, response.StatusCode)
	require.Len(t, pressed, 2, "another site presses nothing")
}
