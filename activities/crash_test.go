package activities

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

var errCrash = errors.New("the process died")

// mortal is an engine whose process dies at one write: before it is made, or after.
type mortal struct {
	engine.Engine
	writes *atomic.Int64
	at     *atomic.Int64 // the write to die at; negative: none
	after  bool
}

func (m *mortal) die(write func() error) error {
	dies := m.writes.Add(1)-1 == m.at.Load()
	if dies && !m.after {
		return errCrash
	}
	if err := write(); err != nil {
		return err
	}
	if dies {
		return errCrash
	}
	return nil
}

func (m *mortal) Insert(ctx context.Context, c *engine.Collection, docs []engine.Doc) (ok []bool, err error) {
	err = m.die(func() (err error) { ok, err = m.Engine.Insert(ctx, c, docs); return err })
	return ok, err
}

func (m *mortal) Swap(ctx context.Context, c *engine.Collection, docs []engine.Doc) (ok []bool, err error) {
	err = m.die(func() (err error) { ok, err = m.Engine.Swap(ctx, c, docs); return err })
	return ok, err
}

// life is a lifecycle as its workflows would call for it, each call repeated until it
// comes back.
type life struct {
	*rig
	id exposure.ID
	// evidenceHash, if set, is the evidence of its verdicts.
	evidenceHash string
	writes       atomic.Int64
	at           atomic.Int64
}

func (l *life) insist(do func(ctx context.Context) error) {
	l.t.Helper()
	for range 4 {
		err := do(l.t.Context())
		if err == nil {
			return
		}
		if wait := fault.RetryAfter(err); wait > 0 {
			l.clock = l.clock.Add(wait)
			continue
		}
		require.ErrorIs(l.t, err, errCrash)
		l.clock = l.clock.Add(time.Second)
	}
	l.t.Fatal("it does not come back")
}

func (l *life) seq() int64 { return l.exposureNow(l.id).LastEvent.Seq }

func (l *life) probed(outcome exposure.VerdictOutcome) {
	l.clock = l.clock.Add(time.Minute)
	in := RecordInput{ID: l.id, Seq: l.seq(), Vantage: "dc1", Verdict: verdict(outcome, func(v *exposure.Verdict) {
		v.CheckedAt = l.clock
		if l.evidenceHash != "" {
			v.Evidence = []string{l.evidenceHash}
		}
	})}
	l.insist(func(ctx context.Context) error { _, err := l.Record(ctx, in); return err })
}

func (l *life) step(do func(context.Context, StepInput) (lifecycle.ExposureView, error)) {
	in := StepInput{ID: l.id, Seq: l.seq()}
	l.insist(func(ctx context.Context) error { _, err := do(ctx, in); return err })
}

// remediate does what the Remediation workflow would, until there is nothing left to do.
func (l *life) remediate() {
	l.t.Helper()
	step := RemediationStep{ID: l.exposureNow(l.id).RemediationID}
	for range 5 {
		var p Plan
		l.insist(func(ctx context.Context) (err error) { p, err = l.Plan(ctx, step); return err })
		if p.Create {
			l.insist(func(ctx context.Context) error { _, err := l.CreateTicket(ctx, step); return err })
		}
		if p.Ticket != "" {
			var found SyncResult
			l.insist(func(ctx context.Context) (err error) { found, err = l.SyncTicket(ctx, step); return err })
			if !found.ClosedAt.IsZero() {
				in := ClaimInput{ID: step.ID, By: found.ClosedBy, At: found.ClosedAt}
				l.insist(func(ctx context.Context) error { _, err := l.ClaimMembers(ctx, in); return err })
			}
			if in := (RemediationStep{ID: step.ID, Intents: p.Comments}); len(p.Comments) > 0 {
				l.insist(func(ctx context.Context) error { _, err := l.Comment(ctx, in); return err })
			}
		}
		if in := (RemediationStep{ID: step.ID, Intents: p.Attach}); len(p.Attach) > 0 {
			l.insist(func(ctx context.Context) error { _, err := l.Attach(ctx, in); return err })
		}
		for _, intents := range p.Messages {
			in := RemediationStep{ID: step.ID, Intents: intents}
			l.insist(func(ctx context.Context) error { _, err := l.Notify(ctx, in); return err })
		}
		if p.Live == 0 {
			l.insist(func(ctx context.Context) error { _, err := l.Finish(ctx, step); return err })
		}
	}
}

func (l *life) personDone() {
	l.t.Helper()
	l.clock = l.clock.Add(time.Minute)
	if far, ok := l.Trackers["local"].(*faraway); ok {
		far.close(l.now())
		return
	}
	x, err := l.store.TicketByMarker(l.t.Context(), l.exposureNow(l.id).RemediationID)
	require.NoError(l.t, err)
	tracker, ok := l.Trackers["local"].(*localtracker.Tracker)
	require.True(l.t, ok)
	l.insist(func(ctx context.Context) error {
		_, err := tracker.Move(ctx, x.ID, connectors.IssueDone, "bob")
		return err
	})
}

