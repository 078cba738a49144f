package ingest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/priority"
)

const xz = "pkg:deb/debian/xz@5.6"

// weak is a finding of a CVE in a package.
func (r *rig) weak(name, cve string, hour float64) exposure.Observation {
	o := finding(host(name), cve, "deb/debian/xz", hour)
	o.Finding.CVEs, o.Finding.Package = []string{cve}, &exposure.Package{Name: "xz", Version: "5.6", PURL: xz}
	return o
}

func saying(id, cve string, status exposure.StatementStatus, hour float64) exposure.Statement {
	return exposure.Statement{ID: id, Vulnerability: cve, Status: status, PURLs: []string{"pkg:deb/debian/xz"}, Author: "Debian", Justification: "component_not_present",
		Document: "doc", At: fullRun(hour).Finished}
}

func TestWhatIsStatedLiesOverFindingsWhicheverComesFirst(t *testing.T) {
	r := newRig(t)
	r.ingest("one", report{Run: fullRun(0), Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 0)}})
	r.at(1)
	d := r.ingest("vex", report{Stated: []exposure.Statement{saying("1", "CVE-2024-1", exposure.StatementNotAffected, 1), saying("2", "CVE-2024-2", exposure.StatementUnderInvestigation, 1), {ID: "3"}}})
	require.EqualValues(t, 2, d.Counts["statements"])
	require.EqualValues(t, 1, d.Skipped["statement_without_subject"])
	before := r.one("CVE-2024-1")
	require.Len(t, before.Stated, 1)
	require.Equal(t, "Debian", before.Stated[0].Author)
	require.Equal(t, exposure.Tracked, before.State)
	require.Equal(t, exposure.Observed, before.Presence.Status, "an opinion says nothing of presence")

	r.at(2)
	r.ingest("two", report{Run: fullRun(2), Findings: []exposure.Observation{r.weak("b.example.com", "CVE-2024-2", 2), r.weak("b.example.com", "CVE-2024-3", 2)}})
	require.Equal(t, exposure.StatementUnderInvestigation, r.one("CVE-2024-2").Stated[0].Status)
	require.Empty(t, r.one("CVE-2024-3").Stated)

	// Another source's word on the same changes nothing about it.
	r.ingest("two", report{Run: fullRun(3), Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 3)}})
	require.Len(t, r.one("CVE-2024-1").Stated, 1)

	// A newer version of the document changes one statement and leaves the other out.
	r.at(4)
	r.ingest("vex", report{Stated: []exposure.Statement{saying("2", "CVE-2024-2", exposure.StatementAffected, 4)}})
	require.Empty(t, r.one("CVE-2024-1").Stated)
	require.Equal(t, exposure.StatementAffected, r.one("CVE-2024-2").Stated[0].Status)

	// An older version that comes again is history.
	r.at(5)
	r.ingest("vex", report{Stated: []exposure.Statement{saying("1", "CVE-2024-1", exposure.StatementNotAffected, 1), saying("2", "CVE-2024-2", exposure.StatementFixed, 1)}})
	require.Equal(t, exposure.StatementAffected, r.one("CVE-2024-2").Stated[0].Status)
	require.Empty(t, r.one("CVE-2024-1").Stated)
	r.checkChains()
}

func TestABrokenReportWithdrawsNothing(t *testing.T) {
	r := newRig(t)
	r.ingest("one", report{Run: fullRun(0), Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 0)}})
	r.ingest("vex", report{Stated: []exposure.Statement{saying("1", "CVE-2024-1", exposure.StatementNotAffected, 1), saying("2", "CVE-2024-2", exposure.StatementAffected, 1)}})
	r.at(2)
	d := r.ingest("vex", report{Stated: []exposure.Statement{saying("2", "CVE-2024-2", exposure.StatementFixed, 2)}, Broken: "unexpected EOF"})
	require.Equal(t, exposure.DeliveryFailed, d.Status)
	require.Len(t, r.one("CVE-2024-1").Stated, 1)
}

func TestATrustedStatementCallsOffTheWorkAndItsWithdrawalCallsForIt(t *testing.T) {
	r := newRig(t)
	policy := priority.DefaultPolicy()
	policy.Trusted = []string{"vex"}
	kev := priority.NewIntel(nil, t0, nil, nil)
	r.pipeline = ingest.New(r.store, r.source, ingest.NewJudge(ingest.Grounds{Policy: policy, Intel: kev}), r.ledger, r.woken, r.now, discard())
	r.ingest("one", report{Run: fullRun(0), Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 0)}})
	urgent := r.one("CVE-2024-1").Decision
	require.Greater(t, urgent.Outcome.Rank(), exposure.Track.Rank())
	r.ingest("vex", report{Stated: []exposure.Statement{saying("1", "CVE-2024-1", exposure.StatementNotAffected, 1), saying("2", "CVE-2024-9", exposure.StatementAffected, 1)}})
	e := r.one("CVE-2024-1")
	require.Equal(t, exposure.Track, e.Decision.Outcome)
	require.Contains(t, e.Decision.Why[0], "not affected by CVE-2024-1, says Debian (component not present)")
	require.Equal(t, exposure.Tracked, e.State, "it closes nothing")
	r.at(2)
	r.ingest("vex", report{Stated: []exposure.Statement{saying("2", "CVE-2024-9", exposure.StatementAffected, 2)}})
	require.Equal(t, urgent.Outcome, r.one("CVE-2024-1").Decision.Outcome)
	r.checkChains()
}

