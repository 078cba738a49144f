package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

const (
	aimLifecycles = 0.8 // of bare workflows with as many activities
	lifecycleRuns = 200
	atOnce        = 16 // clients
	longestRun    = 5 * time.Minute
)

// lifecycleFigures compare whole lifecycles with workflows that do nothing in as many
// activities, in one run on one dev server.
func (b *bench) lifecycleFigures(ctx context.Context) error {
	if !b.wants("lifecycle") {
		return nil
	}
	dir, err := b.folder("lifecycle")
	if err != nil {
		return err
	}
	o, err := inChild(ctx, task{Kind: "lifecycle", Dir: dir, Findings: max(20, b.scaled(lifecycleRuns)), Profile: b.profile("lifecycle")}, 2, b.log)
	if err != nil {
		return err
	}
	b.note("%.1f lifecycles/s with %.1f local and %.1f other activities each, remediations' included; %.1f bare workflows/s with as many",
		o.Values["real"], o.Values["local"], o.Values["regular"], o.Values["bare"])
	b.figure(Figure{Name: "lifecycle_ratio", Value: o.Values["real"] / o.Values["bare"], Unit: "ratio", Aim: aimLifecycles})
	return nil
}

// lifecycles measures: exposures from admission to their proven fix, then bare workflows,
// with the first half of the exposures before and the second after them, so that a
// machine whose other load changes disturbs both alike.
func lifecycles(ctx context.Context, t task) (o outcome, err error) {
	server, err := startTemporal(ctx, t.Dir)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	h, err := newHouse(ctx, t.Dir, server)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	const warm = 20
	if _, err := h.live(ctx, 0, warm); err != nil {
		return o, err
	}
	h.counts.local.Store(0)
	h.counts.regular.Store(0)
	half := t.Findings / 2
	first, err := h.live(ctx, warm, half)
	if err != nil {
		return o, err
	}
	local, regular := float64(h.counts.local.Load())/float64(half), float64(h.counts.regular.Load())/float64(half)
	between, err := h.runBare(ctx, 2*half, local, regular)
	if err != nil {
		return o, err
	}
	second, err := h.live(ctx, warm+half, half)
	if err != nil {
		return o, err
	}
	o.Values = map[string]float64{"local": local, "regular": regular,
		"real": 2 * float64(half) / (first + second).Seconds(), "bare": 2 * float64(half) / between.Seconds()}
	return o, nil
}

// live takes n exposures from their admission to their proven fix, and tells how long it
// took until all were closed and all their tickets were done.
func (h *house) live(ctx context.Context, from, n int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	before, err := h.closed(ctx)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range n {
		group.Go(func() error {
			_, err := h.admit(gctx, from+i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	if err := h.claimAll(ctx, before+n); err != nil {
		return 0, err
	}
	return time.Since(begun), nil
}

// claimAll says of every exposure that is found open that it is fixed, which is true,
// until so many are closed and no ticket is open.
func (h *house) claimAll(ctx context.Context, until int) error {
	claimed := map[exposure.ID]bool{}
	for {
		open, err := h.store.FindExposures(ctx, exposure.Filter{States: []exposure.State{exposure.Open}}, exposure.List{Limit: 1000})
		if err != nil {
			return err
		}
		group, gctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, e := range open.Items {
			if claimed[e.ID] || e.RemediationID == "" {
				continue
			}
			claimed[e.ID] = true
			group.Go(func() error { return h.claim(gctx, e.ID) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		done, err := h.over(ctx, until)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for lifecycles to end: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (h *house) claim(ctx context.Context, id exposure.ID) error {
	h.probe.fix(id)
	_, err := h.lifecycle.Decide(ctx, lifecycle.Decision{Kind: lifecycle.DecideFixClaimed, Exposure: id, Via: "api",
		Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}, Cause: "claim/" + string(id), Reason: "the password is changed"})
	return err
}

func (h *house) closed(ctx context.Context) (int, error) {
	counts, err := h.store.CountExposures(ctx, exposure.Filter{States: []exposure.State{exposure.Closed}}, "")
	return int(counts[""]), err
}

// over reports whether so many exposures are closed, and no ticket is open.
func (h *house) over(ctx context.Context, until int) (bool, error) {
	n, err := h.closed(ctx)
	if err != nil || n < until {
		return false, err
	}
	open, err := h.store.FindRemediations(ctx, lifecycle.RemediationFilter{Status: lifecycle.RemediationOpen}, exposure.List{Limit: 1})
	return len(open.Items) == 0, err
}

// bareInput says how many activities a bare workflow runs.
type bareInput struct {
	Local   int `json:"local"`
	Regular int `json:"regular"`
}

// bareWorkflow runs activities that do nothing, one after the other.
func bareWorkflow(ctx workflow.Context, in bareInput) error {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	regular := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for i := range max(in.Local, in.Regular) {
		if i < in.Local {
			if err := workflow.ExecuteLocalActivity(local, nothing).Get(ctx, nil); err != nil {
				return err
			}
		}
		if i < in.Regular {
			if err := workflow.ExecuteActivity(regular, nothing).Get(ctx, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// nothing is an activity.
func nothing(context.Context) error { return nil }

func registerBare(w worker.Worker) {
	w.RegisterWorkflowWithOptions(bareWorkflow, workflow.RegisterOptions{Name: "Bare"})
	w.RegisterActivityWithOptions(nothing, activity.RegisterOptions{Name: "nothing"})
}

// runBare runs n bare workflows and tells how long they took. They have so many activities
// each on average.
func (h *house) runBare(ctx context.Context, n int, local, regular float64) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	begun := time.Now()
	runs := make([]client.WorkflowRun, n)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	share := func(i int, each float64) int { return int(each*float64(i+1)) - int(each*float64(i)) }
	for i := range n {
		in := bareInput{Local: share(i, local), Regular: share(i, regular)}
		group.Go(func() (err error) {
			runs[i], err = h.temporal.ExecuteWorkflow(gctx, client.StartWorkflowOptions{ID: fmt.Sprintf("bare/%d", i), TaskQueue: lifecycle.TaskQueue}, "Bare", in)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("starting bare workflows: %w", err)
	}
	for _, run := range runs {
		if err := run.Get(ctx, nil); err != nil {
			return 0, fmt.Errorf("running bare workflows: %w", err)
		}
	}
	return time.Since(begun), nil
}
