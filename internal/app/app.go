// Package app wires quell together: the daemon, the worker, and everything on one machine.
package app

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/admission"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/courier"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/governor"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/workflows"
)

// app is quell on one tenant: a store, a Temporal namespace, and everything between.
type app struct {
	cfg        *config.Config
	store      *store.Store
	temporal   client.Client
	ledger     *ledger.Ledger
	lifecycle  *lifecycle.Client
	rules      *exception.Rules
	sources    *sources
	trackers   *trackers
	governor   *governor.Governor
	chat       *chat // nil: none is configured
	courier    *courier.Courier
	judge      *ingest.Judge
	pipeline   *ingest.Pipeline
	memory     *memory
	activities *activities.Activities
	registry   *prometheus.Registry
	log        *slog.Logger
}

// now is the clock of the daemon: UTC in whole milliseconds, which every engine keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// storeAddress is where the configuration wants the store.
func storeAddress(cfg config.Store) (string, error) {
	switch {
	case !cfg.URL.Empty():
		return cfg.URL.Reveal(), nil
	case cfg.Dir != "":
		return "sqlite:" + cfg.Dir, nil
	}
	return "", fault.New(fault.Invalid, "opening the store: set store.url or store.dir in the configuration")
}

// assemble opens what the parts need and puts them together. Whatever it opened before an
// error is closed again.
func assemble(ctx context.Context, cfg *config.Config, log *slog.Logger) (a *app, err error) {
	a = &app{cfg: cfg, log: log, registry: prometheus.NewRegistry()}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	address, err := storeAddress(cfg.Store)
	if err != nil {
		return nil, err
	}
	if a.store, err = store.Open(ctx, address, store.Options{Log: log, Now: now}); err != nil {
		return nil, err
	}
	a.temporal, err = lifecycle.Dial(ctx, lifecycle.Options{
		Address: cfg.Temporal.Address, Namespace: cfg.Temporal.Namespace, TLS: cfg.Temporal.TLSConfig(),
		APIKey: cfg.Temporal.APIKey, Metrics: newTemporalMetrics(a.registry), Log: log,
	})
	if err != nil {
		return nil, err
	}
	if err := lifecycle.EnsureSearchAttributes(ctx, a.temporal, cfg.Temporal.Namespace); err != nil {
		log.Warn("search attributes could not be checked; their operator may have to add them by hand", "error", err)
	}
	if a.sources, err = openSources(ctx, cfg.Sources, newCallMetrics(a.registry), now, log); err != nil {
		return nil, err
	}
	a.ledger = ledger.New(a.store, now)
	a.rules = exception.NewRules(cfg.Policy.Exceptions, cfg.Owners, cfg.Scopes).Pausing(cfg.Policy.Pauses)
	a.lifecycle = lifecycle.NewClient(a.temporal, a.ledger, a.store, now, log).Under(a.rules)
	grounds, err := a.grounds(ctx)
	if err != nil {
		return nil, err
	}
	a.judge = ingest.NewJudge(grounds)
	prefer, err := precedence(cfg)
	if err != nil {
		return nil, err
	}
	a.pipeline = ingest.New(a.store, a.sources.ingest, a.judge, a.ledger, a.lifecycle, now, log).
		Preferring(prefer).Retiring(cfg.Retire.After())
	a.memory = newMemory(a.store, a.judge, a.pipeline, log)
	if err := a.memory.Remember(ctx); err != nil {
		return nil, err
	}
	err = a.wireActivities()
	return a, err
}

// close lets go of what is open, in the order opposite to opening.
func (a *app) close() {
	if a.temporal != nil {
		a.temporal.Close()
	}
	if a.store != nil {
		if err := a.store.Close(); err != nil {
			a.log.Error("closing the store failed", "error", err)
		}
	}
}

// grounds are what decisions are made on: configuration and stored intelligence.
func (a *app) grounds(ctx context.Context) (ingest.Grounds, error) {
	set, errs := scope.Compile(a.cfg.Scopes)
	if len(errs) > 0 {
		return ingest.Grounds{}, errs[0] // the configuration was checked: this is a defect
	}
	tree, errs := ownership.Compile(a.cfg.Owners)
	if len(errs) > 0 {
		return ingest.Grounds{}, errs[0]
	}
	intel, err := loadIntel(ctx, a.store)
	if err != nil {
		return ingest.Grounds{}, err
	}
	policy := a.cfg.Policy
	policy.Trusted = trusted(a.cfg.Sources)
	return ingest.Grounds{Policy: policy, Intel: intel, Scopes: set, Owners: tree}, nil
}

