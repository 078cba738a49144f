package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// ServeOptions are what `quell serve` and `quell worker` are started with.
type ServeOptions struct {
	Config  string // path of quell.yaml
	Version string
	Log     *slog.Logger
}

func load(path string) (*config.Config, error) {
	return config.Load(path, config.Options{Connectors: builtin.Catalog{}})
}

// Serve runs API and worker until ctx ends, against the Temporal and the store of the
// configuration.
func Serve(ctx context.Context, o ServeOptions) error {
	cfg, err := load(o.Config)
	if err != nil {
		return err
	}
	a, err := assemble(ctx, cfg, o.Log)
	if err != nil {
		return err
	}
	defer a.close()
	listener, err := a.listen(ctx)
	if err != nil {
		return err
	}
	return a.run(ctx, listener, o.Version, nil)
}

// Worker runs a worker alone, to scale out. The embedded store has one process, so it is
// refused.
func Worker(ctx context.Context, o ServeOptions) error {
	cfg, err := load(o.Config)
	if err != nil {
		return err
	}
	if address, err := storeAddress(cfg.Store); err != nil || strings.HasPrefix(address, "sqlite:") {
		return errors.Join(err, fault.New(fault.Invalid, "starting a worker: the embedded SQLite store belongs to one process; use MongoDB to run several"))
	}
	a, err := assemble(ctx, cfg, o.Log)
	if err != nil {
		return err
	}
	defer a.close()
	w, err := a.startWorker()
	if err != nil {
		return err
	}
	o.Log.Info("worker started", "namespace", cfg.Temporal.Namespace)
	err = a.memory.follow(ctx)
	w.Stop()
	return err
}

func (a *app) listen(ctx context.Context) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.cfg.Server.Listen)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "listening on %s: %w; is another quell running?", a.cfg.Server.Listen, err)
	}
	return l, nil
}

// run works until ctx ends, then stops in order: no new requests, those under way and
// their deliveries, the worker, the store (which the caller closes). Ready, if not nil, is
// called once everything answers, and may go on until its context ends.
func (a *app) run(ctx context.Context, listener net.Listener, version string, ready func(ctx context.Context) error) error {
	desk := newTrackerDesk(a)
	server := api.New(a.apiDeps(version, desk)) //nolint:contextcheck // each request brings its own
	if err := a.takeOver(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	w, err := a.startWorker()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer w.Stop()
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.serve(server, listener) })
	group.Go(func() error {
		<-gctx.Done()
		// The caller's context has ended; draining gets a time of its own.
		drain, cancel := context.WithTimeout(context.WithoutCancel(gctx), max(a.cfg.Server.Drain.Std(), time.Second))
		defer cancel()
		return server.Shutdown(drain)
	})
	group.Go(func() error {
		if err := a.catchUp(gctx); err != nil {
			return ignoreEnd(gctx, err)
		}
		return ignoreEnd(gctx, a.startSweep(gctx))
	})
	group.Go(func() error { return ignoreEnd(gctx, a.anchor(gctx)) })
	group.Go(func() error { return desk.watch(gctx) })
	group.Go(func() error { return ignoreEnd(gctx, a.memory.follow(gctx)) })
	group.Go(func() error { return ignoreEnd(gctx, a.scheduleSyncs(gctx)) })
	group.Go(func() error { return ignoreEnd(gctx, a.runChat(gctx)) })
	if ready != nil {
		group.Go(func() error { return ignoreEnd(gctx, ready(gctx)) })
	}
	a.log.Info("quell serves", "address", listener.Addr().String(), "version", version)
	return group.Wait()
}

func (a *app) serve(server *api.Server, l net.Listener) error {
	if a.cfg.Server.TLSCert == "" {
		return server.Serve(l)
	}
	pair, err := tls.LoadX509KeyPair(a.cfg.Server.TLSCert, a.cfg.Server.TLSKey)
	if err != nil {
		return errors.Join(fault.New(fault.Invalid, "reading the server's certificate: %w", err), l.Close())
	}
	return server.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
}

// ignoreEnd forgets what went wrong because we were told to stop.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it failed because it was told to stop
	}
	return err
}

func (a *app) apiDeps(version string, desk *trackerDesk) api.Deps {
	things := &inventory{store: a.store, sources: a.sources, judge: a.judge, now: now}
	workflowURL := ""
	if a.cfg.Temporal.UI != "" {
		workflowURL = a.cfg.Temporal.UI + "/namespaces/" + a.cfg.Temporal.Namespace + "/workflows/{workflow}/{run}/history"
	}
	prefer, err := precedence(a.cfg)
	if err != nil { // it was found when the sources were opened
		a.log.Error("knowing the sources' precedence", "error", err)
	}
	return api.Deps{
		Precedence: prefer,
		Rules:      a.rules,
		FollowUp:   a.activities.FollowUp,
		Exposures:  a.store, Sightings: a.store, Timeline: a.ledger, Assets: a.store, Edges: a.store, Statements: a.store, Runs: a.store, Deliveries: a.store, Evidence: a.store,
		Tickets: tickets{a.store}, Trackers: desk, Remediations: remediations{a.store, a.activities}, TrackerHook: a.trackers.hook, TicketChanged: a.activities.TicketChanged,
		Controls: runs{a.activities, a.store}, RunbookRuns: runs{a.activities, a.store}, RunbookHook: a.runbookHook,
		Inbox: a.store, Outbox: a.courier, Tokens: tokens{a.store}, Chat: a.chatHandler(),
		Decider: a.lifecycle, Waker: a.lifecycle, Describe: a.lifecycle,
		Identity: identity{a.pipeline},
		Source:   a.sources.Source, SourceNames: a.sources.names, Sources: things, Scopes: things, Gaps: things, Owners: things,
		Syncs: syncs{a}, Intel: a.intel(),
		Upkeep: upkeep{a}, Registry: a.registry, Log: a.log, Now: now, Version: version, WorkflowURL: workflowURL,
		Queue: a.queue(), Campaigns: campaigns{a},
		Checks: append([]api.Check{
			{Name: "store", Ask: a.store.Ping},
			{Name: "temporal", Ask: func(ctx context.Context) error {
				_, err := a.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
				return err
			}},
			{Name: "notifiers", Ask: a.advisory, Advisory: true},
		}, desk.health()...),
	}
}

// upkeep redoes what can be redone from the store.
type upkeep struct{ *app }

// Reassess implements api.Upkeep.
func (u upkeep) Reassess(ctx context.Context, by string) (api.UpkeepResult, error) {
	u.log.Info("deciding anew on every exposure", "by", by)
	done, err := u.pipeline.Reassess(ctx, exposure.Filter{}, "reassess/"+strconv.FormatInt(now().UnixMilli(), 10), nil)
	return api.UpkeepResult{Looked: done.Looked, Changed: done.Changed}, err
}

// Rebuild implements api.Upkeep.
func (u upkeep) Rebuild(ctx context.Context, by string) (api.UpkeepResult, error) {
	u.log.Info("rebuilding every workflow from the store", "by", by)
	done, err := u.activities.Rebuild(ctx)
	if err == nil {
		err = u.startSweep(ctx)
	}
	total := int64(done.Exposures + done.Remediations + done.Sources + done.Campaigns)
	return api.UpkeepResult{Looked: total, Changed: total, Message: strconv.Itoa(done.Exposures) + " exposures, " +
		strconv.Itoa(done.Remediations) + " remediations, " + strconv.Itoa(done.Sources) + " sources and " + strconv.Itoa(done.Campaigns) + " campaigns are in their workflows' hands again"}, err
}
