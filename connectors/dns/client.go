package dns

import (
	"cmp"
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
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured source of zones.
type Instance struct {
	source string
	config Config
	http   *http.Client
	now    func() time.Time
}

const zonesPerPage = 20 // a cursor names them all

// cursor is where a sync stands.
type cursor struct {
	ZonePage int    `json:"z,omitempty"` // Cloudflare: pages of zones that were read
	Last     bool   `json:"l,omitempty"` // the last of them was
	Pending  []zone `json:"p,omitempty"` // zones whose records are still to come
	Page     int    `json:"g,omitempty"` // pages of records of the first of them that were read
	Got      int    `json:"o,omitempty"` // records of it
	After    string `json:"a,omitempty"` // PowerDNS and AXFR: the zone that was read last
	Received int    `json:"r,omitempty"`
	Claimed  int    `json:"c,omitempty"`
}

type zone struct {
	ID   string `json:"i"`
	Name string `json:"n"`
}

// Pull implements connectors.Puller.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Provider == "" || in.http == nil || in.now == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	var done bool
	var err error
	switch in.config.Provider {
	case cloudflare:
		done, err = in.cloudflare(ctx, &at, page)
	case powerdns:
		done, err = in.powerdns(ctx, &at, page)
	default:
		done, err = in.transferNext(ctx, &at, page)
	}
	if err != nil {
		return connectors.Pulled{}, err
	}
	if done {
		run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{checkDangling}, Tool: Name, Counts: map[string]int{"claimed": at.Claimed, "received": at.Received}}
		if at.Claimed != at.Received {
			run.Complete, run.Why = false, fmt.Sprintf("the zones gave %d of %d records", at.Received, at.Claimed)
		}
		return connectors.Pulled{Run: run}, nil
	}
	next, err := json.Marshal(at)
	return connectors.Pulled{Next: string(next)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
}

func (in *Instance) api() httpclient.API {
	api := httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(cmp.Or(in.config.URL, cloudflareURL), "/"), Vendor: "PowerDNS", Auth: func(r *http.Request) {
		r.Header.Set("X-API-Key", in.config.Token.Reveal())
	}}
	if in.config.Provider == cloudflare {
		api.Vendor, api.Auth = "Cloudflare", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal()) }
	}
	return api
}

// cloudflare reads a page of zones, or a page of the records of one.
func (in *Instance) cloudflare(ctx context.Context, at *cursor, page io.Writer) (done bool, err error) {
	call := httpclient.Call{Path: "/client/v4/zones", Query: url.Values{"page": {strconv.Itoa(at.ZonePage + 1)}, "per_page": {strconv.Itoa(zonesPerPage)}}}
	records := len(at.Pending) > 0
	if records {
		call = httpclient.Call{Path: "/client/v4/zones/" + url.PathEscape(at.Pending[0].ID) + "/dns_records", Query: url.Values{"page": {strconv.Itoa(at.Page + 1)}, "per_page": {strconv.Itoa(in.config.Page)}}}
	}
	var body json.RawMessage
	if _, err := in.api().Get(ctx, call, &body); err != nil {
		return false, fmt.Errorf("fetching zones or records: %w", err)
	}
	var answer struct {
		Result []record `json:"result"`
		Info   struct {
			Pages wire.Number `json:"total_pages"`
			Total wire.Number `json:"total_count"`
		} `json:"result_info"`
	}
	if !wire.Unmarshal(body, &answer) || answer.Result == nil {
		return false, fault.New(fault.Unavailable, "reading an answer of Cloudflare: it holds no list of results")
	}
	env := envelope{Version: 1, Page: body}
	pages := answer.Info.Pages.Int()
	if !records {
		at.ZonePage++
		for i := range answer.Result {
			at.Pending = append(at.Pending, zone{answer.Result[i].ID.String(), answer.Result[i].Name.String()})
		}
		at.Last = at.ZonePage >= pages || len(answer.Result) == 0
	} else {
		env.Zone, env.Whole = at.Pending[0].Name, at.Page == 0 && pages <= 1
		at.Page++
		at.Got += len(answer.Result)
		if at.Page >= pages || len(answer.Result) == 0 {
			at.Claimed += answer.Info.Total.Int()
			at.Received += at.Got
			at.Pending, at.Page, at.Got = at.Pending[1:], 0, 0
		}
		env.Lookups = in.lookups(ctx, env.Zone, env.Whole, answer.Result)
	}
	if err := json.NewEncoder(page).Encode(env); err != nil {
		return false, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	return len(at.Pending) == 0 && at.Last, nil
}

// powerdns reads the zone behind the last one, in the order of their names. The list of
// zones is small and asked for each time, since a cursor can't hold it.
func (in *Instance) powerdns(ctx context.Context, at *cursor, page io.Writer) (done bool, err error) {
	base := "/api/v1/servers/" + url.PathEscape(cmp.Or(in.config.Server, "localhost")) + "/zones"
	var zones []record
	if _, err := in.api().Get(ctx, httpclient.Call{Path: base}, &zones); err != nil {
		return false, fmt.Errorf("fetching the list of zones: %w", err)
	}
	slices.SortFunc(zones, func(a, b record) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	i := slices.IndexFunc(zones, func(z record) bool { return z.ID.String() > at.After })
	if i < 0 {
		return true, nil
	}
	next := zones[i].ID.String()
	var body json.RawMessage
	_, err = in.api().Get(ctx, httpclient.Call{Path: base + "/" + url.PathEscape(next)}, &body)
	if fault.Is(err, fault.NotFound) { // deleted while we were reading
		at.After = next
		return i == len(zones)-1, nil
	}
	if err != nil {
		return false, fmt.Errorf("fetching zone %s: %w", next, err)
	}
	var answer struct {
		Sets []rrset `json:"rrsets"`
	}
	if !wire.Unmarshal(body, &answer) || answer.Sets == nil {
		return false, fault.New(fault.Unavailable, "reading an answer of PowerDNS: it holds no records of the zone")
	}
	var records []record
	for i := range answer.Sets {
		for _, x := range answer.Sets[i].Records {
			records = append(records, record{Type: answer.Sets[i].Type, Content: x.Content, Disabled: x.Disabled})
		}
	}
	at.After = next
	at.Claimed += len(records)
	at.Received += len(records)
	env := envelope{Version: 1, Zone: canonical(next), Whole: true, Page: body, Lookups: in.lookups(ctx, canonical(next), true, records)}
	return i == len(zones)-1, fault.Wrap(fault.Unavailable, json.NewEncoder(page).Encode(env), "writing a page")
}
