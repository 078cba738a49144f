package inspector

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// query is the body of ListFindings.
type query struct {
	Filter     *filter `json:"filterCriteria,omitempty"`
	MaxResults int     `json:"maxResults"`
	NextToken  string  `json:"nextToken,omitempty"`
	Sort       sortBy  `json:"sortCriteria"`
}

type filter struct {
	Updated []dateRange `json:"updatedAt"`
}

type dateRange struct {
	Start int64 `json:"startInclusive"` // Unix seconds
}

type sortBy struct {
	Field string `json:"field"`
	Order string `json:"sortOrder"`
}

const (
	perPage = 100
	overlap = 10 * time.Minute // findings may be shown later than they say they were updated
)

// FullEvery implements connectors.Incremental: closed findings are deleted after some
// days, so all is asked for before that.
func (*Instance) FullEvery() time.Duration { return 24 * time.Hour }

// Pull implements connectors.Puller: one page of ListFindings.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	api, err := in.client.API(ctx, service, in.config.Region, awsapi.Host(service, in.config.Region))
	if err != nil {
		return connectors.Pulled{}, err //nolint:wrapcheck // it says what was done
	}
	q := query{MaxResults: perPage, NextToken: req.Cursor, Sort: sortBy{"LAST_OBSERVED_AT", "ASC"}}
	if !req.Since.IsZero() {
		q.Filter = &filter{Updated: []dateRange{{req.Since.Add(-overlap).Unix()}}}
	}
	var body bytes.Buffer // the next page's token is in it
	if _, err := api.Copy(ctx, httpclient.Call{Path: "/findings/list", JSON: q}, &body); err != nil {
		return connectors.Pulled{}, err //nolint:wrapcheck // likewise
	}
	var answer struct {
		Findings  []json.RawMessage `json:"findings"`
		NextToken string            `json:"nextToken"`
	}
	if err := json.Unmarshal(body.Bytes(), &answer); err != nil || len(answer.NextToken) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading findings of Amazon Inspector: the answer is not the JSON that was asked for")
	}
	if len(answer.Findings) > 0 {
		if _, err := page.Write(body.Bytes()); err != nil {
			return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "keeping a page")
		}
	}
	if answer.NextToken != "" && answer.NextToken != req.Cursor {
		return connectors.Pulled{Next: answer.NextToken}, nil
	}
	kind := exposure.RunFull
	if !req.Since.IsZero() {
		kind = exposure.RunPartial
	}
	return connectors.Pulled{Run: exposure.Run{Kind: kind, Why: "Inspector deletes what it closed, so what is missing was not said to be gone"}}, nil
}
