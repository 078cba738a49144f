package bloodhound

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// client signs each request with the token's key.
func client(over *http.Client, c *Config, now func() time.Time) httpclient.API {
	return httpclient.API{HTTP: over, Base: c.URL, Vendor: "BloodHound", Auth: func(r *http.Request) {
		date := now().UTC().Format(time.RFC3339)
		r.Header.Set("Authorization", "bhesignature "+c.TokenID)
		r.Header.Set("RequestDate", date)
		r.Header.Set("Signature", Sign(c.TokenKey.Reveal(), r.Method, r.URL.RequestURI(), date, nil))
	}}
}

// Sign is BloodHound's chain of HMACs: over method and address, then with the result over
// the date to the hour, then with that over the body.
func Sign(key, method, uri, date string, body []byte) string {
	const hour = len("2006-01-02T15")
	sum := []byte(key)
	for _, link := range [][]byte{[]byte(method + uri), []byte(date[:min(len(date), hour)]), body} {
		mac := hmac.New(sha256.New, sum)
		mac.Write(link) // never fails
		sum = mac.Sum(nil)
	}
	return base64.StdEncoding.EncodeToString(sum)
}

// passes are the statuses that are asked for in turn: without a filter there are only
// active ones.
var passes = []string{"active", "accepted", "remediated"} //nolint:gochecknoglobals // a constant table

// cursor is where a sync stands.
type cursor struct {
	Pass     int `json:"pass"`
	Skip     int `json:"skip"`
	Received int `json:"received"`
	Claimed  int `json:"claimed"`
}

// Pull implements connectors.Puller: a page of findings of one status.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" || in.api.HTTP == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil || at.Pass < 0 || at.Pass >= len(passes) {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: this is no cursor of ours", in.source)
	}
	count, n, err := in.page(ctx, &at, page)
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching %s findings from %d on: %w", passes[at.Pass], at.Skip, err)
	}
	if at.Skip == 0 {
		at.Claimed += count
	}
	at.Received += n
	at.Skip += n
	if n == 0 || at.Skip >= count {
		at.Pass, at.Skip = at.Pass+1, 0
	}
	if at.Pass == len(passes) {
		return connectors.Pulled{Run: wholeRun(&at)}, nil
	}
	text, err := json.Marshal(at)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing a cursor")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// page writes a page and tells how many findings there are, and how many are on it.
func (in *Instance) page(ctx context.Context, at *cursor, page io.Writer) (count, n int, err error) {
	query := url.Values{"skip": {strconv.Itoa(at.Skip)}, "limit": {strconv.Itoa(in.config.Page)}, "status": {"eq:" + passes[at.Pass]}, "sort_by": {"first_seen"}}
	var body bytes.Buffer
	var answer struct {
		Count int               `json:"count"`
		Data  []json.RawMessage `json:"data"`
	}
	if _, err := in.api.Copy(ctx, httpclient.Call{Path: "api/v2/attack-paths/findings", Query: query}, &body); err != nil {
		return 0, 0, err //nolint:wrapcheck // Pull says where
	}
	if json.Unmarshal(body.Bytes(), &answer) != nil || answer.Data == nil {
		return 0, 0, fault.New(fault.Unavailable, "reading an answer of BloodHound: it is not the JSON that was asked for")
	}
	if len(answer.Data) > 0 {
		if _, err := page.Write(body.Bytes()); err != nil {
			return 0, 0, fault.Wrap(fault.Unavailable, err, "writing a page")
		}
	}
	return answer.Count, len(answer.Data), nil
}

// wholeRun is what a sync came to.
func wholeRun(at *cursor) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{Name + ":*"}, Tool: "BloodHound", Counts: map[string]int{"claimed": at.Claimed, "received": at.Received}}
	if at.Claimed != at.Received {
		run.Complete, run.Why = false, fmt.Sprintf("%d findings were announced and %d came", at.Claimed, at.Received)
	}
	return run
}
