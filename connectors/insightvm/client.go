package insightvm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	findingsPerPage = 500
	mostPages       = 200 // of one asset's findings: a hundred thousand
)

// cursor is where a sync stands.
type cursor struct {
	Page int `json:"p"`
	Seen int `json:"s,omitempty"` // assets until now
}

// Pull implements connectors.Puller: a page of assets with all of their findings, and
// what is known of the vulnerabilities and scans that these speak of.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	api, err := in.api()
	if err != nil {
		return connectors.Pulled{}, err
	}
	var at cursor
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil || at.Page < 0 {
			return connectors.Pulled{}, fault.New(fault.Invalid, "reading where the sync stands: this is no cursor of ours")
		}
	}
	list, err := fetch(ctx, api, "/api/3/assets", at.Page, in.config.Assets)
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching page %d of the assets: %w", at.Page, err)
	}
	g := &gathering{api: api, cache: in.cache, scans: map[string]json.RawMessage{}, vulnerabilities: map[string]json.RawMessage{}, tags: !in.config.NoTags}
	for _, raw := range list.Resources {
		if err := g.asset(ctx, raw); err != nil {
			return connectors.Pulled{}, err
		}
	}
	if err := g.write(page); err != nil {
		return connectors.Pulled{}, err
	}
	at.Seen += len(list.Resources)
	at.Page++
	if len(list.Resources) == 0 || at.Page >= list.Page.Pages.Int() {
		return connectors.Pulled{Run: whole(at.Seen, list.Page.Total)}, nil
	}
	next, err := json.Marshal(at)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing where the sync stands")
	}
	return connectors.Pulled{Next: string(next)}, nil
}

func whole(seen int, total wire.Number) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{checkPrefix + "*"}, Tool: "InsightVM", Counts: map[string]int{"assets": seen, "claimed": total.Int()}}
	if !total.OK || seen < total.Int() {
		run.Complete, run.Why = false, "the console says that it has more assets than it gave"
	}
	return run
}

func (in *Instance) api() (httpclient.API, error) {
	if in.config.URL == "" {
		return httpclient.API{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	return httpclient.API{
		HTTP: in.http, Base: in.config.URL, Vendor: "InsightVM",
		Auth: func(r *http.Request) { r.SetBasicAuth(in.config.Username, in.config.Password.Reveal()) },
	}, nil
}

func fetch(ctx context.Context, api httpclient.API, path string, page, size int) (wirePage, error) {
	var out wirePage
	_, err := api.Get(ctx, httpclient.Call{Path: path, Query: url.Values{"page": {strconv.Itoa(page)}, "size": {strconv.Itoa(size)}}}, &out)
	return out, err
}

// gathering is one page on its way.
type gathering struct {
	api             httpclient.API
	cache           *lookups // of vulnerabilities
	tags            bool
	scans           map[string]json.RawMessage
	vulnerabilities map[string]json.RawMessage
	assets          []gathered
}

type gathered struct {
	Asset           json.RawMessage   `json:"asset"`
	Tags            []json.RawMessage `json:"tags,omitempty"`
	Whole           bool              `json:"whole"`
	Vulnerabilities []json.RawMessage `json:"vulnerabilities"`
}

func (g *gathering) asset(ctx context.Context, raw json.RawMessage) error {
	var a wireAsset
	if !wire.Unmarshal(raw, &a) || !digits(a.ID.String()) {
		return fault.New(fault.Unavailable, "reading an asset of InsightVM: it has no number")
	}
	path := "/api/3/assets/" + a.ID.String()
	out := gathered{Asset: raw, Vulnerabilities: []json.RawMessage{}}
	claimed := 0
	for page := range mostPages {
		list, err := fetch(ctx, g.api, path+"/vulnerabilities", page, findingsPerPage)
		if err != nil {
			return fmt.Errorf("fetching findings of asset %s: %w", a.ID, err)
		}
		out.Vulnerabilities = append(out.Vulnerabilities, list.Resources...)
		claimed = list.Page.Total.Int()
		if len(list.Resources) == 0 || page+1 >= list.Page.Pages.Int() {
			break
		}
	}
	out.Whole = len(out.Vulnerabilities) >= claimed
	if g.tags {
		list, err := fetch(ctx, g.api, path+"/tags", 0, findingsPerPage)
		if err != nil {
			return fmt.Errorf("fetching tags of asset %s: %w", a.ID, err)
		}
		out.Tags = list.Resources
	}
	if scan := a.assessment().ScanID; scan.OK {
		if err := g.look(ctx, g.scans, "/api/3/scans/", strconv.Itoa(scan.Int())); err != nil {
			return err
		}
	}
	for _, raw := range out.Vulnerabilities {
		var f wireFinding
		if !wire.Unmarshal(raw, &f) || f.ID == "" {
			continue
		}
		id := f.ID.String()
		if known, ok := g.cache.get(id); ok {
			g.vulnerabilities[id] = known
			continue
		}
		if err := g.look(ctx, g.vulnerabilities, "/api/3/vulnerabilities/", id); err != nil {
			return err
		}
		g.cache.put(id, g.vulnerabilities[id])
	}
	g.assets = append(g.assets, out)
	return nil
}

// look looks something up, once in a page. What the console doesn't have any more is
// known to be unknown.
func (g *gathering) look(ctx context.Context, known map[string]json.RawMessage, path, id string) error {
	if _, ok := known[id]; ok {
		return nil
	}
	var raw json.RawMessage
	_, err := g.api.Get(ctx, httpclient.Call{Path: path + url.PathEscape(id)}, &raw)
	switch {
	case fault.Is(err, fault.NotFound):
		raw = json.RawMessage("{}")
	case err != nil:
		return fmt.Errorf("looking up %s%.80s: %w", path, id, err)
	}
	known[id] = raw
	return nil
}

// write writes the page, lookups first, so that a stream can be joined.
func (g *gathering) write(page io.Writer) error {
	w := &writer{w: page}
	w.text(`{"` + mark + `":1,"scans":{`)
	w.object(g.scans)
	w.text(`},"vulnerabilities":{`)
	w.object(g.vulnerabilities)
	w.text(`},"assets":[`)
	for i := range g.assets {
		if i > 0 {
			w.text(",")
		}
		w.value(&g.assets[i])
	}
	w.text("]}\n")
	return w.err
}

type writer struct {
	w   io.Writer
	err error
}

func (w *writer) text(s string) {
	if w.err == nil {
		_, err := io.WriteString(w.w, s)
		w.err = fault.Wrap(fault.Unavailable, err, "writing the page")
	}
}

func (w *writer) value(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		w.err = fault.Wrap(fault.Internal, err, "writing the page")
		return
	}
	w.text(string(text))
}

func (w *writer) object(m map[string]json.RawMessage) {
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			w.text(",")
		}
		w.value(key)
		w.text(":")
		w.value(m[key])
	}
}

func digits(text string) bool {
	const longest = 20
	if text == "" || len(text) > longest {
		return false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