func (l *life) follow() {
	l.insist(func(ctx context.Context) error {
		_, err := l.Follow(ctx, FollowInput{ID: l.id, First: true})
		return err
	})
}

// end is what a lifecycle leaves behind.
type end struct {
	Events   []exposure.EventKind
	State    exposure.State
	Ticket   bool
	Tickets  int
	Status   string
	Comments int
	Messages []string
	Wake     bool
	Left     int // undone in the journal
	Done     lifecycle.RemediationStatus
}

func (l *life) end() end {
	l.t.Helper()
	ctx := l.t.Context()
	e := l.exposureNow(l.id)
	events, err := l.store.Events(ctx, l.id)
	require.NoError(l.t, err)
	if events[len(events)-1].Seq < e.LastEvent.Seq {
		events = append(events, e.LastEvent)
	}
	_, err = exposure.Replay(events)
	require.NoError(l.t, err)
	out := end{State: e.State, Wake: e.Wake}
	for i := range events {
		out.Events = append(out.Events, events[i].Kind)
	}
	tickets, err := l.store.FindTickets(ctx, store.TicketFilter{}, exposure.List{})
	require.NoError(l.t, err)
	x := tickets.Items[0]
	out.Tickets, out.Status, out.Comments, out.Ticket = len(tickets.Items), x.Status, len(x.Comments), e.Ticket == x.ID
	messages, err := l.store.FindMessages(ctx, "", false, exposure.List{})
	require.NoError(l.t, err)
	for _, m := range messages.Items {
		out.Messages = append(out.Messages, m.To+": "+m.Kind)
	}
	slices.Sort(out.Messages)
	rem, err := l.store.Remediation(ctx, e.RemediationID)
	require.NoError(l.t, err)
	out.Done = rem.Status
	intents, err := l.store.Intents(ctx, rem.ID)
	require.NoError(l.t, err)
	for _, in := range intents {
		if !in.Done {
			out.Left++
		}
	}
	return out
}

// live lives a lifecycle whose process dies at one write, and gives its end and how many
// writes there were.
func live(t *testing.T, at int64, after bool) (end, int64) {
	t.Helper()
	l := &life{}
	l.at.Store(-1)
	l.rig = newRigOver(t, map[string]ed25519.PublicKey{}, func(e engine.Engine) engine.Engine {
		return &mortal{Engine: e, writes: &l.writes, at: &l.at, after: after}
	})
	l.Waker = asleep{}
	l.id = l.validating()
	l.writes.Store(0)
	l.at.Store(at)
	l.liveOn()
	return l.end(), l.writes.Load()
}

// liveOn is closed too early, reopened, closed again, and proven.
func (l *life) liveOn() {
	l.follow()
	l.probed(exposure.Confirmed)
	l.step(l.Join)
	l.remediate()
	l.personDone()
	l.remediate()
	l.follow()
	l.step(l.Verify)
	l.probed(exposure.Confirmed)
	l.remediate()
	l.personDone()
	l.remediate()
	l.follow()
	l.step(l.Verify)
	l.probed(exposure.Refuted)
	l.remediate()
}

// asleep is a waker that nobody listens to.
type asleep struct{}

func (asleep) Wake(context.Context, *exposure.Exposure, string) error { return nil }
func (asleep) WakeRemediation(context.Context, string, string) error  { return nil }
func (asleep) StartSource(context.Context, string) error              { return nil }
func (asleep) WakeSource(context.Context, string) error               { return nil }

func TestAProcessThatDiesAtAnyWriteLeavesWhatTheNextAttemptCompletes(t *testing.T) {
	want, writes := live(t, -1, false)
	require.Equal(t, end{
		Events: []exposure.EventKind{exposure.EventDiscovered, exposure.EventAdmit, exposure.EventConfirmed, exposure.EventTicketed, exposure.EventClaim,
			exposure.EventVerify, exposure.EventConfirmed, exposure.EventClaim, exposure.EventVerify, exposure.EventRefuted},
		State: exposure.Closed, Ticket: true, Tickets: 1, Status: "done", Comments: 2, Messages: []string{"payments: reopened", "payments: ticket"}, Done: lifecycle.RemediationDone,
	}, want)
	require.Greater(t, writes, int64(40))
	for at := range writes {
		for _, after := range []bool{false, true} {
			got, _ := live(t, at, after)
			require.Equal(t, want, got, "dying at write %d (after it: %v)", at, after)
		}
	}
	t.Logf("%d writes", writes)
}
