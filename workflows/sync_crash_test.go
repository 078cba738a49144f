package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
)

// dying is a store that dies at one of its writes, before or after it.
type dying struct {
	*store.Store
	at, calls int
	after     bool
}

var errDied = errors.New("died")

func (d *dying) dies(write func() error) error {
	d.calls++
	if d.calls != d.at {
		return write()
	}
	if d.after {
		if err := write(); err != nil {
			return err
		}
	}
	return errDied
}

func (d *dying) AddStep(ctx context.Context, x exposure.SyncStep, page io.Reader, limit int64) (out exposure.SyncStep, err error) {
	err = d.dies(func() error { out, err = d.Store.AddStep(ctx, x, page, limit); return err })
	return out, err
}

func (d *dying) PutSync(ctx context.Context, x exposure.Sync) error {
	return d.dies(func() error { return d.Store.PutSync(ctx, x) })
}

func (d *dying) DropSteps(ctx context.Context, x exposure.Sync) error {
	return d.dies(func() error { return d.Store.DropSteps(ctx, x) })
}

func (d *dying) AcceptDelivery(ctx context.Context, x exposure.Delivery, body io.Reader) (out exposure.Delivery, fresh bool, err error) {
	err = d.dies(func() error { out, fresh, err = d.Store.AcceptDelivery(ctx, x, body); return err })
	return out, fresh, err
}

// TestASyncThatDiesAtAnyWriteEndsInTheSamePages has the activities die before and after
// every write and be run again, as Temporal does.
func TestASyncThatDiesAtAnyWriteEndsInTheSamePages(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			h := newHouse(t, func() time.Time { return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC) }, nil)
			v := &vendor{pages: 3, export: 1}
			d := &dying{Store: h.store, at: at, after: after}
			h.pulls(v)
			h.acts.Syncs = d
			in := lifecycle.SyncInput{Source: "tenable", Sync: "s"}
			again := func(do func() error) {
				err := do()
				if errors.Is(err, errDied) {
					err = do()
				}
				require.NoError(t, err)
			}
			again(func() error { _, err := h.acts.BeginSync(t.Context(), in); return err })
			for done := false; !done; {
				again(func() error {
					report, err := h.acts.Pull(t.Context(), in)
					done = report.Done
					return err
				})
			}
			again(func() error {
				_, err := h.acts.EndSync(t.Context(), lifecycle.SyncEnd{Source: "tenable", Sync: "s"})
				return err
			})
			_, text := h.delivered()
			require.Equal(t, "page 1\npage 2\npage 3\n", text, "write %d", at)
			require.LessOrEqual(t, v.calls, 5, "at most the one call that wasn't recorded is made again")
			x, err := h.store.Sync(t.Context(), "tenable", "s")
			require.NoError(t, err)
			require.Equal(t, exposure.SyncDone, x.Status)
			if d.calls < at {
				require.Greater(t, at, 8, "the writes were counted")
				break
			}
		}
	}
}

// TestAManifestThatIsDeliveredTwiceIsOneDelivery has the end of a sync die between the
// delivery and the note of it, and be run again after the delivery was worked on.
func TestAManifestThatIsDeliveredTwiceIsOneDelivery(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	h := newHouse(t, func() time.Time { return now }, nil)
	h.pulls(&vendor{pages: 2})
	d := &dying{Store: h.store}
	h.acts.Syncs = d
	in := lifecycle.SyncInput{Source: "tenable", Sync: "s"}
	_, err := h.acts.BeginSync(t.Context(), in)
	require.NoError(t, err)
	report, err := h.acts.Pull(t.Context(), in)
	require.NoError(t, err)
	require.True(t, report.Done)

	d.at = d.calls + 2 // the write after the delivery's
	_, err = h.acts.EndSync(t.Context(), lifecycle.SyncEnd{Source: "tenable", Sync: "s"})
	require.ErrorIs(t, err, errDied)
	x, err := h.store.Sync(t.Context(), "tenable", "s")
	require.NoError(t, err)
	require.Equal(t, exposure.SyncRunning, x.Status)
	first, _ := h.delivered()
	waiting, err := h.store.NextDeliveries(t.Context(), "tenable", 1)
	require.NoError(t, err)
	worked := waiting[0]
	worked.Status, worked.Counts = exposure.DeliveryDone, map[string]int64{"created": 2}
	require.NoError(t, h.store.PutDelivery(t.Context(), worked))

	now = now.Add(time.Hour)
	for range 2 {
		x, err = h.acts.EndSync(t.Context(), lifecycle.SyncEnd{Source: "tenable", Sync: "s"})
		require.NoError(t, err)
		require.Equal(t, exposure.SyncDone, x.Status)
		require.Equal(t, worked.ID, x.Delivery)
	}
	all, err := h.store.FindDeliveries(t.Context(), "tenable", "", exposure.List{})
	require.NoError(t, err)
	require.Equal(t, []exposure.Delivery{worked}, all.Items, "nothing is worked on again")
	var manifest exposure.Manifest
	require.NoError(t, json.Unmarshal(h.blob(worked.Body), &manifest))
	require.Equal(t, first, manifest)
	_, left, err := h.store.LastStep(t.Context(), x)
	require.NoError(t, err)
	require.False(t, left)
}
