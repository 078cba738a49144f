package ingest_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
)

// estate is a report of a complete run over hosts: of each of the n exposures, ten to a
// host, what status says, and nothing where it says nothing.
func estate(n int, hour float64, status func(i int) exposure.Status) report {
	rep := report{Run: fullRun(hour)}
	var on *asset.Description
	for i := range n {
		if i%10 == 0 {
			on = host("h" + strconv.Itoa(i/10) + ".example.com")
			rep.Covers = append(rep.Covers, covered(on))
		}
		if s := status(i); s != "" {
			rep.Findings = append(rep.Findings, said(on, "c"+strconv.Itoa(i), s, hour))
		}
	}
	return rep
}

func everything(int) exposure.Status { return exposure.StatusOpen }

// without leaves out the first n, or says of them what is given.
func without(n int, instead exposure.Status) func(int) exposure.Status {
	return func(i int) exposure.Status {
		if i < n {
			return instead
		}
		return exposure.StatusOpen
	}
}

func (r *rig) states() map[exposure.State]int {
	r.Helper()
	out := map[exposure.State]int{}
	for _, e := range r.exposures(exposure.Filter{}) {
		out[e.State]++
	}
	return out
}

// decide has somebody decide on a delivery, and ingests what is then to be ingested.
func (r *rig) decide(id string, outcome exposure.HoldOutcome) exposure.Delivery {
	r.Helper()
	d, err := r.store.Delivery(r.ctx, id)
	require.NoError(r, err)
	require.True(r, d.Waits())
	ok, err := r.store.SwapDelivery(r.ctx, d.Decide(outcome, "ann", "the network was taken down", r.clock))
	require.NoError(r, err)
	require.True(r, ok)
	_, err = r.pipeline.Drain(r.ctx, d.Source, 10, nil)
	require.NoError(r, err)
	d, err = r.store.Delivery(r.ctx, id)
	require.NoError(r, err)
	return d
}

func TestARunThatTakesTooMuchAwayIsHeldBeforeItTakesAnything(t *testing.T) {
	for _, c := range []struct {
		name    string
		n       int
		second  func(int) exposure.Status
		breaker ingest.Breaker
		parked  bool
	}{
		{"a quarter no longer seen", 100, without(25, ""), ingest.Breaker{}, true},
		{"a quarter said to be fixed", 100, without(25, exposure.StatusFixed), ingest.Breaker{}, true},
		{"some of each", 100, func(i int) exposure.Status {
			if i < 12 {
				return ""
			}
			return without(25, exposure.StatusFixed)(i)
		}, ingest.Breaker{}, true},
		{"all of it", 30, without(30, ""), ingest.Breaker{}, true},
		{"exactly a fifth", 150, without(30, ""), ingest.Breaker{}, false},
		{"too few to ask", 24, without(24, ""), ingest.Breaker{}, false},
		{"archived, which takes nothing away", 100, without(60, exposure.StatusArchived), ingest.Breaker{}, false},
		{"a share of its own", 100, without(25, ""), ingest.Breaker{Share: 0.5}, false},
		{"a least of its own", 20, without(5, ""), ingest.Breaker{Least: 5}, true},
		{"turned off", 100, without(100, ""), ingest.Breaker{Share: 1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.breaker = c.breaker
			r.ingest("scan", estate(c.n, 0, everything))
			r.at(24)
			d := r.ingest("scan", estate(c.n, 24, c.second))
			require.Equal(t, c.parked, d.Status == exposure.DeliveryParked)
			if !c.parked {
				require.Nil(t, d.Hold)
				return
			}
			require.Equal(t, map[exposure.State]int{exposure.Tracked: c.n}, r.states(), "nothing is taken away")
			require.EqualValues(t, c.n, d.Hold.Present)
			for _, e := range r.exposures(exposure.Filter{}) {
				require.Equal(t, exposure.Observed, e.Presence.Status)
			}
			require.Contains(t, d.Error, "approve or reject")
			runs, err := r.store.Runs(r.ctx, "scan", exposure.List{})
			require.NoError(t, err)
			require.False(t, runs.Items[0].Complete, "it doesn't count as a good run")
		})
	}
}

