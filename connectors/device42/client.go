package device42

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured Device42 source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

const usersPerPage = 100

// cursor is where a sync stands.
type cursor struct {
	Users    bool `json:"u,omitempty"` // at the end users, which come after the devices
	Received int  `json:"r,omitempty"` // of the list, which is its offset too
	Devices  int  `json:"d,omitempty"`
	Claimed  int  `json:"c,omitempty"` // devices by Device42's own count
}

// Pull implements connectors.Puller. The list of devices counts itself; that of end users
// doesn't, and ends with an empty page.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	call := httpclient.Call{Path: "/api/1.0/devices/all/", Query: url.Values{"limit": {strconv.Itoa(in.config.Page)}, "offset": {strconv.Itoa(at.Received)}, "blankasnull": {"yes"}}}
	if at.Users {
		call = httpclient.Call{Path: "/api/1.0/endusers/", Query: url.Values{"limit": {strconv.Itoa(usersPerPage)}, "offset": {strconv.Itoa(at.Received)}}}
	}
	var body json.RawMessage
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Vendor: "Device42", Auth: func(r *http.Request) { r.SetBasicAuth(in.config.User, in.config.Password.Reveal()) }}
	if _, err := api.Get(ctx, call, &body); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching from %d: %w", at.Received, err)
	}
	var list struct {
		Total   wire.Number       `json:"total_count"`
		Devices []json.RawMessage `json:"Devices"`
		Users   []json.RawMessage `json:"values"`
	}
	if json.Unmarshal(body, &list) != nil || !at.Users && list.Devices == nil || at.Users && list.Users == nil {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "fetching from %d: the answer holds no list", at.Received)
	}
	if n := len(list.Devices) + len(list.Users); n > 0 {
		if _, err := page.Write(body); err != nil {
			return connectors.Pulled{}, fault.Wrap(fault.Unavailable, err, "writing a page")
		}
	}
	last := at.Users && len(list.Users) == 0
	at.step(len(list.Devices), len(list.Users), list.Total)
	if last || at.Users && !in.config.EndUsers {
		return connectors.Pulled{Run: at.run()}, nil
	}
	next, err := json.Marshal(at)
	return connectors.Pulled{Next: string(next)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
}

// step moves the cursor on by what a page held.
func (c *cursor) step(devices, users int, total wire.Number) {
	if c.Users {
		c.Received += users
		return
	}
	c.Received += devices
	c.Devices, c.Claimed = c.Received, total.Int()
	if devices == 0 || total.OK && c.Received >= total.Int() {
		c.Users, c.Received = true, 0
	}
}

// run is what the whole sync came to.
func (c *cursor) run() exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"claimed": c.Claimed, "received": c.Devices}}
	if c.Devices != c.Claimed {
		run.Complete, run.Why = false, fmt.Sprintf("the list gave %d of %d devices", c.Devices, c.Claimed)
	}
	return run
}
