package activities

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store/engine"
)

// came stores a delivery of the source nightly as it ended.
func (r *rig) came(id string, status exposure.DeliveryStatus, hold *exposure.Hold) exposure.Delivery {
	r.t.Helper()
	d, _, err := r.store.AcceptDelivery(r.t.Context(), exposure.Delivery{ID: id, Source: "nightly", ReceivedAt: r.clock}, strings.NewReader("body"))
	require.NoError(r.t, err)
	d.Status, d.Hold = status, hold
	if status == exposure.DeliveryFailed {
		d.Error = "line 3: unexpected end"
	}
	require.NoError(r.t, r.store.PutDelivery(r.t.Context(), d))
	return d
}

// watching is a rig that looks after the source nightly of the team secops.
func watching(t *testing.T, wrap func(engine.Engine) engine.Engine, watched Watched) *rig {
	t.Helper()
	r := newRigOver(t, map[string]ed25519.PublicKey{}, wrap)
	watched.Name, watched.Owner = "nightly", "secops"
	r.Reports, r.Sources = r.store, []Watched{watched}
	return r
}

// look sweeps once, at the hour.
func (r *rig) look(hour int) SweepReport {
	r.t.Helper()
	r.clock = epoch.Add(time.Duration(hour) * time.Hour)
	report, err := r.Sweep(r.t.Context(), SweepRequest{})
	require.NoError(r.t, err)
	return report
}

func (r *rig) inbox() []lifecycle.InboxMessage {
	r.t.Helper()
	page, err := r.store.FindMessages(r.t.Context(), "", false, exposure.List{Limit: 100})
	require.NoError(r.t, err)
	return page.Items
}

func held() *exposure.Hold {
	return &exposure.Hold{Present: 100, Absent: 20, Fixed: 10, At: epoch, Until: epoch.Add(7 * 24 * time.Hour)}
}

func TestTheOwnerIsToldOnceOfAHeldReportAndItEndsByItselfWithoutAChange(t *testing.T) {
	r := watching(t, nil, Watched{})
	d := r.came("nightly|1", exposure.DeliveryParked, held())
	r.look(0)
	r.look(1)
	messages := r.inbox()
	require.Len(t, messages, 1)
	require.Equal(t, "secops", messages[0].To)
	require.Equal(t, "breaker", messages[0].Kind)
	require.Contains(t, messages[0].Subject, "nightly would take away 30 of 100")
	require.Contains(t, messages[0].Text, "quell deliveries approve 'nightly|1'")
	d, err := r.store.Delivery(t.Context(), d.ID)
	require.NoError(t, err)
	require.True(t, d.Waits())

	r.look(7*24 - 1)
	r.look(7 * 24)
	d, err = r.store.Delivery(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, exposure.DeliveryRejected, d.Status)
	require.Equal(t, exposure.HoldTimedOut, d.Hold.Outcome)
	r.look(8 * 24)
	require.Len(t, r.inbox(), 1)
}

func TestAReportThatWasDecidedOnIsLeftAlone(t *testing.T) {
	r := watching(t, nil, Watched{})
	d := r.came("nightly|1", exposure.DeliveryParked, held())
	_, err := r.store.SwapDelivery(t.Context(), d.Decide(exposure.HoldApproved, "ann", "", epoch))
	require.NoError(t, err)
	r.look(24 * 9)
	d, err = r.store.Delivery(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, exposure.DeliveryReceived, d.Status)
	require.Empty(t, r.inbox())
}

func TestWithoutAnOwnerEscalationIsTold(t *testing.T) {
	r := watching(t, nil, Watched{})
	r.Sources = nil
	r.came("nightly|1", exposure.DeliveryParked, held())
	r.look(0)
	require.Equal(t, Escalation, r.inbox()[0].To)
}

// subjects are those of the inbox, oldest first.
func (r *rig) subjects() []string {
	r.t.Helper()
	var out []string
	for _, m := range r.inbox() {
		out = append([]string{m.Subject}, out...)
	}
	return out
}

func (r *rig) ran(hour int) {
	r.t.Helper()
	require.NoError(r.t, r.store.PutRun(r.t.Context(), exposure.Run{ID: time.Duration(hour).String(), Source: "nightly", Kind: exposure.RunFull, Complete: true,
		Finished: epoch.Add(time.Duration(hour) * time.Hour), Targets: 3}))
}

func TestALateSourceIsToldOfWhenItBeginsAndWhenItEnds(t *testing.T) {
	r := watching(t, nil, Watched{Fresh: 26 * time.Hour})
	r.ran(0)
	r.look(0)
	r.look(26)
	require.Empty(t, r.inbox())
	r.look(27)
	r.look(28)
	require.Equal(t, []string{"Source nightly is late"}, r.subjects())
	require.Contains(t, r.inbox()[0].Text, "Its last good run was on 2026-03-02 09:00")
	require.Equal(t, "source", r.inbox()[0].Kind)
	r.ran(29)
	r.look(30)
	r.look(31)
	require.Equal(t, []string{"Source nightly is late", "Source nightly is no longer late"}, r.subjects())
	r.look(60)
	require.Equal(t, "Source nightly is late", r.subjects()[2], "another time is another message")
	healths, err := r.store.Healths(t.Context())
	require.NoError(t, err)
	require.Equal(t, epoch.Add(55*time.Hour), healths[0].Ails()[0].Since)
}

