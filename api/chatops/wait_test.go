package chatops_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func TestAClockIsStoppedAndRunsAgainByCommand(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	due := r.read(id).Due

	require.Contains(t, r.run(ann, "resume "+string(id)), "its clock isn't stopped")
	require.Contains(t, r.run(ann, "wait "+string(id)+" Change-Window 10d ref=CHG-7 the next maintenance"), "Its clock stands still until 2026-03-12; it is due 2026-03-14.")
	w := openWait(r, id)
	require.NotNil(t, w)
	require.Equal(t, exposure.Wait{For: exposure.WaitChangeWindow, By: "ann", Reason: "the next maintenance", Reference: "CHG-7", From: epoch, Until: epoch.AddDate(0, 0, 10), Approved: w.Approved}, *w)
	require.Contains(t, r.run(erin, "wait "+string(id)+" vendor 10d again"), "it waits already, until 2026-03-12")

	r.clock.add(24 * time.Hour)
	require.Contains(t, r.run(ann, "resume "+string(id)+" the patch is here"), "Its clock runs again; it is due 2026-03-05.")
	require.Equal(t, due.Add(24*time.Hour), r.read(id).Due)
	require.Nil(t, openWait(r, id))
}

func TestAWaitThatLacksSomethingIsRefused(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct{ name, user, text, says string }{
		{"what nobody waits for", ann, "wait ID godot 10d he will come", "write vendor or change_window"},
		{"no time", ann, "wait ID vendor soon they said so", "no time"},
		{"a day gone by", ann, "wait ID vendor 2026-03-01 they said so", "in the future"},
		{"a reference is no reason", ann, "wait ID vendor 10d ref=CASE-1", "a reason is required"},
		{"longer than policy lets it", ann, "wait ID vendor 900d they said so", "its clock can stand still for"},
		{"another team's", bob, "wait ID vendor 10d they said so", "it is payments's"},
		{"a viewer", dave, "resume ID", "needs the role operator"},
		{"nothing named", ann, "wait", "say which"},
	} {
		id := string(r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open }))
		got := r.run(tt.user, strings.Replace(tt.text, "ID", id, 1))
		require.Contains(t, got, tt.says, tt.name)
		require.EqualValues(t, 1, r.read(exposure.ID(id)).LastEvent.Seq, tt.name)
	}
}

func TestAShortWaitOpensAForm(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	require.NotContains(t, r.run(ann, "wait "+string(id)+" vendor"), "Not done")
	views := r.fake.Views(ann)
	require.Len(t, views, 1)
	reply, err := r.fake.Submit(r.ctx, views[0], map[string]any{"for": "vendor", "until": "2026-03-12", "reason": " ", "reference": "CASE-1"})
	require.NoError(t, err)
	require.Contains(t, reply.Body, `"reason":"a reason is required`)
	reply, err = r.fake.Submit(r.ctx, views[0], map[string]any{"for": "vendor", "until": "2026-03-12", "reason": "the patch is announced", "reference": "CASE-1"})
	require.NoError(t, err)
	require.Empty(t, reply.Body)
	r.drain()
	w := openWait(r, id)
	require.NotNil(t, w)
	require.Equal(t, "vendor CASE-1 the patch is announced", w.For+" "+w.Reference+" "+w.Reason)
	require.Contains(t, r.last(ann), "Its clock stands still until 2026-03-12")
}

func TestOfTwoWhoStopTheClockTheSecondIsToldWhoDid(t *testing.T) {
	r := newRig(t, nil)
	id := r.exposure("payments", func(e *exposure.Exposure) { e.State = exposure.Open })
	ts := r.post("exposure:"+string(id), "resume")
	r.clock.add(time.Minute)
	r.run(ann, "wait "+string(id)+" vendor 10d they said so")
	r.press(erin, ts, "resume")
	require.Contains(t, r.last(erin), "ann was first: ann stopped its clock")
	require.NotNil(t, openWait(r, id))
}

func openWait(r *rig, id exposure.ID) *exposure.Wait {
	e := r.read(id)
	return e.OpenWait()
}
