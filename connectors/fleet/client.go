package fleet

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

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured Fleet source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// hostsPerStep is how many hosts' details one step fetches.
const hostsPerStep = 20

// cursor is where a sync stands: at a page of the list, or at the hosts of it whose
// details are still to come.
type cursor struct {
	Page  int      `json:"p"`
	Hosts []string `json:"h,omitempty"`
	Told  int      `json:"t,omitempty"` // hosts so far
	Gone  int      `json:"g,omitempty"` // of which deleted meanwhile
}

// Pull implements connectors.Puller: the list of hosts page by page, and then what Fleet
// knows of each.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	if len(at.Hosts) == 0 {
		if err := in.list(ctx, &at); err != nil {
			return connectors.Pulled{}, fmt.Errorf("fetching page %d of the hosts: %w", at.Page, err)
		}
		if len(at.Hosts) == 0 { // the empty page behind the last
			return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: checks, Tool: Name,
				Counts: map[string]int{"claimed": at.Told, "received": at.Told - at.Gone, "deleted_meanwhile": at.Gone}}}, nil
		}
	} else {
		n := min(len(at.Hosts), hostsPerStep)
		for _, id := range at.Hosts[:n] {
			found, err := in.details(ctx, id, page)
			if err != nil {
				return connectors.Pulled{}, fmt.Errorf("fetching host %s: %w", id, err)
			}
			at.Told++
			if !found {
				at.Gone++
			}
		}
		at.Hosts = at.Hosts[n:]
	}
	next, err := json.Marshal(at)
	return connectors.Pulled{Next: string(next)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
}

// list fetches the IDs on the next page of the list.
func (in *Instance) list(ctx context.Context, at *cursor) error {
	var answer struct {
		Hosts []struct {
			ID wire.Text `json:"id"`
		} `json:"hosts"`
	}
	query := url.Values{"page": {strconv.Itoa(at.Page)}, "per_page": {strconv.Itoa(in.config.Page)}, "order_key": {"id"}}
	if _, err := in.api().Get(ctx, httpclient.Call{Path: "/api/v1/fleet/hosts", Query: query}, &answer); err != nil {
		return err
	}
	if answer.Hosts == nil {
		return fault.New(fault.Unavailable, "reading an answer of Fleet: it holds no list of hosts")
	}
	at.Page++
	for _, h := range answer.Hosts {
		const longest = 16
		if id := h.ID.String(); id != "" && len(id) <= longest && strings.Trim(id, "0123456789") == "" {
			at.Hosts = append(at.Hosts, id)
		}
	}
	return nil
}

// details writes what Fleet knows of a host. One that was deleted meanwhile is left out.
func (in *Instance) details(ctx context.Context, id string, page io.Writer) (found bool, err error) {
	var host struct {
		Host json.RawMessage `json:"host"`
	}
	_, err = in.api().Get(ctx, httpclient.Call{Path: "/api/v1/fleet/hosts/" + id}, &host)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(bytes.TrimSpace(host.Host)) == 0 {
		return false, fault.New(fault.Unavailable, "reading an answer of Fleet: it holds no host")
	}
	var mapping struct {
		Mapping json.RawMessage `json:"device_mapping"`
	}
	_, err = in.api().Get(ctx, httpclient.Call{Path: "/api/v1/fleet/hosts/" + id + "/device_mapping"}, &mapping)
	if err != nil && !fault.Is(err, fault.NotFound) { // a host that nobody was mapped to may have none
		return false, err
	}
	err = json.NewEncoder(page).Encode(envelope{Version: 1, Mapping: mapping.Mapping, Host: host.Host})
	return true, fault.Wrap(fault.Unavailable, err, "writing a page")
}

func (in *Instance) api() httpclient.API {
	return httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(in.config.URL, "/"), Vendor: "Fleet", Auth: func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal())
	}}
}
