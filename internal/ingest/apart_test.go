package ingest_test

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
)

// serial describes a host by its serial number alone.
func serial() *asset.Description {
	return &asset.Description{Kind: asset.Host, Name: "box", Identifiers: []asset.Identifier{{Kind: asset.SerialNumber, Scope: "acme", Value: "SN-4711-A"}}}
}

// mistaken is the life of two hosts that a report makes one by mistake: one weakness each
// has alone, one at the same place on both, and one that is found after the merge.
func mistaken(r *rig) (both *asset.Description) {
	r.Helper()
	web, box := host("web.example.com"), serial()
	both = &asset.Description{Kind: asset.Host, Name: "web", Identifiers: slices.Concat(web.Identifiers, box.Identifiers)}
	r.ingest("one", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{
		finding(web, "own", "443/tcp", 0), finding(web, "same", "22/tcp", 0)}})
	r.at(1)
	r.ingest("two", report{Run: fullRun(1), Covers: []exposure.Coverage{covered(box)}, Findings: []exposure.Observation{
		finding(box, "theirs", "80/tcp", 1), finding(box, "same", "22/tcp", 1)}})
	r.at(2)
	r.ingest("three", report{Covers: []exposure.Coverage{covered(both)}})
	r.at(3)
	r.ingest("two", report{Run: fullRun(3), Covers: []exposure.Coverage{covered(box)}, Findings: []exposure.Observation{
		finding(box, "theirs", "80/tcp", 3), finding(box, "same", "22/tcp", 3), finding(box, "late", "8080/tcp", 3)}})
	r.at(4)
	return both
}

// survivor is the asset that others were merged into.
func (r *rig) survivor() asset.Asset {
	r.Helper()
	var out []asset.Asset
	require.NoError(r, r.store.EachAsset(r.ctx, asset.Filter{}, func(a asset.Asset) error {
		if len(a.Aliases) > 0 {
			out = append(out, a)
		}
		return nil
	}))
	require.Len(r, out, 1)
	return out[0]
}

// where says on which asset each exposure is, and in which state.
func (r *rig) where() map[string]string {
	r.Helper()
	out := map[string]string{}
	for _, e := range r.exposures(exposure.Filter{}) {
		a, err := r.store.Asset(r.ctx, e.Asset)
		require.NoError(r, err)
		require.Empty(r, a.MergedInto)
		kind := a.Identifiers[0].Kind
		out[e.Weakness+" on "+string(kind)] = fmt.Sprint(e.State, " ", e.Sources)
	}
	return out
}

func TestAnUndoneMergeGivesEachAssetItsOwnAndIsRemembered(t *testing.T) {
	r := newRig(t)
	both := mistaken(r)
	merged := r.survivor()
	require.Len(t, r.exposures(exposure.Filter{Assets: []asset.ID{merged.ID}, States: []exposure.State{exposure.Tracked}}), 4)

	out, err := r.pipeline.Undo(r.ctx, ingest.UndoRequest{Asset: merged.ID, By: "ann", Reason: "the serial was typed in", Cause: "key-1"})
	require.NoError(t, err)
	require.Equal(t, ingest.Separated{Asset: merged.ID, Other: merged.Aliases[0], Exposures: 3}, out)
	want := map[string]string{
		"test:own on fqdn": "tracked [one]", "test:same on fqdn": "tracked [one]",
		"test:theirs on serial": "tracked [two]", "test:same on serial": "tracked [two]", "test:late on serial": "tracked [two]",
	}
	require.Equal(t, want, r.where())
	r.checkChains()
	again, err := r.pipeline.Undo(r.ctx, ingest.UndoRequest{Asset: merged.ID, By: "ann", Reason: "the serial was typed in", Cause: "key-1"})
	require.NoError(t, err)
	require.True(t, again.Repeated)
	_, err = r.pipeline.Undo(r.ctx, ingest.UndoRequest{Asset: merged.ID, By: "ann", Reason: "again", Cause: "key-2"})
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)

	events, err := r.store.AssetEvents(r.ctx, merged.ID)
	require.NoError(t, err)
	last := events[len(events)-1]
	require.Equal(t, asset.EventUnmerged, last.Kind)
	require.Equal(t, "person:ann", last.Actor)
	require.Equal(t, "key-1", last.Cause)

	// What made them one comes again: it says why it isn't followed.
	r.at(5)
	both.OS = "linux"
	r.ingest("three", report{Covers: []exposure.Coverage{covered(both)}})
	require.Equal(t, want, r.where())
	a, err := r.store.Asset(r.ctx, merged.ID)
	require.NoError(t, err)
	b, err := r.store.Asset(r.ctx, out.Other)
	require.NoError(t, err)
	require.Empty(t, a.MergedInto)
	require.Empty(t, b.MergedInto)
	refused := false
	for _, id := range []asset.ID{a.ID, b.ID} {
		events, err := r.store.AssetEvents(r.ctx, id)
		require.NoError(t, err)
		for _, ev := range events {
			if ev.Kind == asset.EventRefused {
				refused = true
				require.Contains(t, ev.Why, "ann said on 2026-03-02 that they are two: the serial was typed in")
			}
		}
	}
	require.True(t, refused)

	// Both live on: each sees its own, and what is gone from one closes there alone.
	r.at(6)
	box := serial()
	r.ingest("two", report{Run: fullRun(6), Covers: []exposure.Coverage{covered(box)}, Findings: []exposure.Observation{finding(box, "late", "8080/tcp", 6)}})
	web := host("web.example.com")
	r.ingest("one", report{Run: fullRun(6.5), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{
		finding(web, "own", "443/tcp", 6.5), finding(web, "same", "22/tcp", 6.5), finding(web, "late", "8080/tcp", 6.5)}})
	require.Equal(t, map[string]string{
		"test:own on fqdn": "tracked [one]", "test:same on fqdn": "tracked [one]", "test:late on fqdn": "tracked [one]",
		"test:theirs on serial": "closed [two]", "test:same on serial": "closed [two]", "test:late on serial": "tracked [two]",
	}, r.where())
	r.checkChains()
}

