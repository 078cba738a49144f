package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/store"
)

// t0 is when the stories begin.
var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// rig is a pipeline over a real store, with sources that say what the test says.
type rig struct {
	*testing.T
	ctx      context.Context //nolint:containedctx // the test's own, for as long as it runs
	store    *store.Store
	faulty   *faulty // between the pipeline and the store
	ledger   *ledger.Ledger
	pipeline *ingest.Pipeline
	assess   *fixedAssessor
	woken    *wakes
	clock    time.Time
	breaker  ingest.Breaker
	batch    int
	seq      int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, ctx: t.Context(), clock: t0, assess: &fixedAssessor{}, woken: &wakes{}}
	s, err := store.Open(r.ctx, "sqlite:"+t.TempDir(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	r.store = s
	r.faulty = &faulty{Store: s}
	r.ledger = ledger.New(s, r.now)
	r.pipeline = ingest.New(r.faulty, r.source, r.assess, ledger.New(r.faulty, r.now), r.woken, r.now, slog.New(slog.DiscardHandler))
	return r
}

func (r *rig) now() time.Time { return r.clock }

// report is a body in the rig's own format.
type report struct {
	Run      *exposure.Run          `json:"run,omitempty"`
	Covers   []exposure.Coverage    `json:"covers,omitempty"`
	Findings []exposure.Observation `json:"findings,omitempty"`
	Stated   []exposure.Statement   `json:"stated,omitempty"`
	Broken   string                 `json:"broken,omitempty"` // the decoder fails with this after the findings
}

func (r *rig) source(name string) (ingest.Source, error) {
	if name == "unknown" {
		return ingest.Source{}, fault.New(fault.NotFound, "there is no source %q", name)
	}
	return ingest.Source{Name: name, Connector: "test", Zone: "dc1", Local: name == "lab", Breaker: r.breaker, Decode: decode}, nil
}

func decode(_ context.Context, body io.Reader, sink ingest.Sink) error {
	var rep report
	if err := json.NewDecoder(body).Decode(&rep); err != nil {
		return err
	}
	if rep.Run != nil {
		if err := sink.Run(*rep.Run); err != nil {
			return err
		}
	}
	for _, c := range rep.Covers {
		if err := sink.Cover(c); err != nil {
			return err
		}
	}
	for _, o := range rep.Findings {
		if err := sink.Observe(o); err != nil {
			return err
		}
	}
	for _, s := range rep.Stated {
		if err := sink.Statement(s); err != nil {
			return err
		}
	}
	if rep.Broken != "" {
		return errors.New(rep.Broken)
	}
	return nil
}

// deliver stores a report as a new delivery, without processing it.
func (r *rig) deliver(source string, rep report) exposure.Delivery {
	r.Helper()
	body, err := json.Marshal(rep)
	require.NoError(r, err)
	r.seq++
	d, fresh, err := r.store.AcceptDelivery(r.ctx, exposure.Delivery{
		ID: fmt.Sprintf("%s|%d", source, r.seq), Source: source, Via: "webhook", ReceivedAt: r.clock, Status: exposure.DeliveryReceived,
	}, bytesReader(body))
	require.NoError(r, err)
	require.True(r, fresh)
	return d
}

// ingest delivers a report and processes it.
func (r *rig) ingest(source string, rep report) exposure.Delivery {
	r.Helper()
	d := r.deliver(source, rep)
	done, err := r.pipeline.Process(r.ctx, d, nil)
	require.NoError(r, err)
	return done
}

// at moves the clock to hours after the beginning.
func (r *rig) at(hours float64) { r.clock = t0.Add(time.Duration(hours * float64(time.Hour))) }

func (r *rig) exposures(f exposure.Filter) []exposure.Exposure {
	r.Helper()
	var out []exposure.Exposure
	require.NoError(r, r.store.EachExposure(r.ctx, f, func(e exposure.Exposure) error {
		out = append(out, e)
		return nil
	}))
	return out
}

// one is the only exposure with a weakness.
func (r *rig) one(weakness string) exposure.Exposure {
	r.Helper()
	found := r.exposures(exposure.Filter{Weakness: weakness})
	require.Len(r, found, 1, "exposures of %s", weakness)
	return found[0]
}

func (r *rig) apply(id exposure.ID, ev exposure.Event) {
	r.Helper()
	e, err := r.store.Exposure(r.ctx, id)
	require.NoError(r, err)
	_, err = r.ledger.Apply(r.ctx, ledger.Change{ID: id, Event: ev, As: e.Mode})
	require.NoError(r, err)
}

// checkChains replays every exposure's events and compares with its state.
func (r *rig) checkChains() {
	r.Helper()
	for _, e := range r.exposures(exposure.Filter{}) {
		events, err := r.ledger.Timeline(r.ctx, e.ID)
		require.NoError(r, err)
		state, err := exposure.Replay(events)
		require.NoError(r, err)
		require.Equal(r, e.State, state)
	}
}

// host describes a host by its name.
func host(name string) *asset.Description {
	return &asset.Description{Kind: asset.Host, Name: name, Identifiers: []asset.Identifier{{Kind: asset.FQDN, Value: name}}}
}

// finding is one open finding of a check on a host's port, seen at the hour.
func finding(on *asset.Description, check, location string, hour float64) exposure.Observation {
	return exposure.Observation{Asset: on, Finding: &exposure.Finding{
		UID: check + "@" + location, Class: exposure.ClassVulnerability, Check: "test:" + check, Title: "weak " + check,
		Severity: exposure.SeverityHigh, Location: location, Status: exposure.StatusOpen, LastSeen: t0.Add(time.Duration(hour * float64(time.Hour))),
	}}
}

// fullRun is a complete run of all checks, finished at the hour.
func fullRun(hour float64) *exposure.Run {
	at := t0.Add(time.Duration(hour * float64(time.Hour)))
	return &exposure.Run{ID: "run-" + at.Format(time.TimeOnly), Kind: exposure.RunFull, Complete: true, Started: at, Finished: at, Checks: []string{"test:*"}}
}

// covered is a successful look at a host.
func covered(on *asset.Description) exposure.Coverage {
	return exposure.Coverage{Asset: *on, Outcome: exposure.TargetOK}
}

// fixedAssessor decides the same about everything, as the test says.
type fixedAssessor struct {
	mu       sync.Mutex
	outcome  exposure.DecisionOutcome
	admit    bool
	owner    string
	excluded bool
}

func (f *fixedAssessor) Place(a *asset.Asset) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed := a.Owner != f.owner
	a.Owner = f.owner
	return changed
}

func (f *fixedAssessor) Assess(exposure.Exposure, asset.Asset, time.Time) ingest.Assessment {
	f.mu.Lock()
	defer f.mu.Unlock()
	outcome := f.outcome
	if outcome == "" {
		outcome = exposure.Track
	}
	return ingest.Assessment{
		Decision: exposure.Decision{Outcome: outcome, Admit: f.admit, Digest: fmt.Sprint(outcome, f.admit), Why: []string{"the test says so"}},
		Due:      t0.AddDate(0, 0, 14), Owner: exposure.Owner{Team: f.owner, How: "the test says so"}, Excluded: f.excluded,
	}
}

type wakes struct {
	mu  sync.Mutex
	ids []exposure.ID
}

func (w *wakes) WakeExposure(_ context.Context, id exposure.ID, _ string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids = append(w.ids, id)
	return nil
}
