package crowdstrike

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// The lists of a sync, in order.
const (
	listDevices = "devices"
	listVulns   = "vulns"
)

const (
	devicesPerPage = 250
	everyFull      = 7 * 24 * time.Hour
	longestToken   = 6 << 10 // bytes of a cursor
)

// cursor is where a sync stands.
type cursor struct {
	List  string `json:"l"`
	Token string `json:"t,omitempty"`
	Seen  int    `json:"s,omitempty"` // of this list until now
	Short bool   `json:"x,omitempty"` // a list ended before as many came as were there
}

// FullEvery implements connectors.Incremental.
func (*Instance) FullEvery() time.Duration { return everyFull }

// Pull implements connectors.Incremental: a page of hosts, or one of vulnerabilities.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Vendor: "CrowdStrike"}
	at := cursor{List: listDevices}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil {
			return connectors.Pulled{}, fault.New(fault.Invalid, "reading where the sync stands: %w", err)
		}
	}
	var got got
	var err error
	if at.List == listDevices {
		got, err = devices(ctx, api, &at, req.Since, page)
	} else {
		got, err = in.vulnerabilities(ctx, api, &at, req.Since, page)
	}
	if err != nil {
		return connectors.Pulled{}, forgotten(fmt.Errorf("fetching %s after %d: %w", at.List, at.Seen, err), at.Token != "")
	}
	at.Seen += got.n
	switch {
	case got.n > 0 && got.next != "" && at.Seen < got.total:
		at.Token = got.next
	case at.List == listDevices:
		at = cursor{List: listVulns, Short: at.Seen < got.total}
	default:
		return connectors.Pulled{Run: in.whole(at.Short || at.Seen < got.total, req.Since)}, nil
	}
	if len(at.Token) > longestToken {
		return connectors.Pulled{}, fault.New(fault.Invalid, "fetching %s: the token of the next page is too long", at.List)
	}
	next, err := json.Marshal(at)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing where the sync stands")
	}
	return connectors.Pulled{Next: string(next)}, nil
}

// got is what a page came to. The vendor gives a token behind the last page too: the end
// is an empty page, or the total.
type got struct {
	n, total int
	next     string
}

// devices fetches the IDs of some hosts, and then the hosts.
func devices(ctx context.Context, api httpclient.API, at *cursor, since time.Time, page io.Writer) (got, error) {
	query := url.Values{"limit": {strconv.Itoa(devicesPerPage)}}
	if at.Token != "" {
		query.Set("offset", at.Token)
	}
	if !since.IsZero() {
		query.Set("filter", "modified_timestamp:>'"+since.UTC().Format(time.RFC3339)+"'")
	}
	var list struct {
		wirePage
		Resources []string `json:"resources"`
	}
	if _, err := api.Get(ctx, httpclient.Call{Path: "/devices/queries/devices-scroll/v1", Query: query}, &list); err != nil {
		return got{}, err
	}
	if err := failed(list.Errors); err != nil {
		return got{}, err
	}
	p := list.Meta.Pagination
	out := got{n: len(list.Resources), total: p.Total.Int(), next: p.Offset.String()}
	if out.n == 0 {
		return out, nil
	}
	var answer bytes.Buffer
	if _, err := api.Copy(ctx, httpclient.Call{Path: "/devices/entities/devices/v2", JSON: map[string]any{"ids": list.Resources}}, &answer); err != nil {
		return got{}, err
	}
	_, err := page.Write(answer.Bytes())
	return out, fault.Wrap(fault.Unavailable, err, "writing the page")
}

func (in *Instance) vulnerabilities(ctx context.Context, api httpclient.API, at *cursor, since time.Time, page io.Writer) (got, error) {
	filter := "status:['open','reopen','closed','expired']"
	if !since.IsZero() {
		filter += "+updated_timestamp:>'" + since.UTC().Format(time.RFC3339) + "'"
	}
	if in.config.Filter != "" {
		filter += "+" + in.config.Filter
	}
	query := url.Values{
		"filter": {filter}, "limit": {strconv.Itoa(in.config.Limit)}, "sort": {"created_timestamp|asc"}, // what is new comes last
		"facet": {"cve", "host_info", "remediation"},
	}
	if at.Token != "" {
		query.Set("after", at.Token)
	}
	var answer bytes.Buffer
	if _, err := api.Copy(ctx, httpclient.Call{Path: "/spotlight/combined/vulnerabilities/v1", Query: query}, &answer); err != nil {
		return got{}, err
	}
	var list wirePage
	if err := json.Unmarshal(answer.Bytes(), &list); err != nil {
		return got{}, fault.New(fault.Unavailable, "reading an answer of CrowdStrike: it is not the JSON that was asked for")
	}
	if err := failed(list.Errors); err != nil {
		return got{}, err
	}
	_, err := page.Write(answer.Bytes())
	p := list.Meta.Pagination
	return got{n: len(list.Resources), total: p.Total.Int(), next: p.After.String()}, fault.Wrap(fault.Unavailable, err, "writing the page")
}

// failed reads errors under a good status.
func failed(list []json.RawMessage) error {
	if len(list) == 0 {
		return nil
	}
	var first struct {
		Code int `json:"code"`
	}
	_ = json.Unmarshal(list[0], &first) // without a code it is an error too
	return fault.New(fault.Unavailable, "CrowdStrike answered with error %d in place of a page", first.Code)
}

// forgotten tells that the token of a page has run out, as the vendor's do within minutes.
// The vendor says so as of any other bad request; but the first page of the same list was
// a good one.
func forgotten(err error, behind bool) error {
	if behind && (fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid)) {
		return errors.Join(connectors.ErrExpired, err)
	}
	return err
}

func (in *Instance) whole(short bool, since time.Time) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{Name + ":*"}, Tool: "CrowdStrike Falcon"}
	switch {
	case !since.IsZero():
		run.Kind, run.Complete, run.Why = exposure.RunPartial, false, "only what changed was asked for"
	case short:
		run.Complete, run.Why = false, "Falcon says that it has more than it gave"
	case in.config.Filter != "":
		run.Complete, run.Why = false, "only what matches a filter was asked for"
	}
	return run
}
