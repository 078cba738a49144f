package workflows_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/store"
)

// house is a small quell for tests: the real store, ledger, activities, tracker and
// inbox, over a world that says what is really there.
type house struct {
	t       *testing.T
	store   *store.Store
	ledger  *ledger.Ledger
	tracker *localtracker.Tracker
	acts    *activities.Activities
	world   *world
	now     func() time.Time
}

// newHouse makes a house with a clock of its own and somebody who is told of wakes.
func newHouse(t *testing.T, now func() time.Time, waker activities.Waker) *house {
	t.Helper()
	exact := func() time.Time { return now().UTC().Truncate(time.Millisecond) }
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{Now: exact})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	h := &house{t: t, store: s, now: exact, world: newWorld(exact)}
	h.ledger = ledger.New(s, exact)
	h.tracker = localtracker.New(s, localtracker.Config{URL: "https://quell.example.org"}, exact)
	if waker == nil {
		waker = &recorder{}
	}
	h.acts = activities.New(activities.Deps{
		Ledger: h.ledger, Records: s, Journal: s, Board: s, Lines: s, Assess: h.world, Engage: h.world.engage, Waker: waker,
		Trackers: map[string]connectors.Tracker{"local": h.tracker}, Tracker: "local", Notifier: inbox.New(s, exact), Drainer: h.world, Syncs: s, Pulls: h.world.pulls,
		Policy: activities.Policy{Vantage: "here"}, Now: exact, Log: slog.New(slog.DiscardHandler),
	})
	return h
}

// recorder is a waker that remembers who was woken.
type recorder struct {
	mu    sync.Mutex
	woken []string
}

func (r *recorder) note(who string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.woken = append(r.woken, who)
}

func (r *recorder) has(who string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.woken, who)
}

func (r *recorder) Wake(_ context.Context, e *exposure.Exposure, _ string) error {
	r.note("exposure/" + string(e.ID))
	return nil
}

func (r *recorder) WakeRemediation(_ context.Context, id, _ string) error {
	r.note("remediation/" + id)
	return nil
}

func (r *recorder) WakeSource(_ context.Context, source string) error {
	r.note("source/" + source)
	return nil
}

func (r *recorder) StartSource(_ context.Context, source string) error {
	r.note("source/" + source)
	return nil
}

// world is what is really there, and what policy makes of it.
type world struct {
	mu       sync.Mutex
	now      func() time.Time
	fixed    map[exposure.ID]bool
	answers  map[exposure.ID][]exposure.VerdictOutcome // before the truth
	probes   map[exposure.ID]int
	owners   map[asset.ID]string
	decision exposure.Decision
	decided  map[exposure.ID]exposure.Decision
	rules    scope.Engagement
	excluded bool
	drains   []activities.Drained
	drainErr error
	drained  int
	vendor   connectors.Puller // of source tenable
}

func newWorld(now func() time.Time) *world {
	return &world{now: now, fixed: map[exposure.ID]bool{}, answers: map[exposure.ID][]exposure.VerdictOutcome{}, probes: map[exposure.ID]int{},
		owners: map[asset.ID]string{}, decided: map[exposure.ID]exposure.Decision{},
		decision: exposure.Decision{Outcome: exposure.Attend, Why: []string{"exploited in the wild"}, Digest: "d1", Admit: true, Inputs: map[string]string{"kev": "no", "publicly_exposed": "no"}},
		rules:    scope.Engagement{Probe: true, Vantage: "here", Consent: "the test"}}
}

func (w *world) set(fn func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fn(w)
}

// pulls implements activities.Pulls.
func (w *world) pulls(name string) (connectors.Puller, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if name != "tenable" || w.vendor == nil {
		return nil, fault.New(fault.NotFound, "source %q is not pulled", name)
	}
	return w.vendor, nil
}

func (w *world) fix(id exposure.ID) { w.set(func(w *world) { w.fixed[id] = true }) }

// Assess implements activities.Assessor.
func (w *world) Assess(e exposure.Exposure, a asset.Asset, _ time.Time) ingest.Assessment {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.decided[e.ID]
	if !ok {
		d = w.decision
	}
	return ingest.Assessment{Decision: d, Due: e.Due, Owner: exposure.Owner{Team: w.owners[a.ID], How: "route"}, Excluded: w.excluded}
}

