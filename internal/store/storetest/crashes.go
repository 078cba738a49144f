package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

// errCrash is what a process sees that died at a write: nothing after it happens.
var errCrash = errors.New("crashed")

// crashing dies at one write: just before it is made, or just after.
type crashing struct {
	engine.Engine
	writes  atomic.Int64
	at      int64 // the write to die at, from 1
	after   bool
	crashed atomic.Bool
}

func (c *crashing) write(do func() error) error {
	n := c.writes.Add(1)
	if c.crashed.Load() || n == c.at && !c.after {
		c.crashed.Store(true)
		return errCrash
	}
	if err := do(); err != nil {
		return err
	}
	if n == c.at {
		c.crashed.Store(true)
		return errCrash
	}
	return nil
}

func (c *crashing) Insert(ctx context.Context, col *engine.Collection, docs []engine.Doc) (ok []bool, err error) {
	err = c.write(func() (err error) { ok, err = c.Engine.Insert(ctx, col, docs); return err })
	return ok, err
}

func (c *crashing) Swap(ctx context.Context, col *engine.Collection, docs []engine.Doc) (ok []bool, err error) {
	err = c.write(func() (err error) { ok, err = c.Engine.Swap(ctx, col, docs); return err })
	return ok, err
}

func (c *crashing) Put(ctx context.Context, col *engine.Collection, docs []engine.Doc) error {
	return c.write(func() error { return c.Engine.Put(ctx, col, docs) })
}

func (c *crashing) Next(ctx context.Context, sequence string) (n int64, err error) {
	err = c.write(func() (err error) { n, err = c.Engine.Next(ctx, sequence); return err })
	return n, err
}

func (c *crashing) Blobs() engine.Blobs { return crashingBlobs{Blobs: c.Engine.Blobs(), c: c} }

type crashingBlobs struct {
	engine.Blobs
	c *crashing
}

func (b crashingBlobs) Create(ctx context.Context) (engine.BlobWriter, error) {
	w, err := b.Blobs.Create(ctx)
	return crashingWriter{BlobWriter: w, c: b.c}, err
}

type crashingWriter struct {
	engine.BlobWriter
	c *crashing
}

func (w crashingWriter) Write(p []byte) (n int, err error) {
	err = w.c.write(func() (err error) { n, err = w.BlobWriter.Write(p); return err })
	return n, err
}

func (w crashingWriter) Commit(name string) error {
	return w.c.write(func() error { return w.BlobWriter.Commit(name) })
}

// work is a little of everything that ingest does, in its order.
func work(ctx context.Context, s *store.Store, xs []exposure.Exposure) error {
	d, _, err := s.AcceptDelivery(ctx, exposure.Delivery{ID: "d", Source: "a"}, strings.NewReader(strings.Repeat("body", 1<<19)))
	if err != nil {
		return err
	}
	if _, err := s.ClaimIdentifiers(ctx, map[string]asset.ID{"k1": "01A", "k2": "01A"}); err != nil {
		return err
	}
	if _, err := s.InsertAssets(ctx, []asset.Asset{{ID: "01A", Version: 1, Name: "a", FirstSeen: epoch, LastSeen: epoch, UpdatedAt: epoch}}); err != nil {
		return err
	}
	if _, err := s.InsertExposures(ctx, xs); err != nil {
		return err
	}
	stored, err := s.Exposures(ctx, ids(xs))
	if err != nil {
		return err
	}
	var swaps []exposure.Exposure
	for _, x := range stored {
		if x.State == exposure.Tracked {
			x.State = exposure.Open
			x.Version++
			swaps = append(swaps, x)
		}
	}
	if _, err := s.SwapExposures(ctx, swaps); err != nil {
		return err
	}
	if err := s.PutSightings(ctx, []exposure.Sighting{{Source: "a", Asset: "01A", Version: 1, CheckedAt: epoch}}); err != nil {
		return err
	}
	if err := s.PutRun(ctx, exposure.Run{ID: "r", Source: "a", Finished: epoch}); err != nil {
		return err
	}
	d.Status = exposure.DeliveryDone
	return s.PutDelivery(ctx, d)
}

// crashes kills the work before and after each of its writes, and does it again on what
// is left: the end is always the same.
func crashes(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	t.Run("work that dies at any write and is done again ends as if it had not", func(t *testing.T) {
		for at := int64(1); ; at++ {
			died := false
			for _, after := range []bool{false, true} {
				where, xs := address(t), exposures(5)
				died = dieAndRepeat(t, where, xs, at, after) || died
			}
			if !died {
				require.Greater(t, at, int64(8), "the work has more writes than that")
				return
			}
		}
	})
}

func dieAndRepeat(t *testing.T, where string, xs []exposure.Exposure, at int64, after bool) bool {
	t.Helper()
	c := &crashing{at: at, after: after}
	s, err := store.Open(t.Context(), where, store.Options{Wrap: func(inner engine.Engine) engine.Engine { c.Engine = inner; return c }})
	require.NoError(t, err)
	err = work(t.Context(), s, xs)
	require.Equal(t, c.crashed.Load(), errors.Is(err, errCrash), "%v", err)
	require.NoError(t, s.Close())

	s, err = store.Open(t.Context(), where, store.Options{})
	require.NoError(t, err)
	name := fmt.Sprintf("died at write %d, after it: %v", at, after)
	require.NoError(t, work(t.Context(), s, xs), name)
	d, err := s.Delivery(t.Context(), "d")
	require.NoError(t, err)
	require.Equal(t, exposure.DeliveryDone, d.Status, name)
	require.Len(t, read(t, s, d.Body), 4<<19, name)
	counts, err := s.CountExposures(t.Context(), exposure.Filter{}, "state")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"open": int64(len(xs))}, counts, name)
	stored, err := s.Exposures(t.Context(), ids(xs))
	require.NoError(t, err)
	for _, x := range stored {
		require.EqualValues(t, 2, x.Version, name)
	}
	pending, err := s.PendingSources(t.Context())
	require.NoError(t, err)
	require.Empty(t, pending, name)
	require.NoError(t, s.Close())
	return c.crashed.Load()
}
