package lifecycle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
)

// Records is what the client reads of the store.
type Records interface {
	Exposure(ctx context.Context, id exposure.ID) (exposure.Exposure, error)
	Events(ctx context.Context, id exposure.ID) ([]exposure.Event, error)
}

// Client is how the rest of quell talks to the workflows. The store is the truth: who
// calls it has written there first, so that what is lost on the way is sent again by the
// sweep.
type Client struct {
	temporal client.Client
	ledger   *ledger.Ledger
	records  Records
	rules    *exception.Rules
	now      func() time.Time
	log      *slog.Logger
}

// NewClient makes a client over a connection to Temporal; now is the clock, in UTC.
func NewClient(c client.Client, l *ledger.Ledger, records Records, now func() time.Time, log *slog.Logger) *Client {
	return &Client{temporal: c, ledger: l, records: records, rules: exception.Default(), now: now, log: log}
}

// Under gives the client the rules that exceptions are decided under.
func (c *Client) Under(rules *exception.Rules) *Client {
	c.rules = rules
	return c
}

// WakeSource tells the Ingest workflow of a source that deliveries wait, starting it if
// need be. One wake is enough for many deliveries.
func (c *Client) WakeSource(ctx context.Context, source string) error {
	_, err := c.temporal.SignalWithStartWorkflow(ctx, IngestWorkflowID(source), SignalWake, Wake{Reason: "delivery"},
		ingestOptions(source), IngestWorkflow, IngestInput{Source: source})
	return kinded(err, "waking the ingest of "+source)
}

// StartSource makes sure that the Ingest workflow of a source runs.
func (c *Client) StartSource(ctx context.Context, source string) error {
	_, err := c.temporal.ExecuteWorkflow(ctx, ingestOptions(source), IngestWorkflow, IngestInput{Source: source})
	return kinded(err, "starting the ingest of "+source)
}

// RestartSource puts a new run of a source's Ingest in the place of one whose worker is
// known to be dead, instead of waiting until Temporal misses it. The checkpoint is in the
// store.
func (c *Client) RestartSource(ctx context.Context, source string) error {
	options := ingestOptions(source)
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	_, err := c.temporal.ExecuteWorkflow(ctx, options, IngestWorkflow, IngestInput{Source: source})
	return kinded(err, "restarting the ingest of "+source)
}

func ingestOptions(source string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: IngestWorkflowID(source), TaskQueue: TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary: "Takes in what " + source + " delivers",
	}
}

// WakeExposure tells the workflow of an exposure that facts in the store changed,
// starting it if need be. It does nothing for an exposure that no workflow has in hand.
func (c *Client) WakeExposure(ctx context.Context, id exposure.ID, reason string) error {
	e, err := c.records.Exposure(ctx, id)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading exposure "+string(id))
	}
	return c.Wake(ctx, &e, reason)
}

// Wake is WakeExposure for a caller that has just read the exposure.
func (c *Client) Wake(ctx context.Context, e *exposure.Exposure, reason string) error {
	if e.Mode != exposure.ModeWorkflow {
		return nil
	}
	_, err := c.temporal.SignalWithStartWorkflow(ctx, ExposureWorkflowID(e.ID), SignalWake, Wake{Reason: Plain(reason, 200)},
		exposureOptions(e), ExposureWorkflow, ExposureInput{ID: e.ID, Version: e.Version})
	return kinded(err, "waking the workflow of exposure "+string(e.ID))
}

// exposureOptions start an exposure's workflow so that it can be found in the UI from
// its first moment, without a write of search attributes of its own.
func exposureOptions(e *exposure.Exposure) client.StartWorkflowOptions {
	v := ViewOf(e)
	return client.StartWorkflowOptions{
		ID: ExposureWorkflowID(e.ID), TaskQueue: TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:         Plain(e.Title, 120) + " on " + Plain(e.AssetName, 80),
		StaticDetails:         Plain(e.Weakness, 120) + " at " + Plain(e.AssetName+" "+e.Location, 160),
		TypedSearchAttributes: temporal.NewSearchAttributes(SearchUpdates(temporal.NewSearchAttributes(), &v)...),
	}
}

// WakeRemediation tells the workflow of a remediation that its members or its ticket
// changed, starting it if need be. The reason "ticket" makes it look at its ticket.
func (c *Client) WakeRemediation(ctx context.Context, id, reason string) error {
	_, err := c.temporal.SignalWithStartWorkflow(ctx, RemediationWorkflowID(id), SignalWake, Wake{Reason: Plain(reason, 200)},
		client.StartWorkflowOptions{
			ID: RemediationWorkflowID(id), TaskQueue: TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary: "Keeps the ticket of one owner's one fix",
		}, RemediationWorkflow, RemediationInput{ID: id})
	return kinded(err, "waking the workflow of remediation "+id)
}

// WakeCampaign tells the workflow of a campaign that it is to look at it, starting it if
// need be.
func (c *Client) WakeCampaign(ctx context.Context, id, reason string) error {
	_, err := c.temporal.SignalWithStartWorkflow(ctx, CampaignWorkflowID(id), SignalWake, Wake{Reason: Plain(reason, 200)},
		client.StartWorkflowOptions{
			ID: CampaignWorkflowID(id), TaskQueue: TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary: "Follows the campaign " + Plain(id, 64),
		}, CampaignWorkflow, CampaignInput{ID: id})
	return kinded(err, "waking the workflow of campaign "+id)
}

