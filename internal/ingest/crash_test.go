package ingest_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
)

// story is a life of three assets over five deliveries of two sources: discovery, change,
// correlation, absence, two assets that turn out to be one, regression.
func story(r *rig) {
	web, db := host("web.example.com"), host("db.example.com")
	byName := &asset.Description{Kind: asset.Host, Name: "web", Identifiers: []asset.Identifier{{Kind: asset.SerialNumber, Scope: "acme", Value: "SN-4711-A"}}}
	both := &asset.Description{Kind: asset.Host, Name: "web", Identifiers: slices.Concat(web.Identifiers, byName.Identifiers)}
	all := []exposure.Coverage{covered(web), covered(db)}
	r.deliver("one", report{Run: fullRun(0), Covers: all, Findings: []exposure.Observation{
		finding(web, "a", "443/tcp", 0), finding(web, "b", "80/tcp", 0), finding(db, "a", "5432/tcp", 0)}})
	r.deliver("two", report{Run: fullRun(1), Findings: []exposure.Observation{finding(web, "a", "443/tcp", 1), finding(byName, "b", "80/tcp", 1), finding(byName, "c", "22/tcp", 1)}})
	changed := finding(db, "a", "5432/tcp", 2)
	changed.Finding.Severity = exposure.SeverityCritical
	r.deliver("one", report{Run: fullRun(2), Covers: all, Findings: []exposure.Observation{finding(web, "a", "443/tcp", 2), changed}})
	r.deliver("two", report{Run: fullRun(3), Covers: []exposure.Coverage{covered(both)}, Findings: []exposure.Observation{finding(both, "c", "22/tcp", 3)}})
	r.deliver("one", report{Run: fullRun(4), Covers: all, Findings: []exposure.Observation{finding(web, "b", "80/tcp", 4), finding(db, "a", "5432/tcp", 4)}})
}

// drain processes what waits, in the order of arrival over both sources.
func drain(r *rig) error {
	for hour, source := range []string{"one", "two", "one", "two", "one"} {
		r.at(float64(hour))
		if _, err := r.pipeline.Drain(r.ctx, source, 1, nil); err != nil {
			return err
		}
	}
	return nil
}

func TestABatchNeitherMissesNorDependsOnTheOthers(t *testing.T) {
	endings := make([]string, 0, 6)
	for _, known := range []int{200_000, 1} {
		for _, batch := range []int{2000, 2, 1} {
			r := newRig(t)
			r.pipeline.Sized(batch, known)
			story(r)
			require.NoError(t, drain(r))
			endings = append(endings, ending(r))
		}
	}
	require.Len(t, slices.Compact(endings), 1)
}

// ending is what a story ends in, without what differs from run to run.
func ending(r *rig) string {
	var lines []string
	for _, e := range r.exposures(exposure.Filter{}) {
		events, err := r.ledger.Timeline(r.ctx, e.ID)
		require.NoError(r, err)
		state, err := exposure.Replay(events)
		require.NoError(r, err)
		require.Equal(r, e.State, state)
		var kinds []string
		for _, ev := range events {
			kinds = append(kinds, string(ev.Kind))
		}
		var uids []string
		for _, f := range e.Findings {
			uids = append(uids, f.Source+"/"+f.UID+"/"+string(f.Severity))
		}
		home, err := r.store.Asset(r.ctx, e.Asset)
		require.NoError(r, err)
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s seen %s reopened %d: %v %v", home.Name, e.Weakness, e.Location, e.State,
			e.Presence.Status, e.LastSeen.Format("15:04"), e.Reopens, kinds, uids))
	}
	require.NoError(r, r.store.EachAsset(r.ctx, asset.Filter{}, func(a asset.Asset) error {
		lines = append(lines, fmt.Sprintf("asset %s identifiers %d aliases %d", a.Name, len(a.Identifiers), len(a.Aliases)))
		return nil
	}))
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestKilledBetweenAnyTwoWritesReplayingRepairs(t *testing.T) {
	whole := newRig(t)
	story(whole)
	require.NoError(t, drain(whole))
	want := ending(whole)
	require.Contains(t, want, "[discovered merge]")
	require.Contains(t, want, "closed")
	require.Contains(t, want, "reopened 1")

	for _, size := range []struct {
		name         string
		batch, known int
	}{
		{"in one batch", 2000, 200_000},
		{"in batches of one", 1, 200_000},
	} {
		unharmed := newRig(t)
		unharmed.pipeline.Sized(size.batch, size.known)
		story(unharmed)
		require.NoError(t, drain(unharmed))
		require.Equal(t, want, ending(unharmed), size.name)
		writes := unharmed.faulty.writes
		require.Greater(t, writes, 30)
		for n := 1; n <= writes; n++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, write %d after %v", size.name, n, after), func(t *testing.T) {
					t.Parallel()
					r := newRig(t)
					r.pipeline.Sized(size.batch, size.known)
					story(r)
					r.faulty.failAt, r.faulty.after = n, after
					err := drain(r)
					require.ErrorIs(t, err, errCrash)

					// Another worker takes over, on the store as the dead one left it.
					r.pipeline = ingest.New(r.store, r.source, r.assess, ledger.New(r.store, r.now), r.woken, r.now, slog.New(slog.DiscardHandler)).
						Sized(size.batch, size.known)
					for _, source := range []string{"one", "two", "one", "two", "one"} {
						_, err := r.pipeline.Drain(r.ctx, source, 1, nil)
						require.NoError(t, err)
					}
					require.Equal(t, want, ending(r))
				})
			}
		}
	}
}
