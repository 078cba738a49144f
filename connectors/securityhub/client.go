package securityhub

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

// query is the body of GetFindings.
type query struct {
	Filters    *filters `json:"Filters,omitempty"`
	MaxResults int      `json:"MaxResults"`
	NextToken  string   `json:"NextToken,omitempty"`
	Sort       []sortBy `json:"SortCriteria"`
}

type filters struct {
	Updated []dateRange `json:"UpdatedAt"`
}

type dateRange struct {
	Start string `json:"Start"`
	End   string `json:"End"`
}

type sortBy struct {
	Field string `json:"Field"`
	Order string `json:"SortOrder"`
}

const (
	perPage = 100
	// overlap covers findings that the hub shows later than it says they were updated.
	overlap = 10 * time.Minute
)

// FullEvery implements connectors.Incremental: findings may be updated without the hub
// moving UpdatedAt, as when one is archived with its resource.
func (*Instance) FullEvery() time.Duration { return 7 * 24 * time.Hour }

// Pull implements connectors.Puller: one page of GetFindings.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	api, err := in.client.API(ctx, service, in.config.Region, awsapi.Host(service, in.config.Region))
	if err != nil {
		return connectors.Pulled{}, err //nolint:wrapcheck // it says what was done
	}
	q := query{MaxResults: perPage, NextToken: req.Cursor, Sort: []sortBy{{"UpdatedAt", "asc"}}}
	if !req.Since.IsZero() { // an end is required, and none is in the future for long
		q.Filters = &filters{Updated: []dateRange{{req.Since.Add(-overlap).UTC().Format(time.RFC3339), "2100-01-01T00:00:00Z"}}}
	}
	var body bytes.Buffer // the next page's token is in it
	if _, err := api.Copy(ctx, httpclient.Call{Path: "/findings", JSON: q}, &body); err != nil {
		return connectors.Pulled{}, err //nolint:wrapcheck // likewise
	}
	var answer struct {
		Findings  []json.RawMessage `json:"Findings"`
		NextToken string            `json:"NextToken"`
	}
	if err := json.Unmarshal(body.Bytes(), &answer); err != nil || len(answer.NextToken) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading findings of AWS Security Hub: the answer is not the JSON that was asked for")
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
	return connectors.Pulled{Run: exposure.Run{Kind: kind, Why: "the hub forgets findings that are not updated, so what is missing may still be there"}}, nil
}