// StartSweep makes sure that the one Sweep runs. One that runs already keeps its figures
// until it is stopped.
func (c *Client) StartSweep(ctx context.Context, in SweepInput) error {
	_, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: SweepID, TaskQueue: TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary: "Admits, resends what was lost, and lets exceptions end",
	}, SweepWorkflow, in)
	return kinded(err, "starting the sweep")
}

// StartReconcile makes sure that the one Reconcile of a tracker runs.
func (c *Client) StartReconcile(ctx context.Context, tracker string) error {
	_, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: ReconcileWorkflowID(tracker), TaskQueue: TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary: "Finds what was changed in " + Plain(tracker, 64) + " and not told",
	}, ReconcileWorkflow, ReconcileInput{Tracker: tracker})
	return kinded(err, "starting to reconcile "+tracker)
}

// EndSweep ends the Sweep, for a StartSweep with other figures to follow.
func (c *Client) EndSweep(ctx context.Context) error {
	err := kinded(c.temporal.TerminateWorkflow(ctx, SweepID, "", "quell starts, and starts it anew"), "ending the sweep")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Decide carries out a person's decision: by its workflow where one has the exposure in
// hand, straight in the ledger otherwise. The same cause twice is one decision. Errors
// are of kind invalid (the decision lacks something), conflict (the exposure's state or
// version doesn't allow it), not_found, or unavailable (no worker answers: what was
// decided may still come about, so ask again with the same cause).
func (c *Client) Decide(ctx context.Context, d Decision) (DecisionResult, error) {
	if err := d.Validate(c.now()); err != nil {
		return DecisionResult{}, err
	}
	var result DecisionResult
	for range 4 {
		e, err := c.records.Exposure(ctx, d.Exposure)
		if err != nil {
			return DecisionResult{}, fault.Wrap(fault.KindOf(err), err, "reading exposure "+string(d.Exposure))
		}
		if e.Mode == exposure.ModeWorkflow {
			result, err = c.update(ctx, &e, d)
		} else {
			result, err = c.apply(ctx, d)
		}
		if err == nil || !c.changedHands(ctx, &e) {
			return result, err
		}
	}
	return DecisionResult{}, fault.New(fault.Unavailable, "deciding %s: the exposure changes hands too fast; try again", d.Kind)
}

// changedHands reports whether an exposure has gone from the store's hands to a
// workflow's, or back, since it was read: then the decision went to the wrong address.
func (c *Client) changedHands(ctx context.Context, seen *exposure.Exposure) bool {
	now, err := c.records.Exposure(ctx, seen.ID)
	return err == nil && now.Mode != seen.Mode
}

func (c *Client) apply(ctx context.Context, d Decision) (DecisionResult, error) {
	res, result, err := DecideUnder(ctx, c.ledger, c.records, c.rules, exposure.ModeStore, d, c.now())
	if err != nil {
		return result, err
	}
	// The store has it; if this is lost, the sweep starts the workflow.
	if err := c.Wake(ctx, &res.Exposure, string(d.Kind)); err != nil {
		c.log.Warn("waking an exposure's workflow failed; the sweep will try again", "exposure", d.Exposure, "error", err)
	}
	return result, nil
}

// update sends the decision to the exposure's workflow, and starts it where Temporal has
// lost it.
func (c *Client) update(ctx context.Context, e *exposure.Exposure, d Decision) (DecisionResult, error) {
	options := client.UpdateWorkflowOptions{
		WorkflowID: ExposureWorkflowID(e.ID), UpdateID: updateID(d.Cause), UpdateName: string(d.Kind), Args: []any{d}, WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	handle, err := c.temporal.UpdateWorkflow(ctx, options)
	if IsNotFound(err) {
		handle, err = c.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: c.temporal.NewWithStartWorkflowOperation(exposureOptions(e), ExposureWorkflow, ExposureInput{ID: e.ID, Version: e.Version}),
			UpdateOptions:          options,
		})
	}
	if err != nil {
		return DecisionResult{}, kinded(err, "deciding "+string(d.Kind))
	}
	var result DecisionResult
	if err := handle.Get(ctx, &result); err != nil {
		return DecisionResult{}, kinded(err, "deciding "+string(d.Kind))
	}
	return result, nil
}

// updateID makes a cause, which a caller chose, into an ID of a form that Temporal takes.
func updateID(cause string) string {
	sum := sha256.Sum256([]byte(cause))
	return hex.EncodeToString(sum[:16])
}

// WorkflowLink says where the story of an exposure is in the Temporal UI.
type WorkflowLink struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	Status     string `json:"status"` // as Temporal spells it: Running, Completed…
}

// Describe finds the latest workflow run of an exposure: not_found if there was none
// within the namespace's retention.
func (c *Client) Describe(ctx context.Context, id exposure.ID) (WorkflowLink, error) {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, ExposureWorkflowID(id), "")
	if err != nil {
		return WorkflowLink{}, kinded(err, "describing the workflow of exposure "+string(id))
	}
	info := d.GetWorkflowExecutionInfo()
	return WorkflowLink{WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), Status: info.GetStatus().String()}, nil
}
