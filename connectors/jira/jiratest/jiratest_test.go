package jiratest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/jira/jiratest"
)

func post(t *testing.T, server *httptest.Server, path, body string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return do(t, server, r)
}

func do(t *testing.T, server *httptest.Server, r *http.Request) (int, string) {
	t.Helper()
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func get(t *testing.T, server *httptest.Server, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
	require.NoError(t, err)
	return do(t, server, r)
}

const creation = `{"fields":{"project":{"key":"SEC"},"issuetype":{"name":"Task"},"summary":"Upgrade lodash","labels":["quell"]}}`

func TestASearchShowsAChangeOnlyAfterALag(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := jiratest.New(jiratest.Options{Now: func() time.Time { return now }, Lag: time.Minute})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	status, _ := post(t, server, "/rest/api/3/issue", creation)
	require.Equal(t, http.StatusCreated, status)
	search := func() string {
		_, text := post(t, server, "/rest/api/3/search/jql", `{"jql":"labels = \"quell\" ORDER BY created ASC","maxResults":10}`)
		return text
	}
	require.NotContains(t, search(), "SEC-1")
	now = now.Add(time.Minute)
	require.Contains(t, search(), "SEC-1")
	s.Delete("SEC-1", "bob")
	require.Contains(t, search(), "SEC-1", "and it shows what is gone for as long")
	now = now.Add(time.Minute)
	require.NotContains(t, search(), "SEC-1")
}

func TestALostAnswerIsOfWorkThatWasDone(t *testing.T) {
	s := jiratest.New(jiratest.Options{})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	s.Fail(jiratest.Fault{Writing: true, After: true, Status: http.StatusBadGateway})
	status, text := post(t, server, "/rest/api/3/issue", creation)
	require.Equal(t, http.StatusBadGateway, status)
	require.NotContains(t, text, "SEC-1")
	s.Fail(jiratest.Fault{Writing: true, Status: http.StatusBadGateway})
	status, _ = post(t, server, "/rest/api/3/issue", creation)
	require.Equal(t, http.StatusBadGateway, status)
	require.Equal(t, []string{"SEC-1"}, s.Made())
	status, _ = post(t, server, "/rest/api/3/issue", creation)
	require.Equal(t, http.StatusCreated, status)
	require.Equal(t, map[string]int{"quell": 2}, s.Labelled(), "a duplicate is counted from its own ledger")
}

func TestWhatJiraRefusesIsRefused(t *testing.T) {
	s := jiratest.New(jiratest.Options{Token: "right", Email: "a@example.com"})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	status, _ := post(t, server, "/rest/api/3/issue", creation)
	require.Equal(t, http.StatusUnauthorized, status)
	open := httptest.NewServer(jiratest.New(jiratest.Options{}).Handler())
	defer open.Close()
	for name, body := range map[string]string{
		"another project":  strings.Replace(creation, "SEC", "NONE", 1),
		"a string in v3":   strings.Replace(creation, `"labels"`, `"description":"text","labels"`, 1),
		"an unknown node":  strings.Replace(creation, `"labels"`, `"description":{"type":"doc","version":1,"content":[{"type":"script"}]},"labels"`, 1),
		"lines in a title": strings.Replace(creation, "Upgrade lodash", `a\nb`, 1),
		"an unknown field": strings.Replace(creation, `"labels"`, `"customfield_7":1,"labels"`, 1),
		"no JSON":          "{",
	} {
		status, _ := post(t, open, "/rest/api/3/issue", body)
		require.Equal(t, http.StatusBadRequest, status, name)
	}
	status, _ = post(t, open, "/rest/api/3/search", `{"jql":"labels = x"}`)
	require.Equal(t, http.StatusGone, status)
	status, _ = post(t, open, "/rest/api/3/search/jql", `{"jql":"labels = x OR true"}`)
	require.Equal(t, http.StatusBadRequest, status, "what it doesn't understand it doesn't guess")
}

func TestWebhooksAreSentTwiceAndOutOfOrderAndAgainAfterAFailure(t *testing.T) {
	var ids []string
	down := true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		ids = append(ids, r.Header.Get("X-Atlassian-Webhook-Identifier"))
	}))
	defer receiver.Close()
	s := jiratest.New(jiratest.Options{Webhook: receiver.URL, Secret: "s"})
	key := s.Raise("SEC", "Buy milk", "ann")
	s.Move(key, "Done", "bob")
	require.Error(t, s.Deliver(t.Context(), receiver.Client(), nil))
	require.Len(t, s.Hooks(), 2)
	down = false
	require.NoError(t, s.Deliver(t.Context(), receiver.Client(), func(hooks []jiratest.Hook) []jiratest.Hook {
		twice := slices.Concat(hooks, hooks)
		slices.Reverse(twice)
		return twice
	}))
	require.Equal(t, []string{"whk-2", "whk-1", "whk-2", "whk-1"}, ids)
	require.Empty(t, s.Hooks())
}

