package wazuh

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// The lists of a sync, in order.
const (
	listAgents = "agents"
	listHits   = "hits"
)

const (
	agentsPerPage = 500
	agentsByOne   = 20 // per page, where each is asked for its vulnerabilities
	itemsPerCall  = 500
	mostCalls     = 400 // for one agent's vulnerabilities
	hitsPerPage   = 1000
	longestID     = 512
)

// cursor is where a sync stands.
type cursor struct {
	List  string `json:"l"`
	Seen  int    `json:"s,omitempty"` // of this list
	After string `json:"a,omitempty"` // ID of the last hit
	Total int    `json:"t,omitempty"` // hits that there were at first
	Short bool   `json:"x,omitempty"` // fewer agents came than there are
	Holes bool   `json:"h,omitempty"` // of an agent not all came
}

// Pull implements connectors.Puller: a page of agents, with their vulnerabilities where
// the manager has them, or a page of the indexer's.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Manager == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	at := cursor{List: listAgents}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil {
			return connectors.Pulled{}, fault.New(fault.Invalid, "reading where the sync stands: %w", err)
		}
	}
	var next cursor
	var run exposure.Run
	var err error
	if at.List == listAgents {
		next, run, err = in.agents(ctx, at, page)
	} else {
		next, run, err = in.hits(ctx, at, page)
	}
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching %s after %d: %w", at.List, at.Seen, err)
	}
	if next.List == "" {
		return connectors.Pulled{Run: run}, nil
	}
	text, err := json.Marshal(next)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing where the sync stands")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// whole is what a sync came to.
func whole(why string) exposure.Run {
	return exposure.Run{Kind: exposure.RunFull, Complete: why == "", Why: why, Checks: []string{Name + ":*"}, Tool: "Wazuh"}
}

// manager gives the manager's API with a token, which lives for a quarter of an hour.
func (in *Instance) manager(ctx context.Context) (httpclient.API, error) {
	api := httpclient.API{HTTP: in.http, Base: in.config.Manager, Vendor: "Wazuh's manager"}
	api.Auth = func(r *http.Request) { r.SetBasicAuth(in.config.ManagerUser, in.config.ManagerPassword.Reveal()) }
	var answer struct {
		Data struct {
			Token string `json:"token"`
		} `json:"data"`
	}
	if _, err := api.Get(ctx, httpclient.Call{Method: http.MethodPost, Path: "/security/user/authenticate"}, &answer); err != nil {
		return api, fmt.Errorf("getting a token: %w", err)
	}
	if answer.Data.Token == "" {
		return api, fault.New(fault.Unavailable, "getting a token of Wazuh's manager: the answer holds none")
	}
	api.Auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+answer.Data.Token) }
	return api, nil
}

