package app

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
)

// checkPatience is how long a vendor may take to show us our own set-up.
const checkPatience = 50 * time.Second

// checkEvery is how often the set-up at the vendors is looked at unasked.
const checkEvery = time.Hour

// trackerDesk tells the API how things stand with the trackers.
type trackerDesk struct {
	*app
	mu      sync.Mutex
	checked map[string]checkedTracker
}

type checkedTracker struct {
	at       time.Time
	problems []string
}

func newTrackerDesk(a *app) *trackerDesk {
	return &trackerDesk{app: a, checked: map[string]checkedTracker{}}
}

// Trackers implements api.Trackers.
func (d *trackerDesk) Trackers(ctx context.Context) ([]api.TrackerStatus, error) {
	open, troubled, err := d.remediationsByTracker(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]api.TrackerStatus, 0, len(d.trackers.byName))
	for _, name := range d.trackers.names() {
		status, err := d.status(ctx, name)
		if err != nil {
			return nil, err
		}
		status.Open, status.Troubled = open[name], troubled[name]
		out = append(out, status)
	}
	return out, nil
}

func (d *trackerDesk) status(ctx context.Context, name string) (api.TrackerStatus, error) {
	t := d.trackers.byName[name]
	out := api.TrackerStatus{Name: name, Connector: t.Connector(), Roles: rolesOf(t), Problems: []string{}}
	if _, ok := t.(connectors.TicketHook); ok {
		out.Webhook = "/hooks/trackers/" + name
	}
	d.mu.Lock()
	if c, ok := d.checked[name]; ok {
		out.CheckedAt, out.Problems = c.at, c.problems
	}
	d.mu.Unlock()
	st, err := reconciledOf(ctx, d.store, name)
	if err == nil && name != config.BuiltinTracker {
		out.Reconciled = &st
	}
	return out, err
}

// rolesOf names what a tracker can do beyond the least.
func rolesOf(t connectors.Tracker) []string {
	roles := []string{}
	for _, r := range []struct {
		name string
		has  bool
	}{{"attach", is[connectors.Attacher](t)}, {"changed", is[connectors.Changing](t)}, {"check", is[connectors.Checker](t)},
		{"lag", is[connectors.Lagging](t)}, {"nest", is[connectors.Nesting](t)}, {"webhook", is[connectors.TicketHook](t)}} {
		if r.has {
			roles = append(roles, r.name)
		}
	}
	return roles
}

func is[Role any](t connectors.Tracker) bool {
	_, ok := t.(Role)
	return ok
}

func reconciledOf(ctx context.Context, s *store.Store, name string) (lifecycle.Reconciled, error) {
	st := lifecycle.Reconciled{Tracker: name}
	raw, err := s.Setting(ctx, activities.ReconciledKey(name))
	switch {
	case fault.Is(err, fault.NotFound):
		return st, nil
	case err != nil:
		return st, err
	}
	err = json.Unmarshal(raw, &st)
	return st, fault.Wrap(fault.Internal, err, "reading how far the look at "+name+" came")
}

// CheckTracker implements api.Trackers.
func (d *trackerDesk) CheckTracker(ctx context.Context, name string) (api.TrackerStatus, error) {
	t, ok := d.trackers.byName[name]
	if !ok {
		return api.TrackerStatus{}, fault.New(fault.NotFound, "there is no tracker %q in the configuration", name)
	}
	c := checkedTracker{at: now(), problems: []string{}}
	if checker, ok := t.(connectors.Checker); ok {
		asking, cancel := context.WithTimeout(ctx, checkPatience)
		for _, err := range checker.Check(asking) {
			c.problems = append(c.problems, lifecycle.Plain(err.Error(), 500))
		}
		cancel()
	}
	d.mu.Lock()
	d.checked[name] = c
	d.mu.Unlock()
	return d.status(ctx, name)
}

// watch looks at the set-up of every tracker now and again, and says what is wrong with it.
func (d *trackerDesk) watch(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		for i := range d.cfg.Trackers {
			status, err := d.CheckTracker(ctx, d.cfg.Trackers[i].Name)
			if err != nil {
				d.log.Warn("checking a tracker's set-up failed", "tracker", d.cfg.Trackers[i].Name, "error", err)
			}
			for _, problem := range status.Problems {
				d.log.Warn("a tracker isn't set up as it must be", "tracker", status.Name, "problem", problem)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// health is what /readyz says of each tracker: it keeps nobody from working, since all else
// goes on without it.
func (d *trackerDesk) health() []api.Check {
	checks := make([]api.Check, 0, len(d.cfg.Trackers))
	for i := range d.cfg.Trackers {
		name := d.cfg.Trackers[i].Name
		checks = append(checks, api.Check{Name: "tracker " + name, Advisory: true, Ask: func(context.Context) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if n := len(d.checked[name].problems); n > 0 {
				return errors.New(d.checked[name].problems[0])
			}
			return nil
		}})
	}
	return checks
}

// remediations gives the API the remediations.
type remediations struct {
	*store.Store
	activities *activities.Activities
}

// Recreate implements api.Remediations.
func (r remediations) Recreate(ctx context.Context, id, by string) (lifecycle.Remediation, error) {
	return r.activities.Recreate(ctx, id, by)
}

// reconcileMetrics says what the looks at trackers came to, when Prometheus asks.
type reconcileMetrics struct{ *app }

func reconcileDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("quell_tracker_"+name, help, []string{"tracker"}, nil)
}

// Describe implements prometheus.Collector.
func (reconcileMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- reconcileDesc("reconcile_looks_total", "Looks at what was changed in a tracker.")
}

// Collect implements prometheus.Collector.
func (m reconcileMetrics) Collect(ch chan<- prometheus.Metric) {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := range m.cfg.Trackers {
		name := m.cfg.Trackers[i].Name
		st, err := reconciledOf(ctx, m.store, name)
		if err != nil {
			m.log.Warn("reading how far the look at a tracker came", "tracker", name, "error", err)
			continue
		}
		failing := 0.0
		if !st.Failing.IsZero() {
			failing = now().Sub(st.Failing).Seconds()
		}
		for _, v := range []struct {
			name, help string
			kind       prometheus.ValueType
			value      float64
		}{
			{"reconcile_looks_total", "Looks at what was changed in a tracker.", prometheus.CounterValue, float64(st.Looks)},
			{"reconcile_changed_total", "Changed issues that the tracker told of.", prometheus.CounterValue, float64(st.Changed)},
			{"reconcile_woken_total", "Tickets that had to be read because of them.", prometheus.CounterValue, float64(st.Woken)},
			{"reconcile_failing_seconds", "Since when no look has gone well; 0: the last one has.", prometheus.GaugeValue, failing},
			{"duplicates", "Issues known to carry the mark of another's ticket.", prometheus.GaugeValue, float64(len(st.Duplicates))},
			{"orphans", "Issues known to carry a mark of no remediation.", prometheus.GaugeValue, float64(len(st.Orphans))},
		} {
			ch <- prometheus.MustNewConstMetric(reconcileDesc(v.name, v.help), v.kind, v.value, name)
		}
	}
}
