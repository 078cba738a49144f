package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/internal/lifecycle"
)

// answer sets up what the run answers: people's decisions as updates, and queries.
func (r *exposureRun) answer(ctx workflow.Context) error {
	for _, kind := range lifecycle.DecisionKinds() {
		handle := func(ctx workflow.Context, d lifecycle.Decision) (lifecycle.DecisionResult, error) {
			return r.decide(ctx, d)
		}
		validate := func(ctx workflow.Context, d lifecycle.Decision) error { return r.check(ctx, kind, d) }
		if err := workflow.SetUpdateHandlerWithOptions(ctx, string(kind), handle, workflow.UpdateHandlerOptions{Validator: validate}); err != nil {
			return err
		}
	}
	if err := workflow.SetQueryHandler(ctx, lifecycle.QueryState, func() (lifecycle.ExposureView, error) { return r.view, nil }); err != nil {
		return err
	}
	return workflow.SetQueryHandler(ctx, lifecycle.QueryTimeline, func() ([]lifecycle.TimelineLine, error) { return r.timeline, nil })
}

// check refuses what lacks something, before it leaves a trace in the history.
func (r *exposureRun) check(ctx workflow.Context, kind lifecycle.DecisionKind, d lifecycle.Decision) error {
	if d.Kind != kind || d.Exposure != r.id {
		return temporal.NewNonRetryableApplicationError("deciding "+string(kind)+": the decision is about something else", lifecycle.KindInvalid, nil)
	}
	return lifecycle.Failure(d.Validate(workflow.Now(ctx)))
}

// decide carries out a decision and lets the run see it at once.
func (r *exposureRun) decide(ctx workflow.Context, d lifecycle.Decision) (lifecycle.DecisionResult, error) {
	out, err := decide(ctx, d)
	if err != nil {
		// The caller gets the reason, without the story of the activity around it.
		var app *temporal.ApplicationError
		if errors.As(err, &app) {
			return lifecycle.DecisionResult{}, temporal.NewNonRetryableApplicationError(app.Message(), app.Type(), nil)
		}
		return lifecycle.DecisionResult{}, err
	}
	r.see(out.View)
	if d.Kind == lifecycle.DecideRetest && !out.Result.Repeated {
		r.retest = true
	}
	r.news.SendAsync(true) // if it is full, the run knows already
	return out.Result, nil
}

// maxTimeline is how many lines of the story a run keeps.
const maxTimeline = 200

// see takes a view, if it is newer than the one that the run has.
func (r *exposureRun) see(v lifecycle.ExposureView) {
	for _, line := range v.Timeline {
		if n := len(r.timeline); n == 0 || line.Seq > r.timeline[n-1].Seq {
			r.timeline = append(r.timeline, line)
		}
	}
	r.timeline = slices.Clone(r.timeline[max(0, len(r.timeline)-maxTimeline):])
	if v.Version < r.view.Version {
		return // a decision came in between
	}
	v.Timeline = nil
	r.view, r.failures = v, 0
}
