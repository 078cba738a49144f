package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/demo"
)

// The claims of the story that the sandbox shows, by their titles.
const (
	mendedTitle  = "Git configuration served to visitors on 127.0.0.1"
	claimedTitle = "Debug console open without a password on 127.0.0.2"
)

func TestTheDemoInTheSandboxHasOneTicketAndOneThread(t *testing.T) {
	awaitWeakPorts(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	quell, dir := binary(t), t.TempDir()
	story, ended := &listener{told: make(chan struct{})}, make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{Binary: quell, Dir: dir, Sandbox: true, Keep: true, Out: story})
	}()
	select {
	case <-story.told:
	case err := <-ended:
		t.Fatalf("%s\nthe story ended before it was told: %v", story.String(), err)
	}
	s := enter(t, dir)

	t.Run("each weakness has one ticket", func(t *testing.T) { s.ticketsAreSingle(t) })
	t.Run("the mended one is done, and says why in two comments", func(t *testing.T) { s.closedWithProof(t, story.String()) })
	t.Run("the claimed one is closed too early, and its team hears of it in the thread", func(t *testing.T) { s.reopenedInItsThread(t) })
	t.Run("nothing was told twice", func(t *testing.T) { s.toldOnce(t) })

	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		require.NoError(t, err)
	}
	require.Empty(t, processesOf(t, dir), "the demo leaves no process behind")
}

func (s sandbox) ticketsAreSingle(t *testing.T) {
	t.Helper()
	titles, markers := map[string]int{}, map[string]int{}
	for _, issue := range s.issues(t) {
		titles[issue.title]++
		for _, marker := range regexp.MustCompile(`<code>(quell-[^<]+)</code>`).FindAllStringSubmatch(s.get(t, s.Jira+"/browse/"+issue.key), -1) {
			markers[marker[1]]++
		}
	}
	for title, n := range titles {
		require.Equal(t, 1, n, title)
	}
	require.Len(t, markers, len(titles), "each ticket carries the marker of its own remediation: %v", markers)
	require.Contains(t, titles, mendedTitle)
	require.Contains(t, titles, claimedTitle)
}

func (s sandbox) closedWithProof(t *testing.T, story string) {
	t.Helper()
	mended := s.titled(t, mendedTitle)
	require.Equal(t, "Done", mended.status)
	var said []string
	(&daemon{t: t}).until("the last comment", func() bool { said = s.comments(t, mended.key); return len(said) >= 2 })
	require.Len(t, said, 2)
	require.Contains(t, said[0], "Still there: "+mendedTitle)
	proof := regexp.MustCompile(`closed with proof: .* \(evidence ([0-9a-f]{12})…\)`).FindStringSubmatch(story)
	require.NotNil(t, proof, story)
	require.Contains(t, said[1], "no longer found it, evidence "+proof[1])
}

func (s sandbox) reopenedInItsThread(t *testing.T) {
	t.Helper()
	claimed := s.titled(t, claimedTitle)
	s.move(t, claimed.key, "Done")
	files := s.channels(t)["files"]
	var heads, thread []message
	(&daemon{t: t}).until("the word that "+claimedTitle+" is not done", func() bool {
		heads = s.about(t, "conversations.history", url.Values{"channel": {files}}, claimedTitle)
		if len(heads) == 0 {
			return false
		}
		thread = s.about(t, "conversations.replies", url.Values{"channel": {files}, "ts": {heads[0].TS}}, claimedTitle)
		return len(thread) > 1
	})
	require.Len(t, heads, 1, "a thread has one head")
	require.Len(t, thread, 2)
	require.Equal(t, "Not done: "+claimedTitle, thread[1].Text)
	require.Equal(t, heads[0].Metadata.Payload.Thread, thread[1].Metadata.Payload.Thread)
	require.Contains(t, s.get(t, s.Slack+"/?channel="+files), "Not done: "+claimedTitle, "people see it on the page")
	require.Equal(t, "To Do", s.titled(t, claimedTitle).status)
	said := s.comments(t, claimed.key)
	require.Len(t, said, 1)
	require.Contains(t, said[0], "Still there: "+claimedTitle)
}

