package chatops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/api/chatops"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

func TestAPressIsADecisionOfThePersonBehindItWithThePressAsItsCause(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("", nil)
	ts := r.post("exposure:"+string(id), "claim")
	r.press(ann, ts, "claim")
	e := r.read(id)
	require.Equal(t, "payments", e.Owner.Team)
	require.Equal(t, exposure.Actor{Kind: exposure.Person, Name: "ann"}, e.LastEvent.Actor)
	require.True(t, strings.HasPrefix(e.LastEvent.Cause, "slack:"), e.LastEvent.Cause)
	require.Equal(t, "chat", e.LastEvent.Data[exposure.DataVia])
	require.Equal(t, "payments owns it now.", r.last(ann))
}

func TestAPressThatSlackRepeatsIsOnePress(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("", nil)
	r.press(ann, r.post("exposure:"+string(id), "claim"), "claim")
	version := r.read(id).Version
	first := r.fake.Calls()[0]
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			reply, err := r.fake.Again(r.ctx, first, n+1)
			if err != nil || reply.Status != http.StatusOK {
				t.Errorf("%v %v", reply, err)
			}
		})
	}
	group.Wait()
	r.drain()
	require.Equal(t, version, r.read(id).Version)
	require.Len(t, r.fake.Answers(ann), 1)
}

func TestTwoPressesOfOnePersonAreTwo(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	ts := r.post("exposure:"+string(id), "fix_claimed")
	r.press(ann, ts, "fix_claimed")
	r.press(ann, ts, "fix_claimed")
	require.Len(t, r.fake.Answers(ann), 2)
	require.Equal(t, exposure.FixClaimed, r.read(id).State)
}

