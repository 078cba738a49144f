package bugcrowd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	apiVersion  = "2021-10-28"
	perPage     = 100
	largestPage = 64 << 20
)

// cursor is how many submissions came before.
type cursor struct {
	Offset int `json:"o"`
}

// Pull implements connectors.Puller: one page of submissions with their targets and
// programs. The end is an empty page.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Token.Empty() || in.config.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no token or no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, connectors.ErrExpired
	}
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Vendor: "Bugcrowd", Largest: largestPage, Auth: func(r *http.Request) {
		r.Header.Set("Authorization", "Token "+in.config.Token.Reveal())
		r.Header.Set("Accept", "application/vnd.bugcrowd+json")
		r.Header.Set("Bugcrowd-Version", apiVersion)
	}}
	query := url.Values{"page[limit]": {strconv.Itoa(perPage)}, "page[offset]": {strconv.Itoa(at.Offset)}, "include": {"target,program,assignee"}, "sort": {"submitted-asc"}}
	if in.config.Program != "" {
		query.Set("filter[program]", in.config.Program)
	}
	var body bytes.Buffer
	if _, err := api.Copy(ctx, httpclient.Call{Path: "submissions", Query: query}, &body); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching submissions: %w", err)
	}
	var l struct {
		Data []json.RawMessage `json:"data"`
		Meta struct {
			Total int `json:"total_hits"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(body.Bytes(), &l); err != nil {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading an answer of Bugcrowd: it is not the JSON that was asked for")
	}
	if len(l.Data) == 0 {
		return connectors.Pulled{Run: whole(l.Meta.Total, at.Offset)}, nil
	}
	if _, err := body.WriteTo(page); err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	next, err := json.Marshal(cursor{at.Offset + len(l.Data)})
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "encoding a cursor")
	}
	return connectors.Pulled{Next: string(next)}, nil
}

// whole says what the sync came to: all, if as many came as Bugcrowd claims there are.
func whole(claimed, received int) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Counts: map[string]int{"claimed": claimed, "received": received}}
	if claimed > received {
		run.Complete, run.Why = false, "fewer submissions came than Bugcrowd claims"
	}
	return run
}

// hook checks what is signed, once the two parts of the header are apart.
var hook = signature.HMAC{ //nolint:gochecknoglobals // a constant
	Header: "sha256", Hash: signature.SHA256, Encoding: signature.Hex, TimeHeader: "timestamp", IDHeader: "sha256",
	Message: func(header http.Header, body []byte) [][]byte {
		stamp := header.Get("timestamp")
		return [][]byte{[]byte(string(body) + "." + stamp), []byte(stamp + "." + string(body)), body}
	},
}

// VerifyWebhook implements connectors.WebhookVerifier. The header holds the time and the
// signature: "timestamp=1700000000;sha256=…".
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	parts := http.Header{}
	for part := range strings.SplitSeq(header.Get("X-Bugcrowd-Digest"), ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok && (name == "timestamp" || name == "sha256") {
			parts.Set(name, value)
		}
	}
	return hook.Verify(parts, body, now, in.config.Secret, in.config.PreviousSecret)
}
