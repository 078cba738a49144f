package apiclient

import (
	"context"
	"iter"
	"net/url"

	"github.com/quellsec/quell/internal/runbook"
)

// RunbookRun is a run of a runbook.
type RunbookRun struct {
	runbook.Run
	Mine bool `json:"mine"` // it waits for the caller's approval
}

// RunbookStatus is a configured runbook.
type RunbookStatus struct {
	Name       string   `json:"name"`
	When       string   `json:"when"`
	Quorum     int      `json:"quorum"`
	Approvers  []string `json:"approvers"`
	Propose    bool     `json:"propose"`
	Timeout    string   `json:"timeout"`
	MaxRunning int      `json:"max_running"`
	Running    int      `json:"running"`
}

// Runbooks lists the configured runbooks.
func (c *Client) Runbooks(ctx context.Context) ([]Item[RunbookStatus], error) {
	found, err := get[struct {
		Items []Item[RunbookStatus] `json:"items"`
	}](ctx, c, "/runbooks", nil)
	return found.Value.Items, err
}

// RunbookRuns walks the runs of runbooks, newest first.
func (c *Client) RunbookRuns(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[RunbookRun], error] {
	return All[RunbookRun](ctx, c, "/runbook-runs", query, limit)
}

// RunbookRun reads one run.
func (c *Client) RunbookRun(ctx context.Context, id string) (Item[RunbookRun], error) {
	return get[RunbookRun](ctx, c, "/runbook-runs"+seg(id), nil)
}

// AskRun asks for a run of a runbook for a remediation, given by its ID or its ticket's key.
// The same key again is the same run.
func (c *Client) AskRun(ctx context.Context, remediation, book, reason, key string) (Item[RunbookRun], error) {
	return post[RunbookRun](ctx, c, "/remediations"+seg(remediation)+"/runs", map[string]string{"runbook": book, "reason": reason}, map[string]string{"Idempotency-Key": key})
}

// DecideRun approves, declines or withdraws a run that waits.
func (c *Client) DecideRun(ctx context.Context, id string, what runbook.Decision, reason string) (Item[RunbookRun], error) {
	return post[RunbookRun](ctx, c, "/runbook-runs"+seg(id)+"/decisions", map[string]string{"kind": string(what), "reason": reason}, nil)
}
