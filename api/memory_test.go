package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
)

// memory is a store in memory, and whatever else the API asks.
type memory struct {
	schedule         schedule
	mu               sync.Mutex
	exposures        map[exposure.ID]exposure.Exposure
	events           map[exposure.ID][]exposure.Event
	assets           map[asset.ID]asset.Asset
	assetEvents      map[asset.ID][]asset.Event
	edges            []asset.KnownEdge // by ID
	claims           map[string]asset.ID
	separated        []Separate
	gapPages         []scope.GapPage
	statementFilters []exposure.StatementFilter
	sightings        map[string]exposure.Sighting
	deliveries       map[string]exposure.Delivery
	bodies           map[string][]byte // by hash, of deliveries and evidence
	tickets          map[string]lifecycle.Ticket
	runs             runsDesk
	messages         map[string]lifecycle.InboxMessage
	kept             map[string]Token // by hash
	touches          map[string]time.Time
	wakes            []string
	remediated       []string
	filters          []exposure.Filter // that were asked for
	lists            []exposure.List
	broken           error           // of each read of exposures
	down             error           // of readiness
	breakAfter       int             // exposures until EachExposure fails; 0 = never
	waking           chan struct{}   // where set, each wake waits for it
	eachWaits        <-chan struct{} // where set, EachExposure waits for it
}

func newMemory() *memory {
	return &memory{exposures: map[exposure.ID]exposure.Exposure{}, events: map[exposure.ID][]exposure.Event{}, assets: map[asset.ID]asset.Asset{},
		assetEvents: map[asset.ID][]asset.Event{}, sightings: map[string]exposure.Sighting{}, deliveries: map[string]exposure.Delivery{},
		bodies: map[string][]byte{}, tickets: map[string]lifecycle.Ticket{}, messages: map[string]lifecycle.InboxMessage{},
		kept: map[string]Token{}, touches: map[string]time.Time{}}
}

func missing(what string) error {
	return fault.New(fault.NotFound, "reading memory: there is no %s", what)
}

func (m *memory) Exposure(_ context.Context, id exposure.ID) (exposure.Exposure, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return exposure.Exposure{}, m.broken
	}
	e, ok := m.exposures[id]
	if !ok {
		return e, missing(string(id))
	}
	return e, nil
}

func (m *memory) Exposures(_ context.Context, ids []exposure.ID) (map[exposure.ID]exposure.Exposure, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[exposure.ID]exposure.Exposure{}
	for _, id := range ids {
		if e, ok := m.exposures[id]; ok {
			out[id] = e
		}
	}
	return out, nil
}

func (m *memory) SwapExposures(_ context.Context, xs []exposure.Exposure) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]bool, len(xs))
	for i := range xs {
		if m.exposures[xs[i].ID].Version == xs[i].Version-1 {
			m.exposures[xs[i].ID], out[i] = xs[i], true
		}
	}
	return out, nil
}

func (m *memory) InsertEvents(_ context.Context, evs []exposure.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ev := range evs {
		if !slices.ContainsFunc(m.events[ev.Exposure], func(have exposure.Event) bool { return have.Seq == ev.Seq }) {
			m.events[ev.Exposure] = append(m.events[ev.Exposure], ev)
		}
	}
	return nil
}

func (m *memory) Events(_ context.Context, id exposure.ID) ([]exposure.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events[id]), nil
}

func overlap[T comparable](want, have []T) bool {
	return len(want) == 0 || slices.ContainsFunc(have, func(v T) bool { return slices.Contains(want, v) })
}

// matching are the exposures of a filter, as far as the tests use one, by ID.
func (m *memory) matching(f exposure.Filter) []exposure.Exposure {
	m.filters = append(m.filters, f)
	var out []exposure.Exposure
	for _, id := range slices.Sorted(maps.Keys(m.exposures)) {
		e := m.exposures[id]
		seen := f.Visible == nil || overlap(f.Visible, e.Scopes)
		if seen && overlap(f.States, []exposure.State{e.State}) && overlap(f.Scopes, e.Scopes) && overlap(f.Sources, e.Sources) &&
			overlap(f.Assets, []asset.ID{e.Asset}) && (f.Remediation == "" || f.Remediation == e.RemediationID) && (!f.Queued || !e.Queued.IsZero()) && (!f.Requested || e.Request != nil) {
			out = append(out, e)
		}
	}
	return out
}

