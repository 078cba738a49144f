package courier_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/courier"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/store/engine"
)

func TestWhatIsUrgentGoesAtOnceAndTheRestIsFolded(t *testing.T) {
	r := newRig(t, nil)
	for i := range 40 {
		r.insist(message(fmt.Sprint("m", i), "web"))
	}
	r.insist(message("fire", "web", urgent))
	r.run(r.clock)
	causes, folded, _ := r.chat.told()
	require.Len(t, causes, 6, "five of the hour's six, and what is urgent")
	require.Equal(t, "fire", r.chat.posts[0].Cause, "first")
	require.Zero(t, folded)
	r.run(epoch.Add(time.Hour - time.Second))
	_, folded, digests := r.chat.told()
	require.Equal(t, 1, digests)
	require.Equal(t, 35, folded)
	require.WithinDuration(t, epoch.Add(outbox.Gather), r.clock, time.Hour)
	last := r.chat.posts[len(r.chat.posts)-1]
	require.Equal(t, "35 more messages", last.Subject)
	require.Contains(t, last.Text, "35 × reminder")
	require.Contains(t, last.Text, "… and 27 more")
	require.Contains(t, last.Links["messages"], "https://quell.example.com/")
	for i := range 100 { // again: the same causes are the same messages
		r.insist(message(fmt.Sprint("m", i%40), "web"))
	}
	r.run(epoch.Add(48 * time.Hour))
	_, folded, _ = r.chat.told()
	require.Equal(t, 35, folded)

	page, err := r.Messages(t.Context(), "slack", "folded", "", exposure.List{Limit: 100})
	require.NoError(t, err)
	require.Len(t, page.Items, 35)
	digest, err := r.store.Out(t.Context(), page.Items[0].Digest)
	require.NoError(t, err)
	require.Equal(t, "digest", digest.Kind)
	page, err = r.Messages(t.Context(), "slack", "pending", "", exposure.List{Limit: 100})
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

// hospital is one store for many lives, which costs more to open than to use: each life has
// a notifier of its own.
type hospital struct {
	*rig
	dies func() (before, after bool)
	n    int
}

func newHospital(t *testing.T) *hospital {
	t.Helper()
	h := &hospital{dies: func() (bool, bool) { return false, false }}
	h.rig = newRig(t, func(e engine.Engine) engine.Engine {
		return &mortal{Engine: e, dies: func() (bool, bool) { return h.dies() }}
	})
	return h
}

// lives puts messages in and delivers them, with an engine that dies at one write, and
// gives how many writes there were.
func (h *hospital) lives(t *testing.T, at int64, after, lost bool) int64 {
	t.Helper()
	var writes atomic.Int64
	h.dies = func() (bool, bool) {
		hit := writes.Add(1)-1 == at
		return hit && !after, hit && after
	}
	h.n++
	r := &rig{t: t, clock: epoch, chat: &chat{}}
	r.open(h.store, fmt.Sprint("slack", h.n), func(r *courier.Route) { r.Budget = outbox.Budget{Hour: 3, Day: 30} })
	r.chat.losses = []bool{lost, false, lost}
	threaded := func(m *connectors.Message) {
		m.Thread, m.Card = "rem-1", &connectors.Card{Title: "x", State: "1 of 1 live", Decision: "attend"}
	}
	r.insist(message("fire", "web", urgent, threaded))
	for i := range 7 {
		r.insist(message(fmt.Sprint("m", i), "web", threaded))
	}
	r.run(epoch.Add(3 * time.Hour))
	causes, folded, digests := r.chat.told()
	for cause, n := range causes {
		require.Equal(t, 1, n, "%s, dying at write %d", cause, at)
	}
	require.Equal(t, 1, causes["#web fire"])
	// What was budgeted and then died may have cost a single message its place in the hour.
	require.Equal(t, 7, len(causes)-1-digests+folded, "dying at write %d", at)
	require.LessOrEqual(t, digests, 2)
	heads := 0
	for _, p := range r.chat.posts {
		if p.Thread != "" && p.at.Head == "" {
			heads++
		}
	}
	require.Equal(t, 1, heads, "one thread, dying at write %d", at)
	return writes.Load()
}

func TestAProcessThatDiesAtAnyWriteTellsEveryMessageOnce(t *testing.T) {
	h := newHospital(t)
	n := h.lives(t, -1, false, false)
	require.Greater(t, n, int64(20))
	for at := range n + 2 {
		h.lives(t, at, false, at%2 == 0)
		h.lives(t, at, true, at%2 == 1)
	}
}

func TestWhateverHappensEveryMessageIsToldOnce(t *testing.T) {
	h := newHospital(t)
	rapid.Check(t, func(rt *rapid.T) {
		var trouble atomic.Bool
		toss := rapid.IntRange(0, 29)
		h.dies = func() (bool, bool) {
			if !trouble.Load() {
				return false, false
			}
			fate := toss.Draw(rt, "fate")
			return fate == 0, fate == 1
		}
		h.n++
		r := &rig{t: t, clock: epoch, chat: &chat{}}
		r.open(h.store, fmt.Sprint("slack", h.n), func(r *courier.Route) { r.Budget = outbox.Budget{Hour: 4, Day: 12} })
		put := map[string]bool{}
		for step := range rapid.IntRange(1, 8).Draw(rt, "steps") {
			trouble.Store(rapid.Bool().Draw(rt, "trouble"))
			for i := range rapid.IntRange(0, 12).Draw(rt, "messages") {
				m := message(fmt.Sprint(step, "/", i), rapid.SampledFrom([]string{"web", "ops"}).Draw(rt, "to"))
				m.Urgent = rapid.IntRange(0, 5).Draw(rt, "urgent") == 0
				for r.Notify(rt.Context(), m) != nil { // until it comes back
				}
				put["#"+m.To+" "+m.Cause] = m.Urgent
			}
			r.chat.losses = append(r.chat.losses[:0], rapid.SliceOfN(rapid.Bool(), 0, 3).Draw(rt, "losses")...)
			if rapid.Bool().Draw(rt, "throttled") {
				r.chat.answers = []error{&fault.Error{Kind: fault.Throttled, Msg: "slow down", RetryAfter: time.Minute}}
			}
			r.run(r.clock.Add(time.Duration(rapid.IntRange(0, 200).Draw(rt, "minutes")) * time.Minute))
		}
		trouble.Store(false)
		r.run(r.clock.Add(72 * time.Hour))
		causes, folded, digests := r.chat.told()
		for cause, n := range causes {
			require.Equal(rt, 1, n, cause)
		}
		require.Equal(rt, len(put), len(causes)-digests+folded)
		for cause, pressing := range put {
			if pressing {
				require.Equal(rt, 1, causes[cause], "urgent, singly")
			}
		}
	})
}

func TestAStormFromManySidesLosesNothing(t *testing.T) {
	r := newRig(t, nil)
	const sides, each = 8, 500
	var group errgroup.Group
	for side := range sides {
		group.Go(func() error {
			for i := range each {
				m := message(fmt.Sprint(side, "/", i), "web")
				m.Urgent = i%100 == 0
				if err := r.Notify(context.Background(), m); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.LessOrEqual(t, r.woken.Load(), int64(4), "one wake stands for all that is still to be looked at")
	r.run(epoch.Add(5 * time.Hour))
	causes, folded, digests := r.chat.told()
	require.Equal(t, sides*each, len(causes)-digests+folded)
	singles := 0
	for _, p := range r.chat.posts {
		if !p.Urgent {
			singles++
		}
	}
	require.Equal(t, sides*5, len(r.chat.posts)-singles, "everything urgent, singly")
	require.LessOrEqual(t, singles, 6)
}

func TestWhatCameIntoASealedGenerationIsToldToo(t *testing.T) {
	r := newRig(t, nil, func(r *courier.Route) { r.Budget = outbox.Budget{Hour: 1, Day: 30} })
	for i := range 3 {
		r.insist(message(fmt.Sprint("m", i), "web"))
	}
	r.run(epoch.Add(30 * time.Minute))
	_, folded, _ := r.chat.told()
	require.Equal(t, 3, folded)
	// A machine slept between choosing the generation and putting a message into it.
	late := outbox.Message{ID: outbox.ID("slack", "#web", "late"), Version: 1, Notifier: "slack", Address: "#web", To: "web", Cause: "late", Kind: "reminder",
		At: r.clock, State: outbox.Pending, Gen: 1, Body: []byte(`{}`)}
	_, err := r.store.PutMessages(t.Context(), []outbox.Message{late})
	require.NoError(t, err)
	r.insist(message("next", "web")) // whoever puts something in has the box looked into
	r.run(epoch.Add(4 * time.Hour))
	causes, folded, digests := r.chat.told()
	require.Equal(t, 5, len(causes)-digests+folded)
	r.run(epoch.Add(9 * time.Hour))
	_, again, _ := r.chat.told()
	require.Equal(t, folded, again, "once")
}

func TestAnAddressThatIsNoGoodIsShownAndItsMessagesGoToTheEscalation(t *testing.T) {
	r := newRig(t, nil)
	gone := fault.New(fault.NotFound, "channel_not_found")
	r.chat.answers = []error{gone}
	r.insist(message("fire", "web", urgent))
	r.run(epoch.Add(time.Minute))
	require.Len(t, r.chat.posts, 1)
	require.Equal(t, "#escalation", r.chat.posts[0].at.To)
	require.Contains(t, r.chat.posts[0].Text, "This was for web (\\#web of slack)")
	require.True(t, r.chat.posts[0].Urgent)
	status, err := r.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, "slack", status[0].Name)
	require.Equal(t, "channel_not_found", strings.ReplaceAll(status[0].Addresses[1].Bad, "\\", ""))
	require.ErrorContains(t, r.Health(t.Context()), "#web: channel_not_found")

	// The escalation's is no good either: the built-in inbox takes it.
	r.chat.answers = []error{gone, gone}
	r.insist(message("flood", "ops", urgent))
	r.run(epoch.Add(2 * time.Minute))
	require.Len(t, r.chat.posts, 1)
	require.Equal(t, []string{"escalation: Due: flood"}, r.inbox())

	r.insist(message("rain", "web", urgent)) // it was mended
	r.insist(message("snow", "ops", urgent))
	r.insist(message("hail", "escalation", urgent))
	r.run(epoch.Add(3 * time.Minute))
	require.NoError(t, r.Health(t.Context()))
	page, err := r.Messages(t.Context(), "", "failed", "", exposure.List{})
	require.NoError(t, err)
	require.Len(t, page.Items, 3)
	require.Equal(t, "channel_not_found", page.Items[0].Why)
}

func TestAVendorThatIsDownIsLeftAloneForAWhile(t *testing.T) {
	r := newRig(t, nil)
	r.chat.answers = []error{&fault.Error{Kind: fault.Throttled, Msg: "slow down", RetryAfter: 7 * time.Minute}}
	r.insist(message("fire", "web", urgent))
	r.run(epoch.Add(6 * time.Minute))
	require.Equal(t, 1, r.chat.calls)
	r.insist(message("flood", "ops", urgent)) // another address is not held up
	r.run(epoch.Add(6 * time.Minute))
	require.Equal(t, 2, r.chat.calls)
	r.run(epoch.Add(8 * time.Minute))
	require.Len(t, r.chat.posts, 2)
	require.True(t, r.chat.posts[1].at.Since.IsZero(), "what was refused did not come through")
}

func TestQuietHoursHoldWhatCanWait(t *testing.T) {
	quiet, err := outbox.ParseQuiet("08:00-10:00", time.LoadLocation)
	require.NoError(t, err)
	r := newRig(t, nil, func(r *courier.Route) {
		r.Quiet = func(to string) outbox.Quiet {
			if to == "web" {
				return quiet
			}
			return outbox.Quiet{}
		}
	})
	r.insist(message("one", "web"))
	r.insist(message("fire", "web", urgent))
	r.insist(message("other", "ops"))
	r.run(epoch.Add(59 * time.Minute))
	require.Len(t, r.chat.posts, 2)
	r.run(epoch.Add(60 * time.Minute))
	require.Len(t, r.chat.posts, 3)
}

func TestRoutesTakeWhatTheyAreForAndTheInboxTakesTheRest(t *testing.T) {
	r := newRig(t, nil, func(r *courier.Route) { r.Kinds, r.Teams, r.UrgentOnly = []string{"escalation"}, []string{"web"}, true })
	take := message("a", "web", urgent)
	take.Kind = "escalation"
	r.insist(take)
	for i, edit := range []func(*connectors.Message){func(m *connectors.Message) { m.Kind = "ticket" }, func(m *connectors.Message) { m.To = "ops" }, func(m *connectors.Message) { m.Urgent = false }} {
		m := take
		m.Cause = fmt.Sprint("other", i)
		edit(&m)
		r.insist(m)
	}
	r.run(epoch)
	require.Len(t, r.chat.posts, 1)
	require.Len(t, r.inbox(), 3)

	r = newRig(t, nil)
	r.insist(message("a", "nobody", urgent))
	r.run(epoch)
	require.Equal(t, "#escalation", r.chat.posts[0].at.To)
	require.Contains(t, r.chat.posts[0].Text, "For nobody")
	require.True(t, fault.Is(r.Notify(t.Context(), connectors.Message{To: "x"}), fault.Invalid))
}

func TestACardThatChangedIsShownOnce(t *testing.T) {
	r := newRig(t, nil)
	card := connectors.Card{Title: "x", State: "2 of 2 live"}
	require.NoError(t, r.Show(t.Context(), "rem-1", card, nil), "nobody talks about it yet")
	r.insist(message("new", "web", urgent, func(m *connectors.Message) { m.Thread, m.Card = "rem-1", &card }))
	r.run(epoch)
	require.NoError(t, r.Show(t.Context(), "rem-1", card, nil))
	r.run(epoch.Add(time.Hour))
	require.Empty(t, r.chat.shown, "nothing changed")
	for _, state := range []string{"1 of 2 live", "0 of 2 live", "0 of 2 live"} {
		card.State = state
		require.NoError(t, r.Show(t.Context(), "rem-1", card, nil))
	}
	r.run(r.clock.Add(time.Hour))
	require.Equal(t, map[connectors.Ref]string{"0": "0 of 2 live;"}, r.chat.shown)

	// Somebody deleted it: the next message heads a new thread.
	thread, err := r.store.Thread(t.Context(), outbox.ThreadID("slack", "#web", "rem-1"))
	require.NoError(t, err)
	thread.Head = "deleted"
	thread.Version++
	_, err = r.store.SwapThread(t.Context(), thread)
	require.NoError(t, err)
	card.State = "back"
	require.NoError(t, r.Show(t.Context(), "rem-1", card, nil))
	r.run(r.clock.Add(time.Hour))
	r.insist(message("again", "web", urgent, func(m *connectors.Message) { m.Thread, m.Card = "rem-1", &card }))
	r.insist(message("third", "web", urgent, func(m *connectors.Message) { m.Thread, m.Card = "rem-1", &card }))
	r.run(r.clock.Add(time.Minute))
	require.Empty(t, r.chat.posts[1].at.Head)
	require.Equal(t, connectors.Ref("1"), r.chat.posts[2].at.Head)
}

func TestACardThatChangesWhileItIsOnItsWayIsShownOnceItIsThere(t *testing.T) {
	r := newRig(t, nil)
	card := connectors.Card{Title: "x", State: "waits"}
	buttons := []connectors.Action{{Kind: "approve", Subject: "run:1"}}
	r.insist(message("ask", "web", urgent, func(m *connectors.Message) { m.Thread, m.Card, m.Actions = "run-1", &card, buttons }))
	decided := connectors.Card{Title: "x", State: "approved", Done: true}
	r.chat.during = func() { require.NoError(t, r.Show(t.Context(), "run-1", decided, nil)) }
	r.run(r.clock)
	require.Equal(t, map[connectors.Ref]string{"0": "approved;"}, r.chat.shown)
}

func TestACardOnWhichNothingCanBeDecidedAnyMoreIsShownAtOnceUnlessTheVendorIsDown(t *testing.T) {
	r := newRig(t, nil)
	card := connectors.Card{Title: "x", State: "waits"}
	buttons := []connectors.Action{{Kind: "approve", Subject: "run:1"}}
	r.insist(message("ask", "web", urgent, func(m *connectors.Message) { m.Thread, m.Card, m.Actions = "run-1", &card, buttons }))
	r.run(r.clock)
	card.State = "half of it"
	require.NoError(t, r.Show(t.Context(), "run-1", card, buttons))
	r.run(r.clock)
	require.Empty(t, r.chat.shown, "it waits for what else changes")
	card.State = "approved"
	require.NoError(t, r.Show(t.Context(), "run-1", card, nil))
	r.run(r.clock)
	require.Equal(t, map[connectors.Ref]string{"0": "approved;"}, r.chat.shown)

	thread, err := r.store.Thread(t.Context(), outbox.ThreadID("slack", "#web", "run-1"))
	require.NoError(t, err)
	thread.Failures, thread.Look = 1, r.clock.Add(time.Hour) // the vendor has asked to wait
	thread.Version++
	_, err = r.store.SwapThread(t.Context(), thread)
	require.NoError(t, err)
	card.State = "over"
	require.NoError(t, r.Show(t.Context(), "run-1", card, nil))
	r.run(r.clock.Add(time.Minute))
	require.Equal(t, map[connectors.Ref]string{"0": "approved;"}, r.chat.shown)
	r.run(r.clock.Add(time.Hour))
	require.Equal(t, map[connectors.Ref]string{"0": "approved;over;"}, r.chat.shown)
}

func TestLostWakesAreSentAgain(t *testing.T) {
	r := newRig(t, nil)
	r.insist(message("fire", "web", urgent))
	r.woken.Store(0)
	n, err := r.Resend(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "it is on its way")
	r.clock = r.clock.Add(time.Minute)
	n, err = r.Resend(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.EqualValues(t, 1, r.woken.Load())
	r.run(r.clock)
	r.clock = r.clock.Add(time.Hour)
	n, err = r.Resend(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "nothing waits")
}

func TestATestMessageAndACheck(t *testing.T) {
	r := newRig(t, nil)
	id, err := r.Test(t.Context(), "slack", "web", "ann")
	require.NoError(t, err)
	r.run(epoch)
	m, err := r.store.Out(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, outbox.Sent, m.State)
	_, err = r.Test(t.Context(), "none", "web", "ann")
	require.True(t, fault.Is(err, fault.NotFound))
	_, err = r.Test(t.Context(), "slack", "nobody", "ann")
	require.True(t, fault.Is(err, fault.Invalid))
	problems, err := r.Check(t.Context(), "slack")
	require.NoError(t, err)
	require.Empty(t, problems)
}
