package runzero

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured runZero source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

const largestExport = 1 << 30

// cursor is where a sync stands: at the site that was exported last, in the order of
// their IDs.
type cursor struct {
	After string `json:"a,omitempty"`
	Vulns bool   `json:"v,omitempty"` // its assets were exported, and its vulnerabilities are next
	Sites int    `json:"n,omitempty"`
}

// Pull implements connectors.Puller: the export of one site's assets, or vulnerabilities.
// The list of sites is small and asked for each time, since a cursor can't hold it.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
	}
	api := httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(in.config.URL, "/") + "/api/v1.0", Vendor: "runZero", Largest: largestExport, Auth: func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal())
	}}
	var sites []struct {
		ID wire.Text `json:"id"`
	}
	if _, err := api.Get(ctx, httpclient.Call{Path: "/export/org/sites.json"}, &sites); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching the list of sites: %w", err)
	}
	ids := make([]string, 0, len(sites))
	for _, s := range sites {
		if s.ID != "" {
			ids = append(ids, s.ID.String())
		}
	}
	slices.Sort(ids)
	i := slices.IndexFunc(ids, func(id string) bool { return id > at.After || at.Vulns && id == at.After })
	if i < 0 {
		return connectors.Pulled{Run: at.run()}, nil
	}
	if err := in.export(ctx, api, ids[i], at.Vulns, page); err != nil {
		return connectors.Pulled{}, fmt.Errorf("exporting site %s: %w", ids[i], err)
	}
	switch {
	case in.config.Vulnerabilities && !at.Vulns:
		at.After, at.Vulns = ids[i], true
	default:
		at.After, at.Vulns = ids[i], false
		at.Sites++
	}
	if i == len(ids)-1 && !at.Vulns {
		return connectors.Pulled{Run: at.run()}, nil
	}
	next, err := json.Marshal(at)
	return connectors.Pulled{Next: string(next)}, fault.Wrap(fault.Internal, err, "encoding a cursor")
}

func (c *cursor) run() exposure.Run {
	return exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"sites": c.Sites}}
}

// export writes what a site has, line by line.
func (in *Instance) export(ctx context.Context, api httpclient.API, site string, vulns bool, page io.Writer) error {
	path, search := "/export/org/assets.jsonl", "site:"+site
	if in.config.Search != "" {
		search += " and (" + in.config.Search + ")"
	}
	if vulns {
		path, search = "/export/org/vulnerabilities.jsonl", "site:"+site
	}
	lines := &judged{w: page}
	if _, err := api.Copy(ctx, httpclient.Call{Path: path, Query: url.Values{"search": {search}}}, lines); err != nil {
		return err
	}
	if lines.wrong {
		return fault.New(fault.Unavailable, "reading an answer of runZero: it is no export")
	}
	return nil
}

// judged passes an export on as it comes, and looks at how it begins: a page of HTML is
// none. What is only space is not passed on, so that an empty site leaves no page.
type judged struct {
	w     io.Writer
	begun bool
	wrong bool
}

// Write implements io.Writer.
func (j *judged) Write(p []byte) (int, error) {
	rest := p
	if !j.begun {
		if rest = bytes.TrimLeft(p, " \t\r\n"); len(rest) == 0 {
			return len(p), nil
		}
		j.begun = true
		j.wrong = rest[0] != '{' && rest[0] != '['
	}
	if j.wrong {
		return len(p), nil
	}
	if _, err := j.w.Write(rest); err != nil {
		return 0, err //nolint:wrapcheck // the caller says what was being done
	}
	return len(p), nil
}
