package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured cluster.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// lists are what a sync reads, in order.
var lists = []string{ //nolint:gochecknoglobals // a constant table
	"/api/v1/namespaces", "/api/v1/nodes", "/apis/apps/v1/deployments", "/apis/apps/v1/statefulsets", "/apis/apps/v1/daemonsets", "/api/v1/services", "/apis/networking.k8s.io/v1/ingresses", listPods,
}

const listPods = "/api/v1/pods"

// cursor is where a sync stands.
type cursor struct {
	List     int      `json:"l"`
	Continue string   `json:"c,omitempty"` // the server's token for the rest of the list
	All      int      `json:"a,omitempty"`
	Missing  []string `json:"m,omitempty"` // lists that the server doesn't have
}

// Pull implements connectors.Puller: one page of one list. A token of which the server no
// longer knows the version is answered with 410 Gone, and the sync begins anew: the rest
// of such a list would be of another moment than its beginning.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && (json.Unmarshal([]byte(req.Cursor), &at) != nil || at.List >= len(lists)) {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	if err := in.fetch(ctx, &at, page); err != nil {
		return connectors.Pulled{}, fmt.Errorf("listing %s after %d objects: %w", lists[at.List], at.All, err)
	}
	if at.Continue == "" {
		at.List++
	}
	if at.List < len(lists) && lists[at.List] == listPods && !in.config.Pods {
		at.List++
	}
	if at.List >= len(lists) {
		run := exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"received": at.All}}
		if len(at.Missing) > 0 {
			run.Complete, run.Why = false, "the server has no "+strings.Join(at.Missing, ", ")
		}
		return connectors.Pulled{Run: run}, nil
	}
	next, err := json.Marshal(at)
	return connectors.Pulled{Next: string(next)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
}

// fetch writes the page at the cursor, if it has anything on it, and moves the cursor on.
func (in *Instance) fetch(ctx context.Context, at *cursor, page io.Writer) error {
	api := httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(in.config.URL, "/"), Vendor: "the API server",
		Auth: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal()) },
		Refused: func(status int, _ http.Header, _ []byte) error {
			if status == http.StatusGone && at.Continue != "" {
				return connectors.ErrExpired
			}
			return nil
		}}
	query := url.Values{"limit": {strconv.Itoa(in.config.Page)}}
	if at.Continue != "" {
		query.Set("continue", at.Continue)
	}
	var body json.RawMessage
	_, err := api.Get(ctx, httpclient.Call{Path: lists[at.List], Query: query}, &body)
	if fault.Is(err, fault.NotFound) && at.List > 0 && at.Continue == "" { // an API group that isn't served
		at.Missing = append(at.Missing, lists[at.List][strings.LastIndexByte(lists[at.List], '/')+1:])
		return nil
	}
	if err != nil {
		return err
	}
	var list struct {
		Metadata struct {
			Continue wire.Text `json:"continue"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(body, &list) != nil || list.Items == nil && !strings.Contains(string(body), `"items"`) {
		return fault.New(fault.Unavailable, "reading an answer of the API server: it is no list")
	}
	at.All += len(list.Items)
	if next := list.Metadata.Continue.String(); next == "" || next != at.Continue {
		at.Continue = next
	} else {
		return fault.New(fault.Invalid, "reading an answer of the API server: the rest of the list is the list itself")
	}
	if len(list.Items) == 0 {
		return nil
	}
	_, err = page.Write(body)
	return fault.Wrap(fault.Unavailable, err, "writing a page")
}
