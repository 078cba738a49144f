package activities

import (
	"context"
	"strconv"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// StepInput asks for one step of an exposure's lifecycle. Seq is the event that the
// workflow decided on: with it the step has one cause, however often it is tried.
type StepInput struct {
	ID  exposure.ID `json:"id"`
	Seq int64       `json:"seq"`
}

func (in *StepInput) cause(kind exposure.EventKind) string {
	return "step/" + strconv.FormatInt(in.Seq, 10) + "/" + string(kind)
}

// Verify begins the re-test of a claim, or of an open exposure that a person asked for.
func (a *Activities) Verify(ctx context.Context, in StepInput) (lifecycle.ExposureView, error) {
	return a.step(ctx, in, exposure.Event{Kind: exposure.EventVerify, Actor: system("lifecycle"), Reason: "the re-test begins"})
}

// Lapse ends an exception whose date has come.
func (a *Activities) Lapse(ctx context.Context, in StepInput) (lifecycle.ExposureView, error) {
	return a.step(ctx, in, exposure.Event{Kind: exposure.EventLapse, Actor: system("lifecycle"), Reason: "its end has come"})
}

func (a *Activities) step(ctx context.Context, in StepInput, ev exposure.Event) (lifecycle.ExposureView, error) {
	ev.Cause = in.cause(ev.Kind)
	res, err := a.apply(ctx, ledger.Change{ID: in.ID, Event: ev})
	if err != nil {
		return lifecycle.ExposureView{}, err
	}
	return a.viewAfter(&res), nil
}

// DecideResult is a person's decision as carried out, and the exposure after it.
type DecideResult struct {
	Result lifecycle.DecisionResult `json:"result"`
	View   lifecycle.ExposureView   `json:"view"`
}

// Decide carries out a person's decision.
func (a *Activities) Decide(ctx context.Context, d lifecycle.Decision) (DecideResult, error) {
	if err := d.Validate(a.now()); err != nil {
		return DecideResult{}, err
	}
	res, result, err := lifecycle.DecideUnder(ctx, a.Ledger, a.Records, a.Rules, exposure.ModeWorkflow, d, a.now())
	if err != nil {
		return DecideResult{}, err
	}
	if err := a.tell(ctx, &res.Exposure, &res.Event); err != nil {
		return DecideResult{}, err
	}
	return DecideResult{Result: result, View: a.viewAfter(&res)}, nil
}

// apply records an event on behalf of the exposure's workflow, and tells whom it concerns.
func (a *Activities) apply(ctx context.Context, c ledger.Change) (ledger.Result, error) {
	c.As = exposure.ModeWorkflow
	res, err := a.Ledger.Apply(ctx, c)
	if err != nil {
		return res, err
	}
	return res, a.tell(ctx, &res.Exposure, &res.Event)
}

func (a *Activities) viewAfter(res *ledger.Result) lifecycle.ExposureView {
	v := a.Policy.view(&res.Exposure, a.now())
	v.Timeline = []lifecycle.TimelineLine{lifecycle.LineOf(&res.Event)}
	return v
}
