package sentinelone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// The lists of a sync, in order.
const (
	listAgents = "/web/api/v2.1/agents"
	listRisks  = "/web/api/v2.1/application-management/risks"
)

const (
	perPage      = 1000
	longestToken = 6 << 10
)

// cursor is where a sync stands.
type cursor struct {
	List  string `json:"l"`
	Token string `json:"t,omitempty"`
	Seen  int    `json:"s,omitempty"`
	Short bool   `json:"x,omitempty"`
}

// Pull implements connectors.Puller: a page of endpoints, or one of risks.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	at := cursor{List: listAgents}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil || at.List != listAgents && at.List != listRisks {
			return connectors.Pulled{}, fault.New(fault.Invalid, "reading where the sync stands: this is no cursor of ours")
		}
	}
	list, err := in.fetch(ctx, at, page)
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching %s after %d: %w", at.List, at.Seen, err)
	}
	at.Seen += len(list.Data)
	short := list.Pagination.Total.OK && at.Seen < list.Pagination.Total.Int()
	token := list.Pagination.Next.String()
	switch {
	case token != "" && token == at.Token, len(token) > longestToken:
		return connectors.Pulled{}, fault.New(fault.Unavailable, "fetching %s: the cursor of the next page is none", at.List)
	case token != "" && len(list.Data) > 0:
		at.Token = token
	case at.List == listAgents:
		at = cursor{List: listRisks, Short: short}
	default:
		return connectors.Pulled{Run: whole(at.Short || short)}, nil
	}
	next, err := json.Marshal(at)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing where the sync stands")
	}
	return connectors.Pulled{Next: string(next)}, nil
}

func (in *Instance) fetch(ctx context.Context, at cursor, page io.Writer) (wirePage, error) {
	api := httpclient.API{
		HTTP: in.http, Base: in.config.URL, Vendor: "SentinelOne",
		Auth: func(r *http.Request) { r.Header.Set("Authorization", "ApiToken "+in.config.Token.Reveal()) },
	}
	query := url.Values{"limit": {strconv.Itoa(perPage)}}
	for name, value := range map[string]string{"cursor": at.Token, "accountIds": in.config.Account, "siteIds": in.config.Site} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var list wirePage
	var answer bytes.Buffer
	if _, err := api.Copy(ctx, httpclient.Call{Path: at.List, Query: query}, &answer); err != nil {
		return list, err
	}
	if err := json.Unmarshal(answer.Bytes(), &list); err != nil || len(list.Errors) > 0 {
		return list, fault.New(fault.Unavailable, "reading an answer of SentinelOne: it is not the page that was asked for")
	}
	_, err := page.Write(answer.Bytes())
	return list, fault.Wrap(fault.Unavailable, err, "writing the page")
}

func whole(short bool) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{Name + ":*"}, Tool: "SentinelOne"}
	if short {
		run.Complete, run.Why = false, "the console says that it has more than it gave"
	}
	return run
}
