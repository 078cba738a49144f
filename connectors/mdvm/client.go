package mdvm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

// The lists of a sync, in order.
const (
	listMachines = "machines"
	listExport   = "export"
	listChanges  = "changes"
)

const (
	machinesPerPage = 1000
	machinesByOne   = 20 // per page, where each is asked for its vulnerabilities
	changesPerPage  = 10_000
	mostChanges     = 100_000 // rows of changes that are judged together
	everyFull       = 7 * 24 * time.Hour
	longestBack     = 13 * 24 * time.Hour // changes are kept for 14 days
	longestQuery    = 6 << 10
	exportAge       = 6 * time.Hour // exports are made anew as often
)

// cursor is where a sync stands.
type cursor struct {
	List  string `json:"l"`
	Skip  int    `json:"s,omitempty"`
	Query string `json:"q,omitempty"` // of the next page of an export
	Cut   bool   `json:"c,omitempty"` // the changes did not fit one page
}

// FullEvery implements connectors.Incremental.
func (*Instance) FullEvery() time.Duration { return everyFull }

// Pull implements connectors.Incremental.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Vendor: "Microsoft Defender"}
	at := cursor{List: listMachines}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil {
			return connectors.Pulled{}, fault.New(fault.Invalid, "reading where the sync stands: %w", err)
		}
	}
	since := req.Since
	if !since.IsZero() && (in.config.ByMachine || in.now().Sub(since) > longestBack) {
		since = time.Time{} // there is no way to ask for changes alone
	}
	var next cursor
	var err error
	switch at.List {
	case listMachines:
		next, err = in.machines(ctx, api, at, since, page)
	case listExport:
		next, err = in.export(ctx, api, at, page)
	default:
		next, err = changes(ctx, api, at, req.Since, page)
	}
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching %s: %w", at.List, err)
	}
	if next.List == "" {
		return connectors.Pulled{Run: whole(at.List)}, nil
	}
	text, err := json.Marshal(next)
	if err != nil || len(text) > longestQuery {
		return connectors.Pulled{}, fault.New(fault.Invalid, "fetching %s: the address of the next page is too long", at.List)
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// whole is what a sync came to that ended with this list.
func whole(list string) exposure.Run {
	if list == listChanges {
		return exposure.Run{Kind: exposure.RunPartial, Why: "only what changed was asked for", Tool: "Microsoft Defender"}
	}
	return exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{Name + ":*"}, Tool: "Microsoft Defender"}
}

// machines fetches a page of machines. There is no link to the next one, and the end is
// an empty page.
func (in *Instance) machines(ctx context.Context, api httpclient.API, at cursor, since time.Time, page io.Writer) (cursor, error) {
	top := machinesPerPage
	if in.config.ByMachine {
		top = machinesByOne
	}
	var answer bytes.Buffer
	query := url.Values{"$top": {strconv.Itoa(top)}, "$skip": {strconv.Itoa(at.Skip)}}
	list, err := get(ctx, api, "/api/machines", query, &answer)
	if err != nil {
		return cursor{}, err
	}
	if len(list.Value) == 0 {
		switch {
		case in.config.ByMachine:
			return cursor{}, nil
		case since.IsZero():
			return cursor{List: listExport}, nil
		}
		return cursor{List: listChanges}, nil
	}
	next := cursor{List: listMachines, Skip: at.Skip + len(list.Value)}
	if !in.config.ByMachine {
		return next, put(page, answer.Bytes())
	}
	for _, raw := range list.Value {
		if err := ask(ctx, api, raw, page); err != nil {
			return cursor{}, err
		}
	}
	return next, nil
}

// ask asks a machine for its vulnerabilities and writes both as an envelope, one a line.
func ask(ctx context.Context, api httpclient.API, raw json.RawMessage, page io.Writer) error {
	var m wireMachine
	const longest = 128
	wire.Unmarshal(raw, &m)
	if id := m.ID.String(); id == "" || len(id) > longest || strings.Trim(id, "0123456789abcdefABCDEF-") != "" {
		return fault.New(fault.Unavailable, "reading a machine of Defender's: its ID is none")
	}
	var answer bytes.Buffer
	if _, err := get(ctx, api, "/api/machines/"+m.ID.String()+"/vulnerabilities", nil, &answer); err != nil {
		return err
	}
	var list wirePage
	if err := json.Unmarshal(answer.Bytes(), &list); err != nil {
		return fault.New(fault.Unavailable, "reading an answer of Defender's: it is not the JSON that was asked for")
	}
	text, err := json.Marshal(struct {
		Mark    int               `json:"quell_mdvm"`
		Machine json.RawMessage   `json:"machine"`
		Value   []json.RawMessage `json:"value"`
	}{1, raw, append([]json.RawMessage{}, list.Value...)})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "writing the page")
	}
	return put(page, append(text, '\n'))
}

