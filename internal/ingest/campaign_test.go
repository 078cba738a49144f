package ingest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/priority"
)

func TestAMembersDueDateFollowsItsCampaignAndComesBackWhenThatEnds(t *testing.T) {
	r := newRig(t)
	judge := ingest.NewJudge(ingest.Grounds{Policy: priority.DefaultPolicy(), Intel: priority.NewIntel(nil, t0, nil, nil)})
	r.pipeline = ingest.New(r.store, r.source, judge, r.ledger, r.woken, r.now, discard())
	r.ingest("one", report{Run: fullRun(0), Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 0), r.weak("a.example.com", "CVE-2024-2", 0)}})
	plain := r.one("CVE-2024-1")
	until := plain.Due.Add(-time.Hour)
	touch := func(fn func(e *exposure.Exposure) bool) {
		_, changed, err := r.ledger.Touch(t.Context(), plain.ID, fn)
		require.NoError(t, err)
		require.True(t, changed)
	}
	reassess := func(cause string) int64 {
		done, err := r.pipeline.Reassess(t.Context(), exposure.Filter{Campaign: "kev"}, cause, nil)
		require.NoError(t, err)
		require.EqualValues(t, 1, done.Looked, "members alone")
		return done.Changed
	}
	touch(func(e *exposure.Exposure) bool {
		return e.Join(exposure.Membership{Campaign: "kev", Name: "KEV", Until: until, Joined: r.clock})
	})
	require.EqualValues(t, 1, reassess("campaign/kev/open/1"))
	require.Equal(t, until, r.one("CVE-2024-1").Due)
	require.Equal(t, plain.Due, r.one("CVE-2024-2").Due)
	require.Zero(t, reassess("campaign/kev/open/1"), "the same again changes nothing")

	// The next report decides on it alike.
	r.at(1)
	r.ingest("one", report{Run: fullRun(1), Findings: []exposure.Observation{r.weak("a.example.com", "CVE-2024-1", 1)}})
	require.Equal(t, until, r.one("CVE-2024-1").Due)

	touch(func(e *exposure.Exposure) bool { return e.Release("kev") })
	require.EqualValues(t, 1, reassess("campaign/kev/met/2"))
	require.Equal(t, plain.Due, r.one("CVE-2024-1").Due)
	r.checkChains()
}