func TestAPartialRunOrOneThatLooksElsewhereIsNothingForTheBreaker(t *testing.T) {
	for _, change := range []func(*report){
		func(rep *report) { rep.Run.Complete = false },
		func(rep *report) { rep.Run.Kind = exposure.RunPartial },
		func(rep *report) { rep.Run.Checks = []string{"other:*"} },
		func(rep *report) { rep.Covers = nil },
	} {
		r := newRig(t)
		r.ingest("scan", estate(100, 0, everything))
		r.at(24)
		rep := estate(100, 24, without(50, ""))
		change(&rep)
		require.Equal(t, exposure.DeliveryDone, r.ingest("scan", rep).Status)
		require.Equal(t, map[exposure.State]int{exposure.Tracked: 100}, r.states())
	}
}

func TestWhatAHeldRunSawIsTakenIn(t *testing.T) {
	r := newRig(t)
	r.ingest("scan", estate(100, 0, everything))
	r.at(24)
	rep := estate(100, 24, without(50, ""))
	rep.Findings = append(rep.Findings, finding(host("new.example.com"), "x", "22/tcp", 24), finding(host("h0.example.com"), "y", "22/tcp", 24))
	require.Equal(t, exposure.DeliveryParked, r.ingest("scan", rep).Status)
	require.Equal(t, exposure.Tracked, r.one("test:x").State)
	require.Equal(t, exposure.Tracked, r.one("test:y").State)

	r.at(48) // a later run, good as all sights are back, finds that those two are gone
	rep = estate(100, 48, everything)
	rep.Covers = append(rep.Covers, covered(host("new.example.com")))
	require.Equal(t, exposure.DeliveryDone, r.ingest("scan", rep).Status)
	require.Equal(t, exposure.Closed, r.one("test:x").State)
	require.Equal(t, exposure.Closed, r.one("test:y").State)
}

func TestAnApprovedRunTakesAwayWhatItWouldHaveAndSaysWhoApprovedIt(t *testing.T) {
	r := newRig(t)
	r.ingest("scan", estate(100, 0, everything))
	r.at(24)
	second := estate(100, 24, func(i int) exposure.Status {
		if i < 20 {
			return exposure.StatusFixed
		}
		return without(50, "")(i)
	})
	d := r.ingest("scan", second)
	require.Equal(t, exposure.DeliveryParked, d.Status)
	r.at(30)
	d = r.decide(d.ID, exposure.HoldApproved)
	require.Equal(t, exposure.DeliveryDone, d.Status)
	require.Equal(t, exposure.HoldApproved, d.Hold.Outcome)
	require.Equal(t, map[exposure.State]int{exposure.Tracked: 50, exposure.Closed: 50}, r.states())
	for _, check := range []string{"test:c0", "test:c30"} {
		e := r.one(check)
		require.Equal(t, "ann", e.LastEvent.Data[exposure.DataApprovedBy])
		require.Contains(t, e.LastEvent.Reason, "ann approved it")
		require.Equal(t, "ann", e.Proof.Absences[0].ApprovedBy)
		require.Equal(t, check == "test:c0", e.Proof.Absences[0].Explicit)
		require.Equal(t, t0.Add(24*time.Hour), e.Proof.At, "the check's time, not the decision's")
	}
	r.checkChains()

	r.at(48)
	require.Equal(t, exposure.DeliveryDone, r.ingest("scan", estate(100, 48, without(50, ""))).Status, "the next such run is nothing new")
}

func TestARejectedRunChangesNothingAndTheNextOneIsHeldAgain(t *testing.T) {
	r := newRig(t)
	r.ingest("scan", estate(100, 0, everything))
	r.at(24)
	d := r.ingest("scan", estate(100, 24, without(50, "")))
	d = r.decide(d.ID, exposure.HoldRejected)
	require.Equal(t, exposure.DeliveryRejected, d.Status)
	require.Equal(t, map[exposure.State]int{exposure.Tracked: 100}, r.states())
	r.at(48)
	require.Equal(t, exposure.DeliveryParked, r.ingest("scan", estate(100, 48, without(50, ""))).Status)
}

