package gcpscc

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/gcpapi"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const host = "securitycenter.googleapis.com"

const (
	perPage = "1000"
	overlap = 10 * time.Minute // findings may be shown later than they say they happened
)

// Instance is one configured Security Command Center source.
type Instance struct {
	source string
	config Config
	api    httpclient.API
	pushes *gcpapi.Pushes
}

// FullEvery implements connectors.Incremental: muting, marks and contacts change without
// an event.
func (*Instance) FullEvery() time.Duration { return 7 * 24 * time.Hour }

// Pull implements connectors.Puller: one page of the findings of all sources.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Parent == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured, nor a parent", in.source)
	}
	query := url.Values{"pageSize": {perPage}}
	if !req.Since.IsZero() {
		query.Set("filter", `event_time > "`+req.Since.Add(-overlap).UTC().Format(time.RFC3339)+`"`)
	}
	if req.Cursor != "" {
		query.Set("pageToken", req.Cursor)
	}
	var body bytes.Buffer // the next page's token is in it
	path := "/v2/" + in.config.Parent + "/sources/-/locations/" + in.config.Location + "/findings"
	if _, err := in.api.Copy(ctx, httpclient.Call{Path: path, Query: query}, &body); err != nil {
		return connectors.Pulled{}, err //nolint:wrapcheck // it says what was called
	}
	var answer struct {
		Results []json.RawMessage `json:"listFindingsResults"`
		Next    string            `json:"nextPageToken"`
	}
	if json.Unmarshal(body.Bytes(), &answer) != nil || len(answer.Next) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading findings of Google Cloud: the answer is not the JSON that was asked for")
	}
	if len(answer.Results) > 0 {
		if _, err := page.Write(body.Bytes()); err != nil {
			return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "keeping a page")
		}
	}
	if answer.Next != "" && answer.Next != req.Cursor {
		return connectors.Pulled{Next: answer.Next}, nil
	}
	kind := exposure.RunFull
	if !req.Since.IsZero() {
		kind = exposure.RunPartial
	}
	return connectors.Pulled{Run: exposure.Run{Kind: kind, Why: "what is fixed stays in the list as inactive, so what is missing was deleted"}}, nil
}
