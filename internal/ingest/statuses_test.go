package ingest_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// said is finding with what the source says of it.
func said(on *asset.Description, check string, status exposure.Status, hour float64) exposure.Observation {
	o := finding(on, check, "443/tcp", hour)
	o.Finding.Status = status
	return o
}

// putAway are the statuses that are neither a sight nor a fix.
func putAway() []exposure.Status {
	return []exposure.Status{exposure.StatusNotAffected, exposure.StatusGone, exposure.StatusExpired, exposure.StatusArchived}
}

func TestWhatASourcePutsAwayIsNeitherSeenNorAbsent(t *testing.T) {
	web := host("web.example.com")
	cover := []exposure.Coverage{covered(web)}
	for _, status := range putAway() {
		t.Run(string(status), func(t *testing.T) {
			r := newRig(t)
			r.ingest("scan", report{Run: fullRun(0), Covers: cover, Findings: []exposure.Observation{said(web, "git", exposure.StatusOpen, 0)}})
			r.at(24)
			r.ingest("scan", report{Run: fullRun(24), Covers: cover, Findings: []exposure.Observation{said(web, "git", status, 24)}})
			e := r.one("test:git")
			require.Equal(t, exposure.Tracked, e.State)
			require.Equal(t, exposure.NotObserved, e.Presence.Status)
			require.Equal(t, status, e.Findings[0].Status)
			require.Equal(t, t0, e.LastSeen)

			// The same again is neither a sight nor news.
			r.at(48)
			d := r.ingest("scan", report{Run: fullRun(48), Covers: cover, Findings: []exposure.Observation{said(web, "git", status, 48)}})
			require.EqualValues(t, 1, d.Counts["unchanged"])
			require.Equal(t, e.Version, r.one("test:git").Version)
			sightings, err := r.store.Sightings(r.ctx, "scan", []asset.ID{e.Asset})
			require.NoError(t, err)
			require.Equal(t, exposure.NotObserved, exposure.Hydrate(r.one("test:git"), sightings[e.Asset]).Presence.Status)

			// A partial look that doesn't speak of it forgets nothing; a complete one closes it.
			r.at(72)
			partial := fullRun(72)
			partial.Kind = exposure.RunPartial
			r.ingest("scan", report{Run: partial, Covers: cover})
			require.Equal(t, exposure.Tracked, r.one("test:git").State)
			r.at(96)
			r.ingest("scan", report{Run: fullRun(96), Covers: cover})
			require.Equal(t, exposure.Closed, r.one("test:git").State)
			r.checkChains()
		})
	}
}

func TestAnIdenticalBodyOfWhatIsPutAwayMakesNoSight(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{"test:*"}}
	body := func(status exposure.Status) report {
		o := said(web, "git", status, 0)
		o.Finding.LastSeen = time.Time{} // each arrival is a look of its own
		return report{Run: &run, Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{o}}
	}
	r.ingest("scan", body(exposure.StatusOpen))
	r.at(1)
	r.ingest("scan", body(exposure.StatusFixed))
	require.Equal(t, exposure.Closed, r.one("test:git").State)
	for hour := range 3 {
		r.at(float64(2 + hour))
		r.ingest("scan", body(exposure.StatusNotAffected))
		require.Equal(t, exposure.Closed, r.one("test:git").State, "it was not seen, so it is not back")
	}
	r.at(9)
	r.ingest("scan", body(exposure.StatusOpen))
	require.Equal(t, exposure.Tracked, r.one("test:git").State)
}

func TestWhatWasNeverSeenMakesNoExposureByBeingPutAway(t *testing.T) {
	r := newRig(t)
	for _, status := range append(putAway(), exposure.StatusFixed) {
		d := r.ingest("scan", report{Findings: []exposure.Observation{said(host("web.example.com"), string(status), status, 0)}})
		require.Equal(t, exposure.DeliveryDone, d.Status)
		require.Empty(t, r.exposures(exposure.Filter{}))
	}
}

