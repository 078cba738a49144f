package workflows_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

func TestTheWholeLoopOnATemporalServer(t *testing.T) {
	t.Parallel() // each has a server of its own, and mostly waits
	s := startServer(t)
	l := live(t, s, nil)

	t.Run("an exposure is closed too early, reopened with the evidence, fixed and proven", l.provesAFix)
	t.Run("a false positive is refuted, and reopened by a person into another run", l.reopensAFalsePositive)
	t.Run("what nobody owns is claimed by a team, and its risk accepted for a while", l.acceptsARisk)
	t.Run("what only a covering run can test closes by its proof of absence", l.closesByACoveringRun)
	t.Run("a source is drained, and the sweep admits", l.drainsAndSweeps)
	l.stopWorkers()

	t.Run("a codec keeps what is said out of Temporal's sight", func(t *testing.T) { hides(t, s) })
}

func (l *living) provesAFix(t *testing.T) {
	id := l.admitted("web1", "payments", func(e *exposure.Exposure) { e.CVEs = []string{"CVE-2026-0001"}; e.Scopes = []string{"shop"} })
	l.stillThereThenFixed(id)
	l.requireFullEnd(id, "payments")
	l.record("proven-fix", lifecycle.ExposureWorkflowID(id))
	l.record("ticket", lifecycle.RemediationWorkflowID(l.exposure(id).RemediationID))

	t.Run("and an auditor finds it by CVE, owner and state, with words for every step", func(t *testing.T) { l.auditsAFix(t, id) })
}

func (l *living) auditsAFix(t *testing.T, id exposure.ID) {
	t.Helper()
	l.until("the index", func() bool {
		found, err := l.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: namespace,
			Query: `CVE = "CVE-2026-0001" AND Owner = "payments" AND ExposureState = "closed" AND Scope = "shop" AND Source = "nessus-dc1" AND Severity = "high" AND Decision = "attend" AND DueDate > "2026-01-01T00:00:00Z"`})
		return err == nil && len(found.GetExecutions()) == 1
	})
	link, err := l.client.Describe(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "Completed", link.Status)
	for _, ev := range l.history(link.WorkflowID).GetEvents() {
		if ev.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED || ev.GetEventType() == enumspb.EVENT_TYPE_TIMER_STARTED {
			require.NotEmpty(t, ev.GetUserMetadata().GetSummary().GetData(), "%v", ev)
		}
	}
}

func (l *living) reopensAFalsePositive(t *testing.T) {
	id := l.admitted("web2", "payments")
	l.world.fix(id)
	l.begin(id)
	l.until("the refutation", l.isIn(id, exposure.FalsePositive))
	l.record("false-positive", lifecycle.ExposureWorkflowID(id))
	l.world.set(func(w *world) { w.fixed[id] = false })
	reopen := decision(lifecycle.DecideReopen, id)
	r, err := l.client.Decide(t.Context(), reopen)
	require.NoError(t, err)
	require.Equal(t, exposure.Validating, r.State)
	l.until("the confirmation", l.isIn(id, exposure.Open))
	again, err := l.client.Decide(t.Context(), reopen)
	require.NoError(t, err)
	require.True(t, again.Repeated)
}