// trusted are the sources whose word that a product isn't affected is believed.
func trusted(sources []config.Source) []string {
	var names []string
	for i := range sources {
		if sources[i].Trusted {
			names = append(names, sources[i].Name)
		}
	}
	slices.Sort(names)
	return names
}

func (a *app) wireActivities() error {
	calls := newPeopleMetrics(a.registry)
	a.registry.MustRegister(reconcileMetrics{a}, campaignMetrics{a}, &troubleMetrics{app: a})
	a.governor = governor.New(governor.Options{Store: a.store, Now: now})
	var err error
	if a.courier, err = a.openCourier(calls); err != nil {
		return err
	}
	if a.trackers, err = a.openTrackers(calls); err != nil {
		return err
	}
	books, err := a.openRunbooks(calls)
	if err != nil {
		return err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, p := range a.cfg.Probes {
		if p.PublicKey == "" {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(p.PublicKey)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "reading the public key of probe "+p.Vantage)
		}
		keys[p.Vantage] = key
	}
	a.activities = activities.New(activities.Deps{
		Ledger: a.ledger, Records: a.store, Journal: a.store, Board: a.store, Lines: a.store, Budget: a.budget, Assess: a.judge,
		Engage:   func(x asset.Asset) scope.Engagement { return a.judge.Grounds().Scopes.EngagementFor(x) },
		Waker:    a.lifecycle,
		Trackers: a.trackers.byName, Route: a.trackers.route, Settings: a.store, Evidence: a.store, Keeping: a.trackers.keeping(), Assignee: a.assignee, Notifier: a.courier, Courier: a.courier,
		Digests: a.digests(), Keeper: a.store, Keep: activities.Keep{Messages: a.cfg.Retention.Messages.Std(), Threads: a.cfg.Retention.Threads.Std(), Inbox: a.cfg.Retention.Inbox.Std(), Presses: a.cfg.Retention.Presses.Std(),
			Blobs: a.cfg.Retention.Blobs.Std()},
		Drainer: a.pipeline, Retirer: a.pipeline, Lessons: a.store, Reroute: a.memory, Directory: directory{a.judge}, Syncs: a.store, Pulls: a.sources.pulled, Import: a.importer(), Reports: a.store, Sources: a.sources.watched(),
		Keys: keys, Policy: a.policy(), Rules: a.rules, Router: a.judge.FollowUp, Hours: a.judge.Hours,
		Runbooks: books, Controls: a.store, ControlTests: controlTests(a.cfg.Controls),
		Campaigns: a.store, Reassess: a.pipeline, Beckon: a.lifecycle, Office: a.configuredOffice(), Now: now, Log: a.log,
	})
	if a.chat != nil {
		a.chat.Runs = runs{a.activities, a.store}
	}
	return nil
}

// budget is what a team takes on at a time.
func (a *app) budget(team string) admission.Budget {
	b := a.judge.Owners().Budget(team)
	return admission.Budget{WIP: b.WIP, Intake: b.Intake}
}

// policy is how long the lifecycle lets things wait.
func (a *app) policy() activities.Policy {
	p := activities.Policy{
		ProbeWait: a.cfg.FollowUp.ProbeWait.Std(), CoveringRun: a.cfg.FollowUp.CoveringRun.Std(), RetestBefore: a.cfg.FollowUp.RetestLead.Std(),
		TicketPoll: a.cfg.FollowUp.TicketPoll.Std(), PublicURL: a.cfg.Server.PublicURL, RemindRequest: a.cfg.Policy.Exceptions.Remind.Std(),
		CapacityLead: a.cfg.FollowUp.CapacityLead.Std(), UrgentWithin: a.cfg.Policy.UrgentWithin.Std(),
		Silence: a.cfg.Owners.Inference.Silence,
	}
	for _, before := range a.cfg.Owners.Route.ReminderBefore {
		p.Remind = append(p.Remind, before.Std())
	}
	for _, step := range a.cfg.Owners.Route.Escalation {
		p.Escalate = append(p.Escalate, step.After.Std())
	}
	for _, step := range a.judge.Owners().Unowned() {
		p.Unowned, p.UnownedTo = append(p.Unowned, step.After.Std()), append(p.UnownedTo, step.To)
	}
	p.OwnerWithin = a.judge.Owners().OwnerWithin()
	return p
}

