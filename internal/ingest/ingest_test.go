package ingest_test

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
)

func TestANewFindingBecomesATrackedExposureWithDecisionDueDateAndOwner(t *testing.T) {
	r := newRig(t)
	r.assess.owner, r.assess.outcome, r.assess.admit = "payments", exposure.Attend, true
	d := r.ingest("scan", report{Run: fullRun(0), Findings: []exposure.Observation{finding(host("web.example.com"), "git", "443/tcp", 0)}})
	require.Equal(t, exposure.DeliveryDone, d.Status)
	require.EqualValues(t, 1, d.Counts["created"])

	e := r.one("test:git")
	require.Equal(t, exposure.Tracked, e.State)
	require.Equal(t, exposure.ModeStore, e.Mode)
	require.Equal(t, exposure.Attend, e.Decision.Outcome)
	require.Equal(t, t0.AddDate(0, 0, 14), e.Due)
	require.Equal(t, "payments", e.Owner.Team)
	require.False(t, e.Queued.IsZero(), "it waits for admission")
	r.checkChains()
}

func TestACompleteRunThatNoLongerSeesItClosesItWithProof(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	r.ingest("scan", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{
		finding(web, "git", "443/tcp", 0), finding(web, "tls", "443/tcp", 0)}})
	r.at(24)
	d := r.ingest("scan", report{Run: fullRun(24), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "tls", "443/tcp", 24)}})
	require.EqualValues(t, 1, d.Counts["absent"])

	e := r.one("test:git")
	require.Equal(t, exposure.Closed, e.State)
	require.Equal(t, exposure.ProofAbsence, e.Proof.Kind)
	require.Equal(t, t0.Add(24*time.Hour), e.Proof.At)
	require.Equal(t, exposure.Tracked, r.one("test:tls").State)
	r.checkChains()
}

func TestSilenceNeverCloses(t *testing.T) {
	web := host("web.example.com")
	later := func(change func(*exposure.Run)) *exposure.Run {
		run := fullRun(24)
		change(run)
		return run
	}
	unreachable, partial, elsewhere := covered(web), covered(web), covered(web)
	unreachable.Outcome, partial.Outcome = exposure.TargetUnreachable, exposure.TargetPartial
	elsewhere.Locations = []string{"1-100/tcp"}
	for _, c := range []struct {
		name string
		rep  report
	}{
		{"an empty report", report{}},
		{"a complete run that names no target", report{Run: fullRun(24)}},
		{"an unfinished run", report{Run: later(func(run *exposure.Run) { run.Complete = false }), Covers: []exposure.Coverage{covered(web)}}},
		{"a partial run", report{Run: later(func(run *exposure.Run) { run.Kind = exposure.RunPartial }), Covers: []exposure.Coverage{covered(web)}}},
		{"a run of other checks", report{Run: later(func(run *exposure.Run) { run.Checks = []string{"test:tls"} }), Covers: []exposure.Coverage{covered(web)}}},
		{"a run that doesn't say its checks", report{Run: later(func(run *exposure.Run) { run.Checks = nil }), Covers: []exposure.Coverage{covered(web)}}},
		{"a run that looked at another host", report{Run: fullRun(24), Covers: []exposure.Coverage{covered(host("other.example.com"))}}},
		{"a run that could not reach the host", report{Run: fullRun(24), Covers: []exposure.Coverage{unreachable}}},
		{"a run that looked at the host in part", report{Run: fullRun(24), Covers: []exposure.Coverage{partial}}},
		{"a run that looked at other ports", report{Run: fullRun(24), Covers: []exposure.Coverage{elsewhere}}},
		{"a report that breaks off", report{Run: fullRun(24), Covers: []exposure.Coverage{covered(web)}, Broken: "line 7: unexpected end"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			first := report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", 0)}}
			r.ingest("scan", first)
			r.at(24)
			r.ingest("scan", c.rep)
			require.Equal(t, exposure.Tracked, r.one("test:git").State)

			// The next complete look still has something to compare with.
			r.at(48)
			r.ingest("scan", report{Run: fullRun(48), Covers: []exposure.Coverage{covered(web)}})
			require.Equal(t, exposure.Closed, r.one("test:git").State)
			r.checkChains()
		})
	}
}

