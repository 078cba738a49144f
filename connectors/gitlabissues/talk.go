package gitlabissues

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/connectors/signature"
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
	if said, err := t.said(ctx, at, cause); said || err != nil {
		return err
	}
	return t.say(ctx, at, marked.Cut(marked.Harmless(text), longestBody), cause)
}

func (t *Tracker) say(ctx context.Context, at place, text, cause string) error {
	call := httpclient.Call{Method: http.MethodPost, Path: at.path() + "/notes", JSON: map[string]string{"body": marked.Markdown.Comment(text, cause)}}
	err := t.call(ctx, call, nil, budgetContent)
	return fault.Wrap(fault.KindOf(err), err, "commenting on issue "+at.key())
}

func (t *Tracker) said(ctx context.Context, at place, cause string) (bool, error) {
	me, err := t.whoami(ctx)
	if err != nil {
		return false, err
	}
	for page := 1; page <= mostPages; page++ {
		var notes []wireNote
		query := url.Values{"sort": {"asc"}, "per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
		if err := t.call(ctx, httpclient.Call{Path: at.path() + "/notes", Query: query}, &notes); err != nil {
			return false, fault.Wrap(fault.KindOf(err), err, "reading the comments on issue "+at.key())
		}
		for i := range notes {
			if n := &notes[i]; !n.System && t.ours(n.Author.Username, me) && marked.Says(n.Body, cause) {
				return true, nil
			}
		}
		if len(notes) < perPage {
			return false, nil
		}
	}
	return false, fault.New(fault.Invalid, "reading the comments on issue %s: there are more than %d", at.key(), mostPages*perPage)
}

// Attach implements connectors.Attacher: the file is uploaded to the project, and a comment
// links it. An upload whose comment never came is seen by nobody.
// docs.gitlab.com/api/project_markdown_uploads
func (t *Tracker) Attach(ctx context.Context, key string, file connectors.Attachment) error {
	_, at, err := t.read(ctx, key)
	if err != nil {
		return err
	}
	cause := "file/" + file.Name
	if said, err := t.said(ctx, at, cause); said || err != nil {
		return err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + strings.Map(plainName, file.Name) + `"`}, "Content-Type": {file.Type},
	})
	if err == nil {
		_, err = part.Write(file.Body)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return fault.Wrap(fault.Internal, err, "encoding a file")
	}
	var uploaded struct {
		URL string `json:"url"` // below the project's address
	}
	call := httpclient.Call{Method: http.MethodPost, Path: projectPath(at.project) + "/uploads", Raw: body.Bytes(), Type: form.FormDataContentType()}
	if err := t.call(ctx, call, &uploaded, budgetContent); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "uploading a file for issue "+key)
	}
	if !strings.HasPrefix(uploaded.URL, "/uploads/") || strings.ContainsAny(uploaded.URL, " ()\n") {
		return fault.New(fault.Unavailable, "uploading a file for issue %s: GitLab's answer doesn't say where it is", key)
	}
	return t.say(ctx, at, "Evidence: ["+strings.Map(plainName, file.Name)+"]("+uploaded.URL+")", cause)
}

// plainName keeps a file's name to what means nothing in a header or in Markdown.
func plainName(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
		return r
	}
	return '-'
}

// changes is where a look at what changed stands.
type changes struct {
	Project int       `json:"j"`
	Since   time.Time `json:"s"`
	Page    int       `json:"p"`
}

