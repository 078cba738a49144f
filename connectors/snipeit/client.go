package snipeit

import (
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
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured Snipe-IT source.
type Instance struct {
	source string
	config Config
	zone   *time.Location
	http   *http.Client
}

// cursor is where a sync stands.
type cursor struct {
	Users    bool     `json:"u,omitempty"` // at the users, which come after the assets
	Received int      `json:"r,omitempty"` // of the list, which is its offset too
	All      int      `json:"a,omitempty"`
	Short    []string `json:"w,omitempty"`
}

// Pull implements connectors.Puller: a page of assets, with who has those elsewhere that
// some of them are checked out to, and then the users.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	list := "hardware"
	if at.Users {
		list = "users"
	}
	api := httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(in.config.URL, "/"), Vendor: "Snipe-IT", Auth: func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal())
	}}
	var body json.RawMessage
	query := url.Values{"limit": {strconv.Itoa(in.config.Page)}, "offset": {strconv.Itoa(at.Received)}, "sort": {"id"}, "order": {"asc"}}
	if _, err := api.Get(ctx, httpclient.Call{Path: "/api/v1/" + list, Query: query}, &body); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching %s from %d: %w", list, at.Received, err)
	}
	var answer struct {
		Total wire.Number `json:"total"`
		Rows  []row       `json:"rows"`
	}
	if !wire.Unmarshal(body, &answer) || answer.Rows == nil { // errors come as 200 with a status
		return connectors.Pulled{}, fault.New(fault.Unavailable, "fetching %s: the answer holds no rows", list)
	}
	env := envelope{Version: 1, Page: body}
	if !at.Users {
		var err error
		if env.Holders, err = in.elsewhere(ctx, api, answer.Rows); err != nil {
			return connectors.Pulled{}, fmt.Errorf("finding who has an asset: %w", err)
		}
	}
	if err := json.NewEncoder(page).Encode(env); err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	return at.after(len(answer.Rows), answer.Total, list, in.config.Users)
}

// after moves the cursor on by a page, or ends the sync.
func (c *cursor) after(rows int, total wire.Number, list string, users bool) (connectors.Pulled, error) {
	c.Received += rows
	if rows == 0 || total.OK && c.Received >= total.Int() {
		if total.OK && c.Received != total.Int() {
			c.Short = append(c.Short, fmt.Sprintf("%s gave %d of %d rows", list, c.Received, total.Int()))
		}
		if c.Users || !users {
			run := exposure.Run{Kind: exposure.RunFull, Complete: len(c.Short) == 0, Why: strings.Join(c.Short, "; "), Tool: Name, Counts: map[string]int{"received": c.All + c.Received}}
			return connectors.Pulled{Run: run}, nil
		}
		*c = cursor{Users: true, All: c.All + c.Received, Short: c.Short}
	}
	next, err := json.Marshal(c)
	return connectors.Pulled{Next: string(next)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
}

// elsewhere asks who has the assets that are not on a page and that some on it are
// checked out to, and on from there.
func (in *Instance) elsewhere(ctx context.Context, api httpclient.API, rows []row) (map[string]holder, error) {
	on := map[string]*holder{}
	for i := range rows {
		on[rows[i].ID.String()] = rows[i].Assigned
	}
	out := map[string]holder{}
	for i := range rows {
		by := rows[i].Assigned
		for range deepest {
			if by == nil || by.Type != "asset" {
				break
			}
			id := by.ID.String()
			if next, here := on[id]; here {
				by = next
				continue
			}
			var other row
			_, err := api.Get(ctx, httpclient.Call{Path: "/api/v1/hardware/" + url.PathEscape(id)}, &other)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			on[id] = other.Assigned
			if by = other.Assigned; by != nil {
				out[id] = *by
			}
		}
	}
	return out, nil
}
