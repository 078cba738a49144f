package api

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quellsec/quell/internal/exposure"
)

const metricsPath = "/metrics"

// metrics are the counters of the HTTP edge.
type metrics struct {
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	inFlight   prometheus.Gauge
	deliveries *prometheus.CounterVec
	bytes      *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, version string) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_http_requests_total", Help: "HTTP requests answered.",
		}, []string{"method", "route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "quell_http_request_duration_seconds", Help: "How long an answer took.",
			Buckets: []float64{.001, .0025, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quell_http_requests_in_flight", Help: "HTTP requests being answered.",
		}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_deliveries_total", Help: "Bodies received, by how that ended: accepted, repeated, refused, failed.",
		}, []string{"source", "via", "outcome"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_delivery_bytes_total", Help: "Bytes of bodies accepted, uncompressed.",
		}, []string{"source"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "quell_build_info", Help: "Always 1; the label is what runs.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(m.requests, m.seconds, m.inFlight, m.deliveries, m.bytes, build)
	return m
}

var (
	admissionQueue = prometheus.NewDesc("quell_admission_queue_length", "Exposures that wait to be admitted.", nil, nil)
	pendingSources = prometheus.NewDesc("quell_sources_pending", "Sources with deliveries that wait to be ingested.", nil, nil)
	sourceAilments = prometheus.NewDesc("quell_source_condition", "1 while a source is late, failing, shrinking or silent.", []string{"source", "condition"}, nil)
)

// queues asks the store for the length of the queues when Prometheus does.
type queues struct {
	deliveries Deliveries
	exposures  Exposures
	sources    Sources
	log        *slog.Logger
}

// Describe implements prometheus.Collector.
func (q *queues) Describe(ch chan<- *prometheus.Desc) {
	ch <- admissionQueue
	ch <- pendingSources
	ch <- sourceAilments
}

// Collect implements prometheus.Collector. A store that doesn't answer costs the gauge,
// not the whole scrape.
func (q *queues) Collect(ch chan<- prometheus.Metric) {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if counts, err := q.exposures.CountExposures(ctx, exposure.Filter{Queued: true}, ""); err != nil {
		q.log.Warn("counting the admission queue for metrics", "error", err)
	} else {
		ch <- prometheus.MustNewConstMetric(admissionQueue, prometheus.GaugeValue, float64(total(counts)))
	}
	if names, err := q.deliveries.PendingSources(ctx); err != nil {
		q.log.Warn("counting pending sources for metrics", "error", err)
	} else {
		ch <- prometheus.MustNewConstMetric(pendingSources, prometheus.GaugeValue, float64(len(names)))
	}
	all, err := q.sources.Conditions(ctx)
	if err != nil {
		q.log.Warn("reading the conditions of sources for metrics", "error", err)
	}
	for source, ails := range all {
		for _, c := range exposure.Conditions() {
			value := 0.0
			if slices.ContainsFunc(ails, func(a SourceCondition) bool { return a.Condition == c }) {
				value = 1
			}
			ch <- prometheus.MustNewConstMetric(sourceAilments, prometheus.GaugeValue, value, source, string(c))
		}
	}
}

// total adds up counts.
func total(counts map[string]int64) int64 {
	var n int64
	for _, c := range counts {
		n += c
	}
	return n
}
