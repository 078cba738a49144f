// Package lifecycle is the contract with the workflows: task queues, workflow IDs,
// update, signal and query names, and the inputs and results that travel. Everything
// here may end up in a Temporal history, so it holds no secret and no scanner's body.
package lifecycle

import (
	"strings"

	"github.com/quellsec/quell/internal/exposure"
)

// TaskQueue is where the daemon's workers poll.
const TaskQueue = "quell"

// ProbeQueue is where the probes at a vantage point poll.
func ProbeQueue(vantage string) string { return "probe." + vantage }

// The registered workflow names.
const (
	ExposureWorkflow    = "Exposure"
	RemediationWorkflow = "Remediation"
	IngestWorkflow      = "Ingest"
	SweepWorkflow       = "Sweep"
	SyncWorkflow        = "Sync"
	ReconcileWorkflow   = "Reconcile"
	CampaignWorkflow    = "Campaign"
)

// SweepID is the workflow ID of the one Sweep.
const SweepID = "sweep"

// ReconcileWorkflowID names the workflow that compares a tracker with what it should hold.
func ReconcileWorkflowID(tracker string) string { return "reconcile/" + tracker }

// ExposureWorkflowID names the workflow of an exposure; a later admission reuses it.
func ExposureWorkflowID(id exposure.ID) string { return "exposure/" + string(id) }

// RemediationWorkflowID names the workflow of a remediation.
func RemediationWorkflowID(id string) string { return "remediation/" + id }

// CampaignWorkflowID names the workflow of a campaign.
func CampaignWorkflowID(id string) string { return "campaign/" + id }

// IngestWorkflowID names the workflow that drains a source.
func IngestWorkflowID(source string) string { return "ingest/" + source }

// SyncScheduleID names the schedule on which a source is pulled; its runs are workflows
// whose IDs begin with it.
func SyncScheduleID(source string) string { return "sync/" + source }

// ExposureOfWorkflow gives back the exposure of a workflow ID.
func ExposureOfWorkflow(workflowID string) (exposure.ID, bool) {
	id, ok := strings.CutPrefix(workflowID, "exposure/")
	return exposure.ID(id), ok
}

// SignalWake tells a workflow that facts in the store changed. Its argument is a Wake.
const SignalWake = "wake"

// The queries of an Exposure workflow.
const (
	QueryState    = "state"
	QueryTimeline = "timeline"
)

// Wake is the argument of SignalWake.
type Wake struct {
	Reason string `json:"reason"`
}

// DecisionKind is a human decision on an exposure: the name of the workflow update, of
// the API's field and of the CLI's verb.
type DecisionKind string

// The decisions.
const (
	DecideClaim         DecisionKind = "claim"               // take ownership for Team
	DecideReassign      DecisionKind = "reassign"            // give to Team
	DecideAcceptRisk    DecisionKind = "accept_risk"         // needs Reason and an end
	DecideMitigate      DecisionKind = "mitigate"            // a compensating control; needs Reason and an end
	DecideFalsePositive DecisionKind = "mark_false_positive" // needs Reason
	DecideSnooze        DecisionKind = "snooze"              // no reminders until Until
	DecideRetest        DecisionKind = "retest"
	DecideFixClaimed    DecisionKind = "fix_claimed" // somebody says it is fixed: a claim, then a re-test
	DecideReopen        DecisionKind = "reopen"
	DecideWait          DecisionKind = "wait"     // stop the clock of the due date: for what, Reason, Until
	DecideResume        DecisionKind = "resume"   // let it run again
	DecideApprove       DecisionKind = "approve"  // the exception that somebody asked for
	DecideDecline       DecisionKind = "decline"  // it; needs Reason
	DecideWithdraw      DecisionKind = "withdraw" // what one asked for oneself
	DecideNotOurs       DecisionKind = "not_ours" // Team, or whoever owns it, says that it isn't theirs; needs Reason
)

// DecisionKinds are all of them, in the order of the documentation.
func DecisionKinds() []DecisionKind {
	return []DecisionKind{DecideClaim, DecideReassign, DecideAcceptRisk, DecideMitigate, DecideFalsePositive,
		DecideSnooze, DecideRetest, DecideFixClaimed, DecideReopen, DecideApprove, DecideDecline, DecideWithdraw, DecideWait, DecideResume, DecideNotOurs}
}
