// Package ledgertest is the suite that every store has to pass under the ledger: many
// writers, a crash between any two writes, and one unbroken chain at the end.
package ledgertest

import (
	"context"
	"slices"
	"sync"

	"github.com/quellsec/quell/internal/exposure"
)

// Memory keeps records in memory, as a store would. The zero value is ready.
type Memory struct {
	mu        sync.Mutex
	exposures map[exposure.ID]exposure.Exposure
	events    map[string]exposure.Event
}

// InsertExposures inserts those that aren't there yet.
func (m *Memory) InsertExposures(_ context.Context, xs []exposure.Exposure) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.exposures == nil {
		m.exposures = map[exposure.ID]exposure.Exposure{}
	}
	inserted := make([]bool, len(xs))
	for i, x := range xs {
		if _, there := m.exposures[x.ID]; !there {
			m.exposures[x.ID], inserted[i] = x, true
		}
	}
	return inserted, nil
}

// Exposures implements ledger.Records.
func (m *Memory) Exposures(_ context.Context, ids []exposure.ID) (map[exposure.ID]exposure.Exposure, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := make(map[exposure.ID]exposure.Exposure, len(ids))
	for _, id := range ids {
		if x, ok := m.exposures[id]; ok {
			found[id] = x
		}
	}
	return found, nil
}

// SwapExposures implements ledger.Records.
func (m *Memory) SwapExposures(_ context.Context, xs []exposure.Exposure) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	swapped := make([]bool, len(xs))
	for i, x := range xs {
		if stored, ok := m.exposures[x.ID]; ok && stored.Version == x.Version-1 {
			m.exposures[x.ID], swapped[i] = x, true
		}
	}
	return swapped, nil
}

// InsertEvents implements ledger.Records.
func (m *Memory) InsertEvents(_ context.Context, evs []exposure.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events == nil {
		m.events = map[string]exposure.Event{}
	}
	for _, ev := range evs {
		if id := exposure.EventID(ev.Exposure, ev.Seq); m.events[id].Hash == "" {
			m.events[id] = ev
		}
	}
	return nil
}

// Events implements ledger.Records.
func (m *Memory) Events(_ context.Context, id exposure.ID) ([]exposure.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var evs []exposure.Event
	for _, ev := range m.events {
		if ev.Exposure == id {
			evs = append(evs, ev)
		}
	}
	slices.SortFunc(evs, func(a, b exposure.Event) int { return int(a.Seq - b.Seq) })
	return evs, nil
}