func (m *memory) FindExposures(_ context.Context, f exposure.Filter, l exposure.List) (exposure.Page[exposure.Exposure], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lists = append(m.lists, l)
	if m.broken != nil {
		return exposure.Page[exposure.Exposure]{}, m.broken
	}
	all := m.matching(f)
	from := slices.IndexFunc(all, func(e exposure.Exposure) bool { return string(e.ID) > l.Cursor })
	if from < 0 {
		return exposure.Page[exposure.Exposure]{}, nil
	}
	all = all[from:]
	page := exposure.Page[exposure.Exposure]{Items: all}
	if l.Limit > 0 && len(all) > l.Limit {
		page.Items, page.Next = all[:l.Limit], string(all[l.Limit-1].ID)
	}
	return page, nil
}

func (m *memory) EachExposure(_ context.Context, f exposure.Filter, fn func(exposure.Exposure) error) error {
	if m.eachWaits != nil {
		<-m.eachWaits
	}
	m.mu.Lock()
	all := m.matching(f)
	m.mu.Unlock()
	for i := range all {
		if m.breakAfter > 0 && i == m.breakAfter {
			return fault.New(fault.Unavailable, "reading memory: broken at %d", i)
		}
		if err := fn(all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) CountExposures(_ context.Context, f exposure.Filter, by string) (map[string]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]int64{}
	for _, e := range m.matching(f) {
		switch by {
		case "state":
			out[string(e.State)]++
		case "scope":
			out[e.Scopes[0]]++
		default:
			out[""]++
		}
	}
	return out, nil
}

func (m *memory) Sightings(_ context.Context, source string, ids []asset.ID) (map[asset.ID]exposure.Sighting, error) {
	out := map[asset.ID]exposure.Sighting{}
	for _, id := range ids {
		if s, ok := m.sightings[source+"|"+string(id)]; ok {
			out[id] = s
		}
	}
	return out, nil
}

func (m *memory) Asset(_ context.Context, id asset.ID) (asset.Asset, error) {
	a, ok := m.assets[id]
	if !ok {
		return a, missing(string(id))
	}
	return a, nil
}

func (m *memory) FindAssets(_ context.Context, f asset.Filter, _ exposure.List) (exposure.Page[asset.Asset], error) {
	var page exposure.Page[asset.Asset]
	for _, id := range slices.Sorted(maps.Keys(m.assets)) {
		if a := m.assets[id]; (f.Visible == nil || overlap(f.Visible, a.Scopes)) && (!f.Unscoped || len(a.Scopes) == 0) {
			page.Items = append(page.Items, a)
		}
	}
	return page, nil
}

func (m *memory) AssetEvents(_ context.Context, id asset.ID) ([]asset.Event, error) {
	return m.assetEvents[id], nil
}

func (m *memory) Runs(_ context.Context, source string, _ exposure.List) (exposure.Page[exposure.Run], error) {
	return exposure.Page[exposure.Run]{Items: []exposure.Run{{ID: "run-1", Source: cmp.Or(source, "signed"), Kind: exposure.RunFull}}}, nil
}

func (m *memory) AcceptDelivery(_ context.Context, d exposure.Delivery, body io.Reader) (exposure.Delivery, bool, error) {
	m.mu.Lock()
	have, ok := m.deliveries[d.ID]
	m.mu.Unlock()
	if ok {
		return have, false, nil // without reading the body, as a store may
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return d, false, fault.New(fault.Internal, "storing a blob: %v", err) // the cause is lost, as it may be
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := sha256.Sum256(raw)
	d.Body, d.Size, d.Seq = hex.EncodeToString(sum[:]), int64(len(raw)), int64(len(m.deliveries)+1)
	m.deliveries[d.ID], m.bodies[d.Body] = d, raw
	return d, true, nil
}

func (m *memory) Delivery(_ context.Context, id string) (exposure.Delivery, error) {
	d, ok := m.deliveries[id]
	if !ok {
		return d, missing(id)
	}
	return d, nil
}

func (m *memory) FindDeliveries(_ context.Context, source, _ string, _ exposure.List) (exposure.Page[exposure.Delivery], error) {
	var page exposure.Page[exposure.Delivery]
	for _, id := range slices.Sorted(maps.Keys(m.deliveries)) {
		if d := m.deliveries[id]; source == "" || d.Source == source {
			page.Items = append(page.Items, d)
		}
	}
	return page, nil
}

func (m *memory) PutDelivery(_ context.Context, d exposure.Delivery) error {
	m.deliveries[d.ID] = d
	return nil
}

func (m *memory) SwapDelivery(_ context.Context, d exposure.Delivery) (bool, error) {
	if m.deliveries[d.ID].Version != d.Version-1 {
		return false, nil
	}
	m.deliveries[d.ID] = d
	return true, nil
}

func (m *memory) PendingSources(context.Context) ([]string, error) { return []string{"signed"}, nil }

func (m *memory) PutBlobAs(_ context.Context, sha string, r io.Reader, _ int64) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != sha {
		return fault.New(fault.Invalid, "storing a blob: its hash is not %s", sha)
	}
	m.bodies[sha] = raw
	return nil
}

func (m *memory) Blob(_ context.Context, sha string) (io.ReadCloser, error) {
	raw, ok := m.bodies[sha]
	if !ok {
		return nil, missing(sha)
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}

func (m *memory) Ticket(_ context.Context, key string) (lifecycle.Ticket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tickets[key]
	if !ok {
		return t, missing(key)
	}
	return t, nil
}

func (m *memory) SwapTicket(_ context.Context, t lifecycle.Ticket) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tickets[t.ID].Version != t.Version-1 {
		return false, nil
	}
	m.tickets[t.ID] = t
	return true, nil
}

func (m *memory) FindTickets(context.Context, string, string, exposure.List) (exposure.Page[lifecycle.Ticket], error) {
	return exposure.Page[lifecycle.Ticket]{Items: slices.Collect(maps.Values(m.tickets))}, nil
}

func (m *memory) FindMessages(context.Context, string, bool, exposure.List) (exposure.Page[lifecycle.InboxMessage], error) {
	return exposure.Page[lifecycle.InboxMessage]{Items: slices.Collect(maps.Values(m.messages))}, nil
}

func (m *memory) MarkRead(_ context.Context, id string) error {
	msg, ok := m.messages[id]
	if !ok {
		return missing(id)
	}
	msg.Read = true
	m.messages[id] = msg
	return nil
}

func (m *memory) PutToken(_ context.Context, t Token) error { m.kept[t.Hash] = t; return nil }

func (m *memory) TokenByHash(_ context.Context, hash string) (Token, error) {
	t, ok := m.kept[hash]
	if !ok {
		return t, missing("token")
	}
	return t, nil
}

func (m *memory) Tokens(context.Context) ([]Token, error) {
	return slices.Collect(maps.Values(m.kept)), nil
}

func (m *memory) RevokeToken(_ context.Context, id string, at time.Time) error {
	for hash, t := range m.kept {
		if t.ID == id {
			t.Revoked = at
			m.kept[hash] = t
			return nil
		}
	}
	return missing(id)
}

func (m *memory) TouchToken(_ context.Context, id string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touches[id] = at
	return nil
}

func (m *memory) WakeSource(_ context.Context, source string) error {
	if m.waking != nil {
		<-m.waking
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wakes = append(m.wakes, source)
	return nil
}

func (m *memory) WakeRemediation(_ context.Context, id, _ string) error {
	m.remediated = append(m.remediated, id)
	return nil
}

func (m *memory) Describe(_ context.Context, id exposure.ID) (lifecycle.WorkflowLink, error) {
	return lifecycle.WorkflowLink{WorkflowID: lifecycle.ExposureWorkflowID(id), RunID: "run", Status: "Running"}, nil
}