// startWorker begins to work on the workflows.
func (a *app) startWorker() (worker.Worker, error) {
	w := worker.New(a.temporal, lifecycle.TaskQueue, worker.Options{WorkerStopTimeout: a.cfg.Server.Drain.Std()})
	workflows.Register(w)
	activities.Register(w, a.activities)
	if err := w.Start(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "starting the worker")
	}
	return w, nil
}

// takeOver goes on at once with what a killed daemon was doing. The embedded store has one
// process at a time, so whoever was at work is dead; with a shared store Temporal has to
// find out, by the heartbeats that don't come. It comes before the worker starts, which
// would otherwise be taken for the dead one.
func (a *app) takeOver(ctx context.Context) error {
	if address, err := storeAddress(a.cfg.Store); err != nil || !strings.HasPrefix(address, "sqlite:") {
		return err
	}
	if err := a.lifecycle.EndSweep(ctx); err != nil {
		return err
	}
	pending, err := a.store.PendingSources(ctx)
	if err != nil {
		return err
	}
	for _, source := range pending {
		if err := a.lifecycle.RestartSource(ctx, source); err != nil {
			return err
		}
	}
	return nil
}

// startSweep makes sure that the sweep runs, and that nothing which arrived while we were
// down waits for the next delivery.
func (a *app) startSweep(ctx context.Context) error {
	for i := range a.cfg.Trackers {
		if err := a.lifecycle.StartReconcile(ctx, a.cfg.Trackers[i].Name); err != nil {
			return err
		}
	}
	return a.lifecycle.StartSweep(ctx, lifecycle.SweepInput{
		Every: a.cfg.FollowUp.Sweep.Std(), AdmitPerMinute: a.cfg.Policy.RatePerMinute, MaxOpen: a.cfg.Policy.MaxOpen,
	})
}

// lastGrounds remembers what the last decisions were made on.
type lastGrounds struct {
	Precedence string `json:"precedence,omitempty"`
	Policy     string `json:"policy"`
	Scopes     string `json:"scopes"`
	Owners     string `json:"owners"`
	Intel      string `json:"intel"`
}

const groundsKey = "grounds"

// catchUp decides anew where the configuration changed while we were down, or where we
// died between storing new intelligence and deciding with it.
func (a *app) catchUp(ctx context.Context) error {
	g := a.judge.Grounds()
	is := lastGrounds{Policy: g.Policy.Digest(), Scopes: g.Scopes.Digest(), Owners: g.Owners.Digest(), Intel: g.Intel.Digest()}
	settled, err := precedenceDigest(a.cfg)
	if err != nil {
		return err
	}
	is.Precedence = settled
	if err := a.keepGrounds(ctx, is); err != nil {
		return err
	}
	var was lastGrounds
	raw, err := a.store.Setting(ctx, groundsKey)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &was); err != nil {
			return fault.Wrap(fault.Internal, err, "reading what the last decisions were made on")
		}
	}
	if was == is {
		return nil
	}
	if was.Scopes != is.Scopes || was.Owners != is.Owners || was.Precedence != is.Precedence {
		placed, err := a.pipeline.PlaceAssets(ctx, func(ctx context.Context, fn func(asset.Asset) error) error {
			return a.store.EachAsset(ctx, asset.Filter{}, fn)
		})
		if err != nil {
			return err
		}
		a.log.Info("assets placed into scopes anew", "looked", placed.Looked, "changed", placed.Changed)
	}
	raw, err = json.Marshal(is)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "noting what decisions are made on")
	}
	done, err := a.pipeline.Reassess(ctx, exposure.Filter{}, "grounds/"+digestOf(raw), nil)
	if err != nil {
		return err
	}
	a.log.Info("decided anew, because the configuration or intelligence changed", "looked", done.Looked, "changed", done.Changed)
	return a.store.PutSetting(ctx, groundsKey, raw)
}

// keepGrounds keeps policy, scopes and owners under their digests, so that what a decision
// was made on can be read years later.
func (a *app) keepGrounds(ctx context.Context, is lastGrounds) error {
	for _, s := range []struct {
		kind, digest string
		value        any
	}{{"policy", is.Policy, a.judge.Grounds().Policy}, {"scopes", is.Scopes, a.cfg.Scopes}, {"owners", is.Owners, a.cfg.Owners}} {
		if s.digest == "" {
			continue
		}
		body, err := json.Marshal(s.value)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "keeping the "+s.kind)
		}
		if err := a.store.PutSnapshot(ctx, s.kind, s.digest, body); err != nil {
			return err
		}
	}
	return nil
}
