package jiratest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Hook is one call of the webhook.
type Hook struct {
	Event string
	Key   string // of the issue
	ID    string // X-Atlassian-Webhook-Identifier: the same when it is sent again
	Body  []byte
}

// mostHooks are kept while nobody fetches them.
const mostHooks = 10000

// tell queues a call of the webhook (developer.atlassian.com/cloud/jira/platform/webhooks).
// Ours are told as everybody's are. A comment's call holds little of its issue, and no
// labels.
func (s *Server) tell(event string, x *issue, by string, e *entry, c *comment) {
	fields := map[string]any{"summary": x.Summary, "status": statusJSON(x.Status), "project": map[string]string{"key": x.Project}, "issuetype": map[string]string{"name": x.Type}}
	if c == nil {
		labels := x.Labels
		if labels == nil {
			labels = []string{}
		}
		fields["labels"], fields["duedate"], fields["updated"] = labels, orNull(x.Due), stamp(x.Updated)
	}
	body := map[string]any{
		"timestamp": s.now().UnixMilli(), "webhookEvent": event, "user": s.user(by),
		"issue": map[string]any{"id": itoa(x.ID), "key": x.Key, "fields": fields},
	}
	if e != nil {
		body["changelog"] = map[string]any{"id": e.ID, "items": e.Items}
	}
	if c != nil {
		body["comment"] = map[string]any{"id": itoa(c.ID), "author": s.user(c.Author), "body": c.Body}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // all of it marshals
	}
	s.sent++
	s.hooks = append(s.hooks, Hook{Event: event, Key: x.Key, ID: fmt.Sprintf("whk-%d", s.sent), Body: raw})
	if len(s.hooks) > mostHooks {
		s.hooks = s.hooks[len(s.hooks)-mostHooks:]
	}
	select {
	case s.news <- struct{}{}:
	default: // somebody is on the way already
	}
}

// Hooks are the calls that wait to be sent.
func (s *Server) Hooks() []Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Hook(nil), s.hooks...)
}

// Take gives the calls that wait, and forgets them.
func (s *Server) Take() []Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.hooks
	s.hooks = nil
	return out
}

// Header is what a call is sent with, signed with a secret (WebSub's "method=signature").
func (h Hook) Header(secret string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(h.Body)
	out := http.Header{"Content-Type": {"application/json"}, "X-Atlassian-Webhook-Identifier": {h.ID}}
	if secret != "" {
		out.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	return out
}

// Deliver sends what waits to Options.Webhook. arrange may reorder the calls, repeat and
// lose some; nil sends them as they are. What is not taken in waits for the next time, as
// Jira tries again.
func (s *Server) Deliver(ctx context.Context, client *http.Client, arrange func([]Hook) []Hook) error {
	waiting := s.Take()
	if s.o.Webhook == "" || len(waiting) == 0 {
		return nil
	}
	if arrange != nil {
		waiting = arrange(waiting)
	}
	for i, h := range waiting {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.Webhook, bytes.NewReader(h.Body))
		if err != nil {
			return fmt.Errorf("calling the webhook: %w", err)
		}
		r.Header = h.Header(s.o.Secret)
		response, err := client.Do(r)
		if err == nil {
			_ = response.Body.Close() // only the status counts
			if response.StatusCode >= 200 && response.StatusCode <= 299 {
				continue
			}
			err = fmt.Errorf("it answered %s", response.Status)
		}
		s.mu.Lock()
		s.hooks = append(append([]Hook(nil), waiting[i:]...), s.hooks...)
		s.mu.Unlock()
		return fmt.Errorf("calling the webhook: %s", strings.ReplaceAll(err.Error(), s.o.Webhook, "it"))
	}
	return nil
}

// Run sends each call of the webhook as it comes, until the context ends: what a sandbox
// does. What is refused is tried again after a while.
func (s *Server) Run(ctx context.Context, client *http.Client) {
	const again = 2 * time.Second
	for ctx.Err() == nil {
		var later <-chan time.Time
		if err := s.Deliver(ctx, client, nil); err != nil {
			later = time.After(again)
		}
		select {
		case <-s.news:
		case <-later:
		case <-ctx.Done():
		}
	}
}
