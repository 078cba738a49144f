package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/store"
)

const (
	censusKey     = "ownership/census"
	rememberEvery = time.Minute     // how long what another process learned may take to count here
	walkEvery     = 6 * time.Hour   // how long the inventory rests between two walks over it
	learnOverlap  = 2 * time.Minute // for writers whose clocks differ a little
)

// memory holds what was learned of owners, and gives it to the judge.
type memory struct {
	store    *store.Store
	judge    *ingest.Judge
	pipeline *ingest.Pipeline
	log      *slog.Logger

	mu      sync.Mutex
	records map[string]ownership.Record
	read    time.Time // up to when records were read
	walk    walk
}

// walk is one walk over the inventory. Another process, or a restart, begins one anew.
type walk struct {
	teller *ownership.Teller
	cursor string
	ended  time.Time
}

func newMemory(s *store.Store, j *ingest.Judge, p *ingest.Pipeline, log *slog.Logger) *memory {
	return &memory{store: s, judge: j, pipeline: p, log: log, records: map[string]ownership.Record{}}
}

// Remember implements activities.Router: it reads what was learned since it last did, and
// makes it count.
func (m *memory) Remember(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := now()
	since := m.read
	if !since.IsZero() {
		since = since.Add(-learnOverlap)
	}
	err := m.store.EachLesson(ctx, since, func(r ownership.Record) error {
		m.records[r.ID] = r
		return nil
	})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading what was learned of owners")
	}
	census, err := m.census(ctx)
	if err != nil {
		return err
	}
	m.read = at
	tree := m.judge.Grounds().Owners
	next := tree.NewMemory(at, func(yield func(ownership.Count) bool) {
		for _, r := range m.records {
			for _, c := range r.Counts {
				if !yield(c) {
					return
				}
			}
		}
	}, census)
	if had := tree.Memory(); had == nil || had.Digest() != next.Digest() {
		m.judge.Remember(next)
	}
	return nil
}

func (m *memory) census(ctx context.Context) (ownership.Census, error) {
	var out ownership.Census
	raw, err := m.store.Setting(ctx, censusKey)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return out, fault.Wrap(fault.KindOf(err), err, "reading who owns which neighbourhood")
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			return out, fault.Wrap(fault.Internal, err, "reading who owns which neighbourhood")
		}
	}
	return out, nil
}

// directory knows who stands behind teams and scopes.
type directory struct{ judge *ingest.Judge }

// Manager implements activities.Directory.
func (d directory) Manager(team string) string {
	t := d.judge.Grounds().Owners
	return t.Manager(team)
}

// ScopeOwners implements activities.Directory.
func (d directory) ScopeOwners(names []string) []string {
	g := d.judge.Grounds()
	var out []string
	for _, s := range g.Scopes.Named(names) {
		if s.Owner != "" && !slices.Contains(out, s.Owner) {
			out = append(out, s.Owner)
		}
	}
	return out
}

// Reroute implements activities.Router.
func (m *memory) Reroute(ctx context.Context, ids []asset.ID, why string) error {
	_, err := m.pipeline.Reroute(ctx, ids, why)
	return err
}

// Revisit implements activities.Router. The walk counts who owns the neighbourhoods as it
// goes along; at its end the count replaces the one before, and the next walk routes by it.
func (m *memory) Revisit(ctx context.Context, limit int) (int, error) {
	m.mu.Lock()
	w := m.walk
	m.mu.Unlock()
	g := m.judge.Grounds()
	if w.teller == nil {
		if !w.ended.IsZero() && now().Sub(w.ended) < walkEvery {
			return 0, nil
		}
		w = walk{teller: g.Owners.NewTeller()}
	}
	page, err := m.store.FindAssets(ctx, asset.Filter{}, exposure.List{Sort: exposure.SortID, Limit: limit, Cursor: w.cursor})
	if err != nil {
		m.keep(walk{}) // a cursor that is no good begins anew
		return 0, fault.Wrap(fault.KindOf(err), err, "walking over the inventory")
	}
	for i := range page.Items {
		w.teller.Count(page.Items[i], g.Scopes.Named(page.Items[i].Scopes))
	}
	changed, err := m.pipeline.Revisit(ctx, page.Items, "revisited")
	if err != nil {
		return changed, err
	}
	if w.cursor = page.Next; w.cursor != "" {
		m.keep(w)
		return changed, nil
	}
	raw, err := json.Marshal(w.teller.Census())
	if err != nil {
		return changed, fault.Wrap(fault.Internal, err, "noting who owns which neighbourhood")
	}
	if err := m.store.PutSetting(ctx, censusKey, raw); err != nil {
		return changed, fault.Wrap(fault.KindOf(err), err, "noting who owns which neighbourhood")
	}
	m.keep(walk{ended: now()})
	return changed, m.Remember(ctx)
}

func (m *memory) keep(w walk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.walk = w
}

// follow keeps up with what other processes learn, and with the days, until ctx ends.
func (m *memory) follow(ctx context.Context) error {
	tick := time.NewTicker(rememberEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := m.Remember(ctx); err != nil && ctx.Err() == nil {
			m.log.Warn("reading what was learned of owners failed; it is tried again", "error", err)
		}
	}
}