func TestASandboxSendsWebhooksAsTheyCome(t *testing.T) {
	got := make(chan string, 4)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("X-Atlassian-Webhook-Identifier") }))
	defer receiver.Close()
	s := jiratest.New(jiratest.Options{Webhook: receiver.URL, Secret: "s"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx, receiver.Client()); close(ended) }()
	s.Raise("SEC", "Buy milk", "ann")
	require.Equal(t, "whk-1", <-got)
	s.Say("SEC-1", "hello", "bob")
	require.Equal(t, "whk-2", <-got)
	cancel()
	<-ended
}

func TestAPersonWithoutABrowserCanClick(t *testing.T) {
	s := jiratest.New(jiratest.Options{})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	s.Raise("SEC", "<script>alert(1)</script>", "ann")
	_, text := get(t, server, "/")
	require.Contains(t, text, `href="/browse/SEC-1"`)
	require.NotContains(t, text, "<script>")
	_, text = get(t, server, "/browse/SEC-1")
	require.Contains(t, text, "Move to Done")
	form := func(action string, values url.Values) int {
		status, _ := post(t, server, "/browse/SEC-1/"+action, values.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		return status
	}
	require.Equal(t, http.StatusOK, form("move", url.Values{"to": {"Done"}}))
	require.Equal(t, http.StatusOK, form("comment", url.Values{"text": {"it is fixed"}}))
	require.Equal(t, http.StatusOK, form("edit", url.Values{"field": {"duedate"}, "value": {"2026-06-30"}}))
	require.Equal(t, http.StatusBadRequest, form("edit", url.Values{"field": {"priority"}, "value": {"Whatever"}}))
	x := s.Issue("SEC-1")
	require.Equal(t, []string{"Done", "2026-06-30", "it is fixed"}, []string{x.Status, x.Due, strings.TrimSpace(x.Comments[0].Text)})
	require.Len(t, s.Hooks(), 4)
	status, _ := post(t, server, "/browse/SEC-1/delete", "", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, status)
	status, _ = get(t, server, "/browse/SEC-2")
	require.Equal(t, http.StatusNotFound, status)
}

func TestADescriptionThatAPersonClearedIsNull(t *testing.T) {
	for _, mode := range []jiratest.Mode{jiratest.Cloud, jiratest.DataCenter} {
		s := jiratest.New(jiratest.Options{Mode: mode})
		server := httptest.NewServer(s.Handler())
		t.Cleanup(server.Close)
		key := s.Raise("SEC", "A chore", "ann")
		s.Describe(key, "ann", func(json.RawMessage) json.RawMessage { return json.RawMessage("null") })
		status, body := get(t, server, map[jiratest.Mode]string{jiratest.Cloud: "/rest/api/3", jiratest.DataCenter: "/rest/api/2"}[mode]+"/issue/"+key)
		require.Equal(t, http.StatusOK, status, body)
		require.Contains(t, body, `"description":null`)
		require.Empty(t, s.Issue(key).Text.Text)
	}
}

func TestReadersSeeWhatActs(t *testing.T) {
	for text, active := range map[string]int{
		"{code}x{code}": 2, `\{code}`: 0, "[~admin]": 1, "!http://x/y.png!": 1, `\!x.png\!`: 0, "&#123;html&#125;": 0, "{noformat}\n{html}\n{noformat}": 0, "a {panel:title=x} b": 1,
	} {
		require.Len(t, jiratest.ReadWiki(text).Active, active, text)
	}
	require.Equal(t, []string{"javascript:alert(1)", "file:///etc/passwd"}, jiratest.ReadWiki("[x|javascript:alert(1)] file:///etc/passwd").Links)
	require.Equal(t, "a {b} *c*", jiratest.ReadWiki(`a &#123;b&#125; \*c\*`).Text)
	doc := `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"x"}},{"type":"text","text":"hi","marks":[{"type":"link","attrs":{"href":"javascript:x"}}]}]}]}`
	require.Equal(t, jiratest.Reading{Text: "hi\n", Links: []string{"javascript:x"}, Active: []string{"mention"}}, jiratest.ReadDocument([]byte(doc)))
}
