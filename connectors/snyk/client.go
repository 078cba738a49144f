package snyk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	apiVersion  = "2024-10-15"
	perPage     = 100
	largestPage = 64 << 20
	fullEvery   = 24 * time.Hour
)

// cursor is where a sync stands: projects come first, then issues.
type cursor struct {
	Issues bool   `json:"i,omitempty"`
	Next   string `json:"n,omitempty"`
}

// listing is what is needed of a page to go on.
type listing struct {
	Data []struct {
		Relationships struct {
			ScanItem struct {
				Data struct {
					ID   string `json:"id"`
					Type string `json:"type"`
				} `json:"data"`
			} `json:"scan_item"`
		} `json:"relationships"`
	} `json:"data"`
	Links struct {
		Next json.RawMessage `json:"next"` // a text, or an object with href
	} `json:"links"`
}

// next is the address of the next page, or empty.
func (l *listing) next() string {
	var text string
	var object struct {
		Href string `json:"href"`
	}
	if json.Unmarshal(l.Links.Next, &text) != nil && json.Unmarshal(l.Links.Next, &object) == nil {
		text = object.Href
	}
	return text
}

// Pull implements connectors.Puller: one page of projects, or of issues with the projects
// that they are in. Snyk gives a next page whether there is one or not: the end is an
// empty page, or none.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Organization == "" || in.config.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no organization or no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, connectors.ErrExpired
	}
	next, err := in.page(ctx, at, req.Since, page)
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching a page: %w", err)
	}
	if next == "" && at.Issues {
		run := exposure.Run{Kind: exposure.RunFull, Complete: true}
		if !req.Since.IsZero() {
			run.Kind = exposure.RunPartial
		}
		return connectors.Pulled{Run: run}, nil
	}
	to, err := json.Marshal(cursor{Issues: at.Issues || next == "", Next: next})
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "encoding a cursor")
	}
	return connectors.Pulled{Next: string(to)}, nil
}

// FullEvery implements connectors.Incremental.
func (*Instance) FullEvery() time.Duration { return fullEvery }

func (in *Instance) page(ctx context.Context, at cursor, since time.Time, page io.Writer) (next string, err error) {
	api := in.api()
	var body bytes.Buffer
	if _, err := api.Copy(ctx, in.call(at, since), &body); err != nil {
		return "", err
	}
	var l listing
	if err := json.Unmarshal(body.Bytes(), &l); err != nil {
		return "", fault.New(fault.Unavailable, "reading an answer of Snyk: it is not the JSON that was asked for")
	}
	if len(l.Data) == 0 {
		return "", nil
	}
	if next = l.next(); next != "" {
		if next = in.absolute(next); next == at.Next || api.Same(next) != nil {
			return "", fault.New(fault.Invalid, "following the next page of Snyk: it is the same one, or on another host")
		}
	}
	if !at.Issues {
		_, err = body.WriteTo(page)
		return next, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	projects, err := in.projects(ctx, &l)
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(page, `{"projects":%s,"issues":%s}`, projects, body.Bytes())
	return next, fault.Wrap(fault.Unavailable, err, "writing a page")
}

// projects gets those that the issues of a page are in.
func (in *Instance) projects(ctx context.Context, l *listing) (json.RawMessage, error) {
	var ids []string
	for i := range l.Data {
		if item := l.Data[i].Relationships.ScanItem.Data; item.ID != "" && item.Type == "project" && !slices.Contains(ids, item.ID) {
			ids = append(ids, item.ID)
		}
	}
	if len(ids) == 0 {
		return json.RawMessage("null"), nil
	}
	var projects json.RawMessage
	_, err := in.api().Get(ctx, httpclient.Call{Path: in.path("projects"), Query: url.Values{
		"version": {apiVersion}, "limit": {strconv.Itoa(perPage)}, "ids": {strings.Join(ids, ",")},
	}}, &projects)
	return projects, err
}

func (in *Instance) path(what string) string {
	return "rest/orgs/" + url.PathEscape(in.config.Organization) + "/" + what
}

func (in *Instance) call(at cursor, since time.Time) httpclient.Call {
	if at.Next != "" {
		return httpclient.Call{Path: at.Next}
	}
	query := url.Values{"version": {apiVersion}, "limit": {strconv.Itoa(perPage)}}
	if !at.Issues {
		return httpclient.Call{Path: in.path("projects"), Query: query}
	}
	if !since.IsZero() {
		query.Set("updated_after", since.UTC().Format(time.RFC3339))
	}
	return httpclient.Call{Path: in.path("issues"), Query: query}
}

// absolute completes the address of a next page: Snyk gives a path, with /rest or without.
func (in *Instance) absolute(next string) string {
	base := strings.TrimSuffix(in.config.URL, "/")
	switch {
	case strings.HasPrefix(next, "/rest/"):
		return base + next
	case strings.HasPrefix(next, "/"):
		return base + "/rest" + next
	}
	return next
}

func (in *Instance) api() httpclient.API {
	return httpclient.API{HTTP: in.http, Base: in.config.URL, Vendor: "Snyk", Largest: largestPage, Auth: func(r *http.Request) {
		r.Header.Set("Authorization", "token "+in.config.Token.Reveal())
		r.Header.Set("Accept", "application/vnd.api+json")
	}}
}

// hook is how Snyk signs: as GitHub did, under the header without the algorithm.
var hook = signature.HMAC{ //nolint:gochecknoglobals // a constant
	Header: "X-Hub-Signature", Prefix: "sha256=", Hash: signature.SHA256, Encoding: signature.Hex, IDHeader: "X-Snyk-Transport-ID",
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return hook.Verify(header, body, now, in.config.Secret, in.config.PreviousSecret)
}
