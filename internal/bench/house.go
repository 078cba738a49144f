package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/workflows"
)

// house is the real lifecycle on this machine: dev server, SQLite store, ledger,
// workflows, activities, built-in tracker and inbox. Only the probe is a fake, which
// confirms a weakness until it is told of a fix.
type house struct {
	store     *store.Store
	ledger    *ledger.Ledger
	temporal  client.Client
	lifecycle *lifecycle.Client
	probe     *fakeProbe
	counts    *counter
	workers   []worker.Worker
}

// vantage is where the fake probe stands.
const vantage = "here"

// newHouse moves in against a dev server. The store is in dir.
func newHouse(ctx context.Context, dir string, server *devServer) (h *house, err error) {
	h = &house{probe: &fakeProbe{fixed: map[exposure.ID]bool{}}, counts: &counter{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.store, err = store.Open(ctx, "sqlite:"+filepath.Join(dir, "store"), store.Options{}); err != nil {
		return h, err
	}
	if h.temporal, err = lifecycle.Dial(ctx, lifecycle.Options{Address: server.address, Namespace: server.namespace, Log: quiet()}); err != nil {
		return h, err
	}
	h.ledger = ledger.New(h.store, utc)
	h.lifecycle = lifecycle.NewClient(h.temporal, h.ledger, h.store, utc, quiet())
	acts := activities.New(activities.Deps{
		Ledger: h.ledger, Records: h.store, Journal: h.store, Board: h.store, Lines: h.store, Assess: unchanging{}, Waker: h.lifecycle, Drainer: noDrainer{},
		Engage: func(asset.Asset) scope.Engagement {
			return scope.Engagement{Probe: true, Vantage: vantage, Consent: "this benchmark"}
		},
		Trackers: map[string]connectors.Tracker{"builtin": localtracker.New(h.store, localtracker.Config{}, utc)}, Tracker: "builtin",
		Notifier: inbox.New(h.store, utc), Policy: activities.Policy{Vantage: vantage}, Now: utc, Log: quiet(),
	})
	main := h.worker(lifecycle.TaskQueue)
	workflows.Register(main)
	activities.Register(main, acts)
	registerBare(main)
	h.worker(lifecycle.ProbeQueue(vantage)).RegisterActivityWithOptions(h.probe.Probe, activity.RegisterOptions{Name: lifecycle.ActivityProbe})
	for _, w := range h.workers {
		if err = w.Start(); err != nil {
			return h, fmt.Errorf("starting a worker: %w", err)
		}
	}
	return h, nil
}

func utc() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func (h *house) worker(queue string) worker.Worker {
	w := worker.New(h.temporal, queue, worker.Options{Interceptors: []interceptor.WorkerInterceptor{h.counts}})
	h.workers = append(h.workers, w)
	return w
}

func (h *house) close() error {
	for _, w := range h.workers {
		w.Stop()
	}
	if h.temporal != nil {
		h.temporal.Close()
	}
	if h.store == nil {
		return nil
	}
	return h.store.Close()
}

// admit puts an exposure that a probe can test into the hands of its workflow. Ten share
// an owner and a fix, and so a ticket.
func (h *house) admit(ctx context.Context, n int) (exposure.ID, error) {
	at := utc()
	of := asset.Asset{ID: asset.ID(fmt.Sprintf("asset-%d", n)), Version: 1, Kind: asset.Host, Name: name(n), FirstSeen: at, LastSeen: at, UpdatedAt: at,
		Identifiers: []asset.Known{{Identifier: asset.Identifier{Kind: asset.IP, Value: address(n)}}}}
	if _, err := h.store.InsertAssets(ctx, []asset.Asset{of}); err != nil {
		return "", err
	}
	check := fmt.Sprintf("nuclei:check-%d", n/10)
	e := exposure.NewExposure(exposure.BornInput{
		Asset: of, Source: benchSource, Run: "run", CheckedAt: at.Add(-time.Hour), At: at, Cause: "delivery", Actor: exposure.Actor{Kind: exposure.Source, Name: benchSource},
		Finding: exposure.Finding{UID: "1", Connector: "nuclei", Class: exposure.ClassVulnerability, Check: check, Title: "Default login on the admin page",
			Severity: exposure.SeverityHigh, Status: exposure.StatusOpen, Location: "443/tcp", Target: "https://" + of.Name, Remediation: "Change the password."},
	})
	e.Decision = exposure.Decision{Outcome: exposure.Attend, Why: []string{"exploited in the wild"}, Digest: "bench", Admit: true}
	e.Owner = exposure.Owner{Team: "web", How: "route", Since: at}
	e.Due, e.Queued = at.AddDate(0, 0, 14), at
	if _, err := h.store.InsertExposures(ctx, []exposure.Exposure{e}); err != nil {
		return "", err
	}
	done, err := h.ledger.Apply(ctx, ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{
		Kind: exposure.EventAdmit, Actor: exposure.Actor{Kind: exposure.System, Name: "policy"}, Cause: "admit"}})
	if err != nil {
		return "", err
	}
	return e.ID, h.lifecycle.Wake(ctx, &done.Exposure, "admitted")
}

// fakeProbe tells what is there.
type fakeProbe struct {
	mu    sync.Mutex
	fixed map[exposure.ID]bool
}

func (p *fakeProbe) fix(id exposure.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fixed[id] = true
}

// Probe is the activity.
func (p *fakeProbe) Probe(_ context.Context, r lifecycle.ProbeRequest) (lifecycle.ProbeResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.Cause))
	v := exposure.Verdict{Outcome: exposure.Confirmed, Method: r.Verification.Method, Vantage: vantage, Reason: "the login page takes the default password",
		CheckedAt: utc().Add(2 * time.Millisecond), Evidence: []string{hex.EncodeToString(sum[:])}}
	if p.fixed[r.Exposure] {
		v.Outcome, v.Reason = exposure.Refuted, "the login page refuses the default password"
	}
	return lifecycle.ProbeResult{Verdict: v}, nil
}

// unchanging is an assessor that decides what was decided.
type unchanging struct{}

// Assess implements activities.Assessor.
func (unchanging) Assess(e exposure.Exposure, _ asset.Asset, _ time.Time) ingest.Assessment {
	return ingest.Assessment{Decision: e.Decision, Due: e.Due, Owner: e.Owner, Scopes: e.Scopes}
}

// noDrainer has no deliveries.
type noDrainer struct{}

// Drain implements activities.Drainer.
func (noDrainer) Drain(context.Context, string, int, func(ingest.Progress)) (ingest.Drained, error) {
	return ingest.Drained{}, nil
}

// counter counts the activities that are executed.
type counter struct {
	interceptor.WorkerInterceptorBase
	local, regular atomic.Int64
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (c *counter) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &countingActivity{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, counter: c}
}

type countingActivity struct {
	interceptor.ActivityInboundInterceptorBase
	*counter
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *countingActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if activity.GetInfo(ctx).IsLocalActivity {
		a.local.Add(1)
	} else {
		a.regular.Add(1)
	}
	return a.Next.ExecuteActivity(ctx, in)
}
