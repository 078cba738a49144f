// Package store keeps what quell knows: one set of collections, written once, over one
// of two engines, and blobs beside them. A Store is one tenant: one database and one
// blob root; there are no globals.
//
// Bodies are JSON in both engines, so that what is read is what was written, whatever
// the engine thinks of a dot in a key or a byte that is not UTF-8; what documents are
// found by stands beside the body as typed values.
package store

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
	"github.com/quellsec/quell/internal/store/mongo"
	"github.com/quellsec/quell/internal/store/sqlite"
)

// Options are what a store is given. All have defaults.
type Options struct {
	Log *slog.Logger     // nil: quiet
	Now func() time.Time // the clock; nil: the machine's
	// Wrap stands between the collections and the engine, for tests that make writes fail.
	Wrap func(engine.Engine) engine.Engine
}

// Store is an open store. All its methods may be called concurrently. An error has a
// fault kind: not_found, conflict, invalid, or unavailable for an engine that fails.
type Store struct {
	engine engine.Engine
	log    *slog.Logger
	now    func() time.Time

	presses sync.Pool // of *press
}

// Open opens a store by its address: "sqlite:DIR", or a MongoDB connection string that
// names the database ("mongodb://host/quell"). Collections and indexes are made, and
// older data is brought up to date. Data of a newer quell, or a data directory that
// another process uses, is refused with fault.Conflict.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	var e engine.Engine
	var err error
	switch scheme, rest, _ := strings.Cut(address, ":"); {
	case scheme == "sqlite" && rest != "":
		e, err = sqlite.Open(ctx, rest, sqlite.Options{Now: o.Now})
	case scheme == "mongodb", scheme == "mongodb+srv":
		e, err = mongo.Open(ctx, address, mongo.Options{Now: o.Now})
	default:
		// The address may hold a password, so it is not repeated.
		return nil, fault.New(fault.Invalid, "opening the store: the address must be sqlite:DIR or mongodb://HOST/DATABASE")
	}
	if err != nil {
		return nil, err
	}
	if o.Wrap != nil {
		e = o.Wrap(e)
	}
	s := &Store{engine: e, log: o.Log, now: o.Now}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return s, nil
}

// Close waits for writes under way and closes the engine.
func (s *Store) Close() error { return s.engine.Close() }

// Ping reports whether the engine answers.
func (s *Store) Ping(ctx context.Context) error { return s.engine.Ping(ctx) }

// Stats are figures about the store as a whole.
type Stats struct {
	Exposures  int64 `json:"exposures"`
	Assets     int64 `json:"assets"`
	Deliveries int64 `json:"deliveries"`
	Bytes      int64 `json:"bytes"` // the database without the blobs; zero where unknown
}

// Stats counts what there is.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var st Stats
	for c, into := range map[*engine.Collection]*int64{&exposures: &st.Exposures, &assets: &st.Assets, &deliveries: &st.Deliveries} {
		n, err := s.engine.Count(ctx, c, nil, "")
		if err != nil {
			return Stats{}, err
		}
		*into = n[""]
	}
	size, err := s.engine.Size(ctx)
	st.Bytes = size
	return st, err
}

// ms is a time as an indexed value: UTC milliseconds, nil for the zero time.
func ms(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// flag is a bool as an indexed value, so that a sparse index has only what is set.
func flag(b bool) any {
	if b {
		return int64(1)
	}
	return nil
}

// optional is a text that a sparse index leaves out when it is empty.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// readAll reads and closes.
func readAll(r io.ReadCloser) ([]byte, error) {
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}