// export fetches a page of the full export, and notes of when it is at the oldest: that is
// when all of its rows were seen, since the rows' own times differ, and one that was seen
// longer ago than another would count as older than the last look at its machine.
func (in *Instance) export(ctx context.Context, api httpclient.API, at cursor, page io.Writer) (cursor, error) {
	query := url.Values{"pageSize": {strconv.Itoa(in.config.Rows)}}
	if at.Query != "" {
		var err error
		if query, err = url.ParseQuery(at.Query); err != nil {
			return cursor{}, fault.New(fault.Invalid, "reading where the sync stands: %w", err)
		}
	}
	var answer bytes.Buffer
	list, err := get(ctx, api, "/api/machines/SoftwareVulnerabilitiesByMachine", query, &answer)
	if err != nil {
		return cursor{}, err
	}
	next, err := following(list.Next.String(), at.Query)
	if err != nil {
		return cursor{}, err
	}
	text, err := json.Marshal(struct {
		Mark  int               `json:"quell_mdvm"`
		At    time.Time         `json:"at"`
		Value []json.RawMessage `json:"value"`
	}{1, in.now().Add(-exportAge).UTC(), append([]json.RawMessage{}, list.Value...)})
	if err != nil {
		return cursor{}, fault.Wrap(fault.Internal, err, "writing the page")
	}
	if err := put(page, text); err != nil || next == "" {
		return cursor{}, err
	}
	return cursor{List: listExport, Query: next}, nil
}

// changes fetches what changed. Pages are put together as far as they can be judged
// together: a weakness can be fixed on one and new on the next.
func changes(ctx context.Context, api httpclient.API, at cursor, since time.Time, page io.Writer) (cursor, error) {
	query := url.Values{"sinceTime": {since.UTC().Format(time.RFC3339)}, "pageSize": {strconv.Itoa(changesPerPage)}}
	var rows []json.RawMessage
	for begun := at.Query; ; {
		if begun != "" {
			var err error
			if query, err = url.ParseQuery(begun); err != nil {
				return cursor{}, fault.New(fault.Invalid, "reading where the sync stands: %w", err)
			}
		}
		var answer bytes.Buffer
		list, err := get(ctx, api, "/api/machines/SoftwareVulnerabilityChangesByMachine", query, &answer)
		if err != nil {
			return cursor{}, err
		}
		rows = append(rows, list.Value...)
		stands, err := following(list.Next.String(), begun)
		if err != nil {
			return cursor{}, err
		}
		if stands == "" || len(rows) >= mostChanges {
			cut := at.Cut || stands != ""
			if err := writeChanges(page, rows, !cut); err != nil || stands == "" {
				return cursor{}, err
			}
			return cursor{List: listChanges, Query: stands, Cut: true}, nil
		}
		begun = stands
	}
}

func writeChanges(page io.Writer, rows []json.RawMessage, all bool) error {
	text, err := json.Marshal(struct {
		Mark  int               `json:"quell_mdvm"`
		Whole bool              `json:"whole"`
		Value []json.RawMessage `json:"value"`
	}{1, all, append([]json.RawMessage{}, rows...)})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "writing the page")
	}
	return put(page, text)
}

func get(ctx context.Context, api httpclient.API, path string, query url.Values, answer *bytes.Buffer) (wirePage, error) {
	var list wirePage
	if _, err := api.Copy(ctx, httpclient.Call{Path: path, Query: query}, answer); err != nil {
		return list, err
	}
	if err := json.Unmarshal(answer.Bytes(), &list); err != nil {
		return list, fault.New(fault.Unavailable, "reading an answer of Defender's: it is not the JSON that was asked for")
	}
	return list, nil
}

func put(page io.Writer, text []byte) error {
	_, err := page.Write(text)
	return fault.Wrap(fault.Unavailable, err, "writing the page")
}

// following takes the query out of the address of a next page, which may be on another
// host of Microsoft's: we stay on ours.
func following(link, from string) (string, error) {
	if link == "" {
		return "", nil
	}
	u, err := url.Parse(link)
	if err != nil || u.RawQuery == "" || u.RawQuery == from {
		return "", fault.New(fault.Unavailable, "following the next page: its address leads nowhere new")
	}
	return u.RawQuery, nil
}
