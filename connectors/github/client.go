package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/githubapi"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// GitHub's own Go client is not used: it decodes an answer into its structs and drops what
// it doesn't know, while a page is kept as GitHub wrote it.

const (
	perPage     = 100
	largestPage = 64 << 20
	fullEvery   = 24 * time.Hour
)

// errOff is a feature that is switched off where it was asked for.
var errOff = errors.New("the feature is switched off")

// cursor is where a sync stands: the n-th repository (of an organization there is none),
// the n-th kind of alert, and the address of the next page.
type cursor struct {
	Repository int    `json:"r,omitempty"`
	Kind       int    `json:"k,omitempty"`
	Next       string `json:"n,omitempty"`
}

// Pull implements connectors.Puller: one page of the alerts of one kind.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if !in.config.pulls() || in.http == nil || in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: neither organization nor repositories are configured, or no url", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil ||
		at.Kind >= len(in.config.Alerts) || at.Repository > 0 && at.Repository >= len(in.config.Repositories) {
		return connectors.Pulled{}, connectors.ErrExpired // the configuration has changed
	}
	next, err := in.page(ctx, at, req.Since, page)
	if errors.Is(err, errOff) {
		next, err = "", nil
	}
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching %s alerts: %w", in.config.Alerts[at.Kind], err)
	}
	switch at.Next = next; {
	case next != "":
	case at.Kind+1 < len(in.config.Alerts):
		at.Kind++
	case at.Repository+1 < len(in.config.Repositories):
		at.Kind, at.Repository = 0, at.Repository+1
	default:
		run := exposure.Run{Kind: exposure.RunFull, Complete: true}
		if !req.Since.IsZero() {
			run.Kind = exposure.RunPartial
		}
		return connectors.Pulled{Run: run}, nil
	}
	text, err := json.Marshal(at)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "encoding a cursor")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// FullEvery implements connectors.Incremental.
func (*Instance) FullEvery() time.Duration { return fullEvery }

// page writes one page and gives the address of the next. Alerts come with the last
// updated first, so that a page which ends before since is the last one.
func (in *Instance) page(ctx context.Context, at cursor, since time.Time, page io.Writer) (next string, err error) {
	api, err := in.api.Authorized(ctx)
	if err != nil {
		return "", err
	}
	var body bytes.Buffer
	owner := "orgs/" + url.PathEscape(in.config.Organization)
	var repository json.RawMessage
	if in.config.Organization == "" {
		owner = "repos/" + in.config.Repositories[at.Repository]
		if _, err := api.Get(ctx, httpclient.Call{Path: owner}, &repository); err != nil {
			return "", err
		}
	}
	header, err := api.Copy(ctx, in.call(owner, at), &body)
	if err != nil {
		return "", err
	}
	if next = httpclient.NextLink(header); next != "" && (next == at.Next || api.Same(next) != nil) {
		return "", fault.New(fault.Invalid, "following the next page of GitHub: it is the same one, or on another host")
	}
	if !since.IsZero() && endsBefore(body.Bytes(), since) {
		next = ""
	}
	if repository == nil { // alerts of an organization name their repository
		_, err = body.WriteTo(page)
	} else {
		_, err = fmt.Fprintf(page, `{"repository":%s,"alerts":%s}`, repository, body.Bytes())
	}
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	return next, nil
}

func (in *Instance) call(owner string, at cursor) httpclient.Call {
	if at.Next != "" {
		return httpclient.Call{Path: at.Next}
	}
	kind := kinds[in.config.Alerts[at.Kind]]
	query := url.Values{"per_page": {strconv.Itoa(perPage)}, "sort": {"updated"}, "direction": {"desc"}}
	if kind == "secret-scanning" {
		query.Set("hide_secret", "true")
	}
	return httpclient.Call{Path: owner + "/" + kind + "/alerts", Query: query}
}

// endsBefore reports whether the last alert of a page was updated before a time.
func endsBefore(body []byte, since time.Time) bool {
	var alerts []struct {
		UpdatedAt time.Time `json:"updated_at"`
	}
	if json.Unmarshal(body, &alerts) != nil || len(alerts) == 0 {
		return false
	}
	last := alerts[len(alerts)-1].UpdatedAt
	return !last.IsZero() && last.Before(since)
}

// refused knows GitHub's own ways: a rate limit is a 403 too, and a feature that is
// switched off is a 403 or 404 that says so.
func refused(status int, header http.Header, body []byte) error {
	if err := githubapi.Throttled(status, header, body); err != nil {
		return err
	}
	if status != http.StatusForbidden && status != http.StatusNotFound {
		return nil
	}
	message := strings.ToLower(string(body))
	for _, off := range []string{"no analysis found", "must be enabled", "is disabled", "are disabled", "not enabled"} {
		if strings.Contains(message, off) {
			return errOff
		}
	}
	return nil
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return githubapi.Hook.Verify(header, body, now, in.config.Secret, in.config.PreviousSecret)
}
