package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Every activity that a workflow uses is wrapped here once, with its types and with words
// that a person reading the history understands.

// local runs an activity within the workflow task.
func local[Out any](ctx workflow.Context, name, summary string, in any) (out Out, err error) {
	err = workflow.ExecuteLocalActivity(storeCall(ctx, summary), name, in).Get(ctx, &out)
	return out, err
}

// remote runs an activity on a worker, under the options of ctx.
func remote[Out any](ctx workflow.Context, name string, in any) (out Out, err error) {
	err = workflow.ExecuteActivity(ctx, name, in).Get(ctx, &out)
	return out, err
}

func follow(ctx workflow.Context, in activities.FollowInput) (lifecycle.ExposureView, error) {
	return local[lifecycle.ExposureView](ctx, activities.NameFollow, "See what has become of it", in)
}

func decide(ctx workflow.Context, d lifecycle.Decision) (activities.DecideResult, error) {
	return local[activities.DecideResult](ctx, activities.NameDecide, lifecycle.Plain(d.Actor.Name+" decides: "+string(d.Kind), 120), d)
}

func verify(ctx workflow.Context, in activities.StepInput) (lifecycle.ExposureView, error) {
	return local[lifecycle.ExposureView](ctx, activities.NameVerify, "Begin the re-test", in)
}

func lapse(ctx workflow.Context, in activities.StepInput) (lifecycle.ExposureView, error) {
	return local[lifecycle.ExposureView](ctx, activities.NameLapse, "The exception ends", in)
}

func prepare(ctx workflow.Context, in activities.StepInput) (activities.Prepared, error) {
	return local[activities.Prepared](ctx, activities.NamePrepare, "Ask the rules of engagement", in)
}

func record(ctx workflow.Context, in activities.RecordInput) (lifecycle.ExposureView, error) {
	said := string(in.Verdict.Outcome)
	if in.Refused != "" || in.Without != "" {
		said = "no probe"
	}
	return local[lifecycle.ExposureView](ctx, activities.NameRecord, "Record the verdict: "+said, in)
}

func join(ctx workflow.Context, in activities.StepInput) (lifecycle.ExposureView, error) {
	return local[lifecycle.ExposureView](ctx, activities.NameJoin, "Join the ticket of its owner and fix", in)
}

func nudge(ctx workflow.Context, in activities.NudgeInput, about string) (lifecycle.ExposureView, error) {
	return remote[lifecycle.ExposureView](outsideCall(ctx, "Tell somebody: "+about), activities.NameNudge, in)
}

func plan(ctx workflow.Context, in activities.RemediationStep) (activities.Plan, error) {
	return local[activities.Plan](ctx, activities.NamePlan, "See what there is to do", in)
}

func createTicket(ctx workflow.Context, in activities.RemediationStep, p *activities.Plan) (activities.TicketResult, error) {
	return remote[activities.TicketResult](outsideCall(ctx, "Create a ticket for "+p.Owner+": "+p.Title), activities.NameCreate, in)
}

func syncTicket(ctx workflow.Context, in activities.RemediationStep, ticket string) (activities.SyncResult, error) {
	return remote[activities.SyncResult](outsideCall(ctx, "Bring ticket "+lifecycle.Plain(ticket, 60)+" up to date"), activities.NameSync, in)
}

func comment(ctx workflow.Context, in activities.RemediationStep, ticket string) error {
	_, err := remote[activities.Done](outsideCall(ctx, "Say on ticket "+lifecycle.Plain(ticket, 60)+" what happened"), activities.NameComment, in)
	return err
}

func attach(ctx workflow.Context, in activities.RemediationStep, ticket string) error {
	_, err := remote[activities.Done](outsideCall(ctx, "Attach evidence to ticket "+lifecycle.Plain(ticket, 60)), activities.NameAttach, in)
	return err
}

func notify(ctx workflow.Context, in activities.RemediationStep, owner string) error {
	_, err := remote[activities.Done](outsideCall(ctx, "Tell "+lifecycle.Plain(owner, 60)), activities.NameNotify, in)
	return err
}

func claimMembers(ctx workflow.Context, in activities.ClaimInput) error {
	_, err := remote[activities.ClaimResult](longCall(ctx, lifecycle.Plain(in.By, 60)+" closed the ticket: claim all members"), activities.NameClaimAll, in)
	return err
}

func finish(ctx workflow.Context, in activities.RemediationStep) (bool, error) {
	return local[bool](ctx, activities.NameFinish, "Nothing is left to fix", in)
}

func drain(ctx workflow.Context, in lifecycle.IngestInput) (activities.Drained, error) {
	return remote[activities.Drained](longCall(ctx, "Take in what "+lifecycle.Plain(in.Source, 64)+" delivered"), activities.NameDrain, in)
}

func sweep(ctx workflow.Context, in activities.SweepRequest) (activities.SweepReport, error) {
	return remote[activities.SweepReport](sweepCall(ctx, "Look over the store"), activities.NameSweep, in)
}

func reconcile(ctx workflow.Context, in activities.ReconcileRequest) (activities.ReconcileReport, error) {
	return remote[activities.ReconcileReport](sweepCall(ctx, "Ask "+lifecycle.Plain(in.Tracker, 64)+" what was changed"), activities.NameReconcile, in)
}
