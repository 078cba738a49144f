package store

import (
	"context"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// A pending delivery is one to be worked on: received, or begun by a worker that may have
// died. The field is nil otherwise, so that what is done does not slow down what isn't.
//
//nolint:gochecknoglobals // a constant declaration
var deliveries = engine.Collection{
	Name: "deliveries",
	Fields: []engine.Field{{Name: "source"}, {Name: "status"}, {Name: "seq", Kind: engine.Int}, {Name: "pending"},
		{Name: "blob"}},
	Indexes: []engine.Index{{Fields: []string{"source", "seq"}}, {Fields: []string{"status", "seq"}}, {Fields: []string{"seq"}},
		{Fields: []string{"pending", "seq"}, Sparse: true}, {Fields: []string{"blob"}}},
}

func (s *Store) deliveries() of[exposure.Delivery] {
	return of[exposure.Delivery]{Collection: &deliveries, e: s.engine,
		id: func(x *exposure.Delivery) string { return claimID(x.ID) },
		at: func(x *exposure.Delivery) int64 { return x.Version + 1 }, // data from before it had a version has 1
		values: func(x *exposure.Delivery) []any {
			var pending any
			if x.Status == exposure.DeliveryReceived || x.Status == exposure.DeliveryWorking {
				pending = x.Source
			}
			return []any{x.Source, string(x.Status), x.Seq, pending, x.Body}
		}}
}

// AcceptDelivery stores a body and its delivery: both are on disk when it returns, and
// the delivery never without the body. A delivery whose ID is known is not stored again:
// the known one is given, and false. Body, Size and Seq are filled in, and ReceivedAt
// and Status where they are empty. A failure of the reader is returned as it is.
func (s *Store) AcceptDelivery(ctx context.Context, d exposure.Delivery, body io.Reader) (exposure.Delivery, bool, error) {
	if d.ID == "" || d.Source == "" {
		return exposure.Delivery{}, false, fault.New(fault.Invalid, "accepting a delivery: it needs an ID and a source")
	}
	known, err := s.Delivery(ctx, d.ID)
	if err == nil || !fault.Is(err, fault.NotFound) {
		return known, false, err
	}
	if d.Body, d.Size, err = s.PutBlob(ctx, body, math.MaxInt64); err != nil {
		return exposure.Delivery{}, false, err
	}
	if d.Seq, err = s.engine.Next(ctx, "deliveries"); err != nil {
		return exposure.Delivery{}, false, err
	}
	if d.Status == "" {
		d.Status = exposure.DeliveryReceived
	}
	if d.ReceivedAt.IsZero() {
		d.ReceivedAt = whole(s.now())
	}
	inserted, err := s.deliveries().insert(ctx, d)
	if err != nil {
		return exposure.Delivery{}, false, err
	}
	if !inserted[0] { // somebody sent the same at the same time
		known, err := s.Delivery(ctx, d.ID)
		return known, false, err
	}
	return d, true, nil
}

// Delivery gives one delivery; fault.NotFound.
func (s *Store) Delivery(ctx context.Context, id string) (exposure.Delivery, error) {
	return s.deliveries().one(ctx, claimID(id))
}

// PutDelivery writes a delivery, whatever was there. Only its source's ingest and a
// person who replays it do so.
func (s *Store) PutDelivery(ctx context.Context, d exposure.Delivery) error {
	return s.deliveries().put(ctx, d)
}

// SwapDelivery writes a delivery if the stored one has the version before its own, and
// says whether: of two people who decide on a parked one, one does.
func (s *Store) SwapDelivery(ctx context.Context, d exposure.Delivery) (bool, error) {
	return swapOne(ctx, s.deliveries(), d)
}

// NextDeliveries gives a source's deliveries that wait to be worked on, in the order of
// their arrival. Limit is 1 to 1000.
func (s *Store) NextDeliveries(ctx context.Context, source string, limit int) ([]exposure.Delivery, error) {
	var w where
	w.add("pending", engine.In, asText(source))
	page, err := s.deliveries().page(ctx, w, ordering{name: "pending", fields: []string{"seq"}}, exposure.List{Limit: limit})
	return page.Items, err
}

// FindDeliveries gives one page, newest first. Empty source and status match any.
func (s *Store) FindDeliveries(ctx context.Context, source, status string, l exposure.List) (exposure.Page[exposure.Delivery], error) {
	var w where
	w.equal("source", source)
	w.equal("status", status)
	return s.deliveries().page(ctx, w, ordering{name: "deliveries", fields: []string{"seq"}, desc: true}, l)
}

// PendingSources names the sources that have deliveries to be worked on.
func (s *Store) PendingSources(ctx context.Context) ([]string, error) {
	counts, err := s.PendingDeliveries(ctx)
	return slices.Sorted(maps.Keys(counts)), err
}

// PendingDeliveries counts the deliveries to be worked on, by source.
func (s *Store) PendingDeliveries(ctx context.Context) (map[string]int64, error) {
	return s.engine.Count(ctx, &deliveries, where{{Field: "pending", Op: engine.Has}}, "pending")
}
