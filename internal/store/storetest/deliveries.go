package storetest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store"
)

func deliveries(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	t.Run("a delivery that comes sixteen times at once is accepted once", func(t *testing.T) { acceptedOnce(t, address) })
	t.Run("accepted deliveries are there after the store is opened again, in their order", func(t *testing.T) { deliveriesInOrder(t, address) })
	t.Run("what is done no longer waits", func(t *testing.T) { waitingDeliveries(t, address) })
	t.Run("a body that breaks off leaves nothing, and its error is the reader's", func(t *testing.T) { brokenOff(t, address) })
}

func acceptedOnce(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	var fresh atomic.Int64
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			d, isNew, err := s.AcceptDelivery(t.Context(), exposure.Delivery{ID: "nessus|1", Source: "nessus", Via: "webhook"}, strings.NewReader("body"))
			if isNew {
				fresh.Add(1)
			}
			if err == nil && (d.Size != 4 || d.Status != exposure.DeliveryReceived || !d.ReceivedAt.Equal(epoch)) {
				err = fmt.Errorf("accepted %+v", d)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 1, fresh.Load())
	d, err := s.Delivery(t.Context(), "nessus|1")
	require.NoError(t, err)
	require.Equal(t, "body", read(t, s, d.Body))
}

func deliveriesInOrder(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	where := address(t)
	s, err := store.Open(t.Context(), where, store.Options{})
	require.NoError(t, err)
	for n := range 25 {
		_, isNew, err := s.AcceptDelivery(t.Context(), exposure.Delivery{ID: strconv.Itoa(n), Source: []string{"a", "b"}[n%2]}, strings.NewReader(fmt.Sprint("body ", n)))
		require.NoError(t, err)
		require.True(t, isNew)
	}
	require.NoError(t, s.Close())
	s = Open(t, where)
	next, err := s.NextDeliveries(t.Context(), "b", 1000)
	require.NoError(t, err)
	require.Len(t, next, 12)
	last := int64(0)
	for i, d := range next {
		require.Equal(t, strconv.Itoa(2*i+1), d.ID)
		require.Greater(t, d.Seq, last)
		last = d.Seq
		require.Equal(t, fmt.Sprint("body ", 2*i+1), read(t, s, d.Body))
	}
	again, _, err := s.AcceptDelivery(t.Context(), exposure.Delivery{ID: "later", Source: "b"}, strings.NewReader("later"))
	require.NoError(t, err)
	require.Greater(t, again.Seq, last, "the sequence goes on")
}

func waitingDeliveries(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	for n, status := range []exposure.DeliveryStatus{exposure.DeliveryReceived, exposure.DeliveryDone, exposure.DeliveryWorking, exposure.DeliveryFailed, exposure.DeliveryParked} {
		d, _, err := s.AcceptDelivery(t.Context(), exposure.Delivery{ID: strconv.Itoa(n), Source: "a"}, strings.NewReader(""))
		require.NoError(t, err)
		d.Status, d.Counts = status, map[string]int64{"findings": 3}
		require.NoError(t, s.PutDelivery(t.Context(), d))
	}
	next, err := s.NextDeliveries(t.Context(), "a", 10)
	require.NoError(t, err)
	require.Len(t, next, 2)
	require.Equal(t, "0", next[0].ID)
	require.Equal(t, "2", next[1].ID)
	sources, err := s.PendingSources(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, sources)
	failed, err := s.FindDeliveries(t.Context(), "a", "failed", exposure.List{})
	require.NoError(t, err)
	require.Len(t, failed.Items, 1)
	all, err := s.FindDeliveries(t.Context(), "", "", exposure.List{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, "4", all.Items[0].ID, "newest first")
	require.NotEmpty(t, all.Next)
}

func brokenOff(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	refused := errors.New("bad signature")
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", 3<<20)), iotest.ErrReader(refused))
	_, _, err := s.AcceptDelivery(t.Context(), exposure.Delivery{ID: "1", Source: "a"}, body)
	require.ErrorIs(t, err, refused)
	_, err = s.Delivery(t.Context(), "1")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	sources, err := s.PendingSources(t.Context())
	require.NoError(t, err)
	require.Empty(t, sources)
}

func decisions(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	t.Run("of two who decide on a parked delivery at once, one does", func(t *testing.T) {
		s := Open(t, address(t))
		d, _, err := s.AcceptDelivery(t.Context(), exposure.Delivery{ID: "1", Source: "a"}, strings.NewReader("body"))
		require.NoError(t, err)
		d.Status, d.Hold = exposure.DeliveryParked, &exposure.Hold{Absent: 30, Present: 100, At: epoch}
		require.NoError(t, s.PutDelivery(t.Context(), d))
		var decided atomic.Int64
		var group errgroup.Group
		for range writers {
			group.Go(func() error {
				ok, err := s.SwapDelivery(t.Context(), d.Decide(exposure.HoldApproved, "ann", "", epoch))
				if ok {
					decided.Add(1)
				}
				return err
			})
		}
		require.NoError(t, group.Wait())
		require.EqualValues(t, 1, decided.Load())
		next, err := s.NextDeliveries(t.Context(), "a", 10)
		require.NoError(t, err)
		require.Len(t, next, 1, "and then it waits to be worked on")
		require.Equal(t, "ann", next[0].Approver())
		require.NoError(t, s.PutDelivery(t.Context(), next[0]), "as before, without a decision")
	})

	t.Run("how a source is doing is written by one at a time", func(t *testing.T) {
		s := Open(t, address(t))
		h := exposure.Health{Source: "b", Version: 1, Watched: epoch}
		for _, want := range []bool{true, false} {
			ok, err := s.SwapHealth(t.Context(), h)
			require.NoError(t, err)
			require.Equal(t, want, ok)
		}
		h.Version, h.Conditions = 2, []exposure.Ailment{{Condition: exposure.SourceLate, Since: epoch}}
		for _, want := range []bool{true, false} {
			ok, err := s.SwapHealth(t.Context(), h)
			require.NoError(t, err)
			require.Equal(t, want, ok)
		}
		_, err := s.SwapHealth(t.Context(), exposure.Health{Source: "a", Version: 1})
		require.NoError(t, err)
		all, err := s.Healths(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, []string{all[0].Source, all[1].Source})
		require.Equal(t, h, all[1])
	})
}

func read(t *testing.T, s *store.Store, sha string) string {
	t.Helper()
	r, err := s.Blob(t.Context(), sha)
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(b)
}