func (w *world) engage(asset.Asset) scope.Engagement {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rules
}

// Probe is a probe that tells the truth, after the answers that a test gave it.
func (w *world) Probe(_ context.Context, r lifecycle.ProbeRequest) (lifecycle.ProbeResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes[r.Exposure]++
	outcome := exposure.Confirmed
	if w.fixed[r.Exposure] {
		outcome = exposure.Refuted
	}
	if given := w.answers[r.Exposure]; len(given) > 0 {
		outcome, w.answers[r.Exposure] = given[0], given[1:]
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(r.Exposure, w.probes[r.Exposure])))
	v := exposure.Verdict{Outcome: outcome, Method: r.Verification.Method, Vantage: "here", Template: "weak-login@1",
		CheckedAt: w.now().Add(2 * time.Millisecond), Evidence: []string{hex.EncodeToString(sum[:])}}
	switch outcome {
	case exposure.Confirmed:
		v.Reason = "the login page still takes the default password"
	case exposure.Refuted:
		v.Reason = "the login page refuses the default password"
	case exposure.Inconclusive:
		v.Reason, v.Evidence = "the host does not answer", nil
	}
	return lifecycle.ProbeResult{Verdict: v}, nil
}

func (w *world) probed(id exposure.ID) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.probes[id]
}

// Drain implements activities.Drainer with the results that a test gave.
func (w *world) Drain(context.Context, string, int, func(ingest.Progress)) (ingest.Drained, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drained++
	if w.drainErr != nil {
		err := w.drainErr
		w.drainErr = nil
		return ingest.Drained{}, err
	}
	if len(w.drains) == 0 {
		return ingest.Drained{}, nil
	}
	d := w.drains[0]
	w.drains = w.drains[1:]
	return d, nil
}

// born puts a tracked exposure into the store: a weak login on a web server, owned by
// the team (none if empty), that a probe can test.
func (h *house) born(name, team string, edits ...func(*exposure.Exposure)) exposure.ID {
	h.t.Helper()
	at := h.now()
	of := asset.Asset{ID: asset.ID("asset-" + name), Version: 1, Kind: asset.Host, Name: name + ".example.com", FirstSeen: at, LastSeen: at, UpdatedAt: at,
		Identifiers: []asset.Known{{Identifier: asset.Identifier{Kind: asset.IP, Value: "192.0.2.7"}}}}
	_, err := h.store.InsertAssets(h.t.Context(), []asset.Asset{of})
	require.NoError(h.t, err)
	seen := at.Add(-time.Hour)
	e := exposure.NewExposure(exposure.BornInput{
		Asset: of, Source: "nessus-dc1", Run: "run-1", CheckedAt: seen, At: at, Cause: "delivery-1", Actor: exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"},
		Finding: exposure.Finding{UID: "1", Connector: "nessus", Class: exposure.ClassVulnerability, Check: "nuclei:weak-login", Title: "Default login on the admin page",
			Severity: exposure.SeverityHigh, Status: exposure.StatusOpen, Location: "443/tcp", Target: "https://" + of.Name, Remediation: "Change the password."},
	})
	h.world.set(func(w *world) { w.owners[of.ID] = team; e.Decision = w.decision })
	e.Owner = exposure.Owner{Team: team, How: "route", Since: at}
	e.Due, e.Queued = at.Add(14*24*time.Hour), at
	for _, edit := range edits {
		edit(&e)
	}
	_, err = h.store.InsertExposures(h.t.Context(), []exposure.Exposure{e})
	require.NoError(h.t, err)
	return e.ID
}

// admitted is born and admitted.
func (h *house) admitted(name, team string, edits ...func(*exposure.Exposure)) exposure.ID {
	h.t.Helper()
	id := h.born(name, team, edits...)
	_, err := h.ledger.Apply(h.t.Context(), ledger.Change{ID: id, As: exposure.ModeStore, Event: exposure.Event{
		Kind: exposure.EventAdmit, Actor: exposure.Actor{Kind: exposure.System, Name: "policy"}, Cause: "admit"}})
	require.NoError(h.t, err)
	return id
}