func TestOfTwoWhoPressAtOnceOneWinsAndTheOtherIsToldWhoDid(t *testing.T) {
	r := newRig(t, nil)
	for range 20 {
		id := r.exposure("", nil)
		ts := r.post("exposure:"+string(id), "claim")
		before := len(r.fake.Answers(ann)) + len(r.fake.Answers(bob))
		var group sync.WaitGroup
		for _, user := range []string{ann, bob} {
			group.Go(func() {
				if _, err := r.fake.Press(r.ctx, user, channel, ts, "quell/claim/"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		r.drain()
		owner, winner, loser := r.read(id).Owner.Team, "ann", bob
		if owner == "platform" {
			winner, loser = "bob", ann
		}
		require.Equal(t, before+2, len(r.fake.Answers(ann))+len(r.fake.Answers(bob)))
		require.Contains(t, r.last(loser), fmt.Sprintf("%s was first: %s gave it to %s", winner, winner, owner))
		n := 0
		events, err := r.store.Events(t.Context(), id)
		require.NoError(t, err)
		for _, ev := range append(events, r.read(id).LastEvent) {
			if ev.Kind == exposure.EventAssigned {
				n++
			}
		}
		require.GreaterOrEqual(t, n, 1)
		require.LessOrEqual(t, n, 2, "the newest may stand in both places")
	}
}

func TestACardThatIsOlderThanSomebodysDecisionDecidesNothing(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("", nil)
	ts := r.post("exposure:"+string(id), "claim", "retest")
	r.clock.add(time.Minute)
	r.press(ann, ts, "claim")
	r.clock.add(time.Minute)
	r.press(bob, ts, "claim")
	require.Contains(t, r.last(bob), "ann was first: ann gave it to payments at 10:01 CET")
	require.Equal(t, "payments", r.read(id).Owner.Team)

	// A card that was rewritten since shows it: now bob knows what he does.
	r.clock.add(time.Minute)
	require.NoError(t, r.slack.Refresh(t.Context(), connectorsRef(channel, ts), cardOf("x"), actionsOf("exposure:"+string(id), "claim")))
	r.press(bob, ts, "claim")
	require.Equal(t, "platform owns it now.", r.last(bob))
	require.Equal(t, "platform", r.read(id).Owner.Team)
}

func TestOnlySlackIsTaken(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("", nil)
	ts := r.post("exposure:"+string(id), "claim")
	other := slacktest.New(slacktest.Options{Secret: "wrong", Now: r.clock.now})
	r.press(ann, ts, "claim")
	good := r.fake.Calls()[0]
	app := httptest.NewServer(r.chat.Handler())
	defer app.Close()
	other.SetEndpoint(app.URL)
	reply, err := other.Again(r.ctx, good, 1)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, reply.Status)

	unsigned, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL+"/slack/events", strings.NewReader(`{"type":"url_verification","challenge":"x"}`))
	require.NoError(t, err)
	response, err := app.Client().Do(unsigned)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
	reply, err = r.fake.Again(r.ctx, slacktest.Call{Kind: "events", Body: []byte(`{"type":"url_verification","challenge":"x"}`)}, 1)
	require.NoError(t, err)
	require.JSONEq(t, `{"challenge":"x"}`, reply.Body)
}

func TestAResponseURLThatLeadsElsewhereIsRefusedBeforeAnythingIsStored(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("", nil)
	ts := r.post("exposure:"+string(id), "claim")
	_, err := r.fake.Press(slacktest.At(r.ctx, "https://evil.example"), ann, channel, ts, "quell/claim/")
	require.NoError(t, err)
	reply, err := r.fake.Run(slacktest.At(r.ctx, "http://169.254.169.254"), ann, channel, "mine")
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, reply.Status)
	r.drain()
	require.Empty(t, r.read(id).Owner.Team)
	pending, err := r.store.PendingPresses(t.Context(), epoch.Add(time.Hour), 10)
	require.NoError(t, err)
	require.Empty(t, pending)
}

// errDied is what a process sees that died: nothing after it happens.
var errDied = errors.New("died")

// dying dies at the n-th side effect, before it or after it.
type dying struct {
	chatops.Slack
	presses chatops.Presses
	decider decider
	mu      sync.Mutex
	at, n   int
	after   bool
	dead    bool
}

func (d *dying) effect(do func() error) error {
	d.mu.Lock()
	d.n++
	n := d.n
	if d.dead || n == d.at && !d.after {
		d.dead = true
		d.mu.Unlock()
		return errDied
	}
	d.mu.Unlock()
	err := do()
	if n == d.at {
		d.mu.Lock()
		d.dead = true
		d.mu.Unlock()
		return errDied
	}
	return err
}

func (d *dying) AddPress(ctx context.Context, p lifecycle.Press) (out lifecycle.Press, isNew bool, err error) {
	err = d.effect(func() (err error) { out, isNew, err = d.presses.AddPress(ctx, p); return err })
	return out, isNew, err
}

func (d *dying) SwapPress(ctx context.Context, p lifecycle.Press) (ok bool, err error) {
	err = d.effect(func() (err error) { ok, err = d.presses.SwapPress(ctx, p); return err })
	return ok, err
}

func (d *dying) Press(ctx context.Context, id string) (lifecycle.Press, error) {
	return d.presses.Press(ctx, id)
}

func (d *dying) PendingPresses(ctx context.Context, by time.Time, most int) ([]lifecycle.Press, error) {
	return d.presses.PendingPresses(ctx, by, most)
}

func (d *dying) Decide(ctx context.Context, x lifecycle.Decision) (out lifecycle.DecisionResult, err error) {
	err = d.effect(func() (err error) { out, err = d.decider.Decide(ctx, x); return err })
	if errors.Is(err, errDied) {
		err = fault.Wrap(fault.Unavailable, err, "deciding")
	}
	return out, err
}

func (d *dying) Respond(ctx context.Context, address string, a slack.Answer) error {
	return d.effect(func() error { return d.Slack.Respond(ctx, address, a) })
}

// TestAPressSurvivesACrashAnywhere kills the process before and after each side effect;
// then Slack repeats what was not acknowledged, and another process sweeps.
func TestAPressSurvivesACrashAnywhere(t *testing.T) {
	for at := 1; ; at++ {
		died := false
		for _, after := range []bool{false, true} {
			d := &dying{at: at, after: after}
			r := newRig(t, func(deps *chatops.Deps) {
				d.Slack, d.presses = deps.Slack, deps.Presses
				d.decider, _ = deps.Decider.(decider)
				deps.Slack, deps.Presses, deps.Decider = d, d, d
			})
			id := r.exposure("", nil)
			ts := r.post("exposure:"+string(id), "claim")
			reply, err := r.fake.Press(r.ctx, ann, channel, ts, "quell/claim/")
			require.NoError(t, err)
			r.drain()
			died = died || d.dead
			d.mu.Lock()
			d.Slack = r.slack // another process takes over
			d.at, d.dead = -1, false
			d.mu.Unlock()
			if reply.Status != http.StatusOK {
				reply, err = r.fake.Again(r.ctx, r.fake.Calls()[0], 1)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, reply.Status)
				r.drain()
			}
			for range 4 {
				r.clock.add(10 * time.Minute)
				_, err = r.chat.Sweep(t.Context())
				require.NoError(t, err)
			}
			name := fmt.Sprintf("died at %d, after it: %v", at, after)
			require.Equal(t, "payments", r.read(id).Owner.Team, name)
			require.EqualValues(t, 2, r.read(id).LastEvent.Seq, "decided once: %s", name)
			require.LessOrEqual(t, len(r.fake.Answers(ann)), 1, "told once at most: %s", name)
			if at != 4 && at != 5 { // but for a death between the note that it is told and the telling
				require.Len(t, r.fake.Answers(ann), 1, name)
			}
			pending, err := r.store.PendingPresses(t.Context(), epoch.Add(24*time.Hour), 10)
			require.NoError(t, err)
			require.Empty(t, pending, name)
		}
		if !died {
			require.Greater(t, at, 5, "there are five effects: stored, decided, noted, noted as told, told")
			return
		}
	}
}