func TestABodyEqualToTheLatestRefreshesTheSightAndChangesNoFinding(t *testing.T) {
	r := newRig(t)
	rep := report{Findings: []exposure.Observation{finding(host("web.example.com"), "git", "443/tcp", 0)}}
	rep.Findings[0].Finding.LastSeen = time.Time{} // the format has no times: arrival is its time
	r.ingest("scan", rep)
	before := r.one("test:git")
	r.at(5)
	d := r.ingest("scan", rep)
	require.Equal(t, exposure.DeliveryRepeated, d.Status)
	require.Equal(t, before.Version, r.one("test:git").Version)
	sightings, err := r.store.Sightings(r.ctx, "scan", []asset.ID{before.Asset})
	require.NoError(t, err)
	require.Equal(t, r.clock, sightings[before.Asset].CheckedAt)
}

func TestAnOlderBodyThatComesLateIsHistory(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	old := report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", 0)}}
	r.ingest("scan", old)
	r.at(24)
	r.ingest("scan", report{Run: fullRun(24), Covers: []exposure.Coverage{covered(web)}})
	require.Equal(t, exposure.Closed, r.one("test:git").State)
	r.at(30)
	d := r.ingest("scan", old)
	require.Equal(t, exposure.DeliveryHistory, d.Status)
	require.Equal(t, exposure.Closed, r.one("test:git").State)
}

func TestOpenFixedOpenWithIdenticalBodiesReopens(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	// The body states no time, so each arrival is a look of its own.
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{"test:*"}}
	open := report{Run: &run, Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", 0)}}
	open.Findings[0].Finding.LastSeen = time.Time{}
	fixed := report{Run: &run, Covers: []exposure.Coverage{covered(web)}}
	r.ingest("scan", open)
	r.at(1)
	r.ingest("scan", fixed)
	require.Equal(t, exposure.Closed, r.one("test:git").State)
	r.at(2)
	r.ingest("scan", open)
	e := r.one("test:git")
	require.Equal(t, exposure.Tracked, e.State)
	require.Equal(t, 1, e.Reopens)
	r.checkChains()
}

func TestTwoSourcesOfOneWeaknessMakeOneExposureThatClosesWhenBothNoLongerSeeIt(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	cve := func(hour float64) exposure.Observation {
		o := finding(web, "x", "443/tcp", hour)
		o.Finding.CVEs = []string{"CVE-2024-3400"}
		return o
	}
	for _, source := range []string{"one", "two"} {
		r.ingest(source, report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{cve(0)}})
	}
	e := r.one("CVE-2024-3400")
	require.Len(t, e.Findings, 2)
	require.Equal(t, []string{"one", "two"}, e.Sources)

	r.at(24)
	r.ingest("one", report{Run: fullRun(24), Covers: []exposure.Coverage{covered(web)}})
	require.Equal(t, exposure.Tracked, r.one("CVE-2024-3400").State, "the other source still sees it")
	r.at(25)
	r.ingest("two", report{Run: fullRun(25), Covers: []exposure.Coverage{covered(web)}})
	e = r.one("CVE-2024-3400")
	require.Equal(t, exposure.Closed, e.State)
	require.Len(t, e.Proof.Absences, 2)
	r.checkChains()
}

func TestASourceThatSaysFixedClosesWithoutARun(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	r.ingest("scan", report{Findings: []exposure.Observation{finding(web, "git", "443/tcp", 0)}})
	r.at(3)
	fixed := finding(web, "git", "443/tcp", 3)
	fixed.Finding.Status = exposure.StatusFixed
	r.ingest("scan", report{Findings: []exposure.Observation{fixed}})
	require.Equal(t, exposure.Closed, r.one("test:git").State)

	r.ingest("scan", report{Findings: []exposure.Observation{func() exposure.Observation {
		o := finding(web, "never-seen", "443/tcp", 3)
		o.Finding.Status = exposure.StatusFixed
		return o
	}()}})
	require.Empty(t, r.exposures(exposure.Filter{Weakness: "test:never-seen"}), "a fix of what was never seen is nothing")
}

