package jira_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/connectors/trackertest"
	"github.com/quellsec/quell/internal/secret"
)

// world is a connector on a fake Jira, with one clock for both.
type world struct {
	*jiratest.Server
	tb      testing.TB
	mode    jiratest.Mode
	tracker *jira.Tracker
	http    *httptest.Server
	mu      sync.Mutex
	now     time.Time
	config  jira.Config
	env     connectors.Env
}

const (
	apiToken   = "api-token-9f3b"
	hookSecret = "hook-secret-7c1d"
	oldSecret  = "old-secret-2a4e"
)

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// newWorld opens a connector on a fake Jira, both as edits make them.
func newWorld(tb testing.TB, mode jiratest.Mode, edits ...func(*jiratest.Options, *jira.Config)) *world {
	tb.Helper()
	w := &world{tb: tb, mode: mode, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	o := jiratest.Options{Mode: mode, Now: w.clock, Lag: 2 * time.Minute, Token: apiToken, Email: "quell@example.com", Secret: hookSecret}
	reg := jira.Registration()
	c, ok := reg.Config().(*jira.Config)
	require.True(tb, ok)
	c.Deployment, c.Project, c.Token, c.Secret, c.PreviousSecret, c.SearchLag, c.Page = string(mode), "SEC", secret.New(apiToken), secret.New(hookSecret), secret.New(oldSecret), 180, 3
	c.TransitionFields = map[string]string{"resolution": `{"name": "Done"}`}
	if mode == jiratest.Cloud {
		c.User = "quell@example.com"
	}
	for _, edit := range edits {
		edit(&o, c)
	}
	w.Server = jiratest.New(o)
	w.http = httptest.NewServer(w.Handler())
	tb.Cleanup(w.http.Close)
	c.URL = w.http.URL
	// Without connections to keep, a call that is cut off is not quietly made again.
	transport := &http.Transport{DisableKeepAlives: true}
	tb.Cleanup(transport.CloseIdleConnections)
	w.env = connectors.Env{Source: "jira", HTTP: &http.Client{Transport: transport}, Now: w.clock}
	w.config = *c
	w.open()
	return w
}

func (w *world) open() {
	w.tb.Helper()
	require.Empty(w.tb, w.config.Validate())
	tracker, err := jira.New(w.env, w.config)
	require.NoError(w.tb, err)
	w.tracker = tracker
}

func category(name string) connectors.IssueStatus {
	return map[string]connectors.IssueStatus{"new": connectors.IssueTodo, "indeterminate": connectors.IssueInProgress, "done": connectors.IssueDone}[name]
}

// Shown implements trackertest.Ledger.
func (w *world) Shown(key string) trackertest.Shown {
	x := w.Issue(key)
	out := trackertest.Shown{
		Title: x.Title, Text: x.Text.Text, Links: x.Text.Links, Active: x.Text.Active, Due: x.Due, Priority: x.Priority, Assignee: x.Assignee, Status: category(x.Category),
	}
	for _, c := range x.Comments {
		out.Comments = append(out.Comments, c.Text)
		out.Links = append(out.Links, c.Links...)
		out.Active = append(out.Active, c.Active...)
	}
	return out
}

// Move implements trackertest.Person.
func (w *world) Move(key string, to connectors.IssueStatus, by string) {
	w.Server.Move(key, map[connectors.IssueStatus]string{connectors.IssueTodo: "To Do", connectors.IssueInProgress: "In Progress", connectors.IssueDone: "Closed"}[to], by)
}

// Edit implements trackertest.Editor.
func (w *world) Edit(key, field, value, by string) {
	w.tb.Helper()
	if field == "priority" {
		value = w.config.Priorities[value]
	}
	require.NoError(w.tb, w.Server.Edit(key, map[string]string{"title": "summary", "due": "duedate", "priority": "priority", "assignee": "assignee"}[field], value, by))
}

// Around implements trackertest.Prose. In Data Center people's browsers end lines with CRLF.
func (w *world) Around(key, before, after, by string) {
	w.Describe(key, by, func(raw json.RawMessage) json.RawMessage {
		if w.mode == jiratest.DataCenter {
			var text string
			require.NoError(w.tb, json.Unmarshal(raw, &text))
			return encode(w.tb, before+"\r\n\r\n"+strings.ReplaceAll(text, "\n", "\r\n")+"\r\n\r\n"+after)
		}
		doc := document(w.tb, raw)
		doc["content"] = append(append([]any{said(before)}, doc["content"].([]any)...), said(after)) //nolint:forcetypeassert // what we wrote
		return encode(w.tb, doc)
	})
}

// Inside implements trackertest.Prose.
func (w *world) Inside(key, text, by string) {
	w.Describe(key, by, func(raw json.RawMessage) json.RawMessage {
		if w.mode == jiratest.DataCenter {
			var old string
			require.NoError(w.tb, json.Unmarshal(raw, &old))
			first, rest, _ := strings.Cut(old, "\n")
			return encode(w.tb, first+"\n"+text+"\n"+rest)
		}
		doc := document(w.tb, raw)
		content, ok := doc["content"].([]any)
		require.True(w.tb, ok)
		doc["content"] = append([]any{content[0], said(text)}, content[1:]...)
		return encode(w.tb, doc)
	})
}

func said(text string) any {
	return map[string]any{"type": "paragraph", "content": []any{map[string]any{"type": "text", "text": text}}}
}

func document(tb testing.TB, raw json.RawMessage) map[string]any {
	tb.Helper()
	var doc map[string]any
	require.NoError(tb, json.Unmarshal(raw, &doc))
	return doc
}

func encode(tb testing.TB, v any) json.RawMessage {
	tb.Helper()
	raw, err := json.Marshal(v)
	require.NoError(tb, err)
	return raw
}

// Delete implements trackertest.Remover.
func (w *world) Delete(key string) { w.Server.Delete(key, "bob") }

// MoveAway implements trackertest.Mover.
func (w *world) MoveAway(key string) string { return w.MoveTo(key, "OPS", "bob") }

// Clone implements trackertest.Cloner.
func (w *world) Clone(key, by string) string { return w.Server.Clone(key, by, false) }

// Hide implements trackertest.Denier.
func (w *world) Hide(key string) { w.Deny(w.Issue(key).Project, "BROWSE_PROJECTS") }

// Show implements trackertest.Denier.
func (w *world) Show(key string) { w.Deny(w.Issue(key).Project) }

// Fail implements trackertest.Faulty.
func (w *world) Fail(f trackertest.Fault) {
	w.Server.Fail(jiratest.Fault{Writing: f.Writing, Skip: f.Skip, After: f.After, Cut: f.Cut, Status: f.Status, RetryAfter: f.RetryAfter})
}

func (w *world) last(key string) jiratest.Hook {
	w.tb.Helper()
	hooks := w.Hooks()
	for i := len(hooks) - 1; i >= 0; i-- {
		if hooks[i].Key == key {
			return hooks[i]
		}
	}
	require.Fail(w.tb, "nothing was told of "+key)
	return jiratest.Hook{}
}

// Hook implements trackertest.Hooked.
func (w *world) Hook(key string) (http.Header, []byte) {
	h := w.last(key)
	return h.Header(hookSecret), h.Body
}

// Rotated implements trackertest.Hooked.
func (w *world) Rotated(key string) (http.Header, []byte) {
	h := w.last(key)
	return h.Header(oldSecret), h.Body
}

// Foreign implements trackertest.Hooked.
func (w *world) Foreign() (http.Header, []byte) {
	h := w.last(w.Raise("SEC", "Buy milk", "ann"))
	return h.Header(hookSecret), h.Body
}

// Files implements trackertest.Filed.
func (w *world) Files(key string) []string { return w.Issue(key).Files }

func harness(w *world) *trackertest.Harness {
	return &trackertest.Harness{
		Tracker: w.tracker, Vendor: w, Advance: w.advance, Now: w.clock, Secrets: []string{apiToken, hookSecret, oldSecret},
		Assignees: [2]string{w.Account("ann"), w.Account("bob")},
	}
}

func TestJiraBehavesAsEveryTrackerDoes(t *testing.T) {
	for _, mode := range []jiratest.Mode{jiratest.Cloud, jiratest.DataCenter} {
		t.Run(string(mode), func(t *testing.T) {
			trackertest.Run(t, func(tb testing.TB) *trackertest.Harness {
				tb.Helper()
				return harness(newWorld(tb, mode))
			})
		})
	}
}
