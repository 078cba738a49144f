package burp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// The queries, in the words of PortSwigger's schema.
const (
	querySites = `query Sites { site_tree { sites { id name scope_v2 { start_urls } } } }`
	queryScans = `query Scans($site: ID!) { scans(offset: 0, limit: 1, scan_status: [succeeded], sort_column: start, sort_order: desc, site_id: $site) { id status start_time end_time issue_counts { total } } }`
	queryScan  = `query Issues($scan: ID!, $start: Int!, $count: Int!) { scan(id: $scan) { id status start_time end_time issue_counts { total } issues(start: $start, count: $count) { ` +
		`issue_type { type_index name description_html remediation_html vulnerability_classifications_html references_html } ` +
		`serial_number severity confidence display_confidence path origin novelty description_html remediation_html } } }`
)

// client is the GraphQL API, whose key stands in Authorization as it is.
func client(over *http.Client, c *Config) httpclient.API {
	return httpclient.API{HTTP: over, Base: c.URL, Vendor: "Burp Suite DAST", Auth: func(r *http.Request) { r.Header.Set("Authorization", c.APIKey.Reveal()) }}
}

// cursor is where a sync stands.
type cursor struct {
	Site     string `json:"site,omitempty"` // being read, or the last that was
	Scan     string `json:"scan,omitempty"` // being read; empty: the site is done
	Start    int    `json:"start,omitempty"`
	Received int    `json:"received"`
	Claimed  int    `json:"claimed"`
}

// siteInfo is one site.
type siteInfo struct {
	ID    string `json:"id"`
	Scope struct {
		StartURLs []string `json:"start_urls"`
	} `json:"scope_v2"`
}

// scanInfo is one scan with a page of its issues.
type scanInfo struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Start  string `json:"start_time"`
	End    string `json:"end_time"`
	Counts struct {
		Total int `json:"total"`
	} `json:"issue_counts"`
	Issues []json.RawMessage `json:"issues"`
}

// Pull implements connectors.Puller: a page of the issues of a site's last good scan.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" || in.api.HTTP == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: this is no cursor of ours", in.source)
	}
	sites, err := in.sites(ctx)
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("listing sites: %w", err)
	}
	site := next(sites, &at)
	if site == nil {
		return connectors.Pulled{Run: in.wholeRun(&at)}, nil
	}
	if at.Scan == "" {
		if at.Scan, err = in.lastScan(ctx, site.ID); err != nil {
			return connectors.Pulled{}, fmt.Errorf("finding the last scan of site %s: %w", site.ID, err)
		}
		at.Site, at.Start = site.ID, 0
	}
	if at.Scan != "" {
		if err := in.issues(ctx, site, &at, page); err != nil {
			return connectors.Pulled{}, fmt.Errorf("fetching issues of scan %s: %w", at.Scan, err)
		}
	}
	if at.Start == 0 { // the site is done
		at.Scan = ""
		if next(sites, &at) == nil {
			return connectors.Pulled{Run: in.wholeRun(&at)}, nil
		}
	}
	text, err := json.Marshal(at)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing a cursor")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// next gives the site that is being read, or the one after the last that was.
func next(sites []siteInfo, at *cursor) *siteInfo {
	for i := range sites {
		if at.Scan != "" && sites[i].ID == at.Site || at.Scan == "" && after(sites[i].ID, at.Site) {
			return &sites[i]
		}
	}
	return nil
}

// after orders IDs, which are numbers.
func after(a, b string) bool {
	x, err1 := strconv.Atoi(a)
	y, err2 := strconv.Atoi(b)
	if err1 == nil && err2 == nil {
		return x > y
	}
	return b == "" || a > b
}

func (in *Instance) sites(ctx context.Context) ([]siteInfo, error) {
	var out struct {
		SiteTree struct {
			Sites []siteInfo `json:"sites"`
		} `json:"site_tree"`
	}
	if err := in.ask(ctx, "Sites", querySites, nil, &out); err != nil {
		return nil, err
	}
	slices.SortFunc(out.SiteTree.Sites, func(a, b siteInfo) int {
		if after(a.ID, b.ID) {
			return 1
		}
		return -1
	})
	return out.SiteTree.Sites, nil
}

// lastScan is the last scan of a site that succeeded, empty where there is none.
func (in *Instance) lastScan(ctx context.Context, site string) (string, error) {
	var out struct {
		Scans []scanInfo `json:"scans"`
	}
	if err := in.ask(ctx, "Scans", queryScans, map[string]any{"site": site}, &out); err != nil || len(out.Scans) == 0 {
		return "", err
	}
	return out.Scans[0].ID, nil
}

// issues writes a page of a scan's issues and moves the cursor behind it: Start is 0 at
// the scan's end.
func (in *Instance) issues(ctx context.Context, site *siteInfo, at *cursor, page io.Writer) error {
	var out struct {
		Scan *scanInfo `json:"scan"`
	}
	if err := in.ask(ctx, "Issues", queryScan, map[string]any{"scan": at.Scan, "start": at.Start, "count": in.config.Page}, &out); err != nil {
		return err
	}
	if out.Scan == nil { // it was deleted since
		return connectors.ErrExpired
	}
	body := map[string]any{
		pageMark: 1, "start_urls": site.Scope.StartURLs,
		"scan": map[string]any{"id": out.Scan.ID, "status": out.Scan.Status, "start_time": out.Scan.Start, "end_time": out.Scan.End, "issues": out.Scan.Issues},
	}
	if out.Scan.Issues == nil {
		body["issues"] = []string{}
	}
	if at.Start == 0 {
		at.Claimed += out.Scan.Counts.Total
	}
	at.Received += len(out.Scan.Issues)
	at.Start += len(out.Scan.Issues)
	if len(out.Scan.Issues) < in.config.Page {
		at.Start = 0
	}
	if err := json.NewEncoder(page).Encode(body); err != nil {
		return fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	return nil
}

// ask sends a query. GraphQL reports what went wrong in a good answer.
func (in *Instance) ask(ctx context.Context, name, query string, variables map[string]any, out any) error {
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Message    string `json:"message"`
			Extensions struct {
				Code any `json:"code"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	call := httpclient.Call{Path: "graphql/v1", JSON: map[string]any{"operationName": name, "query": query, "variables": variables}}
	if _, err := in.api.Get(ctx, call, &answer); err != nil {
		return err //nolint:wrapcheck // the caller says what was asked
	}
	if len(answer.Errors) > 0 {
		kind := fault.Invalid
		if code := fmt.Sprint(answer.Errors[0].Extensions.Code); code == "401" || code == "403" || code == "UNAUTHORIZED" {
			kind = fault.Denied
		}
		return fault.New(kind, "Burp Suite DAST answered: %s", connectors.Redact(connectors.Ident(answer.Errors[0].Message)))
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return fault.New(fault.Unavailable, "reading an answer of Burp Suite DAST: it is not what was asked for")
	}
	return nil
}

// wholeRun is what a sync came to.
func (in *Instance) wholeRun(at *cursor) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Checks: in.config.Checks, Tool: "Burp Suite DAST", Counts: map[string]int{"received": at.Received, "claimed": at.Claimed}}
	switch {
	case !in.config.Complete:
		run.Why = "Burp doesn't say which checks ran: see complete"
	case at.Received != at.Claimed:
		run.Why = fmt.Sprintf("%d issues were announced and %d came", at.Claimed, at.Received)
	default:
		run.Complete = true
	}
	return run
}
