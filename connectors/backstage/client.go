package backstage

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

// Instance is one configured Backstage source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// cursor is where a sync stands.
type cursor struct {
	Next     string `json:"n"` // Backstage's own cursor
	Claimed  int    `json:"c"`
	Received int    `json:"r"`
}

// wanted are the fields that are used: without the definitions of APIs, which are long.
const wanted = "apiVersion,kind,metadata,relations,spec.type,spec.lifecycle,spec.owner,spec.system,spec.subcomponentOf,spec.parent,spec.memberOf,spec.profile"

// Pull implements connectors.Puller.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	query := url.Values{"limit": {strconv.Itoa(in.config.Page)}, "fields": {wanted}}
	if at.Next != "" {
		query.Set("cursor", at.Next)
	} else {
		query["filter"] = []string{"kind=component", "kind=api", "kind=resource", "kind=system", "kind=group", "kind=user"}
	}
	api := httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(in.config.URL, "/"), Vendor: "Backstage", Auth: func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal())
	}}
	var body json.RawMessage
	if _, err := api.Get(ctx, httpclient.Call{Path: "/api/catalog/entities/by-query", Query: query}, &body); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching entities from %d: %w", at.Received, err)
	}
	var answer struct {
		Items []json.RawMessage `json:"items"`
		Total wire.Number       `json:"totalItems"`
		Info  struct {
			Next wire.Text `json:"nextCursor"`
		} `json:"pageInfo"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Items == nil {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "fetching entities: the answer holds no list of items")
	}
	if _, err := page.Write(body); err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	at.Received += len(answer.Items)
	at.Claimed = answer.Total.Int()
	if next := answer.Info.Next.String(); next != "" && len(answer.Items) > 0 {
		if next == at.Next {
			return connectors.Pulled{}, fault.New(fault.Invalid, "following the next page of Backstage: it leads to itself")
		}
		at.Next = next
		following, err := json.Marshal(at)
		return connectors.Pulled{Next: string(following)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
	}
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"claimed": at.Claimed, "received": at.Received}}
	if at.Claimed != at.Received {
		run.Complete, run.Why = false, fmt.Sprintf("the catalog gave %d of %d entities", at.Received, at.Claimed)
	}
	return connectors.Pulled{Run: run}, nil
}
