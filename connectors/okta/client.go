package okta

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

// Instance is one configured Okta source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// cursor is where a sync stands: at a page of one of the three lists, or in the lists of
// one of the objects on it.
type cursor struct {
	Stage   int      `json:"s,omitempty"` // of stages
	Next    string   `json:"n,omitempty"` // the list's next page
	Begun   bool     `json:"b,omitempty"` // its first page was read
	Pending []parent `json:"p,omitempty"` // objects of the last page whose own lists are still to come
	Sub     int      `json:"u,omitempty"` // which of those of the first
	SubNext string   `json:"m,omitempty"`
	All     int      `json:"a,omitempty"`
}

// stages are the lists with those of each of their objects. Users come last, since what
// they say of themselves is more than what an assignment says of them.
var stages = []struct { //nolint:gochecknoglobals // a constant table
	list, path string
	subs       []sub
}{
	{listApps, "/api/v1/apps", []sub{{listAppGroups, "/groups", "group"}, {listAppUsers, "/users", "user"}}},
	{listGroups, "/api/v1/groups", []sub{{listMembers, "/users", ""}}},
	{listUsers, "/api/v1/users", nil},
}

// sub is a list of an object: its path behind the object's, and what is to be embedded.
type sub struct{ list, path, expand string }

// Pull implements connectors.Puller: one page of one list.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && (json.Unmarshal([]byte(req.Cursor), &at) != nil || at.Stage >= len(stages)) {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	var err error
	if len(at.Pending) > 0 {
		err = in.subPage(ctx, &at, page)
	} else {
		err = in.listPage(ctx, &at, page)
	}
	if err != nil {
		return connectors.Pulled{}, err
	}
	if len(at.Pending) == 0 && at.Begun && at.Next == "" {
		at = cursor{Stage: at.Stage + 1, All: at.All}
	}
	if at.Stage == len(stages) {
		return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"received": at.All}}}, nil
	}
	next, err := json.Marshal(at)
	return connectors.Pulled{Next: string(next)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
}

// listPage fetches the next page of a list and notes the objects whose own lists are wanted.
func (in *Instance) listPage(ctx context.Context, at *cursor, page io.Writer) error {
	st := stages[at.Stage]
	elements, next, err := in.fetch(ctx, st.path, at.Next, "", envelope{Version: 1, List: st.list}, page)
	if err != nil {
		return fmt.Errorf("fetching %s after %d objects: %w", st.list, at.All, err)
	}
	at.All += len(elements)
	at.Next, at.Begun = next, true
	if st.list == listApps && !in.config.Assignments || st.list == listGroups && !in.config.Memberships || len(st.subs) == 0 {
		return nil
	}
	for i := range elements {
		const longestName = 24 // a cursor is small
		name := []rune(nameOf(&elements[i]))
		at.Pending = append(at.Pending, parent{ID: elements[i].ID.String(), Name: string(name[:min(len(name), longestName)])})
	}
	return nil
}

func nameOf(o *object) string {
	if o.Label != "" {
		return o.Label.String()
	}
	return o.Profile["name"].String()
}

// subPage fetches the next page of one of an object's lists.
func (in *Instance) subPage(ctx context.Context, at *cursor, page io.Writer) error {
	st, of := stages[at.Stage], at.Pending[0]
	list := st.subs[at.Sub]
	_, next, err := in.fetch(ctx, st.path+"/"+url.PathEscape(of.ID)+list.path, at.SubNext, list.expand, envelope{Version: 1, List: list.list, Of: &of}, page)
	switch {
	case fault.Is(err, fault.NotFound): // deleted while we were reading
		next = ""
	case err != nil:
		return fmt.Errorf("fetching %s of %s: %w", list.list, of.ID, err)
	}
	at.SubNext = next
	if next == "" {
		at.Sub++
	}
	if at.Sub == len(st.subs) {
		at.Pending, at.Sub = at.Pending[1:], 0
	}
	return nil
}

// fetch writes a page that has something on it, and gives its elements and the next one's
// address.
func (in *Instance) fetch(ctx context.Context, path, next, expand string, env envelope, page io.Writer) ([]object, string, error) {
	call := httpclient.Call{Path: path, Query: url.Values{"limit": {strconv.Itoa(in.config.Page)}}}
	if expand != "" {
		call.Query.Set("expand", expand)
	}
	if next != "" {
		call = httpclient.Call{Path: next}
	}
	api := httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(in.config.URL, "/"), Vendor: "Okta", Auth: func(r *http.Request) {
		r.Header.Set("Authorization", "SSWS "+in.config.Token.Reveal())
	}}
	header, err := api.Get(ctx, call, &env.Page)
	if err != nil {
		return nil, "", err
	}
	var elements []object
	if !bytes.HasPrefix(bytes.TrimSpace(env.Page), []byte("[")) || !wire.Unmarshal(env.Page, &elements) {
		return nil, "", fault.New(fault.Unavailable, "reading an answer of Okta: it is no list")
	}
	following := httpclient.NextLink(header)
	if following != "" && following == next {
		return nil, "", fault.New(fault.Invalid, "following the next page of Okta: it leads to itself")
	}
	if len(elements) > 0 {
		if err := json.NewEncoder(page).Encode(env); err != nil {
			return nil, "", fault.Wrap(fault.Unavailable, err, "writing a page")
		}
	}
	return elements, following, nil
}
