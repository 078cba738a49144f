package store

import (
	"bytes"
	"context"
	"io"
	"math"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// Intelligence snapshots, policies and scopes are immutable and hashed, so that a
// decision can name what it was made on.
//
//nolint:gochecknoglobals // constant declarations
var (
	intel = engine.Collection{
		Name:    "intel",
		Fields:  []engine.Field{{Name: "kind"}, {Name: "taken", Kind: engine.Int}, {Name: "blob"}},
		Indexes: []engine.Index{{Fields: []string{"kind", "taken"}}, {Fields: []string{"blob"}}},
	}
	snapshots = engine.Collection{Name: "snapshots", Fields: []engine.Field{{Name: "kind"}, {Name: "blob"}}, Indexes: []engine.Index{{Fields: []string{"kind"}}, {Fields: []string{"blob"}}}}
)

// IntelMeta says what an intelligence snapshot is. Digest is the caller's hash over what
// it means, by which decisions name it.
type IntelMeta struct {
	Kind     string    `json:"kind"` // kev, epss
	Digest   string    `json:"digest"`
	Taken    time.Time `json:"taken"` // the date that the data has
	Count    int       `json:"count"` // entries
	Stored   time.Time `json:"stored"`
	Body     string    `json:"body"` // blob, filled by PutIntel
	Imported string    `json:"imported,omitempty"`
}

func (s *Store) intel() of[IntelMeta] {
	return of[IntelMeta]{Collection: &intel, e: s.engine,
		id:     func(x *IntelMeta) string { return claimID(x.Kind + "|" + x.Digest) },
		at:     func(*IntelMeta) int64 { return 1 },
		values: func(x *IntelMeta) []any { return []any{x.Kind, x.Taken.UnixMilli(), x.Body} }}
}

// PutIntel keeps a snapshot. One that is there already, by kind and digest, stays as it is.
func (s *Store) PutIntel(ctx context.Context, m IntelMeta, body io.Reader) error {
	if m.Kind == "" || m.Digest == "" {
		return fault.New(fault.Invalid, "storing intelligence: it needs a kind and a digest")
	}
	sha, _, err := s.PutBlob(ctx, body, math.MaxInt64)
	if err != nil {
		return err
	}
	m.Body, m.Stored = sha, whole(s.now())
	_, err = s.intel().insert(ctx, m)
	return err
}

// LatestIntel gives the snapshot of a kind with the latest date; fault.NotFound.
func (s *Store) LatestIntel(ctx context.Context, kind string) (IntelMeta, io.ReadCloser, error) {
	found, err := s.engine.Find(ctx, &intel, engine.Query{Where: where{{Field: "kind", Values: []any{asText(kind)}}}, Sort: []string{"taken"}, Desc: true, Limit: 1})
	if err != nil {
		return IntelMeta{}, nil, err
	}
	if len(found) == 0 {
		return IntelMeta{}, nil, fault.New(fault.NotFound, "reading intelligence: there is none of the kind %q", kind)
	}
	return s.openIntel(ctx, found[0].Body)
}

// Intel gives one snapshot by its digest, as a decision names it; fault.NotFound.
func (s *Store) Intel(ctx context.Context, kind, digest string) (IntelMeta, io.ReadCloser, error) {
	m, err := s.intel().one(ctx, claimID(kind+"|"+digest))
	if err != nil {
		return IntelMeta{}, nil, err
	}
	r, err := s.Blob(ctx, m.Body)
	return m, r, err
}

func (s *Store) openIntel(ctx context.Context, document []byte) (IntelMeta, io.ReadCloser, error) {
	m, err := s.intel().decode(document)
	if err != nil {
		return IntelMeta{}, nil, err
	}
	r, err := s.Blob(ctx, m.Body)
	return m, r, err
}

type snapshot struct {
	Kind   string    `json:"kind"`
	Digest string    `json:"digest"`
	Body   string    `json:"body"`
	Stored time.Time `json:"stored"`
}

func (s *Store) snapshots() of[snapshot] {
	return of[snapshot]{Collection: &snapshots, e: s.engine,
		id:     func(x *snapshot) string { return claimID(x.Kind + "|" + x.Digest) },
		at:     func(*snapshot) int64 { return 1 },
		values: func(x *snapshot) []any { return []any{x.Kind, x.Body} }}
}

// PutSnapshot keeps a policy, the scopes, or whatever else decisions are made on, under
// its kind and digest. What is there already stays as it is.
func (s *Store) PutSnapshot(ctx context.Context, kind, digest string, body []byte) error {
	if kind == "" || digest == "" {
		return fault.New(fault.Invalid, "storing a snapshot: it needs a kind and a digest")
	}
	sha, _, err := s.PutBlob(ctx, bytes.NewReader(body), math.MaxInt64)
	if err != nil {
		return err
	}
	_, err = s.snapshots().insert(ctx, snapshot{Kind: kind, Digest: digest, Body: sha, Stored: whole(s.now())})
	return err
}

// Snapshot gives it back; fault.NotFound.
func (s *Store) Snapshot(ctx context.Context, kind, digest string) ([]byte, error) {
	m, err := s.snapshots().one(ctx, claimID(kind+"|"+digest))
	if err != nil {
		return nil, err
	}
	r, err := s.Blob(ctx, m.Body)
	if err != nil {
		return nil, err
	}
	return readAll(r)
}

// whole is a time as the store keeps it.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
