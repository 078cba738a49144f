package ledger_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/ledger/ledgertest"
)

var now = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

func TestTheLedgerKeepsItsPromisesInMemory(t *testing.T) {
	ledgertest.Run(t, func() ledgertest.Store { return &ledgertest.Memory{} })
}

// setup gives a store with one tracked exposure.
func setup(t *testing.T) (*ledgertest.Memory, *ledger.Ledger, exposure.Exposure) {
	t.Helper()
	store := &ledgertest.Memory{}
	e := ledgertest.Exposure("nessus:1")
	_, err := store.InsertExposures(t.Context(), []exposure.Exposure{e})
	require.NoError(t, err)
	return store, ledger.New(store, clock), e
}

func event(kind exposure.EventKind, cause string) exposure.Event {
	return exposure.Event{Kind: kind, Cause: cause, Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}}
}

func TestOnlyTheModesHolderMayApply(t *testing.T) {
	_, l, e := setup(t)
	_, err := l.Apply(t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeWorkflow, Event: event(exposure.EventAdmit, "1")})
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	_, err = l.Apply(t.Context(), ledger.Change{ID: e.ID, Event: event(exposure.EventAdmit, "1")})
	require.True(t, fault.Is(err, fault.Internal), "a caller says who it is")
	r, err := l.Apply(t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: event(exposure.EventAdmit, "1")})
	require.NoError(t, err)
	require.Equal(t, exposure.ModeWorkflow, r.Exposure.Mode)
	require.True(t, r.Exposure.Wake, "the sweep starts the workflow if nobody else does")
	_, err = l.Apply(t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: event(exposure.EventClaim, "2")})
	require.True(t, fault.Is(err, fault.Conflict))
	again, err := l.Apply(t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: event(exposure.EventAdmit, "1")})
	require.NoError(t, err, "a repeated cause is answered whatever the mode is now")
	require.True(t, again.Repeated)
	require.Equal(t, r.Event, again.Event)
}

func TestErrorsHaveTheKindThatACallerNeeds(t *testing.T) {
	_, l, e := setup(t)
	apply := func(id exposure.ID, ev exposure.Event, version int64) error {
		_, err := l.Apply(t.Context(), ledger.Change{ID: id, As: exposure.ModeStore, Event: ev, IfVersion: version})
		return err
	}
	require.Equal(t, fault.NotFound, fault.KindOf(apply("none", event(exposure.EventNoted, "1"), 0)))
	require.Equal(t, fault.Conflict, fault.KindOf(apply(e.ID, event(exposure.EventReopen, "1"), 0)))
	require.Equal(t, fault.Invalid, fault.KindOf(apply(e.ID, event(exposure.EventAccept, "1"), 0)))
	require.Equal(t, fault.Conflict, fault.KindOf(apply(e.ID, event(exposure.EventNoted, "1"), 7)))
	require.NoError(t, apply(e.ID, event(exposure.EventNoted, "1"), 1))
}

func TestBulkChangesFailOneByOneAndRepeatAsOne(t *testing.T) {
	store, l, e := setup(t)
	other := ledgertest.Exposure("nessus:2")
	_, err := store.InsertExposures(t.Context(), []exposure.Exposure{other})
	require.NoError(t, err)
	changes := []ledger.Change{
		{ID: e.ID, As: exposure.ModeStore, Event: event(exposure.EventNoted, "1")},
		{ID: "none", As: exposure.ModeStore, Event: event(exposure.EventNoted, "1")},
		{ID: other.ID, As: exposure.ModeStore, Event: event(exposure.EventReopen, "1")},
		{ID: e.ID, As: exposure.ModeStore, Event: event(exposure.EventNoted, "2")},
		{ID: e.ID, As: exposure.ModeStore, Event: event(exposure.EventNoted, "1")},
	}
	for round := range 2 {
		rs, err := l.ApplyMany(t.Context(), changes)
		require.NoError(t, err)
		require.NoError(t, rs[0].Err)
		require.Equal(t, round == 1, rs[0].Repeated)
		require.Equal(t, fault.NotFound, fault.KindOf(rs[1].Err))
		require.Equal(t, fault.Conflict, fault.KindOf(rs[2].Err))
		require.EqualValues(t, 3, rs[3].Event.Seq)
		require.True(t, rs[4].Repeated)
	}
	events, err := l.Timeline(t.Context(), e.ID)
	require.NoError(t, err)
	require.Len(t, events, 3)
}

func TestATouchLeavesAWakeForTheWorkflowAndNeverMovesTheLifecycle(t *testing.T) {
	_, l, e := setup(t)
	touch := func(fn func(*exposure.Exposure) bool) (exposure.Exposure, bool) {
		x, written, err := l.Touch(t.Context(), e.ID, fn)
		require.NoError(t, err)
		return x, written
	}
	x, written := touch(func(e *exposure.Exposure) bool { e.AssetName = "web2"; return true })
	require.True(t, written)
	require.False(t, x.Wake, "nobody to wake")
	_, written = touch(func(*exposure.Exposure) bool { return false })
	require.False(t, written)
	r, err := l.Apply(t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: event(exposure.EventAdmit, "1")})
	require.NoError(t, err)
	cleared, err := l.ClearWake(t.Context(), e.ID, r.Exposure.Version-1)
	require.NoError(t, err)
	require.False(t, cleared, "something changed since it was read")
	cleared, err = l.ClearWake(t.Context(), e.ID, r.Exposure.Version)
	require.NoError(t, err)
	require.True(t, cleared)
	x, _ = touch(func(e *exposure.Exposure) bool { e.AssetName = "web3"; return true })
	require.True(t, x.Wake)
	require.Equal(t, now, x.WakeAt)
	_, _, err = l.Touch(t.Context(), e.ID, func(e *exposure.Exposure) bool { e.State = exposure.Closed; return true })
	require.True(t, fault.Is(err, fault.Internal))
	many, err := l.TouchMany(t.Context(), []exposure.ID{e.ID, "none", e.ID}, func(e *exposure.Exposure) bool { e.AssetName += "!"; return true })
	require.NoError(t, err)
	require.Len(t, many, 1)
	require.Equal(t, "web3!", many[0].AssetName)
}

