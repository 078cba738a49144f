package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func (r *rig) held(id string) string {
	r.deliveries[id] = exposure.Delivery{ID: id, Source: "signed", Body: "b", Status: exposure.DeliveryParked, ReceivedAt: noon, Checkpoint: 3,
		Hold: &exposure.Hold{Present: 100, Absent: 30, At: noon, Until: noon.AddDate(0, 0, 7)}}
	return prefix + "/deliveries/" + id
}

func TestAnApproverDecidesOnAHeldDeliveryOnceAndSaysWhy(t *testing.T) {
	for verb, want := range map[string]exposure.DeliveryStatus{"approve": exposure.DeliveryReceived, "reject": exposure.DeliveryRejected} {
		t.Run(verb, func(t *testing.T) {
			r := newRig(t)
			path := r.held("signed-1")
			approver := func(verb string, in any) exposure.Delivery {
				return into[exposure.Delivery](t, r.ask(http.MethodPost, path+"/"+verb, r.tokens[RoleApprover], in), http.StatusOK)
			}
			refused(t, r.post(path+"/"+verb, HoldDecision{Reason: "an operator may not"}), http.StatusForbidden)
			p := refused(t, r.ask(http.MethodPost, path+"/"+verb, r.tokens[RoleApprover], HoldDecision{Reason: " "}), http.StatusBadRequest)
			require.Equal(t, "reason", p.Errors[0].Field)
			require.Contains(t, refused(t, r.post(path+"/replay", nil), http.StatusConflict).Detail, "approve or reject")

			d := approver(verb, HoldDecision{Reason: "the lab was taken down"})
			require.Equal(t, want, d.Status)
			require.Equal(t, "approver-token", d.Hold.By)
			require.Equal(t, "the lab was taken down", d.Hold.Reason)
			require.Equal(t, noon, d.Hold.Decided)
			require.Equal(t, want == exposure.DeliveryReceived, d.Checkpoint == 0)
			require.Equal(t, d, approver(verb, HoldDecision{Reason: "again"}), "twice is once")
			other := map[string]string{"approve": "reject", "reject": "approve"}[verb]
			require.Contains(t, refused(t, r.ask(http.MethodPost, path+"/"+other, r.tokens[RoleApprover], HoldDecision{Reason: "no"}), http.StatusConflict).Detail, "by approver-token")
		})
	}
}

func TestWhatTheBreakerDoesNotHoldIsNotDecidedOn(t *testing.T) {
	for name, change := range map[string]func(*exposure.Delivery){
		"done":       func(d *exposure.Delivery) { d.Status, d.Hold = exposure.DeliveryDone, nil },
		"superseded": func(d *exposure.Delivery) { *d = d.Decide(exposure.HoldSuperseded, "signed-2", "", noon) },
		"timed out":  func(d *exposure.Delivery) { *d = d.Decide(exposure.HoldTimedOut, "quell", "", noon) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			path := r.held("signed-1")
			d := r.deliveries["signed-1"]
			change(&d)
			r.deliveries["signed-1"] = d
			refused(t, r.ask(http.MethodPost, path+"/approve", r.tokens[RoleApprover], HoldDecision{Reason: "yes"}), http.StatusConflict)
			require.Equal(t, d, r.deliveries["signed-1"])
		})
	}
	r := newRig(t)
	refused(t, r.ask(http.MethodPost, prefix+"/deliveries/none/approve", r.tokens[RoleApprover], HoldDecision{Reason: "yes"}), http.StatusNotFound)
}

func TestMetricsTellTheConditionOfEachSource(t *testing.T) {
	text := newRig(t).get("/metrics").Body.String()
	require.Contains(t, text, `quell_source_condition{condition="late",source="signed"} 1`)
	require.Contains(t, text, `quell_source_condition{condition="silent",source="signed"} 0`)
	require.Contains(t, text, `quell_source_condition{condition="late",source="bearer"} 0`)
}
