// Package api is quell's HTTP edge: webhooks, uploads, the REST interface of people and
// programs with its OpenAPI document, metrics and health. It holds no state that outlives
// a request but counters, and reaches the rest of quell through the small interfaces that
// stand beside their handlers.
//
// Every route is a line of the table in routes.go: who may call it, what it takes and
// what it gives. Handlers, authorization, the OpenAPI document and their tests all read
// that one table.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Deps is what the API needs of the rest of quell. Every field without "optional" must be
// set; one store fills most of them.
type Deps struct {
	Exposures    Exposures
	Sightings    Sightings // optional: brings an exposure's last sights up to date
	Timeline     Timeline
	Assets       Assets
	Precedence   *asset.Precedence // whose word on an asset holds; nil: the newest
	Edges        Edges
	Statements   Statements
	Runs         Runs
	Deliveries   Deliveries
	Evidence     Evidence
	Tickets      Tickets
	Trackers     Trackers // optional: how things stand with them
	Remediations Remediations
	// TrackerHook is the configured tracker of that name, if it calls; optional.
	TrackerHook   func(name string) (TrackerHook, bool)
	TicketChanged TicketChanged // set where TrackerHook is
	// RunbookRuns are optional, and set where RunbookHook is.
	RunbookRuns RunbookRuns
	Controls    Controls                              // optional: how compensating controls are doing
	RunbookHook func(name string) (RunbookHook, bool) // the configured runbook of that name
	Inbox       Inbox
	Outbox      Outbox // optional: what was told to whom
	Tokens      Tokens

	Chat        http.Handler // optional: what a chat's calls go to
	Decider     Decider
	FollowUp    func(ctx context.Context, e exposure.Exposure) (lifecycle.FollowUp, error) // optional
	Rules       *exception.Rules                                                           // of exceptions; nil: the default ones
	Identity    Identity
	Waker       Waker
	Describe    Describe                             // optional: the workflow of an exposure
	Source      func(name string) (SourceInfo, bool) // the configured source of that name
	Sources     Sources
	Syncs       Syncs           // optional: when sources are pulled
	SourceNames func() []string // optional: of the configured sources
	Scopes      Scopes
	Gaps        Gaps
	Owners      Owners
	Intel       Intel
	Upkeep      Upkeep
	Checks      []Check // what /readyz asks
	Registry    *prometheus.Registry
	Log         *slog.Logger
	Now         func() time.Time
	Version     string // of the daemon
	TempDir     string // where large bodies wait for their signature; empty = the system's
	WorkflowURL string // Temporal's UI, with {workflow} and {run}; empty = no links
	// PublicMetrics opens /metrics to anybody who reaches the port. Else it takes a
	// viewer's token, since it names sources and counts what they report.
	PublicMetrics bool
	Campaigns     Campaigns // optional
	Queue         Queue     // optional: who waits, and where in the line
}

// Server answers HTTP requests. Make one with New.
type Server struct {
	deps     Deps
	log      *slog.Logger
	now      func() time.Time
	echo     *echo.Echo
	http     *http.Server
	metrics  *metrics
	wakes    *wakes
	uses     *uses
	rates    *rates
	spools   *spools
	exports  chan struct{} // a place for each export under way
	decoy    SourceInfo    // stands in for sources that don't exist
	stopping chan struct{} // closed by Shutdown
	stop     sync.Once
	openapi  []byte
}

// The time-outs of the server. A body that keeps coming, and an answer that keeps being
// taken, move their deadline along.
const (
	headerTimeout = 10 * time.Second
	stallTimeout  = 30 * time.Second
	answerTimeout = 60 * time.Second
	idleTimeout   = 120 * time.Second
	maxHeader     = 32 << 10
	maxExports    = 4
)

// New makes the server of the given parts and registers its metrics. It panics when the
// registry has them already, as that is two servers on one registry.
func New(deps Deps) *Server {
	if deps.Rules == nil {
		deps.Rules = exception.Default()
	}
	s := &Server{
		deps:     deps,
		log:      deps.Log,
		now:      deps.Now,
		echo:     echo.New(),
		metrics:  newMetrics(deps.Registry, deps.Version),
		uses:     newUses(deps.Tokens, deps.Log),
		rates:    newRates(),
		spools:   newSpools(deps.TempDir),
		exports:  make(chan struct{}, maxExports),
		decoy:    newDecoy(),
		stopping: make(chan struct{}),
		openapi:  OpenAPI(),
	}
	s.wakes = newWakes(deps.Waker, deps.Log)
	deps.Registry.MustRegister(&queues{deliveries: deps.Deliveries, exposures: deps.Exposures, sources: deps.Sources, log: deps.Log})
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.Use(s.observe, s.harden, s.recover)
	for _, r := range routes() {
		s.echo.Add(r.method, r.echoPath(), s.wrap(r))
	}
	s.http = &http.Server{
		Handler:           s.echo,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       stallTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(deps.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// Handler is the whole server as an http.Handler, for tests and for embedding.
func (s *Server) Handler() http.Handler { return s.echo }

// Serve answers requests on the listener until Shutdown. It returns nil then.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fault.Wrap(fault.Unavailable, err, "serving HTTP on "+l.Addr().String())
	}
	return nil
}

// Shutdown stops taking requests, lets those under way end, sends the wakes that are
// owed and writes down when tokens were used. Whatever ctx cuts short is healed by the
// sweep; only the last uses of tokens would be lost.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop.Do(func() { close(s.stopping) }) // /readyz says so from now on
	err := s.http.Shutdown(ctx)
	return errors.Join(fault.Wrap(fault.Unavailable, err, "draining HTTP requests"), s.wakes.drain(ctx), s.uses.flush(ctx))
}
