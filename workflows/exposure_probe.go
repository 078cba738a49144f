package workflows

import (
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// probe has the exposure probed, and records what came of it. It is given up when what is
// decided or reported meanwhile takes the exposure elsewhere.
func (r *exposureRun) probe(ctx workflow.Context) error {
	r.retest = false
	in := activities.StepInput{ID: r.id, Seq: r.view.Seq}
	p, err := prepare(ctx, in)
	if err != nil {
		return err
	}
	out := activities.RecordInput{ID: r.id, Seq: in.Seq, Vantage: p.Vantage, Refused: p.Refused, Without: p.Without}
	switch {
	case !p.NotYet.IsZero():
		until := p.NotYet
		if r.owesWord() {
			until = earliest(until, r.view.NudgeAt)
		}
		r.wait(ctx, until)
		return nil
	case p.Refused == "" && p.Without == "":
		from := r.view.State
		result, err := r.runProbe(ctx, &p)
		if err != nil {
			return err
		}
		if result == nil || r.view.State != from {
			return nil // the exposure went elsewhere
		}
		out.Verdict, out.Refused, out.Without = result.Verdict, result.Refused, result.without
	}
	view, err := record(ctx, out)
	if err == nil {
		r.see(view)
	}
	return err
}

// probed is a probe's answer, or why there is none.
type probed struct {
	lifecycle.ProbeResult
	without string
}

// runProbe waits for the probe's answer. While it waits it follows what happens; nil
// means that the exposure is no longer where it was.
func (r *exposureRun) runProbe(ctx workflow.Context, p *activities.Prepared) (*probed, error) {
	from := r.view.State
	probeCtx, giveUp := workflow.WithCancel(ctx)
	defer giveUp()
	summary := fmt.Sprintf("Probe %s from %s", lifecycle.Plain(p.Request.Verification.Target, 120), p.Vantage)
	answer := workflow.ExecuteActivity(probeCall(probeCtx, p.Vantage, p.Wait, summary), lifecycle.ActivityProbe, p.Request)
	for {
		s := workflow.NewSelector(ctx)
		s.AddFuture(answer, func(workflow.Future) {})
		r.listen(s)
		s.Select(ctx)
		if answer.IsReady() {
			var out probed
			if err := answer.Get(ctx, &out.ProbeResult); err != nil {
				out.without = without(err, p.Vantage)
			}
			return &out, nil
		}
		r.drain()
		view, err := follow(ctx, activities.FollowInput{ID: r.id})
		if err != nil {
			return nil, err
		}
		r.see(view)
		if r.view.State != from || r.view.Mode != exposure.ModeWorkflow {
			return nil, nil
		}
	}
}

// without says in words why there is no answer.
func without(err error, vantage string) string {
	var timeout *temporal.TimeoutError
	var app *temporal.ApplicationError
	switch {
	case errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START:
		return fmt.Sprintf("no probe is polling at vantage %q", vantage)
	case errors.As(err, &timeout):
		return fmt.Sprintf("the probe at vantage %q did not answer in time", vantage)
	case errors.As(err, &app):
		return fmt.Sprintf("the probe at vantage %q failed: %s", vantage, lifecycle.Plain(app.Message(), 300))
	}
	return fmt.Sprintf("the probe at vantage %q failed: %s", vantage, lifecycle.Plain(err.Error(), 300))
}

// waitingFor says in the history what a timer is for.
func waitingFor(v *lifecycle.ExposureView) string {
	switch v.State {
	case exposure.Open:
		if v.Owner == "" {
			return "Waiting for an owner"
		}
		return "Waiting for a fix by " + lifecycle.Plain(v.Owner, 64)
	case exposure.FixClaimed:
		if !v.Method.Probes() {
			return "Waiting for a complete run of " + lifecycle.Plain(strings.Join(v.Sources, " and "), 100)
		}
		return "Waiting to test the claim again"
	case exposure.Validating, exposure.Verifying:
		return "Waiting until probes may run"
	case exposure.Accepted, exposure.Mitigated, exposure.FalsePositive:
		return "Waiting for the exception to end"
	default:
		return "Waiting"
	}
}

// about is a nudge in words.
func about(nudge string) string {
	switch name, _, _ := strings.Cut(nudge, "/"); name {
	case "unowned":
		return "nobody owns it"
	case "uncovered":
		return "claimed fixed, and no run has looked since"
	case "ending":
		return "its exception ends soon"
	case "tell":
		return "an exception was asked for, decided or ended"
	case "approval":
		return "a request waits for approval"
	case "expire":
		return "a request expires unanswered"
	case "resume":
		return "the clock of its due date runs again"
	default:
		return lifecycle.Plain(nudge, 60)
	}
}