func TestAFixInAnotherPartOfTheReportDoesNotHideWhatIsStillSeen(t *testing.T) {
	web := host("web.example.com")
	at := func(uid string, status exposure.Status, hour float64) exposure.Observation {
		o := said(web, "git", status, hour)
		o.Finding.UID = uid
		return o
	}
	for _, batch := range []int{1, 2, 2000} {
		for name, second := range map[string][]exposure.Observation{
			"seen, then fixed":         {at("1", exposure.StatusOpen, 24), at("2", exposure.StatusFixed, 24)},
			"fixed, then seen":         {at("2", exposure.StatusFixed, 24), at("1", exposure.StatusOpen, 24)},
			"fixed, then archived":     {at("2", exposure.StatusFixed, 24), at("1", exposure.StatusArchived, 24)},
			"fixed twice, and seen":    {at("2", exposure.StatusFixed, 24), at("3", exposure.StatusFixed, 24), at("1", exposure.StatusOpen, 24)},
			"archived, fixed and seen": {at("2", exposure.StatusArchived, 24), at("3", exposure.StatusFixed, 24), at("1", exposure.StatusOpen, 24)},
		} {
			t.Run(fmt.Sprintf("%s, in batches of %d", name, batch), func(t *testing.T) {
				r := newRig(t)
				r.pipeline.Sized(batch, 200_000)
				cover := []exposure.Coverage{covered(web)}
				r.ingest("scan", report{Run: fullRun(0), Covers: cover, Findings: []exposure.Observation{at("1", exposure.StatusOpen, 0)}})
				r.at(24)
				r.ingest("scan", report{Run: fullRun(24), Covers: cover, Findings: second})
				e := r.one("test:git")
				require.Equal(t, exposure.Tracked, e.State)
				require.Len(t, e.Findings, len(second), "the report is told whole")
				require.Equal(t, second[len(second)-1].Finding.Status == exposure.StatusArchived, e.Presence.Status == exposure.NotObserved)
				require.Equal(t, exposure.Tracked, r.replayed("scan", second, 48).State, "and so it is the next time")
			})
		}
	}
}

// replayed ingests the findings again, as a complete run of a later hour.
func (r *rig) replayed(source string, findings []exposure.Observation, hour float64) exposure.Exposure {
	r.Helper()
	r.at(hour)
	again := make([]exposure.Observation, len(findings))
	for i, o := range findings {
		f := *o.Finding
		f.LastSeen = r.clock
		again[i] = exposure.Observation{Asset: o.Asset, Finding: &f}
	}
	r.ingest(source, report{Run: fullRun(hour), Covers: []exposure.Coverage{covered(findings[0].Asset)}, Findings: again})
	return r.exposures(exposure.Filter{})[0]
}

func TestACompleteLookThatStillSpeaksOfItDoesNotCloseItHoweverLongAgoItWasSeen(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	cover := []exposure.Coverage{covered(web)}
	old := said(web, "git", exposure.StatusOpen, 0) // an inventory's finding, with its own last sight
	for _, hour := range []float64{10, 34, 58, 82} {
		r.at(hour)
		findings := []exposure.Observation{old}
		if hour > 50 {
			findings = append(findings, said(web, "new", exposure.StatusOpen, 1))
		}
		r.ingest("scan", report{Run: fullRun(hour), Covers: cover, Findings: findings})
		require.Equal(t, exposure.Tracked, r.one("test:git").State, "hour %v", hour)
	}
	require.Equal(t, exposure.Tracked, r.one("test:new").State, "one that came late into the list is not lost")
	r.at(106)
	r.ingest("scan", report{Run: fullRun(106), Covers: cover})
	require.Equal(t, exposure.Closed, r.one("test:git").State)
	require.Equal(t, exposure.Closed, r.one("test:new").State)
}

