package wiz

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	perPage = 500
	most    = 10_000 // results of one query that Wiz shows
	overlap = 10 * time.Minute
	week    = 7 * 24 * time.Hour
)

// founded is before all that Wiz knows.
var founded = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// cursor is a page of a window of time. Times are Unix seconds.
type cursor struct {
	Stage int    `json:"s"`
	From  int64  `json:"f"`
	To    int64  `json:"t"`
	End   int64  `json:"e"` // of the sync
	After string `json:"a,omitempty"`
	Cut   bool   `json:"c,omitempty"` // a window that can't be made smaller held too much
}

// stage is one list of the API, with the field by whose time its windows go: the time of
// the last change of what is asked about.
type stage struct{ query, field, filter string }

var stages = []stage{ //nolint:gochecknoglobals // a constant table
	{issuesQuery, "issues", "statusChangedAt"},
	{vulnerabilitiesQuery, "vulnerabilityFindings", "updatedAt"},
}

// FullEvery implements connectors.Incremental.
func (*Instance) FullEvery() time.Duration { return week }

// Pull implements connectors.Puller: one page of one window, or the finding that the
// window is too large.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	at, err := in.begin(req)
	if err != nil {
		return connectors.Pulled{}, err
	}
	s := stages[at.Stage]
	var body bytes.Buffer
	variables := map[string]any{"first": perPage, "filterBy": map[string]any{s.filter: map[string]string{"after": stamp(at.From - 1), "before": stamp(at.To)}}}
	if at.After != "" {
		variables["after"] = at.After
	}
	if _, err := in.client().Copy(ctx, httpclient.Call{Path: in.config.URL, JSON: map[string]any{"query": s.query, "variables": variables}}, &body); err != nil {
		return connectors.Pulled{}, err //nolint:wrapcheck // it says what was called
	}
	list, err := answer(body.Bytes(), s.field)
	if err != nil {
		return connectors.Pulled{}, err
	}
	if list.Total > most && at.After == "" && at.To-at.From > 1 {
		at.To = at.From + (at.To-at.From)/2
		return in.follow(at, req)
	}
	at.Cut = at.Cut || list.Total > most
	if len(list.Nodes) > 0 {
		if _, err := page.Write(body.Bytes()); err != nil {
			return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "keeping a page")
		}
	}
	if list.Page.More && list.Page.End != "" && list.Page.End != at.After {
		at.After = list.Page.End
		return in.follow(at, req)
	}
	return in.follow(at.next(), req)
}

// begin gives the first window, which is all of the time that is asked about.
func (in *Instance) begin(req connectors.PullRequest) (cursor, error) {
	var at cursor
	if req.Cursor != "" {
		if json.Unmarshal([]byte(req.Cursor), &at) != nil || at.Stage < 0 || at.Stage >= len(stages) {
			return at, fault.New(fault.Invalid, "reading the cursor of Wiz: it is none of ours")
		}
		return at, nil
	}
	if in.now == nil {
		return at, fault.New(fault.Invalid, "pulling from %s: there is no clock here", in.source)
	}
	at.End = in.now().Unix()
	at.From, at.To = since(req), at.End
	return at, nil
}

func since(req connectors.PullRequest) int64 {
	if req.Since.IsZero() {
		return founded.Unix()
	}
	return req.Since.Add(-overlap).Unix()
}

func stamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// next is the rest of the time after a window; after the end it is the next stage. Each
// window is asked for from a second earlier, as whether bounds are part of it is not said.
func (c cursor) next() cursor {
	if c.To < c.End {
		return cursor{Stage: c.Stage, From: c.To, To: c.End, End: c.End, Cut: c.Cut}
	}
	return cursor{Stage: c.Stage + 1, To: c.End, End: c.End, Cut: c.Cut}
}

func (in *Instance) follow(at cursor, req connectors.PullRequest) (connectors.Pulled, error) {
	if at.Stage >= len(stages) || at.Stage == 1 && !in.config.Vulnerabilities {
		return connectors.Pulled{Run: in.done(at, req)}, nil
	}
	if at.From == 0 { // of a stage that begins
		at.From = since(req)
	}
	text, err := json.Marshal(at)
	if err != nil || len(text) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling Wiz: a page's cursor is too long")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

func (in *Instance) done(at cursor, req connectors.PullRequest) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Why: "what is resolved says so itself, and what is missing was deleted"}
	if !req.Since.IsZero() {
		run.Kind = exposure.RunPartial
	}
	if at.Cut {
		run.Why = fmt.Sprintf("Wiz shows no more than %d results, and there were more within one second", most)
	}
	return run
}

type listing struct {
	Total int               `json:"totalCount"`
	Nodes []json.RawMessage `json:"nodes"`
	Page  struct {
		More bool   `json:"hasNextPage"`
		End  string `json:"endCursor"`
	} `json:"pageInfo"`
}

// answer reads an answer, which is good by its status even where it holds errors.
func answer(body []byte, field string) (listing, error) {
	var a struct {
		Data   map[string]*listing `json:"data"`
		Errors []struct {
			Message    string `json:"message"`
			Extensions struct {
				Code string `json:"code"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &a) != nil {
		return listing{}, fault.New(fault.Unavailable, "reading an answer of Wiz: it is not the JSON that was asked for")
	}
	if len(a.Errors) > 0 {
		return listing{}, refusal(a.Errors[0].Extensions.Code + " " + a.Errors[0].Message)
	}
	if list := a.Data[field]; list != nil {
		return *list, nil
	}
	return listing{}, fault.New(fault.Unavailable, "reading an answer of Wiz: it holds no %s", field)
}

// refusal maps an error of GraphQL, without its text, which may repeat what was asked.
func refusal(text string) error {
	text = strings.ToLower(text)
	switch {
	case strings.Contains(text, "rate") && strings.Contains(text, "limit"), strings.Contains(text, "too many"):
		return fault.New(fault.Throttled, "Wiz asks to wait")
	case strings.Contains(text, "unauth"), strings.Contains(text, "forbidden"), strings.Contains(text, "permission"), strings.Contains(text, "access denied"):
		return fault.New(fault.Denied, "Wiz refused the query: check what the service account is allowed")
	case strings.Contains(text, "internal"), strings.Contains(text, "timeout"), strings.Contains(text, "unavailable"):
		return fault.New(fault.Unavailable, "Wiz could not answer the query")
	}
	return fault.New(fault.Invalid, "Wiz did not understand the query: its schema may have changed")
}

// client is the API, whose path is the whole of the configured address.
func (in *Instance) client() httpclient.API {
	api := in.api
	api.Refused = func(status int, header http.Header, body []byte) error {
		if status == http.StatusBadRequest && bytes.Contains(bytes.ToLower(body), []byte("rate limit")) {
			return &fault.Error{Kind: fault.Throttled, Msg: "Wiz asks to wait", RetryAfter: httpclient.RetryAfter(header)}
		}
		return nil
	}
	return api
}