// Changed implements connectors.Changing. Deleted issues are in no list of GitLab's; reading
// them tells.
func (t *Tracker) Changed(ctx context.Context, since time.Time, cursor string) (connectors.ChangedPage, error) {
	at := changes{Since: since.UTC(), Page: 1}
	if cursor != "" && (json.Unmarshal([]byte(cursor), &at) != nil || at.Page < 1) {
		return connectors.ChangedPage{}, fault.New(fault.Invalid, "looking what changed: the cursor is none of ours")
	}
	all := t.config.all()
	if at.Project < 0 || at.Project >= len(all) {
		return connectors.ChangedPage{}, nil // the configuration has changed
	}
	var issues []wireIssue
	query := url.Values{"scope": {"all"}, "updated_after": {at.Since.Format(time.RFC3339Nano)}, "order_by": {"updated_at"}, "sort": {"asc"},
		"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(at.Page)}}
	if err := t.call(ctx, httpclient.Call{Path: projectPath(all[at.Project]) + "/issues", Query: query}, &issues); err != nil {
		return connectors.ChangedPage{}, fault.Wrap(fault.KindOf(err), err, "listing what changed in "+all[at.Project])
	}
	page := connectors.ChangedPage{}
	for i := range issues {
		x := &issues[i]
		if _, ours := marked.Markdown.Any(x.Description); !ours {
			continue
		}
		issue, err := t.issue(ctx, x, x.place(all[at.Project]))
		if err == nil && issue.Marker != "" && x.MovedToID != 0 {
			issue, err = t.Get(ctx, issue.Key)
		}
		if err != nil {
			return connectors.ChangedPage{}, err
		}
		if issue.Marker != "" {
			page.Issues = append(page.Issues, issue)
		}
	}
	if at.next(issues, since); at.Project < len(all) {
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
		*c = changes{Project: c.Project + 1, Since: since.UTC(), Page: 1}
	case issues[len(issues)-1].UpdatedAt.After(c.Since):
		c.Since, c.Page = issues[len(issues)-1].UpdatedAt, 1
	default:
		c.Page++
	}
}

// VerifyWebhook implements connectors.WebhookVerifier: the signature of Standard Webhooks
// where there is one, else the shared token. What can't show the one can't fall back on the
// other, unless both are configured. docs.gitlab.com/user/project/integrations/webhooks
func (t *Tracker) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	c := &t.config
	signed := !c.SigningToken.Empty() || !c.PreviousSigningToken.Empty()
	if signed && (header.Get("webhook-signature") != "" || c.Secret.Empty()) {
		return signature.StandardWebhooks().Verify(header, body, now, c.SigningToken, c.PreviousSigningToken)
	}
	if err := signature.Token(header, "X-Gitlab-Token", "", c.Secret, c.PreviousSecret); err != nil {
		return "", err
	}
	return delivery(header), nil
}

// delivery is the same when GitLab sends a call again: its key of idempotency, else the
// event's.
func delivery(header http.Header) string {
	return cmp.Or(header.Get("Idempotency-Key"), header.Get("X-Gitlab-Event-UUID"))
}

// Ticket implements connectors.TicketHook.
// docs.gitlab.com/user/project/integrations/webhook_events/#work-item-events
func (t *Tracker) Ticket(header http.Header, body []byte) (connectors.TicketChange, bool) {
	type subject struct {
		IID         int    `json:"iid"`
		Description string `json:"description"`
		Action      string `json:"action"`
	}
	var event struct {
		Kind    string   `json:"object_kind"` // issue, or note
		Object  *subject `json:"object_attributes"`
		Issue   *subject `json:"issue"` // that a note is on
		Project struct {
			Path string `json:"path_with_namespace"`
		} `json:"project"`
	}
	if json.Unmarshal(body, &event) != nil || event.Object == nil {
		return connectors.TicketChange{}, false
	}
	x, what := event.Object, event.Object.Action
	switch event.Kind {
	case "issue":
	case "note":
		x, what = event.Issue, "commented"
	default:
		return connectors.TicketChange{}, false
	}
	if x == nil || x.IID <= 0 || !isPath(event.Project.Path) {
		return connectors.TicketChange{}, false
	}
	block, ok := marked.Markdown.Any(x.Description)
	if !ok {
		return connectors.TicketChange{}, false
	}
	return connectors.TicketChange{Key: place{event.Project.Path, x.IID}.key(), Marker: block.Marker, Cause: delivery(header), What: marked.Line(cmp.Or(what, "changed"), 60)}, true
}
