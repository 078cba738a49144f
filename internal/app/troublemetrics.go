package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// remediationsByTracker counts the open remediations by tracker, and of them those that
// something keeps from their ticket.
func (a *app) remediationsByTracker(ctx context.Context) (open, troubled map[string]int64, err error) {
	open, troubled = map[string]int64{}, map[string]int64{}
	list := exposure.List{Limit: 1000}
	for {
		page, err := a.store.FindRemediations(ctx, lifecycle.RemediationFilter{Status: lifecycle.RemediationOpen}, list)
		if err != nil {
			return nil, nil, err
		}
		for i := range page.Items {
			open[page.Items[i].Tracker]++
			if page.Items[i].Trouble != nil {
				troubled[page.Items[i].Tracker]++
			}
		}
		if list.Cursor = page.Next; list.Cursor == "" {
			return open, troubled, nil
		}
	}
}

//nolint:gochecknoglobals // a constant declaration
var troubledRemediations = prometheus.NewDesc("quell_tracker_troubled_remediations", "Open remediations that something keeps from their ticket.", []string{"tracker"}, nil)

// troubleMetrics tells how many remediations are kept from their ticket. It walks over all
// that are open, so it counts once a minute, however often it is asked.
type troubleMetrics struct {
	*app

	mu     sync.Mutex
	at     time.Time
	counts map[string]int64
}

// Describe implements prometheus.Collector.
func (*troubleMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- troubledRemediations }

// Collect implements prometheus.Collector. A tracker without trouble is told as zero, so
// that an alert on it ends. A store that doesn't answer costs the gauge, not the whole
// scrape.
func (m *troubleMetrics) Collect(ch chan<- prometheus.Metric) {
	const patience, fresh = 5 * time.Second, time.Minute
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil || now().Sub(m.at) >= fresh {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, troubled, err := m.remediationsByTracker(ctx)
		if err != nil {
			m.log.Warn("counting remediations in trouble for metrics", "error", err)
			return
		}
		m.counts, m.at = troubled, now()
		for _, name := range m.trackers.names() {
			m.counts[name] += 0
		}
	}
	for tracker, n := range m.counts {
		ch <- prometheus.MustNewConstMetric(troubledRemediations, prometheus.GaugeValue, float64(n), tracker)
	}
}
