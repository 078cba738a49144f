package netbox

import (
	"cmp"
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
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured NetBox source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// endpoints are what a sync reads, in order: first the hosts, then what belongs to them.
var endpoints = []string{kindDevice, kindVM, kindInterface, kindVMInterface, kindAddress, kindService, kindContact, kindAssignment} //nolint:gochecknoglobals // a constant table

// cursor is where a sync stands: at an offset of one of the lists.
type cursor struct {
	List     int      `json:"l"`
	Received int      `json:"r,omitempty"` // of this list, which is its offset too
	All      int      `json:"a,omitempty"`
	Short    []string `json:"w,omitempty"`
}

// FullEvery implements connectors.Incremental: deleted objects show in a full sync alone.
func (*Instance) FullEvery() time.Duration { return 24 * time.Hour }

// Pull implements connectors.Puller: a page of one list. NetBox's own link to the next
// page is not followed, only counted on: behind a proxy it often names a host that
// nobody else can reach.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && (json.Unmarshal([]byte(req.Cursor), &at) != nil || at.List >= len(endpoints)) {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	endpoint := endpoints[at.List]
	call := httpclient.Call{Path: "/api/" + endpoint + "/", Query: url.Values{"limit": {strconv.Itoa(in.config.Page)}, "offset": {strconv.Itoa(at.Received)}, "ordering": {"id"}}}
	if endpoint == kindDevice || endpoint == kindVM {
		call.Query.Set("exclude", "config_context") // rendered for each device, slowly, and not used
	}
	if !req.Since.IsZero() {
		call.Query.Set("last_updated__gte", req.Since.UTC().Format(time.RFC3339))
	}
	var body json.RawMessage
	if _, err := in.api().Get(ctx, call, &body); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching %s from %d: %w", endpoint, at.Received, err)
	}
	var list struct {
		Count   wire.Number       `json:"count"`
		Next    wire.Text         `json:"next"`
		Results []json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(body, &list); err != nil || list.Results == nil {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "fetching %s: the answer holds no list of results", endpoint)
	}
	if err := json.NewEncoder(page).Encode(envelope{Version: 1, Endpoint: endpoint, Page: body}); err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	at.Received += len(list.Results)
	if list.Next == "" || len(list.Results) == 0 {
		if list.Count.OK && list.Count.Int() != at.Received {
			at.Short = append(at.Short, fmt.Sprintf("%s gave %d of %d objects", endpoint, at.Received, list.Count.Int()))
		}
		at = cursor{List: at.List + 1, All: at.All + at.Received, Short: at.Short}
	}
	if at.List == len(endpoints) {
		return connectors.Pulled{Run: at.run(req.Since)}, nil
	}
	next, err := json.Marshal(at)
	return connectors.Pulled{Next: string(next)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
}

// run is what the whole sync came to.
func (c *cursor) run(since time.Time) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"received": c.All}}
	switch {
	case !since.IsZero():
		run.Kind, run.Complete, run.Why = exposure.RunPartial, false, "only what has changed was asked for"
	case len(c.Short) > 0:
		run.Complete, run.Why = false, strings.Join(c.Short, "; ")
	}
	return run
}

func (in *Instance) api() httpclient.API {
	return httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(in.config.URL, "/"), Vendor: "NetBox", Auth: func(r *http.Request) {
		scheme, token := "Token ", in.config.Token.Reveal()
		if strings.HasPrefix(token, "nbt_") { // tokens of version 2, from NetBox 4.5 on
			scheme = "Bearer "
		}
		r.Header.Set("Authorization", scheme+token)
	}}
}

// signed is how NetBox signs a webhook: HMAC-SHA512 over the body, in hex.
var signed = signature.HMAC{Header: "X-Hook-Signature", Hash: signature.SHA512, Encoding: signature.Hex} //nolint:gochecknoglobals // a constant

// VerifyWebhook implements connectors.WebhookVerifier. NetBox gives its deliveries no ID:
// the change's request, its event and its object stand for one.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	if _, err := signed.Verify(header, body, now, in.config.Secret, in.config.PreviousSecret); err != nil {
		return "", err //nolint:wrapcheck // it says what was being done
	}
	var hook struct {
		Event   wire.Text `json:"event"`
		Request wire.Text `json:"request_id"`
		Model   wire.Text `json:"model"`
		Type    wire.Text `json:"object_type"`
		Later   struct {
			ID wire.Text `json:"id"`
		} `json:"request"` // since 4.5
		Data struct {
			ID wire.Text `json:"id"`
		} `json:"data"`
	}
	if !wire.Unmarshal(body, &hook) || hook.Request == "" && hook.Later.ID == "" {
		return "", nil
	}
	return connectors.UID(cmp.Or(hook.Request.String(), hook.Later.ID.String()), hook.Event.String(), cmp.Or(hook.Model.String(), hook.Type.String()), hook.Data.ID.String()), nil
}
