package hackerone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	perPage     = 100
	largestPage = 64 << 20
	fullEvery   = 24 * time.Hour
)

// Pull implements connectors.Puller: one page of reports. The cursor is the address of the
// page. HackerOne names a next page even after the last one, so an empty page is the end.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if len(in.config.Programs) == 0 || in.config.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no programs or no url is configured", in.source)
	}
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Vendor: "HackerOne", Largest: largestPage, Auth: func(r *http.Request) {
		r.SetBasicAuth(in.config.Identifier, in.config.Token.Reveal())
	}}
	var body bytes.Buffer
	if _, err := api.Copy(ctx, in.call(req), &body); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching reports: %w", err)
	}
	var l struct {
		Data  []json.RawMessage `json:"data"`
		Links struct {
			Next string `json:"next"`
		} `json:"links"`
	}
	if err := json.Unmarshal(body.Bytes(), &l); err != nil {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading an answer of HackerOne: it is not the JSON that was asked for")
	}
	run := exposure.Run{Kind: exposure.RunFull, Complete: true}
	if !req.Since.IsZero() {
		run.Kind = exposure.RunPartial
	}
	if len(l.Data) == 0 {
		return connectors.Pulled{Run: run}, nil
	}
	if next := l.Links.Next; next != "" && (next == req.Cursor || api.Same(next) != nil) {
		return connectors.Pulled{}, fault.New(fault.Invalid, "following the next page of HackerOne: it is the same one, or on another host")
	}
	if _, err := body.WriteTo(page); err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	if l.Links.Next == "" {
		return connectors.Pulled{Run: run}, nil
	}
	return connectors.Pulled{Next: l.Links.Next}, nil
}

func (in *Instance) call(req connectors.PullRequest) httpclient.Call {
	if req.Cursor != "" {
		return httpclient.Call{Path: req.Cursor}
	}
	query := url.Values{"filter[program][]": in.config.Programs, "page[size]": {strconv.Itoa(perPage)}}
	if !req.Since.IsZero() {
		query.Set("filter[last_activity_at__gt]", req.Since.UTC().Format(time.RFC3339))
	}
	return httpclient.Call{Path: "v1/reports", Query: query}
}

// FullEvery implements connectors.Incremental.
func (*Instance) FullEvery() time.Duration { return fullEvery }

// hook is how HackerOne signs: over the raw body, without a time.
var hook = signature.HMAC{ //nolint:gochecknoglobals // a constant
	Header: "X-H1-Signature", Prefix: "sha256=", Hash: signature.SHA256, Encoding: signature.Hex, IDHeader: "X-H1-Delivery",
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return hook.Verify(header, body, now, in.config.Secret, in.config.PreviousSecret)
}
