package lifecycle

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/quellsec/quell/internal/runbook"
)

// RunbookWorkflow is the registered name of the workflow that follows one run of a runbook.
const RunbookWorkflow = "Runbook"

// WakeRunbook is the reason of a remediation's wake by a run of a runbook.
const WakeRunbook = "runbook"

// RunbookWorkflowID names the workflow of a run.
func RunbookWorkflowID(run string) string { return "runbook/" + run }

// RunbookInput starts or continues a Runbook workflow.
type RunbookInput struct {
	Run string `json:"run"`
}

// RunbookStep is what one look at a run came to.
type RunbookStep struct {
	State runbook.State `json:"state"`
	Next  time.Time     `json:"next,omitzero"` // when something is to be done next; zero: nothing any more
}

// WakeRun tells the workflow of a run that something is to be done, starting it if need be.
func (c *Client) WakeRun(ctx context.Context, run, reason string) error {
	_, err := c.temporal.SignalWithStartWorkflow(ctx, RunbookWorkflowID(run), SignalWake, Wake{Reason: Plain(reason, 200)},
		client.StartWorkflowOptions{
			ID: RunbookWorkflowID(run), TaskQueue: TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary: "Follows one run of a runbook",
		}, RunbookWorkflow, RunbookInput{Run: run})
	return kinded(err, "waking the workflow of run "+run)
}

// SubjectRun is what a button about a run of a runbook names: run:ID.
const SubjectRun = "run"

// RunRequest asks for a run of a runbook for a remediation. Cause is the caller's
// idempotency key: the same cause twice is one run.
type RunRequest struct {
	Cause       string
	Remediation string
	Runbook     string
	By          string
	Role        string // of whoever asks, where he asks
	Reason      string
	Via         string // api, chat
}

// RunDecision is what somebody decides on a run that waits.
type RunDecision struct {
	Run      string
	Decision runbook.Decision
	runbook.Decider
}

// RunbookStatus is a configured runbook, as people see it.
type RunbookStatus struct {
	Name       string   `json:"name"`
	When       string   `json:"when,omitempty"`
	Quorum     int      `json:"quorum"`
	Approvers  []string `json:"approvers"`
	Propose    bool     `json:"propose"`
	Timeout    string   `json:"timeout"`
	MaxRunning int      `json:"max_running"`
	Running    int      `json:"running"` // that have a place now
}