func TestAPressWaitsUntilWhatItNeedsAnswersAndThenIsCarriedOut(t *testing.T) {
	down := true
	r := newRig(t, nil)
	inner, _ := r.deps.Decider.(decider)
	r.deps.Decider = deciderFunc(func(ctx context.Context, d lifecycle.Decision) (lifecycle.DecisionResult, error) {
		if down {
			return lifecycle.DecisionResult{}, fault.New(fault.Unavailable, "no worker answers")
		}
		return inner.Decide(ctx, d)
	})
	r.chat = chatops.New(r.deps)
	id := r.exposure("", nil)
	text := r.run(ann, "claim "+string(id))
	require.Contains(t, text, "you will be told")
	r.clock.add(time.Minute)
	_, err := r.chat.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, r.fake.Answers(ann))
	down = false
	r.clock.add(10 * time.Minute)
	_, err = r.chat.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, "payments owns it now.", r.last(ann))

	down = true // and for ever
	other := r.exposure("", nil)
	r.run(ann, "claim "+string(other))
	for range 20 {
		r.clock.add(10 * time.Minute)
		_, err = r.chat.Sweep(t.Context())
		require.NoError(t, err)
	}
	require.Contains(t, r.last(ann), "It could not be done")
	require.Len(t, r.fake.Answers(ann), 2, "and that once")
}

type deciderFunc func(ctx context.Context, d lifecycle.Decision) (lifecycle.DecisionResult, error)

func (f deciderFunc) Decide(ctx context.Context, d lifecycle.Decision) (lifecycle.DecisionResult, error) {
	return f(ctx, d)
}

func TestAnAnswerComesAnotherWayWhereItsURLHasRunOut(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("", nil)
	r.fake.Inject(slacktest.Fault{Method: "response", Status: http.StatusNotFound})
	r.press(ann, r.post("exposure:"+string(id), "claim"), "claim")
	all := r.fake.Answers(ann)
	require.Len(t, all, 1)
	require.Equal(t, "chat.postEphemeral", all[0].Method)
}