func (s sandbox) toldOnce(t *testing.T) {
	t.Helper()
	for name, channel := range s.channels(t) {
		told := map[string]int{}
		for _, head := range s.about(t, "conversations.history", url.Values{"channel": {channel}}, "") {
			for _, m := range s.about(t, "conversations.replies", url.Values{"channel": {channel}, "ts": {head.TS}}, "") {
				told[m.Metadata.Payload.Cause]++
			}
		}
		for cause, n := range told {
			require.Equal(t, 1, n, "%s in #%s", cause, name)
		}
	}
}

// listener hears a story, and that it has been told to its end.
type listener struct {
	strings.Builder // read only after told
	told            chan struct{}
}

func (l *listener) Write(p []byte) (int, error) {
	n, err := l.Builder.Write(p)
	if strings.Contains(string(p), "Everything keeps running") {
		close(l.told)
	}
	return n, err
}

// sandbox is what is to be seen of a running sandbox from outside.
type sandbox struct{ Jira, Slack string }

// enter finds the sandbox of the daemon with a data directory.
func enter(t *testing.T, dir string) (s sandbox) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "dev.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &s))
	return s
}

func (s sandbox) get(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	return bodyOf(t, r)
}

func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	response, err := (&http.Client{Timeout: patience}).Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", r.URL, body)
	return string(body)
}

// issue is a row of the Jira's list.
type issue struct{ key, title, status string }

var issueRow = regexp.MustCompile(`<td><a href="/browse/([A-Z]+-\d+)">[^<]*</a></td><td>([^<]*)</td><td[^>]*>([^<]*)</td>`)

func (s sandbox) issues(t *testing.T) []issue {
	t.Helper()
	rows := issueRow.FindAllStringSubmatch(s.get(t, s.Jira+"/"), -1)
	out := make([]issue, 0, len(rows))
	for _, row := range rows {
		out = append(out, issue{row[1], html.UnescapeString(row[2]), row[3]})
	}
	require.NotEmpty(t, out)
	return out
}

// titled finds the issue of a title.
func (s sandbox) titled(t *testing.T, title string) issue {
	t.Helper()
	for _, issue := range s.issues(t) {
		if issue.title == title {
			return issue
		}
	}
	t.Fatalf("there is no issue %q", title)
	return issue{}
}

// move presses the button of an issue's page that moves it.
func (s sandbox) move(t *testing.T, key, to string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Jira+"/browse/"+key+"/move", strings.NewReader(url.Values{"to": {to}}.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	bodyOf(t, r)
}

var commentText = regexp.MustCompile(`(?s)<pre>(.*?)</pre>`)

// comments are those on the page of an issue, the oldest first.
func (s sandbox) comments(t *testing.T, key string) []string {
	t.Helper()
	_, after, found := strings.Cut(s.get(t, s.Jira+"/browse/"+key), "<h2>Comments</h2>")
	require.True(t, found)
	texts := commentText.FindAllStringSubmatch(after, -1)
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		out = append(out, html.UnescapeString(text[1]))
	}
	return out
}

// message is one that Slack gives, with what it is of.
type message struct {
	TS       string
	Text     string
	Metadata struct {
		Payload struct{ Cause, Thread string } `json:"event_payload"`
	}
}

// call asks a method of Slack's API and decodes its answer.
func (s sandbox) call(t *testing.T, method string, form url.Values, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Slack+"/api/"+method, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer xoxb-sandbox")
	require.NoError(t, json.Unmarshal([]byte(bodyOf(t, r)), into))
}

// channels are the IDs of the workspace's channels, by name.
func (s sandbox) channels(t *testing.T) map[string]string {
	t.Helper()
	var list struct{ Channels []struct{ ID, Name string } }
	s.call(t, "conversations.list", nil, &list)
	out := map[string]string{}
	for _, c := range list.Channels {
		out[c.Name] = c.ID
	}
	require.NotEmpty(t, out)
	return out
}

// about gives the messages of a channel or a thread that hold a text.
func (s sandbox) about(t *testing.T, method string, form url.Values, text string) []message {
	t.Helper()
	form.Set("limit", "200")
	form.Set("include_all_metadata", "true")
	var answer struct{ Messages []message }
	s.call(t, method, form, &answer)
	var out []message
	for _, m := range answer.Messages {
		if strings.Contains(m.Text, text) {
			out = append(out, m)
		}
	}
	return out
}
