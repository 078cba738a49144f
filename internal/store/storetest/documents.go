package storetest

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store"
)

const writers = 16

func documents(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))

	t.Run("sixteen writers inserting the same exposures insert each once", func(t *testing.T) { insertedOnce(t, s) })
	t.Run("an insert tells what was there, also twice in one call", func(t *testing.T) { insertedAgain(t, s) })
	t.Run("of sixteen writers at one version one wins, until all have", func(t *testing.T) { swappedByOne(t, s) })
	t.Run("a bulk swap says which were written, and writes no other", func(t *testing.T) { swappedInBulk(t, s) })
	t.Run("what is read is what was written", func(t *testing.T) { roundTrip(t, s) })
	t.Run("what is not there is not found", func(t *testing.T) {
		_, err := s.Exposure(t.Context(), "none")
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		found, err := s.Exposures(t.Context(), []exposure.ID{"none"})
		require.NoError(t, err)
		require.Empty(t, found)
	})

	t.Run("an event is inserted once and read in order", func(t *testing.T) { insertedEvents(t, s) })
}

func insertedOnce(t *testing.T, s *store.Store) {
	t.Helper()
	xs := exposures(40)
	var inserted atomic.Int64
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			ok, err := s.InsertExposures(t.Context(), xs)
			for _, yes := range ok {
				if yes {
					inserted.Add(1)
				}
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, len(xs), inserted.Load())
}

func insertedAgain(t *testing.T, s *store.Store) {
	t.Helper()
	xs := exposures(3)
	_, err := s.InsertExposures(t.Context(), xs[1:2])
	require.NoError(t, err)
	other := xs[1]
	other.Title = "other"
	ok, err := s.InsertExposures(t.Context(), []exposure.Exposure{xs[0], other, xs[2], xs[2]})
	require.NoError(t, err)
	require.Equal(t, []bool{true, false, true, false}, ok)
	stored, err := s.Exposure(t.Context(), xs[1].ID)
	require.NoError(t, err)
	require.Equal(t, xs[1], stored, "what was there stays as it was")
}

func swappedByOne(t *testing.T, s *store.Store) {
	t.Helper()
	xs := exposures(2)
	_, err := s.InsertExposures(t.Context(), xs)
	require.NoError(t, err)
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			for {
				x, err := s.Exposure(t.Context(), xs[0].ID)
				if err != nil {
					return err
				}
				x.Version++
				x.Reopens++
				swapped, err := s.SwapExposures(t.Context(), []exposure.Exposure{x})
				if err != nil || swapped[0] {
					return err
				}
			}
		})
	}
	require.NoError(t, group.Wait())
	x, err := s.Exposure(t.Context(), xs[0].ID)
	require.NoError(t, err)
	require.Equal(t, writers, x.Reopens, "no write was lost")
	require.EqualValues(t, writers+1, x.Version)
}

func swappedInBulk(t *testing.T, s *store.Store) {
	t.Helper()
	xs := exposures(50)
	missing := exposures(1)[0]
	_, err := s.InsertExposures(t.Context(), xs)
	require.NoError(t, err)
	next := slices.Clone(xs)
	want := make([]bool, len(xs)+1) // the last is the one that is missing
	for i := range next {
		next[i].Title = "swapped"
		next[i].State = exposure.Open
		next[i].Version++
		if want[i] = i%3 != 0; !want[i] {
			next[i].Version += int64(i%2)*2 - 1 // one behind, or one ahead
		}
	}
	missing.Version = 2
	swapped, err := s.SwapExposures(t.Context(), append(next, missing))
	require.NoError(t, err)
	require.Equal(t, want, swapped)
	stored, err := s.Exposures(t.Context(), ids(xs))
	require.NoError(t, err)
	for i, x := range xs {
		if want[i] {
			x = next[i]
		}
		require.Equal(t, x, stored[x.ID])
	}
}

func insertedEvents(t *testing.T, s *store.Store) {
	t.Helper()
	evs := make([]exposure.Event, 0, 12)
	for seq := range int64(12) {
		evs = append(evs, exposure.Event{Exposure: "chain", Seq: seq + 1, Kind: exposure.EventNoted, To: exposure.Open, At: epoch.Add(time.Duration(seq) * time.Millisecond), Cause: "c"})
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() { assert.NoError(t, s.InsertEvents(t.Context(), evs)) })
	}
	wait.Wait()
	changed := evs[3]
	changed.Reason = "rewritten"
	require.NoError(t, s.InsertEvents(t.Context(), []exposure.Event{changed}))
	stored, err := s.Events(t.Context(), "chain")
	require.NoError(t, err)
	require.Equal(t, evs, stored, "an event once written never changes")
}

func roundTrip(t *testing.T, s *store.Store) {
	t.Helper()
	hostile := "a.b$c\x00\x1e\x1f\u2028\u0085<script>=1+1\x1b[31m\U0001f600"
	a := asset.Asset{ID: "01ODD", Version: 1, Kind: asset.Host, Name: hostile, Tags: map[string]string{"kubernetes.io/name": "x", "$set": "y", "": "z", "a.b": hostile},
		Sources: []string{"a\x1fb", hostile}, FirstSeen: epoch, LastSeen: epoch, UpdatedAt: epoch}
	_, err := s.InsertAssets(t.Context(), []asset.Asset{a})
	require.NoError(t, err)
	gotAsset, err := s.Asset(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, a, gotAsset)

	x := exposures(1)[0]
	x.Title, x.Owner.Team, x.Scopes = strings.Repeat("long ", 2000), hostile, []string{hostile, "b"}
	x.Findings[0].Vendor = json.RawMessage(`{"n":12345678901234567890,"f":1e-7,"s":"\u0000é","a":[1,null,{}],"o":{"":{}}}`)
	x.Findings[0].EPSS = 0.000123456789
	x.SnoozeUntil = epoch.Add(time.Millisecond)
	x.Window = time.Duration(1<<62) + 1
	_, err = s.InsertExposures(t.Context(), []exposure.Exposure{x})
	require.NoError(t, err)
	got, err := s.Exposure(t.Context(), x.ID)
	require.NoError(t, err)
	require.Equal(t, x, got)
	require.Equal(t, x.LastEvent.Digest(), got.LastEvent.Digest())

	broken := exposures(1)[0]
	broken.Title = "not \xff UTF-8"
	broken.Findings[0].Vendor = json.RawMessage("{\"s\":\"\xff\"}")
	_, err = s.InsertExposures(t.Context(), []exposure.Exposure{broken})
	require.NoError(t, err, "bytes that are no text are replaced, not refused")
	got, err = s.Exposure(t.Context(), broken.ID)
	require.NoError(t, err)
	require.Equal(t, "not \ufffd UTF-8", got.Title)
}

func ids(xs []exposure.Exposure) []exposure.ID {
	out := make([]exposure.ID, len(xs))
	for i, x := range xs {
		out[i] = x.ID
	}
	return out
}
