package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/fault"
)

// ticket is what people see of a ticket.
type ticket struct {
	key, url, title string
	done            bool
	comments        []string
}

// desk is where the people of the story work on tickets and read what they are told: the
// built-in tracker and inbox, or the sandbox's Jira and Slack.
type desk interface {
	ticket(ctx context.Context, key string) (ticket, error)
	// close moves a ticket to done, as a person does.
	close(ctx context.Context, key string) error
	// told gives the first message about an exposure that somebody has no owner for.
	told(ctx context.Context, d *apiclient.Detail) (to, what string, err error)
}

// builtin are quell's own tracker and inbox.
type builtin struct{ client *apiclient.Client }

func (b builtin) ticket(ctx context.Context, key string) (ticket, error) {
	found, err := b.client.Ticket(ctx, key)
	t := &found.Value
	out := ticket{key: t.ID, title: t.Title, done: t.Status == "done"}
	for i := range t.Comments {
		out.comments = append(out.comments, t.Comments[i].Text)
	}
	return out, err
}

func (b builtin) close(ctx context.Context, key string) error {
	_, err := b.client.MoveTicket(ctx, key, "done")
	return err
}

func (b builtin) told(ctx context.Context, d *apiclient.Detail) (to, what string, err error) {
	for item, err := range b.client.Inbox(ctx, "", false, 1000) {
		if err != nil {
			return "", "", err
		}
		about := func(subject string) bool { return subject == string(d.ID) || subject == string(d.Asset) }
		if m := &item.Value; strings.Contains(m.Kind, "unowned") && slices.ContainsFunc(m.Subjects, about) {
			return m.To, m.Subject, nil
		}
	}
	return "", "", nil
}

// sandboxed are the Jira and the Slack that quell dev --sandbox starts. What people do
// there is done on their pages.
type sandboxed struct{ jira, slack string }

const mostAnswer = 4 << 20

// call asks one of the two, and decodes a JSON answer into out unless that is nil.
func (s sandboxed) call(ctx context.Context, method, address string, form url.Values, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("quell@sandbox.example", "sandbox")
	if strings.HasPrefix(address, s.slack) {
		r.Header.Set("Authorization", "Bearer xoxb-sandbox")
	}
	response, err := (&http.Client{Timeout: patience}).Do(r)
	if err != nil {
		return fault.New(fault.Unavailable, "calling the sandbox: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if closeErr := response.Body.Close(); err != nil || closeErr != nil || response.StatusCode >= http.StatusBadRequest {
		return fault.New(fault.Unavailable, "calling the sandbox: it answered %s", response.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(bytes.NewReader(body)).Decode(out)
}

func (s sandboxed) ticket(ctx context.Context, key string) (ticket, error) {
	var issue struct {
		Key    string
		Fields struct {
			Summary string
			Status  struct{ StatusCategory struct{ Key string } }
		}
	}
	address := s.jira + "/rest/api/3/issue/" + url.PathEscape(key)
	if err := s.call(ctx, http.MethodGet, address+"?fields=summary,status", nil, &issue); err != nil {
		return ticket{}, err
	}
	var said struct {
		Comments []struct{ Body json.RawMessage }
	}
	err := s.call(ctx, http.MethodGet, address+"/comment", nil, &said)
	out := ticket{key: issue.Key, url: s.jira + "/browse/" + key, title: issue.Fields.Summary, done: issue.Fields.Status.StatusCategory.Key == "done"}
	for _, c := range said.Comments {
		out.comments = append(out.comments, words(c.Body))
	}
	return out, err
}

// words are the texts of a document as Jira keeps it, one after the other.
func words(raw json.RawMessage) string {
	var node struct {
		Text    string
		Content []json.RawMessage
	}
	if json.Unmarshal(raw, &node) != nil {
		return ""
	}
	parts := []string{node.Text}
	for _, inner := range node.Content {
		parts = append(parts, words(inner))
	}
	return strings.Join(parts, "")
}

func (s sandboxed) close(ctx context.Context, key string) error {
	return s.call(ctx, http.MethodPost, s.jira+"/browse/"+url.PathEscape(key)+"/move", url.Values{"to": {"Done"}}, nil)
}

func (s sandboxed) told(ctx context.Context, d *apiclient.Detail) (to, what string, err error) {
	var list struct{ Channels []struct{ ID, Name string } }
	if err := s.call(ctx, http.MethodPost, s.slack+"/api/conversations.list", nil, &list); err != nil {
		return "", "", err
	}
	for _, channel := range list.Channels {
		var history struct{ Messages []struct{ Text string } }
		if err := s.call(ctx, http.MethodPost, s.slack+"/api/conversations.history", url.Values{"channel": {channel.ID}}, &history); err != nil {
			return "", "", err
		}
		for _, m := range history.Messages {
			if strings.Contains(m.Text, "Nobody owns") && strings.Contains(m.Text, d.AssetName) {
				return "#" + channel.Name, firstLine(m.Text), nil
			}
		}
	}
	return "", "", nil
}