func TestAnUnchangedSightReopensWhatAProbeHadRefuted(t *testing.T) {
	r := newRig(t)
	r.assess.admit = true
	web := host("web.example.com")
	seen := func(hour float64) report {
		return report{Run: fullRun(hour), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", hour)}}
	}
	r.ingest("scan", seen(0))
	e := r.one("test:git")
	probe := exposure.Actor{Kind: exposure.Prober, Name: "dc1"}
	r.at(2)
	r.apply(e.ID, exposure.Event{Kind: exposure.EventAdmit, Actor: probe, Cause: "a", Data: map[string]string{exposure.DataTo: string(exposure.Open)}})
	r.apply(e.ID, exposure.Event{Kind: exposure.EventVerify, Actor: probe, Cause: "v"})
	r.apply(e.ID, exposure.Event{Kind: exposure.EventRefuted, Actor: probe, Cause: "r", CheckedAt: r.clock, Verdict: &exposure.Verdict{
		Outcome: exposure.Refuted, Method: exposure.MethodTemplate, Reason: "gone", CheckedAt: r.clock, Evidence: []string{"ab"}}})
	require.Equal(t, exposure.Closed, r.one("test:git").State)

	r.at(24)
	r.ingest("scan", seen(24))
	require.Equal(t, exposure.Validating, r.one("test:git").State)
	r.checkChains()
}

func TestWhatAWorkflowOwnsIsMarkedAndWoken(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	r.ingest("scan", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", 0)}})
	e := r.one("test:git")
	r.apply(e.ID, exposure.Event{Kind: exposure.EventAdmit, Actor: exposure.Actor{Kind: exposure.System, Name: "admission"}, Cause: "a"})
	cleared, err := r.ledger.ClearWake(r.ctx, e.ID, r.one("test:git").Version)
	require.NoError(t, err)
	require.True(t, cleared, "its workflow has read what there was")
	r.at(24)
	r.ingest("scan", report{Run: fullRun(24), Covers: []exposure.Coverage{covered(web)}})
	e = r.one("test:git")
	require.Equal(t, exposure.Open, e.State, "only the workflow moves it")
	require.Equal(t, exposure.VerifiedAbsent, e.Presence.Status)
	require.True(t, e.Wake)
	require.Equal(t, []exposure.ID{e.ID}, r.woken.ids)
}

func TestAReportThatBreaksOffKeepsWhatCameBeforeAndItsBody(t *testing.T) {
	r := newRig(t)
	d := r.ingest("scan", report{Findings: []exposure.Observation{finding(host("web.example.com"), "git", "443/tcp", 0)}, Broken: "line 7: unexpected end"})
	require.Equal(t, exposure.DeliveryFailed, d.Status)
	require.Contains(t, d.Error, "line 7")
	require.Equal(t, exposure.Tracked, r.one("test:git").State)
	body, err := r.store.Blob(r.ctx, d.Body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
}

func TestADeliveryOfASourceThatIsNotConfiguredFailsWithWhatToDo(t *testing.T) {
	r := newRig(t)
	d := r.ingest("unknown", report{})
	require.Equal(t, exposure.DeliveryFailed, d.Status)
	require.Contains(t, d.Error, `no source "unknown"`)
}

func TestAnAssetWithoutIdentifierIsACountedSkip(t *testing.T) {
	r := newRig(t)
	nameless := &asset.Description{Kind: asset.Host, Name: "?", Identifiers: []asset.Identifier{{Kind: asset.IP, Value: "127.0.0.1"}}}
	d := r.ingest("scan", report{Findings: []exposure.Observation{finding(nameless, "git", "443/tcp", 0), finding(host("a.example.com"), "git", "443/tcp", 0)}})
	require.EqualValues(t, 1, d.Skipped["asset_without_identifier"])
	require.EqualValues(t, 1, d.Counts["created"])

	d = r.ingest("lab", report{Findings: []exposure.Observation{finding(nameless, "lab", "443/tcp", 0)}})
	require.Empty(t, d.Skipped, "a source that is local gives loopback a meaning")
	require.EqualValues(t, 1, d.Counts["created"])
}

func TestATimeInTheFutureIsTakenForTheTimeOfArrival(t *testing.T) {
	r := newRig(t)
	d := r.ingest("scan", report{Findings: []exposure.Observation{finding(host("a.example.com"), "git", "443/tcp", 1000)}})
	require.EqualValues(t, 1, d.Skipped["time_in_the_future"])
	require.Equal(t, t0, r.one("test:git").LastSeen)
}

func TestTextsOfAnySizeAreCutAndMended(t *testing.T) {
	r := newRig(t)
	o := finding(host("a.example.com"), "git", "443/tcp", 0)
	long := make([]byte, 1_000_000)
	for i := range long {
		long[i] = 'x'
	}
	o.Finding.Title = string(long)
	o.Finding.Evidence = "a\x00b"
	r.ingest("scan", report{Findings: []exposure.Observation{o}})
	f := r.one("test:git").Findings[0]
	require.LessOrEqual(t, len(f.Title), exposure.MaxTitle)
	require.NotContains(t, f.Evidence, "\x00")
}

func TestTwoIngestsThatMeetOneNewHostAgreeOnItsAsset(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	const sources, hosts = 8, 20
	for s := range sources {
		var rep report
		for h := range hosts {
			rep.Findings = append(rep.Findings, finding(host(fmt.Sprintf("h%d.example.com", h)), "git", "443/tcp", 0))
		}
		d := r.deliver(fmt.Sprintf("source%d", s), rep)
		wg.Go(func() {
			p := ingest.New(r.store, r.source, r.assess, ledger.New(r.store, r.now), r.woken, r.now, slog.New(slog.DiscardHandler))
			_, err := p.Process(r.ctx, d, nil)
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.Len(t, r.exposures(exposure.Filter{}), hosts)
	for _, e := range r.exposures(exposure.Filter{}) {
		require.Len(t, e.Sources, sources)
	}
}

func TestReassessWritesOnlyWhatComesOutDifferently(t *testing.T) {
	r := newRig(t)
	r.ingest("scan", report{Findings: []exposure.Observation{finding(host("a.example.com"), "git", "443/tcp", 0), finding(host("b.example.com"), "tls", "443/tcp", 0)}})
	done, err := r.pipeline.Reassess(r.ctx, exposure.Filter{}, "nothing-new", nil)
	require.NoError(t, err)
	require.Equal(t, ingest.Reassessed{Looked: 2}, done)

	r.assess.outcome, r.assess.admit = exposure.Act, true
	done, err = r.pipeline.Reassess(r.ctx, exposure.Filter{}, "kev/2", nil)
	require.NoError(t, err)
	require.Equal(t, ingest.Reassessed{Looked: 2, Changed: 2}, done)
	e := r.one("test:git")
	require.Equal(t, exposure.Act, e.Decision.Outcome)
	require.Equal(t, exposure.EventDecided, e.LastEvent.Kind)
	require.False(t, e.Queued.IsZero(), "it is promoted without re-ingest")
	r.checkChains()
}

func TestAnExcludedAssetIsOutOfScopeAndComesBack(t *testing.T) {
	r := newRig(t)
	r.ingest("scan", report{Findings: []exposure.Observation{finding(host("a.example.com"), "git", "443/tcp", 0)}})
	r.assess.excluded = true
	_, err := r.pipeline.Reassess(r.ctx, exposure.Filter{}, "scopes/2", nil)
	require.NoError(t, err)
	require.Equal(t, exposure.OutOfScope, r.one("test:git").State)
	r.assess.excluded = false
	_, err = r.pipeline.Reassess(r.ctx, exposure.Filter{}, "scopes/3", nil)
	require.NoError(t, err)
	require.Equal(t, exposure.Tracked, r.one("test:git").State)
	r.checkChains()
}