func (l *living) acceptsARisk(t *testing.T) {
	id := l.admitted("web3", "")
	l.begin(id)
	l.until("the escalation", func() bool { return len(l.messages(activities.Escalation)) == 1 })
	_, err := l.client.Decide(t.Context(), decision(lifecycle.DecideClaim, id, func(d *lifecycle.Decision) { d.Team = "platform" }))
	require.NoError(t, err)
	l.until("the ticket", func() bool { return l.exposure(id).Ticket != "" })

	_, err = l.client.Decide(t.Context(), decision(lifecycle.DecideAcceptRisk, id))
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	_, err = l.client.Decide(t.Context(), decision(lifecycle.DecideReopen, id))
	require.Equal(t, fault.Conflict, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "it is open")
	_, err = l.client.Decide(t.Context(), decision(lifecycle.DecideRetest, id, func(d *lifecycle.Decision) { d.IfVersion, d.Cause = 1, "stale" }))
	require.Equal(t, fault.Conflict, fault.KindOf(err), "%v", err)

	accept := decision(lifecycle.DecideAcceptRisk, id, func(d *lifecycle.Decision) { d.Until = l.now().Add(6 * time.Second) })
	r, err := l.client.Decide(t.Context(), accept)
	require.NoError(t, err)
	require.Equal(t, exposure.Open, r.State)
	r, err = l.client.Decide(t.Context(), approval(id))
	require.NoError(t, err)
	require.Equal(t, exposure.Accepted, r.State)
	l.until("the end of the exception", func() bool {
		e := l.exposure(id)
		return e.State == exposure.Open && e.LastEvent.Kind == exposure.EventConfirmed
	})
	story := l.story(id)
	require.Contains(t, story, "reminded")
	require.Contains(t, story, "lapse>validating")
	l.record("unowned-then-accepted", lifecycle.ExposureWorkflowID(id))
	l.until("the ticket says so", func() bool { return strings.Contains(commentsOf(l.ticket(id)), "Work resumes") })
	l.record("ticket-of-an-accepted-risk", lifecycle.RemediationWorkflowID(l.exposure(id).RemediationID))
}

func (l *living) closesByACoveringRun(t *testing.T) {
	id := l.admitted("web4", "payments", byCoveringRun)
	l.begin(id)
	l.until("the ticket", func() bool { return l.exposure(id).Ticket != "" })
	_, err := l.client.Decide(t.Context(), decision(lifecycle.DecideFixClaimed, id))
	require.NoError(t, err)
	l.reported(id, false)
	require.NoError(t, l.client.WakeExposure(t.Context(), id, "delivery"))
	l.until("the proof", l.isIn(id, exposure.Closed))
	l.record("covering-run", lifecycle.ExposureWorkflowID(id))
}

func (l *living) drainsAndSweeps(t *testing.T) {
	l.world.set(func(w *world) { w.drains = []activities.Drained{{Deliveries: 20, More: true}, {Deliveries: 1}} })
	require.NoError(t, l.client.WakeSource(t.Context(), "nessus-dc1"))
	id := l.born("web5", "payments")
	require.NoError(t, l.client.StartSweep(t.Context(), lifecycle.SweepInput{Every: time.Second, AdmitPerMinute: 600}))
	l.until("the admission", l.isIn(id, exposure.Open))
	l.record("sweep", lifecycle.SweepID)
	require.NoError(t, l.temporal.CancelWorkflow(t.Context(), lifecycle.SweepID, ""))
	require.Error(t, l.temporal.GetWorkflow(t.Context(), lifecycle.SweepID, "").Get(t.Context(), nil))
	require.NoError(t, l.temporal.GetWorkflow(t.Context(), lifecycle.IngestWorkflowID("nessus-dc1"), "").Get(t.Context(), nil))
	l.record("ingest", lifecycle.IngestWorkflowID("nessus-dc1"))
}

func hides(t *testing.T, s *server) {
	t.Helper()
	hidden := live(t, s, mask{})
	id := hidden.admitted("web6", "payments")
	hidden.stillThereThenFixed(id)
	hidden.requireFullEnd(id, "payments")
	plain := &living{house: hidden.house, temporal: s.dial(t, nil)}
	seen := 0
	for _, ev := range plain.history(lifecycle.ExposureWorkflowID(id)).GetEvents() {
		raw := ev.String()
		for _, word := range []string{"web6", "Default login", "admin page", "default password"} {
			require.NotContains(t, raw, word)
		}
		seen++
	}
	require.Greater(t, seen, 20)
}

// mask is a codec that makes text unreadable. It protects nothing.
type mask struct{}

func (mask) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		raw, err := p.Marshal()
		if err != nil {
			return nil, err
		}
		for j := range raw {
			raw[j] ^= 0x5a
		}
		out[i] = &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/masked")}, Data: raw}
	}
	return out, nil
}

func (mask) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()["encoding"]) != "binary/masked" {
			out[i] = p
			continue
		}
		raw := bytes.Clone(p.GetData())
		for j := range raw {
			raw[j] ^= 0x5a
		}
		out[i] = &commonpb.Payload{}
		if err := out[i].Unmarshal(raw); err != nil {
			return nil, err
		}
	}
	return out, nil
}