func TestALaterRunOverTheSameAssetsSupersedesAHeldOne(t *testing.T) {
	r := newRig(t)
	r.ingest("scan", estate(100, 0, everything))
	r.at(24)
	held := r.ingest("scan", estate(100, 24, without(50, "")))

	r.at(30)
	r.ingest("scan", report{Run: fullRun(30), Covers: []exposure.Coverage{covered(host("elsewhere.example.com"))}})
	still, err := r.store.Delivery(r.ctx, held.ID)
	require.NoError(t, err)
	require.True(t, still.Waits(), "a run over other assets has nothing to say on it")

	r.at(48)
	good := r.ingest("scan", estate(100, 48, everything))
	over, err := r.store.Delivery(r.ctx, held.ID)
	require.NoError(t, err)
	require.Equal(t, exposure.DeliveryHistory, over.Status)
	require.Equal(t, exposure.HoldSuperseded, over.Hold.Outcome)
	require.Equal(t, good.ID, over.Hold.By)
	require.Equal(t, map[exposure.State]int{exposure.Tracked: 100}, r.states())
}

func TestTheSameReportHeldAgainHandsOnThatPeopleWereTold(t *testing.T) {
	r := newRig(t)
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{"test:*"}}
	timeless := func(rep report) report {
		rep.Run = &run
		for _, o := range rep.Findings {
			o.Finding.LastSeen = time.Time{}
		}
		return rep
	}
	r.ingest("scan", timeless(estate(100, 0, everything)))
	r.at(24)
	first := r.ingest("scan", timeless(estate(100, 0, without(50, ""))))
	first.Hold.Told = r.clock
	first.Version++
	_, err := r.store.SwapDelivery(r.ctx, first)
	require.NoError(t, err)
	r.at(25)
	second := r.ingest("scan", timeless(estate(100, 0, without(50, ""))))
	require.Equal(t, exposure.DeliveryParked, second.Status)
	require.Equal(t, first.Hold.Told, second.Hold.Told)
	old, err := r.store.Delivery(r.ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, exposure.DeliveryHistory, old.Status)
}

// heldStory is a run that is held, and one that comes before somebody approves it.
func heldStory(r *rig) error {
	r.breaker = ingest.Breaker{Least: 2}
	few := func(hour float64, status func(int) exposure.Status) report { return estate(12, hour, status) }
	r.deliver("scan", few(0, everything))
	second := r.deliver("scan", few(1, func(i int) exposure.Status {
		if i > 2 && i < 11 {
			return exposure.StatusOpen
		}
		return map[int]exposure.Status{1: exposure.StatusFixed, 2: exposure.StatusArchived}[i]
	}))
	for hour := range 2 {
		r.at(float64(hour))
		if err := r.drained("scan"); err != nil {
			return err
		}
	}
	r.at(2)
	d, err := r.store.Delivery(r.ctx, second.ID)
	if err != nil || !d.Waits() {
		return fmt.Errorf("the second run is %s, %w", d.Status, err)
	}
	if _, err := r.store.SwapDelivery(r.ctx, d.Decide(exposure.HoldApproved, "ann", "", r.clock)); err != nil {
		return err
	}
	return r.drained("scan")
}

// drained drains one delivery; where the process dies, another takes over.
func (r *rig) drained(source string) error {
	_, err := r.pipeline.Drain(r.ctx, source, 1, nil)
	if err == nil {
		return nil
	}
	if r.faulty.failAt == 0 || !r.faulty.dead {
		return err
	}
	r.pipeline = ingest.New(r.store, r.source, r.assess, ledger.New(r.store, r.now), r.woken, r.now, slog.New(slog.DiscardHandler)).Sized(r.batch, 200_000)
	_, err = r.pipeline.Drain(r.ctx, source, 1, nil)
	return err
}

func TestKilledAroundAHeldRunReplayingRepairs(t *testing.T) {
	for _, batch := range []int{1, 2000} {
		whole := newRig(t)
		whole.batch = batch
		whole.pipeline.Sized(batch, 200_000)
		require.NoError(t, heldStory(whole))
		require.Equal(t, map[exposure.State]int{exposure.Tracked: 9, exposure.Closed: 3}, whole.states())
		want, writes := ending(whole), whole.faulty.writes
		require.Greater(t, writes, 12)
		for n := 1; n <= writes; n++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("in batches of %d, write %d after %v", batch, n, after), func(t *testing.T) {
					t.Parallel()
					r := newRig(t)
					r.batch = batch
					r.pipeline.Sized(batch, 200_000)
					r.faulty.failAt, r.faulty.after = n, after
					require.NoError(t, heldStory(r))
					require.True(t, r.faulty.dead)
					require.Equal(t, want, ending(r))
				})
			}
		}
	}
}