func items(ctx context.Context, api httpclient.API, path string, offset, limit int) (wireAnswer, error) {
	var out wireAnswer
	query := url.Values{"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(limit)}}
	if path == "/agents" {
		query.Set("sort", "+id")
	}
	if _, err := api.Get(ctx, httpclient.Call{Path: path, Query: query}, &out); err != nil {
		return out, err
	}
	if out.Error.Value != 0 {
		return out, fault.New(fault.Unavailable, "Wazuh's manager answered with error %d", out.Error.Int())
	}
	return out, nil
}

func (in *Instance) agents(ctx context.Context, at cursor, page io.Writer) (cursor, exposure.Run, error) {
	api, err := in.manager(ctx)
	if err != nil {
		return cursor{}, exposure.Run{}, err
	}
	limit := agentsPerPage
	if in.config.Indexer == "" {
		limit = agentsByOne
	}
	list, err := items(ctx, api, "/agents", at.Seen, limit)
	if err != nil {
		return cursor{}, exposure.Run{}, err
	}
	holes := at.Holes || len(list.Data.Failed) > 0
	if in.config.Indexer == "" {
		for _, raw := range list.Data.Items {
			all, err := in.ask(ctx, api, raw, page)
			if err != nil {
				return cursor{}, exposure.Run{}, err
			}
			holes = holes || !all
		}
	} else if err := write(page, struct {
		Data struct {
			Items []json.RawMessage `json:"affected_items"`
		} `json:"data"`
		Mark int `json:"quell_wazuh"`
	}{struct {
		Items []json.RawMessage `json:"affected_items"`
	}{append([]json.RawMessage{}, list.Data.Items...)}, 1}); err != nil {
		return cursor{}, exposure.Run{}, err
	}
	seen, total := at.Seen+len(list.Data.Items), list.Data.Total.Int()
	short := holes || seen < total
	switch {
	case len(list.Data.Items) > 0 && seen < total:
		return cursor{List: listAgents, Seen: seen, Holes: holes}, exposure.Run{}, nil
	case in.config.Indexer != "":
		return cursor{List: listHits, Short: short}, exposure.Run{}, nil
	case short:
		return cursor{}, whole("Wazuh says that it has more than it gave"), nil
	}
	return cursor{}, whole(""), nil
}

// ask asks for the vulnerabilities of an agent and writes both as an envelope.
func (in *Instance) ask(ctx context.Context, api httpclient.API, raw json.RawMessage, page io.Writer) (all bool, err error) {
	var agent wireAgent
	const longest = 20
	if wire.Unmarshal(raw, &agent); agent.ID == "" || len(agent.ID) > longest || !digits(agent.ID.String()) {
		return false, fault.New(fault.Unavailable, "reading an agent of Wazuh's: its ID is none")
	}
	envelope := struct {
		Mark            int               `json:"quell_wazuh"`
		At              time.Time         `json:"at"`
		Whole           bool              `json:"whole"`
		Agent           json.RawMessage   `json:"agent"`
		Vulnerabilities []json.RawMessage `json:"vulnerabilities"`
	}{1, in.now().UTC(), false, raw, []json.RawMessage{}}
	for range mostCalls {
		list, err := items(ctx, api, "/vulnerability/"+agent.ID.String(), len(envelope.Vulnerabilities), itemsPerCall)
		if err != nil {
			return false, err
		}
		envelope.Vulnerabilities = append(envelope.Vulnerabilities, list.Data.Items...)
		envelope.Whole = len(envelope.Vulnerabilities) >= list.Data.Total.Int() && len(list.Data.Failed) == 0
		if len(list.Data.Items) == 0 || envelope.Whole {
			break
		}
	}
	return envelope.Whole, write(page, envelope)
}

func digits(text string) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// hits fetches a page of the indexer's documents, sorted by their IDs, so that the same
// page can be asked for again and none is passed over.
func (in *Instance) hits(ctx context.Context, at cursor, page io.Writer) (cursor, exposure.Run, error) {
	api := httpclient.API{
		HTTP: in.http, Base: in.config.Indexer, Vendor: "Wazuh's indexer",
		Auth: func(r *http.Request) { r.SetBasicAuth(in.config.IndexerUser, in.config.IndexerPassword.Reveal()) },
	}
	search := map[string]any{"size": hitsPerPage, "track_total_hits": true, "query": map[string]any{"match_all": map[string]any{}}, "sort": []any{map[string]string{"_id": "asc"}}}
	if at.After != "" {
		search["search_after"] = []string{at.After}
	}
	var list wireSearch
	if _, err := api.Get(ctx, httpclient.Call{Path: "/" + in.config.Index + "/_search", JSON: search}, &list); err != nil {
		return cursor{}, exposure.Run{}, err
	}
	if list.TimedOut || list.Shards.Failed.Value > 0 {
		return cursor{}, exposure.Run{}, fault.New(fault.Unavailable, "searching Wazuh's indexer: not all shards answered")
	}
	if err := write(page, struct {
		Mark int       `json:"quell_wazuh"`
		At   time.Time `json:"at"`
		Hits any       `json:"hits"`
	}{1, in.now().UTC(), map[string]any{"hits": append([]json.RawMessage{}, list.Hits.Hits...)}}); err != nil {
		return cursor{}, exposure.Run{}, err
	}
	seen, total := at.Seen+len(list.Hits.Hits), list.Hits.Total.Value.Int()
	if n := len(list.Hits.Hits); n == hitsPerPage {
		var last wireHit
		if wire.Unmarshal(list.Hits.Hits[n-1], &last); last.ID == "" || len(last.ID) > longestID || string(last.ID) == at.After {
			return cursor{}, exposure.Run{}, fault.New(fault.Unavailable, "searching Wazuh's indexer: a hit has no ID to go on from")
		}
		return cursor{List: listHits, Seen: seen, After: string(last.ID), Total: max(at.Total, total), Short: at.Short}, exposure.Run{}, nil
	}
	if at.Total > 0 {
		total = min(at.Total, total)
	}
	switch {
	case total == 0:
		return cursor{}, whole("the indexer holds no vulnerabilities at all"), nil
	case at.Short || fewer(seen, total):
		return cursor{}, whole("Wazuh says that it has more than it gave"), nil
	}
	return cursor{}, whole(""), nil
}

// fewer reports whether there were more hits than came, beyond what comes and goes while
// they are read: the order of the pages passes over none that stayed.
func fewer(seen, total int) bool {
	const share, few = 100, 10
	return seen+seen/share+few < total
}

func write(page io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "writing the page")
	}
	_, err = page.Write(append(text, '\n'))
	return fault.Wrap(fault.Unavailable, err, "writing the page")
}