func TestOneCVEOnOneAssetAndPlaceFromTwoToolsIsOneExposureSeenWhileEitherSeesIt(t *testing.T) {
	r := newRig(t)
	a := host("a.example.com")
	all := []exposure.Coverage{covered(a)}
	r.ingest("one", report{Run: fullRun(0), Covers: all, Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 0)}})
	r.at(1)
	other := r.weak("a.example.com", "CVE-2024-1", 1)
	other.Finding.UID, other.Finding.Check, other.Finding.Title = "77", "other:77", "xz"
	r.ingest("two", report{Run: otherRun(1), Covers: all, Findings: []exposure.Observation{other}})
	e := r.one("CVE-2024-1")
	require.Len(t, e.Findings, 2)
	require.Equal(t, []string{"one", "two"}, e.Sources)
	r.at(2)
	r.ingest("one", report{Run: fullRun(2), Covers: all})
	e = r.one("CVE-2024-1")
	require.Equal(t, exposure.Tracked, e.State)
	require.Equal(t, exposure.Observed, e.Presence.Status)
	r.at(3)
	r.ingest("two", report{Run: otherRun(3), Covers: all})
	require.Equal(t, exposure.Closed, r.one("CVE-2024-1").State)
}

// otherRun is a complete run of the other tool's checks.
func otherRun(hour float64) *exposure.Run {
	run := fullRun(hour)
	run.Checks = []string{"other:*"}
	return run
}

func TestKilledBetweenAnyTwoWritesStatementsLieOverFindingsInTheEnd(t *testing.T) {
	story := func(r *rig) {
		r.ingest("one", report{Run: fullRun(0), Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 0), r.weak("a.example.com", "CVE-2024-2", 0)}})
		r.ingest("vex", report{Stated: []exposure.Statement{saying("1", "CVE-2024-1", exposure.StatementNotAffected, 1)}})
		r.deliver("vex", report{Stated: []exposure.Statement{saying("2", "CVE-2024-2", exposure.StatementNotAffected, 2)}})
	}
	over := func(r *rig) map[string]int {
		out := map[string]int{}
		for _, e := range r.exposures(exposure.Filter{}) {
			out[e.Weakness] = len(e.Stated)
		}
		return out
	}
	want := map[string]int{"CVE-2024-1": 0, "CVE-2024-2": 1}
	whole := newRig(t)
	story(whole)
	start := whole.faulty.writes
	_, err := whole.pipeline.Drain(whole.ctx, "vex", 1, nil)
	require.NoError(t, err)
	require.Equal(t, want, over(whole))
	for n := 1; n <= whole.faulty.writes-start; n++ {
		for _, after := range []bool{false, true} {
			r := newRig(t)
			story(r)
			r.faulty.failAt, r.faulty.after = r.faulty.writes+n, after
			_, err := r.pipeline.Drain(r.ctx, "vex", 1, nil)
			require.ErrorIs(t, err, errCrash)
			alive := ingest.New(r.store, r.source, r.assess, ledger.New(r.store, r.now), r.woken, r.now, discard())
			_, err = alive.Drain(r.ctx, "vex", 1, nil)
			require.NoError(t, err)
			require.Equal(t, want, over(r), "write %d after %v", n, after)
		}
	}
}

func TestStatementsThatComeWhileFindingsAreOnTheirWayAreNotMissed(t *testing.T) {
	for _, before := range []bool{true, false} {
		overtaken(t, before)
	}
}

// overtaken is a report of findings during which statements come, the first ever or not.
func overtaken(t *testing.T, before bool) {
	t.Helper()
	r := newRig(t)
	if before {
		r.ingest("vex", report{Stated: []exposure.Statement{saying("9", "CVE-2024-9", exposure.StatementAffected, 0)}})
	}
	r.pipeline.Sized(1, 200_000)
	d := r.deliver("one", report{Run: fullRun(0), Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 0), r.weak("b.example.com", "CVE-2024-2", 0)}})
	told := false
	_, err := r.pipeline.Process(r.ctx, d, func(ingest.Progress) {
		if !told { // the first batch has looked for statements by now
			told = true
			other := ingest.New(r.store, r.source, r.assess, r.ledger, r.woken, r.now, discard())
			raw := r.deliver("vex", report{Stated: []exposure.Statement{saying("1", "CVE-2024-1", exposure.StatementNotAffected, 1), saying("2", "CVE-2024-2", exposure.StatementNotAffected, 1)}})
			_, err := other.Process(r.ctx, raw, nil)
			require.NoError(r, err)
		}
	})
	require.NoError(t, err)
	require.True(t, told)
	require.Len(t, r.one("CVE-2024-1").Stated, 1)
	require.Len(t, r.one("CVE-2024-2").Stated, 1)
}