func byCoveringRun(e *exposure.Exposure) {
	e.Verification = exposure.Verification{Method: exposure.MethodCoveringRun}
}

func (h *house) exposure(id exposure.ID) exposure.Exposure {
	h.t.Helper()
	e, err := h.store.Exposure(h.t.Context(), id)
	require.NoError(h.t, err)
	return e
}

// story is an exposure's history as its kinds of events, checked for its chain.
func (h *house) story(id exposure.ID) []string {
	h.t.Helper()
	e := h.exposure(id)
	events, err := h.store.Events(h.t.Context(), id)
	require.NoError(h.t, err)
	if n := len(events); n == 0 || events[n-1].Seq < e.LastEvent.Seq {
		events = append(events, e.LastEvent)
	}
	state, err := exposure.Replay(events)
	require.NoError(h.t, err)
	require.Equal(h.t, e.State, state)
	kinds := make([]string, len(events))
	causes := map[string]bool{}
	for i := range events {
		require.False(h.t, causes[events[i].Cause], "the cause %s is in the chain twice", events[i].Cause)
		causes[events[i].Cause] = true
		kinds[i] = string(events[i].Kind)
		if events[i].From != events[i].To {
			kinds[i] += ">" + string(events[i].To)
		}
	}
	return kinds
}

func (h *house) remediation(id exposure.ID) lifecycle.Remediation {
	h.t.Helper()
	r, err := h.store.Remediation(h.t.Context(), h.exposure(id).RemediationID)
	require.NoError(h.t, err)
	return r
}

// ticket is the ticket of an exposure's remediation.
func (h *house) ticket(id exposure.ID) lifecycle.Ticket {
	h.t.Helper()
	x, err := h.store.TicketByMarker(h.t.Context(), h.exposure(id).RemediationID)
	require.NoError(h.t, err)
	return x
}

func (h *house) tickets() []lifecycle.Ticket {
	h.t.Helper()
	page, err := h.store.FindTickets(h.t.Context(), store.TicketFilter{}, exposure.List{Limit: 1000})
	require.NoError(h.t, err)
	return page.Items
}

// messages are the kinds of messages to somebody, oldest first.
func (h *house) messages(to string) []string {
	h.t.Helper()
	page, err := h.store.FindMessages(h.t.Context(), to, false, exposure.List{Limit: 1000})
	require.NoError(h.t, err)
	var kinds []string
	for _, m := range slices.Backward(page.Items) {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

// reported has a source tell, in a covering run, whether it still sees the exposure.
func (h *house) reported(id exposure.ID, present bool) {
	h.t.Helper()
	at := h.now()
	_, _, err := h.ledger.Touch(h.t.Context(), id, func(e *exposure.Exposure) bool {
		if !present {
			next, changed := exposure.MarkAbsent(*e, "nessus-dc1", "run-"+at.String(), at, exposure.VerifiedAbsent)
			*e = next
			return changed
		}
		e.Sights = slices.Clone(e.Sights)
		e.Sights[0] = exposure.Sight{Source: "nessus-dc1", Presence: exposure.Observed, LastSeen: at, CheckedAt: at, Run: "run-" + at.String()}
		e.LastSeen, e.Presence = at, exposure.PresenceOf(e.Sights)
		return true
	})
	require.NoError(h.t, err)
}

// decision is a decision by ann, with a cause of its own.
func decision(kind lifecycle.DecisionKind, id exposure.ID, edits ...func(*lifecycle.Decision)) lifecycle.Decision {
	d := lifecycle.Decision{Kind: kind, Exposure: id, Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}, Cause: "ann/" + string(kind), Reason: "the pilot needs it"}
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

// approval is a second person's yes to what ann asked for.
func approval(id exposure.ID) lifecycle.Decision {
	return decision(lifecycle.DecideApprove, id, func(d *lifecycle.Decision) {
		d.Actor.Name, d.Cause, d.Role, d.Reason = "bob", "bob/approve", "approver", ""
	})
}

func commentsOf(x lifecycle.Ticket) string {
	all := make([]string, len(x.Comments))
	for i, c := range x.Comments {
		all[i] = c.Text
	}
	return strings.Join(all, "\n---\n")
}
