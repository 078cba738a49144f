package ingest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// event is the run of a webhook's call at the hour.
func event(hour float64) *exposure.Run {
	run := fullRun(hour)
	run.ID, run.Kind, run.Complete, run.Why, run.Checks = "event-"+run.ID, exposure.RunEvent, false, "one event", nil
	return run
}

// TestAnEventSpeaksOfItsOwnFindingAlone is about an exposure of which the source has two
// findings: what an event says of one is no word on the other.
func TestAnEventSpeaksOfItsOwnFindingAlone(t *testing.T) {
	for _, kind := range []exposure.RunKind{exposure.RunEvent, exposure.RunPartial, ""} {
		t.Run(string(kind), func(t *testing.T) {
			r := newRig(t)
			web := host("web.example.com")
			of := func(uid string, status exposure.Status, hour float64) exposure.Observation {
				o := finding(web, "git", "443/tcp", hour)
				o.Finding.UID, o.Finding.Status = uid, status
				return o
			}
			tell := func(uid string, status exposure.Status, hour float64) exposure.Exposure {
				r.at(hour)
				run := event(hour)
				run.Kind = kind
				r.ingest("api", report{Run: run, Findings: []exposure.Observation{of(uid, status, hour)}})
				return r.one("test:git")
			}
			r.ingest("api", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{
				of("a", exposure.StatusOpen, 0), of("b", exposure.StatusOpen, 0)}})
			require.Len(t, tell("a", exposure.StatusOpen, 1).Findings, 2)
			e := tell("a", exposure.StatusFixed, 2)
			require.Equal(t, exposure.Tracked, e.State, "b is still there")
			require.Equal(t, exposure.NotCovered, e.Presence.Status, "nobody looked at b")
			require.Equal(t, fullRun(1).Finished, e.LastSeen, "and was not seen by being left out")
			e = tell("b", exposure.StatusFixed, 3)
			require.Equal(t, exposure.Closed, e.State)
			require.Equal(t, exposure.Tracked, tell("a", exposure.StatusOpen, 4).State, "it is back")
			r.checkChains()

			// A look at everything that sees one of them has the last word on the other.
			r.at(5)
			r.ingest("api", report{Run: fullRun(5), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{of("a", exposure.StatusOpen, 5)}})
			require.Len(t, r.one("test:git").Findings, 1)
		})
	}
}

func TestOfOneFindingToldTwiceTheLaterWordCounts(t *testing.T) {
	web := host("web.example.com")
	open, fixed := finding(web, "git", "443/tcp", 0), finding(web, "git", "443/tcp", 1)
	fixed.Finding.Status = exposure.StatusFixed
	for name, findings := range map[string][]exposure.Observation{"in order": {open, fixed}, "the later first": {fixed, open}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.ingest("api", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{open}})
			r.at(2)
			r.ingest("api", report{Run: event(2), Findings: findings})
			require.Equal(t, exposure.Closed, r.one("test:git").State)
		})
	}
}

// TestALookThatDoesNotSayWhatItLookedForLeavesRoomForAnOlderOne is about a report that comes
// late, after a later one that is complete but names no checks.
func TestALookThatDoesNotSayWhatItLookedForLeavesRoomForAnOlderOne(t *testing.T) {
	for _, named := range []bool{false, true} {
		r := newRig(t)
		web := host("web.example.com")
		run := fullRun(2)
		if !named {
			run.Checks = nil
		}
		r.at(2)
		r.ingest("api", report{Run: run, Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "tls", "443/tcp", 2)}})
		r.ingest("api", report{Run: fullRun(1), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", 1)}})
		require.Len(t, r.exposures(exposure.Filter{Weakness: "test:git"}), map[bool]int{false: 1, true: 0}[named])
	}
}

// TestAnEventTellsThatAnAssetIsGoneAndThatItIsBack is the life of a machine as webhooks
// tell of it.
func TestAnEventTellsThatAnAssetIsGoneAndThatItIsBack(t *testing.T) {
	r := newRig(t)
	r.judged(r.store)
	web := host("web.example.com")
	r.ingest("cloud", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", 0)}})
	tell := func(gone bool, hour, received float64) (asset.Asset, int) {
		r.at(received)
		d := host("web.example.com")
		d.Gone = gone
		cov := exposure.Coverage{Asset: *d, Outcome: exposure.TargetPartial}
		require.Equal(t, exposure.DeliveryDone, r.ingest("cloud", report{Run: event(hour), Covers: []exposure.Coverage{cov}}).Status)
		retired, err := r.pipeline.Retire(r.ctx, 10)
		require.NoError(t, err)
		a, err := r.store.Asset(r.ctx, r.one("test:git").Asset)
		require.NoError(t, err)
		return a, retired
	}
	a, n := tell(true, 1, 1)
	require.Equal(t, 1, n)
	require.True(t, a.Retired)
	require.Equal(t, exposure.OutOfScope, r.one("test:git").State, "nothing closes by it: there is no proof of a fix")

	a, n = tell(true, 1.5, 1.5)
	require.Zero(t, n, "told twice it retires once")
	require.True(t, a.Retired)
	require.Equal(t, fullRun(1).Finished, a.Gone, "since it was said first")

	a, _ = tell(false, 0.5, 2)
	require.True(t, a.Retired, "an event that was on its way for long brings nothing back")

	a, n = tell(false, 3, 3)
	require.Zero(t, n)
	require.False(t, a.Retired)
	require.True(t, a.Gone.IsZero())
	require.Equal(t, exposure.Tracked, r.one("test:git").State)
	events, err := r.store.AssetEvents(r.ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, asset.EventRevived, events[len(events)-1].Kind)

	a, _ = tell(true, 2, 4)
	require.False(t, a.Retired, "nor does a late one take anything away")
	r.checkChains()
}
