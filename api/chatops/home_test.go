package chatops_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/exposure"
)

func TestTheHomeShowsWhatIsMineAsItIsNowHoweverOftenAndLateItIsAskedFor(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", nil)
	_, err := r.fake.OpenHome(r.ctx, ann)
	require.NoError(t, err)
	r.drain()
	require.Contains(t, string(r.fake.Home(ann)), string(id))

	require.Contains(t, r.run(ann, "assign "+string(id)+" web"), "web owns it now.")
	for range 3 { // the old event once more, late
		_, err = r.fake.Again(r.ctx, r.fake.Calls()[0], 1)
		require.NoError(t, err)
	}
	r.drain()
	require.NotContains(t, string(r.fake.Home(ann)), string(id))

	_, err = r.fake.OpenHome(r.ctx, mallory)
	require.NoError(t, err)
	r.drain()
	require.Contains(t, string(r.fake.Home(mallory)), "doesn't know you")
}

func TestAPressInTheHomeIsAnsweredDirectly(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", nil)
	_, err := r.fake.OpenHome(r.ctx, ann)
	require.NoError(t, err)
	r.drain()
	_, err = r.fake.PressHome(r.ctx, ann, "quell/show/")
	require.NoError(t, err)
	r.drain()
	all := r.fake.Messages(r.fake.Direct(ann))
	require.Len(t, all, 1, "there is no response URL, but a direct conversation")
	require.Contains(t, string(all[0].Blocks), string(id))
}

func TestEventsOfOtherSortsAndBrokenOnesChangeNothing(t *testing.T) {
	r := newRig(t, nil)
	for _, event := range []map[string]any{{"type": "message", "text": "hi"}, {"type": "app_home_opened"}, {"type": "app_home_opened", "user": ann, "tab": "messages"}, {}} {
		reply, err := r.fake.Event(r.ctx, event)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, reply.Status)
	}
	for _, body := range []string{"", "{", "[]", `"x"`} {
		reply, err := r.fake.Again(r.ctx, slacktest.Call{Kind: "events", Body: []byte(body)}, 1)
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, reply.Status, body)
	}
	r.drain()
	require.Nil(t, r.fake.Home(ann))
}

func TestOverSocketModeItIsAllTheSame(t *testing.T) {
	r := newRig(t, nil)
	r.fake.SetEndpoint("")
	ctx, stop := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.chat.Run(ctx, r.slack.Socket()) }()
	require.NoError(t, r.fake.Connected(ctx))
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	require.Contains(t, r.run(ann, "mine"), string(id))
	ts := r.post("exposure:"+string(id), "fix_claimed")
	r.press(ann, ts, "fix_claimed")
	require.Equal(t, exposure.FixClaimed, r.read(id).State)
	calls := r.fake.Calls()
	_, err := r.fake.Again(ctx, calls[len(calls)-1], 1) // it thinks that we didn't hear
	require.NoError(t, err)
	r.drain()
	require.Len(t, r.fake.Answers(ann), 1)
	other := r.exposure("payments", nil)
	view := r.form(ann, r.post("exposure:"+string(other), "reassign"), "reassign")
	reply, err := r.fake.Submit(ctx, view, map[string]any{"team": "web"})
	require.Empty(t, reply.Body)
	require.NoError(t, err)
	_, err = r.fake.OpenHome(ctx, ann)
	require.NoError(t, err)
	r.drain()
	require.Equal(t, "web", r.read(other).Owner.Team, r.last(ann))
	require.NotNil(t, r.fake.Home(ann))
	stop()
	require.NoError(t, <-ended)
}
