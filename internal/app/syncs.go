package app

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// callMetrics counts what the sources ask of their vendors.
type callMetrics struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newCallMetrics(r prometheus.Registerer) *callMetrics {
	m := &callMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quell_source_calls_total",
			Help: "Requests to the vendor of a source, by the status that came back; 0 where none came."}, []string{"source", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "quell_source_call_seconds",
			Help: "How long the vendor of a source took to begin its answer.", Buckets: prometheus.ExponentialBuckets(0.01, 4, 8)}, []string{"source"}),
	}
	r.MustRegister(m.calls, m.seconds)
	return m
}

func (m *callMetrics) of(source string) func(host string, status int, took time.Duration) {
	return func(_ string, status int, took time.Duration) {
		m.calls.WithLabelValues(source, strconv.Itoa(status)).Inc()
		m.seconds.WithLabelValues(source).Observe(took.Seconds())
	}
}

// scheduleSyncs makes Temporal's schedules those of the configuration.
func (a *app) scheduleSyncs(ctx context.Context) error {
	for _, c := range a.sources.order {
		s := a.sources.byName[c.Name]
		if s.puller == nil {
			continue
		}
		spec := lifecycle.SyncSpec{Source: c.Name, Every: s.every, At: c.Sync.At, Jitter: c.Sync.Jitter.Std(), Paused: c.Sync.Paused}
		if err := a.lifecycle.EnsureSync(ctx, spec); err != nil {
			return err
		}
	}
	return a.lifecycle.DropSyncs(ctx, func(name string) bool { return a.sources.byName[name].puller != nil })
}

// importer takes in intelligence that was pulled.
func (a *app) importer() activities.Importer {
	return func(ctx context.Context, kind string, body io.Reader, by string) error {
		_, err := a.intel().Import(ctx, kind, body, by)
		return err
	}
}

func (a *app) intel() *intelligence {
	return &intelligence{store: a.store, judge: a.judge, pipeline: a.pipeline, now: now, log: a.log}
}

// syncs lets the API see and steer when sources are pulled.
type syncs struct{ *app }

// Plan implements api.Syncs.
func (s syncs) Plan(ctx context.Context, source string) (lifecycle.SyncPlan, error) {
	if _, err := s.sources.pulled(source); err != nil {
		return lifecycle.SyncPlan{}, err
	}
	return s.lifecycle.SyncPlan(ctx, source)
}

// History implements api.Syncs.
func (s syncs) History(ctx context.Context, source string, l exposure.List) (exposure.Page[exposure.Sync], error) {
	return s.store.Syncs(ctx, source, l)
}

// Start implements api.Syncs. What is asked for is stored first, so that a sync which is
// running already, or a crash, loses nothing: the next one asks for it.
func (s syncs) Start(ctx context.Context, source string, since time.Time) error {
	if _, err := s.sources.pulled(source); err != nil {
		return err
	}
	if !since.IsZero() {
		if since.After(now()) {
			return fault.New(fault.Invalid, "pulling %s: since is in the future", source)
		}
		if err := s.store.PutSetting(ctx, activities.BackfillKey(source), []byte(since.UTC().Format(time.RFC3339))); err != nil {
			return err
		}
	}
	return s.lifecycle.TriggerSync(ctx, source)
}

// Pause implements api.Syncs.
func (s syncs) Pause(ctx context.Context, source, by, reason string) error {
	if _, err := s.sources.pulled(source); err != nil {
		return err
	}
	return s.lifecycle.PauseSync(ctx, source, by, reason)
}

// Resume implements api.Syncs.
func (s syncs) Resume(ctx context.Context, source, by string) error {
	if _, err := s.sources.pulled(source); err != nil {
		return err
	}
	return s.lifecycle.ResumeSync(ctx, source, by)
}

var _ api.Syncs = syncs{}
