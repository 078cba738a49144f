package chatops_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/exposure"
)

func TestOnlyKnownPeopleOfOurWorkspaceDecide(t *testing.T) {
	for _, tt := range []struct {
		name, member string
		known        bool
	}{
		{"by ID", ann, true},
		{"by an e-mail that Slack has verified", bob, true},
		{"nobody of ours", mallory, false},
		{"an e-mail that nobody has verified", "U0UNCONFIR", false},
		{"a guest with the e-mail", "U0GUEST000", false},
		{"a bot with the e-mail", "U0BOT00000", false},
		{"an account that is deactivated", "U0GONE0000", false},
		{"somebody of another workspace with the e-mail", "U0OTHER000", false},
		{"somebody who has left", "U0FRANK000", false},
		{"somebody whom Slack doesn't know", "U0NOBODY00", false},
		{"no ID at all", "nonsense", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			id := r.exposure("", func(e *exposure.Exposure) { e.State = exposure.Open })
			ts := r.post("exposure:"+string(id), "retest", "fix_claimed")
			_, err := r.fake.Press(r.ctx, tt.member, channel, ts, "quell/fix_claimed/")
			require.NoError(t, err)
			r.drain()
			moved := r.read(id).LastEvent.Seq > 1
			require.Equal(t, tt.known, moved, "%v", r.fake.Answers(tt.member))
		})
	}
}

func TestWhoIsUnknownIsToldHowToBecomeKnown(t *testing.T) {
	r := newRig(t, nil)
	for _, text := range []string{"mine", "show x", "report", "claim x", "policy"} {
		require.Contains(t, r.run(mallory, text), "doesn't know you", text)
	}
	require.Contains(t, r.run(mallory, "help"), "/quell claim", "help is for everybody")
}

func TestAChangedEMailIsSeenAfterAWhile(t *testing.T) {
	r := newRig(t, nil)
	require.NotContains(t, r.run(bob, "mine"), "doesn't know you")
	r.fake.Inject(slacktest.Fault{Method: "users.info", Error: "user_not_found", Times: 100})
	require.NotContains(t, r.run(bob, "mine"), "doesn't know you", "Slack isn't asked each time")
	r.clock.add(6 * time.Minute)
	require.Contains(t, r.run(bob, "mine"), "doesn't know you")
}