func TestAnAbsenceIsAppliedInOneWriteWithItsSights(t *testing.T) {
	_, l, e := setup(t)
	r, err := l.Apply(t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeStore,
		Event: exposure.Event{Kind: exposure.EventAbsent, Cause: "run-2", Actor: exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"}},
		Edit: func(e *exposure.Exposure) {
			*e, _ = exposure.MarkAbsent(*e, "nessus-dc1", "run-2", now, exposure.VerifiedAbsent)
		}})
	require.NoError(t, err)
	require.Equal(t, exposure.Closed, r.Exposure.State)
	require.Equal(t, "run-2", r.Exposure.Proof.Absences[0].Run)
	require.Equal(t, 24*time.Hour, r.Exposure.Window)
}

// rescanned is a store where an identical report has touched the sighting alone.
type rescanned struct {
	*ledgertest.Memory
	sighting exposure.Sighting
}

func (s rescanned) Sightings(context.Context, string, []asset.ID) (map[asset.ID]exposure.Sighting, error) {
	return map[asset.ID]exposure.Sighting{s.sighting.Asset: s.sighting}, nil
}

func TestAProbeOlderThanAnIdenticalRescanDoesNotClose(t *testing.T) {
	store, l, e := setup(t)
	for i, kind := range []exposure.EventKind{exposure.EventAdmit, exposure.EventVerify} {
		as := []exposure.Mode{exposure.ModeStore, exposure.ModeWorkflow}[i]
		_, err := l.Apply(t.Context(), ledger.Change{ID: e.ID, As: as, Event: event(kind, fmt.Sprint(i))})
		require.NoError(t, err)
	}
	keys, err := exposure.PackKeys([]exposure.SeenKey{{ID: e.ID}})
	require.NoError(t, err)
	l = ledger.New(rescanned{store, exposure.Sighting{Source: "nessus-dc1", Asset: e.Asset, CheckedAt: now, Keys: keys}}, clock)
	refute := func(at time.Time, cause string) exposure.State {
		r, err := l.Apply(t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeWorkflow, Event: exposure.Event{Kind: exposure.EventRefuted, Cause: cause,
			Actor:   exposure.Actor{Kind: exposure.Prober, Name: "internet"},
			Verdict: &exposure.Verdict{Outcome: exposure.Refuted, CheckedAt: at, Evidence: []string{"5e"}}}})
		require.NoError(t, err)
		return r.Exposure.State
	}
	require.Equal(t, exposure.Verifying, refute(now.Add(-time.Minute), "stale"))
	require.Equal(t, exposure.Closed, refute(now.Add(time.Minute), "fresh"))
}

func TestATimelineThatWasTamperedWithIsShownAsBroken(t *testing.T) {
	store, l, e := setup(t)
	_, err := l.Apply(t.Context(), ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: event(exposure.EventNoted, "1")})
	require.NoError(t, err)
	_, err = l.Timeline(t.Context(), e.ID)
	require.NoError(t, err)
	_, err = store.SwapExposures(t.Context(), []exposure.Exposure{func() exposure.Exposure {
		found, err := store.Exposures(t.Context(), []exposure.ID{e.ID})
		require.NoError(t, err)
		x := found[e.ID]
		x.State = exposure.Closed // behind the ledger's back
		x.Version++
		return x
	}()})
	require.NoError(t, err)
	events, err := l.Timeline(t.Context(), e.ID)
	require.True(t, fault.Is(err, fault.Internal))
	require.Len(t, events, 2, "the events are shown all the same")
}

func TestTheRootIsTheMerkleTreeHashOfRFC6962(t *testing.T) {
	leaf := func(s string) []byte { h := sha256.Sum256([]byte("\x00" + s)); return h[:] }
	node := func(a, b []byte) []byte { h := sha256.Sum256(append(append([]byte{1}, a...), b...)); return h[:] }
	a, b, c, d, e := leaf("a\x00h1"), leaf("b\x00h2"), leaf("c\x00h3"), leaf("d\x00h4"), leaf("e\x00h5")
	heads := map[exposure.ID]string{}
	empty := sha256.Sum256(nil)
	require.Equal(t, hex.EncodeToString(empty[:]), ledger.Root(heads))
	for i, want := range [][]byte{a, node(a, b), node(node(a, b), c), node(node(a, b), node(c, d)), node(node(node(a, b), node(c, d)), e)} {
		heads[exposure.ID("abcde"[i:i+1])] = fmt.Sprintf("h%d", i+1)
		require.Equal(t, hex.EncodeToString(want), ledger.Root(heads), "%d heads", i+1)
	}
	var r ledger.RootHash
	require.NoError(t, r.Add("b", "h"))
	require.Error(t, r.Add("a", "h"))
}
