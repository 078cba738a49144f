package githubissues

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/githubapi"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Comment implements connectors.Tracker. The cause stands in the comment, unseen; only our
// own comments are looked at for it.
func (t *Tracker) Comment(ctx context.Context, key, text, cause string) error {
	_, at, err := t.read(ctx, key) // where it now is
	if err != nil {
		return err
	}
	said, err := t.said(ctx, at, cause)
	if said || err != nil {
		return err
	}
	call := httpclient.Call{Method: http.MethodPost, Path: at.path() + "/comments", JSON: map[string]string{
		"body": marked.Markdown.Comment(marked.Cut(marked.Harmless(text), longestBody-leastBlock), cause),
	}}
	err = t.call(ctx, call, &wireComment{}, budgetContent)
	return fault.Wrap(fault.KindOf(err), err, "commenting on issue "+key)
}

func (t *Tracker) said(ctx context.Context, at place, cause string) (bool, error) {
	me, err := t.whoami(ctx)
	if err != nil {
		return false, err
	}
	for page := 1; page <= mostPages; page++ {
		var comments []wireComment
		query := url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
		if err := t.call(ctx, httpclient.Call{Path: at.path() + "/comments", Query: query}, &comments); err != nil {
			return false, fault.Wrap(fault.KindOf(err), err, "reading the comments on issue "+at.key())
		}
		for _, c := range comments {
			if t.ours(c.User.Login, me) && marked.Says(c.Body, cause) {
				return true, nil
			}
		}
		if len(comments) < perPage {
			return false, nil
		}
	}
	return false, fault.New(fault.Invalid, "reading the comments on issue %s: there are more than %d", at.key(), mostPages*perPage)
}

// changes is where a look at what changed stands.
type changes struct {
	Repository int       `json:"r"`
	Since      time.Time `json:"s"`
	Page       int       `json:"p"`
}

// Changed implements connectors.Changing. Deleted issues are in no list of GitHub's; the
// webhook tells of them, and reading them.
func (t *Tracker) Changed(ctx context.Context, since time.Time, cursor string) (connectors.ChangedPage, error) {
	at := changes{Since: since.UTC(), Page: 1}
	if cursor != "" && (json.Unmarshal([]byte(cursor), &at) != nil || at.Page < 1) {
		return connectors.ChangedPage{}, fault.New(fault.Invalid, "looking what changed: the cursor is none of ours")
	}
	all := t.config.all()
	if at.Repository < 0 || at.Repository >= len(all) {
		return connectors.ChangedPage{}, nil // the configuration has changed
	}
	var issues []wireIssue
	query := url.Values{"state": {"all"}, "since": {at.Since.Format(time.RFC3339)}, "sort": {"updated"}, "direction": {"asc"},
		"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(at.Page)}}
	if err := t.call(ctx, httpclient.Call{Path: "repos/" + all[at.Repository] + "/issues", Query: query}, &issues); err != nil {
		return connectors.ChangedPage{}, fault.Wrap(fault.KindOf(err), err, "listing what changed in "+all[at.Repository])
	}
	page := connectors.ChangedPage{}
	for i := range issues {
		x := &issues[i]
		if _, ours := marked.Markdown.Any(x.Body); x.PullRequest != nil || !ours {
			continue
		}
		issue, err := t.issue(ctx, x, x.place(all[at.Repository]))
		if err != nil {
			return connectors.ChangedPage{}, err
		}
		if issue.Marker == "" {
			continue
		}
		if issue.Status == connectors.IssueDone && x.ClosedBy == nil { // which a list doesn't always say
			if issue, err = t.Get(ctx, issue.Key); err != nil {
				return connectors.ChangedPage{}, err
			}
		}
		page.Issues = append(page.Issues, issue)
	}
	at.next(issues, since)
	if at.Repository < len(all) {
		text, err := json.Marshal(at)
		if err != nil {
			return connectors.ChangedPage{}, fault.Wrap(fault.Internal, err, "encoding a cursor")
		}
		page.Next = string(text)
	}
	return page, nil
}

// next moves on. What changes meanwhile goes to the end of the list, and what is behind it
// moves up: so the next page begins at a time, and not at a number, wherever it can.
func (c *changes) next(issues []wireIssue, since time.Time) {
	switch {
	case len(issues) < perPage:
		*c = changes{Repository: c.Repository + 1, Since: since.UTC(), Page: 1}
	case issues[len(issues)-1].UpdatedAt.After(c.Since):
		c.Since, c.Page = issues[len(issues)-1].UpdatedAt, 1
	default:
		c.Page++
	}
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (t *Tracker) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return githubapi.Hook.Verify(header, body, now, t.config.Secret, t.config.PreviousSecret)
}

// Ticket implements connectors.TicketHook.
// docs.github.com/en/webhooks/webhook-events-and-payloads#issues
func (t *Tracker) Ticket(header http.Header, body []byte) (connectors.TicketChange, bool) {
	kind := header.Get("X-GitHub-Event")
	if kind != "issues" && kind != "issue_comment" {
		return connectors.TicketChange{}, false
	}
	var event struct {
		Action     string `json:"action"`
		Issue      *wireIssue
		Repository struct {
			FullName string `json:"full_name"`
		} `json:"repository"`
		Changes struct {
			NewIssue      *wireIssue `json:"new_issue"`
			NewRepository struct {
				FullName string `json:"full_name"`
			} `json:"new_repository"`
		} `json:"changes"`
	}
	if json.Unmarshal(body, &event) != nil || event.Issue == nil || event.Issue.PullRequest != nil {
		return connectors.TicketChange{}, false
	}
	block, ok := marked.Markdown.Any(event.Issue.Body)
	at := place{event.Repository.FullName, event.Issue.Number}
	if moved := event.Changes.NewIssue; event.Action == "transferred" && moved != nil {
		at = place{event.Changes.NewRepository.FullName, moved.Number}
	}
	if !ok || at.number <= 0 || !githubapi.IsFullName(at.repository) {
		return connectors.TicketChange{}, false
	}
	what := strings.ReplaceAll(event.Action, "_", " ")
	if kind == "issue_comment" {
		what = "comment " + what
	}
	return connectors.TicketChange{Key: at.key(), Marker: block.Marker, Cause: header.Get("X-GitHub-Delivery"), What: marked.Line(what, 60)}, true
}