func TestASourceFailsWhenItsLastDeliveriesDo(t *testing.T) {
	r := watching(t, nil, Watched{})
	for i, status := range []exposure.DeliveryStatus{exposure.DeliveryDone, exposure.DeliveryFailed, exposure.DeliveryFailed, exposure.DeliveryReceived} {
		r.came("nightly|"+string(rune('a'+i)), status, nil)
	}
	r.look(1)
	require.Empty(t, r.inbox())
	r.came("nightly|z", exposure.DeliveryFailed, nil)
	r.look(2)
	require.Equal(t, []string{"Source nightly is failing"}, r.subjects())
	require.Contains(t, r.inbox()[0].Text, "line 3")
}

func TestAPulledSourceFailsWhenItsLastSyncsDo(t *testing.T) {
	r := watching(t, nil, Watched{Pulled: true})
	r.Syncs = r.store
	for i := range 3 {
		r.look(i)
		require.Empty(t, r.inbox())
		at := epoch.Add(time.Duration(i) * time.Hour)
		require.NoError(t, r.store.PutSync(t.Context(), exposure.Sync{Source: "nightly", Name: at.String(), Status: exposure.SyncFailed, Started: at, Ended: at, Error: "403 for page 2"}))
	}
	r.look(4)
	require.Equal(t, []string{"Source nightly is failing"}, r.subjects())
	require.Contains(t, r.inbox()[0].Text, "403 for page 2")
}

func TestSourcesAreLookedAtOnceAMinuteHoweverOftenTheSweepLooks(t *testing.T) {
	r := watching(t, nil, Watched{Quiet: time.Hour})
	first := r.look(0)
	require.Equal(t, r.clock, first.Watched)
	r.clock = r.clock.Add(2 * time.Hour)
	report, err := r.Sweep(t.Context(), SweepRequest{Watched: r.clock.Add(-watchEvery + time.Second)})
	require.NoError(t, err)
	require.Equal(t, r.clock.Add(-watchEvery+time.Second), report.Watched)
	require.Empty(t, r.inbox())
	_, err = r.Sweep(t.Context(), SweepRequest{Watched: r.clock.Add(-watchEvery)})
	require.NoError(t, err)
	require.Len(t, r.inbox(), 1)
}

// unreliable is a notifier that counts how often each cause was told.
type unreliable struct {
	connectors.Notifier
	told map[string]int
}

func (u *unreliable) Notify(ctx context.Context, m connectors.Message) error {
	u.told[m.Cause]++
	return u.Notifier.Notify(ctx, m)
}

func TestDyingAtAnyWriteOfALookTellsOfEverythingOnce(t *testing.T) {
	lived := func(at int64, after bool) ([]string, int64) {
		var writes, dies atomic.Int64
		dies.Store(-1)
		r := watching(t, func(e engine.Engine) engine.Engine {
			return &mortal{Engine: e, writes: &writes, at: &dies, after: after}
		}, Watched{Fresh: 26 * time.Hour, Quiet: 20 * time.Hour})
		told := &unreliable{Notifier: r.Notifier, told: map[string]int{}}
		r.Notifier = told
		r.came("nightly|1", exposure.DeliveryParked, held())
		r.ran(0)
		writes.Store(0)
		dies.Store(at)
		for _, hour := range []int{0, 0, 30, 30, 30} {
			r.look(hour)
		}
		r.ran(31)
		for _, hour := range []int{31, 31, 31} {
			r.look(hour)
		}
		for cause, n := range told.told {
			require.LessOrEqual(t, n, 2, "%s is at most told again after a crash, under the same cause", cause)
		}
		return r.subjects(), writes.Load()
	}
	want, writes := lived(-1, false)
	require.ElementsMatch(t, []string{"A report of nightly would take away 30 of 100 exposures", "Source nightly is late", "Source nightly is silent",
		"Source nightly is no longer late"}, want)
	require.Greater(t, writes, int64(6))
	for at := range writes {
		for _, after := range []bool{false, true} {
			got, _ := lived(at, after)
			require.ElementsMatch(t, want, got, "dying at write %d (after it: %v)", at, after)
		}
	}
}

func TestAFailingNotifierIsTriedAgainAtTheNextLook(t *testing.T) {
	r := watching(t, nil, Watched{Quiet: time.Hour})
	r.look(0)
	working := r.Notifier
	r.Notifier = deaf{working}
	report := r.look(2)
	require.NotEmpty(t, report.Problems)
	require.True(t, report.Watched.IsZero(), "the next look comes at once")
	r.Notifier = working
	r.look(3)
	require.Equal(t, []string{"Source nightly is silent"}, r.subjects())
}

// deaf is a notifier that reaches nobody.
type deaf struct{ connectors.Notifier }

func (deaf) Notify(context.Context, connectors.Message) error { return errors.New("nobody answers") }
