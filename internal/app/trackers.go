package app

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
)

// trackers are the configured trackers, open, and the built-in one. Immutable after start.
// A tracker is kept as the connector made it: wrapping it would hide what it can do beyond
// the least, such as saying how far its search lags, without which tickets are made twice.
type trackers struct {
	order  []config.Tracker
	byName map[string]connectors.Tracker
}

// openTrackers opens them all. The built-in one is always there, for the tickets that it
// has from a time when no other was configured.
func (a *app) openTrackers(calls *peopleMetrics) (*trackers, error) {
	out := &trackers{order: a.cfg.Trackers, byName: map[string]connectors.Tracker{
		config.BuiltinTracker: localtracker.New(a.store, localtracker.Config{}, now),
	}}
	for i := range a.cfg.Trackers {
		t := &a.cfg.Trackers[i]
		instance, err := a.openOutward(t.Name, t.Connector, t.Config, t.Rate, calls)
		if err != nil {
			return nil, err
		}
		opened, ok := instance.(connectors.Tracker)
		if !ok {
			return nil, fault.New(fault.Invalid, "opening tracker %s: connector %s keeps no tickets", t.Name, t.Connector)
		}
		out.byName[t.Name] = opened
	}
	return out, nil
}

// openOutward opens a connector that speaks to people's tools: a tracker or a notifier. It
// gets a guarded client where it says whom it calls, and the governor that shares its
// vendor's limits among all workers.
func (a *app) openOutward(name, connector string, config any, rate float64, calls *peopleMetrics) (connectors.Instance, error) {
	registration, err := builtin.Find(connector)
	if err != nil {
		return nil, err
	}
	env := connectors.Env{Source: name, Log: a.log.With("connector", name), Now: now, Keep: a.store, Governor: a.governor}
	if registration.Reach != nil {
		env.HTTP = httpclient.New(httpclient.Options{Reach: registration.Reach(config), Rate: rate, Observe: calls.of(name), Now: now})
	}
	instance, err := registration.Open(env, config)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "opening "+name)
	}
	return instance, nil
}

// route names the tracker that a new remediation goes to.
func (t *trackers) route(team string, scopes []string, decision exposure.DecisionOutcome) string {
	return config.TrackerFor(t.order, team, scopes, decision)
}

// keeping says how tickets are kept in each tracker.
func (t *trackers) keeping() map[string]activities.Keeping {
	out := map[string]activities.Keeping{}
	for i := range t.order {
		c := &t.order[i]
		out[c.Name] = activities.Keeping{Attach: c.AttachEvidence, AskDeleted: c.OnDeleted == config.DeletedAsk,
			ReopenWithin: c.ReopenWithin.Std(), Reconcile: c.Reconcile.Std()}
	}
	return out
}

// hook gives what the API needs of a tracker that calls us.
func (t *trackers) hook(name string) (api.TrackerHook, bool) {
	hook, ok := t.byName[name].(connectors.TicketHook)
	if !ok {
		return api.TrackerHook{}, false
	}
	out := api.TrackerHook{Name: name, Verifier: hook, Ticket: func(header http.Header, body []byte) (lifecycle.TicketChange, bool) {
		change, ours := hook.Ticket(header, body)
		return lifecycle.TicketChange{Key: change.Key, Marker: change.Marker, Cause: change.Cause, What: change.What}, ours
	}}
	for i := range t.order {
		if c := &t.order[i]; c.Name == name {
			out.Rate, out.Burst, out.MaxBody = c.Webhook.Rate, c.Webhook.Burst, int64(c.Webhook.MaxBody)
		}
	}
	return out, true
}

// names are those of all trackers, sorted.
func (t *trackers) names() []string { return slices.Sorted(maps.Keys(t.byName)) }

// peopleMetrics counts what trackers and notifiers are asked.
type peopleMetrics struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newPeopleMetrics(r prometheus.Registerer) *peopleMetrics {
	m := &peopleMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quell_outward_calls_total",
			Help: "Requests to trackers and notifiers, by the status that came back; 0 where none came."}, []string{"name", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "quell_outward_call_seconds",
			Help: "How long trackers and notifiers took to begin their answer.", Buckets: prometheus.ExponentialBuckets(0.01, 4, 8)}, []string{"name"}),
	}
	r.MustRegister(m.calls, m.seconds)
	return m
}

func (m *peopleMetrics) of(name string) func(host string, status int, took time.Duration) {
	return func(_ string, status int, took time.Duration) {
		m.calls.WithLabelValues(name, strconv.Itoa(status)).Inc()
		m.seconds.WithLabelValues(name).Observe(took.Seconds())
	}
}

// assignee names whom the tickets of a team go to: its one member, where it has no more.
// Among several, the team's own people choose.
func (a *app) assignee(team, tracker string) string {
	connector := ""
	for i := range a.cfg.Trackers {
		if a.cfg.Trackers[i].Name == tracker {
			connector = a.cfg.Trackers[i].Connector
		}
	}
	var there []ownership.Person
	for i := range a.cfg.Owners.Teams {
		t := &a.cfg.Owners.Teams[i]
		for _, p := range a.cfg.Owners.People {
			if t.Name == team && slices.Contains(t.Members, p.Name) && (p.Left == "" || p.Left > now().Format(time.DateOnly)) {
				there = append(there, p)
			}
		}
	}
	if len(there) != 1 || connector != "jira" { // of the others nobody has said how they call people
		return ""
	}
	return there[0].Jira
}
