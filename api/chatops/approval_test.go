package chatops_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/api/chatops"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

// twoApprove are rules under which it takes two approvers, of which there are carol and
// grace.
func twoApprove(d *chatops.Deps) {
	p := exception.DefaultPolicy()
	p.Rules = []exception.Rule{{Quorum: 2, MaxTerm: scope.Days(90)}}
	all := append(people(), ownership.Person{Name: "grace", Slack: dave, Role: "approver"})
	all = append(all[:3], all[4:]...) // dave's account is grace's here
	d.People = func() []ownership.Person { return all }
	d.Rules = exception.NewRules(p, ownership.Config{People: all}, nil)
	x, _ := d.Decider.(decider)
	x.rules = d.Rules
	d.Decider = x
}

func TestAnExceptionIsAskedForAndApprovedByOthersFromTheChat(t *testing.T) {
	r := newRig(t, twoApprove)
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	view := r.form(ann, r.post("exposure:"+string(id), "accept_risk"), "accept_risk")
	require.Contains(t, string(view.Raw), "Approvers: carol, grace")
	_, err := r.fake.Submit(r.ctx, view, map[string]any{"reason": "no fix yet", "until": "2026-04-01"})
	require.NoError(t, err)
	r.drain()
	require.Contains(t, r.last(ann), "Asked for: it takes 2 approvals")
	require.Equal(t, exposure.Open, r.read(id).State)
	require.Contains(t, r.run(ann, "show "+string(id)), "quell/withdraw/")
	require.NotContains(t, r.run(ann, "show "+string(id)), "quell/approve/", "whoever asks doesn't approve")

	for _, user := range []string{ann, bob} {
		_, err = r.fake.OpenHome(r.ctx, user)
		require.NoError(t, err)
		r.drain()
		require.NotContains(t, string(r.fake.Home(user)), "quell/approve/")
	}
	for _, user := range []string{carol, dave} { // dave's account is grace's
		_, err = r.fake.OpenHome(r.ctx, user)
		require.NoError(t, err)
		r.drain()
		require.Contains(t, string(r.fake.Home(user)), "no fix yet")
		_, err = r.fake.PressHome(r.ctx, user, "quell/approve/")
		require.NoError(t, err)
		r.drain()
		_, err = r.fake.OpenHome(r.ctx, user)
		require.NoError(t, err)
		r.drain()
		require.NotContains(t, string(r.fake.Home(user)), "quell/approve/", "it waits for others now")
	}
	e := r.read(id)
	require.Equal(t, exposure.Accepted, e.State)
	require.Equal(t, "ann", e.Exception.By)
	require.Len(t, e.Exception.Approvals, 2)
	require.Equal(t, "chat", e.Exception.Approvals[0].Via)
}

func TestWhoMayNotApproveCantAndARequestThatIsDeclinedIsToldOf(t *testing.T) {
	r := newRig(t, twoApprove)
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	require.Contains(t, r.run(ann, "accept "+string(id)+" 30d no fix"), "Asked for")
	ts := r.post("request:"+string(id), "approve", "decline", "withdraw")
	for user, kind := range map[string]string{ann: "approve", bob: "approve", erin: "withdraw"} {
		r.press(user, ts, kind)
		require.Contains(t, r.last(user), "Not done: ", user)
	}
	require.NotNil(t, r.read(id).Request)

	r.clock.add(time.Minute)
	view := r.form(carol, ts, "decline")
	reply, err := r.fake.Submit(r.ctx, view, map[string]any{"reason": " "})
	require.NoError(t, err)
	require.Contains(t, reply.Body, `"reason":"a reason is required`)
	_, err = r.fake.Submit(r.ctx, view, map[string]any{"reason": "patch it"})
	require.NoError(t, err)
	r.drain()
	require.Contains(t, r.last(carol), "Declined")
	require.Nil(t, r.read(id).Request)
	r.clock.add(time.Minute)
	r.press(dave, ts, "approve")
	require.Contains(t, r.last(dave), "carol was first: carol declined the request")
}