func TestASplitMakesAnAssetOfWhatWasNeverMerged(t *testing.T) {
	r := newRig(t)
	web, box := host("web.example.com"), serial()
	both := &asset.Description{Kind: asset.Host, Name: "web", Identifiers: slices.Concat(web.Identifiers, box.Identifiers)}
	r.ingest("one", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "own", "443/tcp", 0)}})
	r.ingest("three", report{Covers: []exposure.Coverage{covered(both)}})
	r.ingest("two", report{Run: fullRun(1), Covers: []exposure.Coverage{covered(box)}, Findings: []exposure.Observation{finding(box, "theirs", "80/tcp", 1)}})
	whole := r.one("test:own").Asset
	require.Equal(t, whole, r.one("test:theirs").Asset)

	r.at(2)
	req := ingest.SplitRequest{Asset: whole, Identifiers: box.Identifiers, By: "ann", Reason: "two machines", Cause: "key-1"}
	out, err := r.pipeline.Split(r.ctx, req)
	require.NoError(t, err)
	require.Equal(t, 1, out.Exposures)
	want := map[string]string{"test:own on fqdn": "tracked [one]", "test:theirs on serial": "tracked [two]"}
	require.Equal(t, want, r.where())
	again, err := r.pipeline.Split(r.ctx, req)
	require.NoError(t, err)
	require.Equal(t, out.Other, again.Other)
	require.True(t, again.Repeated)

	r.at(3)
	both.OS = "linux"
	r.ingest("three", report{Covers: []exposure.Coverage{covered(both)}})
	r.ingest("two", report{Run: fullRun(3), Covers: []exposure.Coverage{covered(box)}, Findings: []exposure.Observation{finding(box, "own", "443/tcp", 3)}})
	require.Equal(t, map[string]string{"test:own on fqdn": "tracked [one]", "test:own on serial": "tracked [two]", "test:theirs on serial": "closed [two]"}, r.where())

	for name, ids := range map[string][]asset.Identifier{
		"nothing":     nil,
		"all":         slices.Concat(web.Identifiers),
		"not its own": {{Kind: asset.FQDN, Value: "other.example.com"}},
	} {
		_, err := r.pipeline.Split(r.ctx, ingest.SplitRequest{Asset: whole, Identifiers: ids, By: "ann", Reason: "x", Cause: name})
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
	}
}

func TestKilledBetweenAnyTwoWritesATakingApartIsEndedByRepeatingIt(t *testing.T) {
	stories := map[string]struct {
		before func(r *rig) asset.ID
		do     func(p *ingest.Pipeline, r *rig, id asset.ID) error
	}{
		"undo": {
			func(r *rig) asset.ID { mistaken(r); return r.survivor().ID },
			func(p *ingest.Pipeline, r *rig, id asset.ID) error {
				_, err := p.Undo(r.ctx, ingest.UndoRequest{Asset: id, By: "ann", Reason: "two machines", Cause: "key-1"})
				return err
			},
		},
		"split": {
			func(r *rig) asset.ID {
				web, box := host("web.example.com"), serial()
				both := &asset.Description{Kind: asset.Host, Identifiers: slices.Concat(web.Identifiers, box.Identifiers)}
				r.ingest("one", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(both)}, Findings: []exposure.Observation{finding(web, "own", "443/tcp", 0)}})
				r.ingest("two", report{Run: fullRun(1), Covers: []exposure.Coverage{covered(box)}, Findings: []exposure.Observation{finding(box, "theirs", "80/tcp", 1)}})
				return r.one("test:own").Asset
			},
			func(p *ingest.Pipeline, r *rig, id asset.ID) error {
				_, err := p.Split(r.ctx, ingest.SplitRequest{Asset: id, Identifiers: serial().Identifiers, By: "ann", Reason: "two machines", Cause: "key-1"})
				return err
			},
		},
	}
	for name, story := range stories {
		whole := newRig(t)
		id := story.before(whole)
		start := whole.faulty.writes
		require.NoError(t, story.do(whole.pipeline, whole, id))
		want := ending(whole)
		writes := whole.faulty.writes - start
		require.Greater(t, writes, 6)
		for n := 1; n <= writes; n++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, write %d after %v", name, n, after), func(t *testing.T) {
					t.Parallel()
					r := newRig(t)
					id := story.before(r)
					r.faulty.failAt, r.faulty.after = r.faulty.writes+n, after
					require.ErrorIs(t, story.do(r.pipeline, r, id), errCrash)
					alive := ingest.New(r.store, r.source, r.assess, ledger.New(r.store, r.now), r.woken, r.now, slog.New(slog.DiscardHandler))
					require.NoError(t, story.do(alive, r, id))
					require.Equal(t, want, ending(r))
					events, err := r.store.AssetEvents(r.ctx, id)
					require.NoError(t, err)
					require.Equal(t, "key-1", events[len(events)-1].Cause)
				})
			}
		}
	}
}
