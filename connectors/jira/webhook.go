package jira

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/signature"
)

// identifier names a delivery; it stays the same when Jira sends it again.
const identifier = "X-Atlassian-Webhook-Identifier"

// VerifyWebhook implements connectors.WebhookVerifier: an HMAC over the raw body, as
// administrators' webhooks are signed (developer.atlassian.com/cloud/jira/platform/webhooks).
func (t *Tracker) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	scheme := signature.HMAC{Header: "X-Hub-Signature", Prefix: "sha256=", Hash: signature.SHA256, Encoding: signature.Hex, IDHeader: identifier}
	return scheme.Verify(header, body, now, t.config.Secret, t.config.PreviousSecret) //nolint:wrapcheck // it says what was done
}

// event is what of a webhook's body tells which issue was changed, and how.
type event struct {
	Name      string `json:"webhookEvent"`
	Timestamp int64  `json:"timestamp"` // milliseconds
	Issue     struct {
		ID     string `json:"id"`
		Key    string `json:"key"`
		Fields *struct {
			Labels *[]string `json:"labels"`
		} `json:"fields"`
	} `json:"issue"`
	Changelog *struct {
		ID    json.RawMessage `json:"id"`
		Items []struct {
			Field    string `json:"field"`
			ToString string `json:"toString"`
		} `json:"items"`
	} `json:"changelog"`
	Comment *struct {
		ID json.RawMessage `json:"id"`
	} `json:"comment"`
}

// Ticket implements connectors.TicketHook. Events about comments don't tell the labels:
// then whose the issue is, is found by its key.
func (t *Tracker) Ticket(header http.Header, body []byte) (connectors.TicketChange, bool) {
	var e event
	if json.Unmarshal(body, &e) != nil || !issueKey.MatchString(e.Issue.Key) {
		return connectors.TicketChange{}, false
	}
	what := e.what()
	if what == "" {
		return connectors.TicketChange{}, false
	}
	out := connectors.TicketChange{Key: e.Issue.Key, What: what, Cause: e.cause(header)}
	if e.Issue.Fields == nil || e.Issue.Fields.Labels == nil {
		return out, true
	}
	labels := *e.Issue.Fields.Labels
	for _, l := range labels {
		if marker, ours := strings.CutPrefix(l, propertyKey+"-"); ours && markerText.MatchString(marker) {
			out.Marker = marker
		}
	}
	return out, out.Marker != "" || slices.Contains(labels, propertyKey)
}

// cause is the change's ID: of its delivery, else made of what it tells.
func (e *event) cause(header http.Header) string {
	if id := header.Get(identifier); id != "" && len(id) <= 200 {
		return connectors.Ident(id)
	}
	parts := []string{e.Name, e.Issue.ID, strconv.FormatInt(e.Timestamp, 10)}
	if e.Changelog != nil {
		parts = append(parts, string(e.Changelog.ID))
	}
	if e.Comment != nil {
		parts = append(parts, string(e.Comment.ID))
	}
	return connectors.UID(parts...)
}

// what says in a word or two what happened; empty for what is of no interest.
func (e *event) what() string {
	switch e.Name {
	case "jira:issue_deleted":
		return "deleted"
	case "jira:issue_created":
		return "created"
	case "comment_created":
		return "commented"
	case "comment_updated", "comment_deleted":
		return "a comment was changed"
	case "jira:issue_updated":
	default:
		return ""
	}
	if e.Changelog == nil {
		return "changed"
	}
	var fields []string
	for _, item := range e.Changelog.Items {
		switch {
		case item.Field == "status":
			return "moved to " + connectors.Title(item.ToString, 60)
		case item.Field == "Key" || item.Field == "project":
			return "moved to another project"
		case len(fields) < 4:
			fields = append(fields, connectors.Title(item.Field, 40))
		}
	}
	if len(fields) == 0 {
		return "changed"
	}
	return strings.Join(fields, ", ") + " changed"
}
