package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// routing notes what is routed anew, and dies where it is told to.
type routing struct {
	dies     string
	rerouted []asset.ID
}

func (r *routing) Remember(context.Context) error {
	if r.dies == "remember" {
		return errors.New("died")
	}
	return nil
}

func (r *routing) Reroute(_ context.Context, ids []asset.ID, _ string) error {
	if r.dies == "reroute" {
		return errors.New("died")
	}
	r.rerouted = append(r.rerouted, ids...)
	return nil
}

func (*routing) Revisit(context.Context, int) (int, error) { return 0, nil }

func TestANotOursIsLearnedOnceWhereverItDies(t *testing.T) {
	for _, dies := range []string{"", "remember", "reroute"} {
		t.Run("dies at "+dies, func(t *testing.T) {
			r := newRig(t, nil)
			way := &routing{dies: dies}
			r.Lessons, r.Reroute = r.store, way
			e := exposure.Exposure{ID: "x1", Version: 1, Mode: exposure.ModeStore, State: exposure.Tracked, Asset: "A1", Birth: "A1", Owner: exposure.Owner{Team: "web"},
				LastEvent: exposure.Event{Exposure: "x1", Seq: 1, Kind: exposure.EventDiscovered, To: exposure.Tracked, Owner: &exposure.Owner{Team: "web"}, Cause: "c"}}
			_, err := r.store.InsertExposures(t.Context(), []exposure.Exposure{e})
			require.NoError(t, err)
			d := lifecycle.Decision{Kind: lifecycle.DecideNotOurs, Exposure: "x1", Cause: "press", Reason: "it went to the DBAs", Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}}
			require.NoError(t, d.Validate(r.now()))
			for range 2 { // pressed twice
				res, out, err := lifecycle.ApplyDecision(t.Context(), r.Ledger, r.store, exposure.ModeStore, d, r.now())
				require.NoError(t, err)
				require.Empty(t, res.Exposure.Owner.Team)
				require.Equal(t, 1, res.Exposure.Bounces)
				require.True(t, res.Exposure.RefusedBy("web"))
				require.Contains(t, out.Message, "learned from")
			}
			var report SweepReport
			err = r.learn(t.Context(), SweepRequest{}, &report)
			require.Equal(t, dies != "", err != nil)
			left, err := r.store.Exposure(t.Context(), "x1")
			require.NoError(t, err)
			require.Equal(t, dies != "", left.Learn, "the mark stays until all is done")
			way.dies = ""
			require.NoError(t, r.learn(t.Context(), SweepRequest{}, &report))
			require.NoError(t, r.learn(t.Context(), SweepRequest{}, &report))
			require.Equal(t, []asset.ID{"A1"}, way.rerouted, "routed anew")
			records, err := r.store.Lessons(t.Context(), []string{"A1"})
			require.NoError(t, err)
			refused := 0
			for _, c := range records["A1"].Counts {
				if c.Feature == "asset:A1" && c.Team == "web" {
					refused += c.Refused
				}
			}
			require.Equal(t, 1, refused, "counted once")

			// What is said later is counted as well.
			_, err = r.Ledger.Apply(t.Context(), ledger.Change{ID: "x1", As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventAssigned, Cause: "given",
				Actor: exposure.Actor{Kind: exposure.Person, Name: "bob"}, Owner: &exposure.Owner{Team: "dba", How: "claimed by bob", Manual: true}}})
			require.NoError(t, err)
			require.NoError(t, r.learn(t.Context(), SweepRequest{}, &report))
			records, err = r.store.Lessons(t.Context(), []string{"A1"})
			require.NoError(t, err)
			require.EqualValues(t, 2, records["A1"].Version)
		})
	}
}
