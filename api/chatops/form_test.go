package chatops_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/exposure"
)

// form has somebody press a button and gives the form that opens.
func (r *rig) form(user, ts, kind string) slacktest.View {
	r.Helper()
	before := len(r.fake.Views(user))
	r.press(user, ts, kind)
	views := r.fake.Views(user)
	require.Len(r, views, before+1, "%v", r.fake.Answers(user))
	return views[len(views)-1]
}

func TestARiskIsAcceptedThroughAForm(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	ts := r.post("exposure:"+string(id), "accept_risk")
	view := r.form(carol, ts, "accept_risk")
	for name, tt := range map[string]struct {
		values map[string]any
		says   string
	}{
		"an end gone by":    {map[string]any{"reason": "no fix", "until": "2026-03-01"}, `"until":`},
		"only spaces":       {map[string]any{"reason": "  ", "until": "2026-04-01"}, `"reason":"a reason is required`},
		"no such condition": {map[string]any{"reason": "no fix", "ends_on": []string{"full moon"}}, `"errors"`},
	} {
		reply, err := r.fake.Submit(r.ctx, view, tt.values)
		require.NoError(t, err, name)
		require.Contains(t, reply.Body, tt.says, name)
		require.Contains(t, reply.Body, `"response_action":"errors"`)
	}
	r.drain()
	require.EqualValues(t, 1, r.read(id).LastEvent.Seq, "nothing was decided by any of it")

	reply, err := r.fake.Submit(r.ctx, view, map[string]any{"reason": "no fix yet", "until": "2026-04-01", "ends_on": []string{"kev"}, "control": "waf"})
	require.NoError(t, err)
	require.Empty(t, reply.Body, "the form closes")
	r.drain()
	e := r.read(id)
	require.Equal(t, exposure.Accepted, e.State)
	require.Equal(t, []string{"kev", "control:waf"}, e.Exception.EndsOn)
	require.Equal(t, time.Date(2026, 4, 1, 23, 59, 0, 0, time.UTC), e.Exception.Until)
	require.Contains(t, r.last(carol), "The risk is accepted until 2026-04-01")
	require.Empty(t, r.fake.Views(carol))

	calls := r.fake.Calls()
	var group sync.WaitGroup
	for range 4 { // the last call again, at once
		group.Go(func() {
			if reply, err := r.fake.Again(r.ctx, calls[len(calls)-1], 1); err != nil || reply.Status != http.StatusOK {
				t.Error(reply, err)
			}
		})
	}
	group.Wait()
	r.drain()
	require.Equal(t, e.Version, r.read(id).Version)
	require.Len(t, r.fake.Answers(carol), 1)
}

func TestEachButtonThatNeedsMoreThanAPressAsksForIt(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct {
		user, kind string
		values     map[string]any
		check      func(e exposure.Exposure)
	}{
		{erin, "claim", map[string]any{"team": "platform"}, func(e exposure.Exposure) { require.Equal(t, "platform", e.Owner.Team) }},
		{ann, "reassign", map[string]any{"team": "web", "reason": "theirs"}, func(e exposure.Exposure) {
			require.Equal(t, "web", e.Owner.Team)
			require.Equal(t, "theirs", e.LastEvent.Reason)
		}},
		{ann, "snooze", map[string]any{"until": "2026-03-20"}, func(e exposure.Exposure) {
			require.Equal(t, time.Date(2026, 3, 20, 23, 59, 0, 0, time.UTC), e.SnoozeUntil)
		}},
		{ann, "mark_false_positive", map[string]any{"reason": "the port is closed"}, func(e exposure.Exposure) {
			require.Equal(t, exposure.FalsePositive, e.State)
			require.Equal(t, []string{exposure.EndsOnEvidence}, e.Exception.EndsOn)
		}},
		{ann, "mitigate", map[string]any{"reason": "behind the WAF", "ends_on": []string{"internet"}}, func(e exposure.Exposure) { require.Equal(t, exposure.Mitigated, e.State) }},
	} {
		id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
		ts := r.post("exposure:"+string(id), tt.kind)
		_, err := r.fake.Submit(r.ctx, r.form(tt.user, ts, tt.kind), tt.values)
		require.NoError(t, err, tt.kind)
		r.drain()
		tt.check(r.read(id))
	}
}

func TestAFormThatCameTooLateSaysHowToDecideWithoutIt(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", nil)
	ts := r.post("exposure:"+string(id), "accept_risk", "mark_false_positive")
	r.fake.Inject(slacktest.Fault{Method: "views.open", Error: "expired_trigger_id"})
	r.press(carol, ts, "accept_risk")
	require.Contains(t, r.last(carol), "/quell accept "+string(id)+" 90d REASON")
	r.fake.Inject(slacktest.Fault{Method: "views.open", Error: "expired_trigger_id"})
	require.Contains(t, r.run(ann, "fp "+string(id)), "/quell fp "+string(id)+" REASON")
	require.Empty(t, r.fake.Views(carol))
}

func TestAFormIsOpenedOnlyForWhoMayDecide(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", nil)
	ts := r.post("exposure:"+string(id), "accept_risk", "mark_false_positive", "not_ours")
	for user, kind := range map[string]string{"U0FRANK000": "accept_risk", bob: "mark_false_positive", dave: "mark_false_positive", mallory: "accept_risk"} {
		r.press(user, ts, kind)
		require.Empty(t, r.fake.Views(user))
		require.Contains(t, r.last(user), "Not done: ")
	}
}

func TestAFormOfSomebodyElsesDecidesForWhoSendsItOff(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	view := r.form(carol, r.post("exposure:"+string(id), "accept_risk"), "accept_risk")
	view.User = bob // who may not
	_, err := r.fake.Submit(r.ctx, view, map[string]any{"reason": "x", "until": "2026-04-01"})
	require.NoError(t, err)
	r.drain()
	require.Equal(t, exposure.Open, r.read(id).State)
	require.Contains(t, r.last(carol), "Not done: ")
}