func TestWhatWasToldBeforeThereWasAnExposureCountsOnceThereIs(t *testing.T) {
	for _, status := range putAway() {
		t.Run(string(status), func(t *testing.T) {
			r := newRig(t)
			web := host("web.example.com")
			cover := []exposure.Coverage{covered(web)}
			full := func(source string, hour float64, findings ...exposure.Observation) {
				r.at(hour)
				r.ingest(source, report{Run: fullRun(hour), Covers: cover, Findings: findings})
			}
			full("two", 0, said(web, "git", status, 0))
			r.at(10)
			partial := fullRun(10)
			partial.Kind = exposure.RunPartial
			r.ingest("one", report{Run: partial, Covers: cover, Findings: []exposure.Observation{said(web, "git", exposure.StatusOpen, 10)}})
			full("two", 20, said(web, "git", status, 20)) // in the very same words
			full("one", 30)
			require.Equal(t, exposure.Tracked, r.one("test:git").State, "two still speaks of it")
			full("two", 40)
			require.Equal(t, exposure.Closed, r.one("test:git").State, "now both have looked and say nothing")
		})
	}
}

// word is what the oracle remembers of a source on one exposure.
type word struct {
	spoke, gone bool
}

func TestNothingClosesUnlessEverySourcesLastWordIsFixedOrACoveringAbsence(t *testing.T) {
	r := newRig(t)
	story := 0
	rapid.Check(t, func(rt *rapid.T) {
		story++
		web := host("h" + strconv.Itoa(story) + ".example.com")
		r.pipeline.Sized(rapid.SampledFrom([]int{1, 2, 2000}).Draw(rt, "batch"), 200_000)
		words := map[string]map[string]word{"git": {}, "tls": {}}
		exists, closed := map[string]bool{}, map[string]bool{}
		for step := range rapid.IntRange(1, 8).Draw(rt, "reports") {
			hour := float64(10 * (step + 1))
			r.at(hour)
			source := rapid.SampledFrom([]string{"one", "two"}).Draw(rt, "source")
			rep := report{Run: fullRun(hour), Covers: []exposure.Coverage{covered(web)}}
			rep.Run.ID = fmt.Sprint(story, "-", step)
			covers := true
			switch rapid.IntRange(0, 5).Draw(rt, "run") {
			case 0:
				rep.Run.Complete, covers = false, false
			case 1:
				rep.Run.Kind, covers = exposure.RunPartial, false
			case 2:
				rep.Covers, covers = nil, false
			}
			for _, check := range []string{"git", "tls"} { // in one order, or a failure can't be repeated
				by := words[check]
				statuses := rapid.SliceOfN(rapid.SampledFrom(exposure.Statuses()), 0, 2).Draw(rt, check)
				sees, fixed := false, len(statuses) > 0
				for n, status := range statuses {
					o := said(web, check, status, hour-rapid.Float64Range(0, 12).Draw(rt, "seen before"))
					o.Finding.UID += strconv.Itoa(n)
					rep.Findings = append(rep.Findings, o)
					sees = sees || status == "open" || status == "suppressed"
					fixed = fixed && status == "fixed"
				}
				switch {
				case sees:
					exists[check] = true
					by[source] = word{spoke: true}
				case len(statuses) > 0 && exists[check]:
					by[source] = word{spoke: true, gone: fixed}
				case len(statuses) == 0 && covers && by[source].spoke:
					by[source] = word{spoke: true, gone: true}
				}
			}
			r.ingest(source, rep)
			for check, by := range words {
				for _, e := range r.exposures(exposure.Filter{Weakness: "test:" + check}) {
					if e.AssetName != web.Name {
						continue
					}
					if now := e.State == exposure.Closed; now && !closed[check] {
						for name, w := range by {
							require.True(rt, w.gone, "closed %s although the last word of %s was none of it", check, name)
						}
						for _, s := range e.Sights {
							require.True(rt, s.CheckedAt.After(s.LastSeen))
						}
					}
					closed[check] = e.State == exposure.Closed
				}
			}
		}
	})
	r.checkChains()
}
