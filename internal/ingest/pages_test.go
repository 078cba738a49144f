package ingest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

// sync stores pages and delivers their manifest, as a sync of the source "api" does at its end.
func (r *rig) sync(run exposure.Run, pages ...report) exposure.Delivery {
	r.Helper()
	r.seq++
	m := exposure.Manifest{Sync: fmt.Sprint(r.seq), Run: run}
	for _, page := range pages {
		text, err := json.Marshal(page)
		require.NoError(r, err)
		sha, _, err := r.store.PutBlob(r.ctx, bytes.NewReader(text), 1<<20)
		require.NoError(r, err)
		m.Pages = append(m.Pages, sha)
	}
	body, err := json.Marshal(m)
	require.NoError(r, err)
	d, _, err := r.store.AcceptDelivery(r.ctx, exposure.Delivery{
		ID: fmt.Sprintf("api|sync/%d", r.seq), Source: "api", Via: exposure.ViaPull, ReceivedAt: r.clock, Status: exposure.DeliveryReceived,
	}, bytes.NewReader(body))
	require.NoError(r, err)
	done, err := r.pipeline.Process(r.ctx, d, nil)
	require.NoError(r, err)
	return done
}

// onePage is what a decoder says of the run that it sees one page of.
func onePage() *exposure.Run {
	return &exposure.Run{Kind: exposure.RunFull, Why: exposure.OnePage, Tool: "scanner 2", Counts: map[string]int{"claimed": 1}}
}

func TestThePagesOfASyncAreOneRun(t *testing.T) {
	r := newRig(t)
	web, db := host("web.example.com"), host("db.example.com")
	first := report{Run: onePage(), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", 0)}}
	second := report{Run: onePage(), Covers: []exposure.Coverage{covered(db)}, Findings: []exposure.Observation{finding(web, "tls", "443/tcp", 0), finding(db, "sql", "5432/tcp", 0)}}
	d := r.sync(*fullRun(0), first, second)
	require.Equal(t, exposure.DeliveryDone, d.Status)
	require.EqualValues(t, 3, d.Counts["created"])

	// The next sync sees web's findings on its second page only, and misses one of them.
	r.at(24)
	d = r.sync(*fullRun(24), report{Run: onePage(), Covers: []exposure.Coverage{covered(web), covered(db)}},
		report{Run: onePage(), Findings: []exposure.Observation{finding(web, "tls", "443/tcp", 24), finding(db, "sql", "5432/tcp", 24)}})
	require.EqualValues(t, 1, d.Counts["absent"])
	require.Equal(t, exposure.Closed, r.one("test:git").State)
	require.Equal(t, exposure.Tracked, r.one("test:tls").State)

	page, err := r.store.Runs(r.ctx, "api", exposure.List{Limit: 1})
	require.NoError(t, err)
	require.True(t, page.Items[0].Complete)
	require.Equal(t, "scanner 2", page.Items[0].Tool)
	require.Equal(t, 2, page.Items[0].Counts["claimed"], "what pages count adds up")
	r.checkChains()
}

func TestASyncThatDidNotGetAllClosesNothing(t *testing.T) {
	web := host("web.example.com")
	seen := report{Run: onePage(), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "git", "443/tcp", 0)}}
	empty := report{Run: onePage(), Covers: []exposure.Coverage{covered(web)}}
	vetoing, broken := empty, empty
	vetoing.Run = &exposure.Run{Kind: exposure.RunFull, Why: "it says 125 and holds 10"}
	broken.Broken = "half a page"
	incomplete := *fullRun(24)
	incomplete.Complete, incomplete.Why = false, "the sync ended early"
	for _, tt := range []struct {
		name   string
		run    exposure.Run
		pages  []report
		status exposure.DeliveryStatus
	}{
		{"the puller says so", incomplete, []report{empty}, exposure.DeliveryDone},
		{"a page says so", *fullRun(24), []report{vetoing, empty}, exposure.DeliveryDone},
		{"a page can't be read", *fullRun(24), []report{empty, broken}, exposure.DeliveryFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.sync(*fullRun(0), seen)
			r.at(24)
			require.Equal(t, tt.status, r.sync(tt.run, tt.pages...).Status)
			e := r.one("test:git")
			require.Equal(t, exposure.Tracked, e.State)
			require.NotEqual(t, exposure.VerifiedAbsent, e.Presence.Status)
		})
	}
}
