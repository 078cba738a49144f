package app

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// temporalMetrics gives the Temporal SDK's metrics to Prometheus under the SDK's own
// names. A library for it exists, but is archived in all but name and brings a second
// metrics client; this is the whole of what it would do.
type temporalMetrics struct {
	registry *registry
	tags     map[string]string
}

// registry holds the vectors made so far; shared by all handlers derived from one.
type registry struct {
	mu         sync.Mutex
	prometheus prometheus.Registerer
	counters   map[string]*prometheus.CounterVec
	gauges     map[string]*prometheus.GaugeVec
	timers     map[string]*prometheus.HistogramVec
}

// newTemporalMetrics makes the handler that the SDK is given.
func newTemporalMetrics(r prometheus.Registerer) client.MetricsHandler {
	return &temporalMetrics{registry: &registry{prometheus: r, counters: map[string]*prometheus.CounterVec{},
		gauges: map[string]*prometheus.GaugeVec{}, timers: map[string]*prometheus.HistogramVec{}}}
}

// temporalLabels are the tags that the SDK may set. Naming all of them for every metric
// keeps a metric's label names the same from call to call, as Prometheus wants.
func temporalLabels() []string {
	return []string{"activity_type", "client_name", "failure_reason", "namespace", "nexus_operation", "nexus_service",
		"operation", "poller_type", "status_code", "task_queue", "worker_type", "workflow_type", "workflow_task_type"}
}

// WithTags implements client.MetricsHandler.
func (m *temporalMetrics) WithTags(tags map[string]string) client.MetricsHandler {
	all := maps.Clone(m.tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, tags)
	return &temporalMetrics{registry: m.registry, tags: all}
}

func (m *temporalMetrics) labels() prometheus.Labels {
	labels := prometheus.Labels{}
	for _, name := range temporalLabels() {
		labels[name] = m.tags[name]
	}
	return labels
}

// made finds a vector or makes it, under the lock.
func made[V prometheus.Collector](r *registry, in map[string]V, name string, vector func(name string) V) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	name = clean(name)
	v, ok := in[name]
	if !ok {
		v = vector(name)
		in[name] = v
		r.prometheus.MustRegister(v)
	}
	return v
}

func clean(name string) string {
	return strings.Map(func(c rune) rune {
		if slices.Contains([]rune{'_', ':'}, c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			return c
		}
		return '_'
	}, name)
}

// Counter implements client.MetricsHandler.
func (m *temporalMetrics) Counter(name string) client.MetricsCounter {
	v := made(m.registry, m.registry.counters, name, func(name string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: "Temporal SDK: " + name}, temporalLabels())
	})
	return metricsCounter{v.With(m.labels())}
}

// Gauge implements client.MetricsHandler.
func (m *temporalMetrics) Gauge(name string) client.MetricsGauge {
	v := made(m.registry, m.registry.gauges, name, func(name string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: "Temporal SDK: " + name}, temporalLabels())
	})
	return metricsGauge{v.With(m.labels())}
}

// Timer implements client.MetricsHandler, in seconds.
func (m *temporalMetrics) Timer(name string) client.MetricsTimer {
	v := made(m.registry, m.registry.timers, name+"_seconds", func(name string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: "Temporal SDK: " + name,
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9)}, temporalLabels())
	})
	return metricsTimer{v.With(m.labels())}
}

type metricsCounter struct{ prometheus.Counter }

func (c metricsCounter) Inc(n int64) { c.Add(float64(n)) }

type metricsGauge struct{ prometheus.Gauge }

func (g metricsGauge) Update(v float64) { g.Set(v) }

type metricsTimer struct{ prometheus.Observer }

func (t metricsTimer) Record(d time.Duration) { t.Observe(d.Seconds()) }
