package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// joined is admitted, open, and a member of its owner's remediation: what its own
// workflow would have done.
func (h *house) joined(name, team string, edits ...func(*exposure.Exposure)) exposure.ID {
	h.t.Helper()
	id := h.admitted(name, team, append([]func(*exposure.Exposure){byCoveringRun}, edits...)...)
	_, err := h.acts.Join(h.t.Context(), activities.StepInput{ID: id, Seq: h.exposure(id).LastEvent.Seq})
	require.NoError(h.t, err)
	return id
}

// follow lets the exposure's workflow look once.
func (h *house) follow(id exposure.ID) {
	h.t.Helper()
	_, err := h.acts.Follow(h.t.Context(), activities.FollowInput{ID: id})
	require.NoError(h.t, err)
}

// tested records a verdict, as the exposure's workflow would after a claim.
func (h *house) tested(id exposure.ID) {
	h.t.Helper()
	ctx := h.t.Context()
	v, err := h.acts.Verify(ctx, activities.StepInput{ID: id, Seq: h.exposure(id).LastEvent.Seq})
	require.NoError(h.t, err)
	e := h.exposure(id)
	result, err := h.world.Probe(ctx, lifecycle.ProbeRequest{Exposure: id, Verification: e.Verification})
	require.NoError(h.t, err)
	_, err = h.acts.Record(ctx, activities.RecordInput{ID: id, Seq: v.Seq, Vantage: "here", Verdict: result.Verdict})
	require.NoError(h.t, err)
}

func (s *skipping) remediate(id exposure.ID) error {
	s.env.ExecuteWorkflow(lifecycle.RemediationWorkflow, lifecycle.RemediationInput{ID: s.exposure(id).RemediationID})
	require.True(s.t, s.env.IsWorkflowCompleted())
	return s.env.GetWorkflowError()
}

func (s *skipping) wakeFor(reason string) {
	s.env.SignalWorkflow(lifecycle.SignalWake, lifecycle.Wake{Reason: reason})
}

func TestOneTicketIsMadeForAllThatOneOwnerMendsInOneWay(t *testing.T) {
	s := skip(t)
	one, two := s.joined("web1", "payments"), s.joined("web2", "payments")
	other := s.joined("web3", "platform")
	require.True(t, workflow.IsContinueAsNewError(s.remediate(one)))
	tickets := s.tickets()
	require.Len(t, tickets, 1, "the other team's remediation has a workflow of its own")
	x := tickets[0]
	require.Equal(t, "Default login on the admin page on 2 assets", x.Title)
	require.Contains(t, x.Description, "web1.example.com")
	require.Contains(t, x.Description, "web2.example.com")
	require.NotContains(t, x.Description, "web3")
	require.Equal(t, s.exposure(one).RemediationID, x.Marker)
	require.Equal(t, []string{x.ID, x.ID, ""}, []string{s.exposure(one).Ticket, s.exposure(two).Ticket, s.exposure(other).Ticket})
	require.Equal(t, "ticket", s.messages("payments")[0])
	require.Empty(t, x.Comments)
}

func TestAPersonsDoneIsAClaimAndWhatIsStillThereReopensTheSameTicketWithTheEvidence(t *testing.T) {
	s := skip(t)
	fixed, still := s.joined("web1", "payments"), s.joined("web2", "payments")
	s.world.fix(fixed)
	s.at(day, func() {
		_, err := s.tracker.Move(s.t.Context(), s.ticket(still).ID, connectors.IssueDone, "bob")
		require.NoError(t, err)
		s.wakeFor("ticket")
	})
	s.at(day+time.Minute, func() {
		for _, id := range []exposure.ID{fixed, still} {
			require.Equal(t, "bob", s.exposure(id).Claim.By)
			s.follow(id)
			require.Equal(t, exposure.FixClaimed, s.exposure(id).State)
			require.Equal(t, "ticket", s.exposure(id).Claim.Via)
		}
		s.wakeFor("claim")
	})
	s.at(day+2*time.Minute, func() {
		require.Equal(t, "done", s.ticket(still).Status, "it stays as people left it while the claim is tested")
		s.tested(fixed)
		s.tested(still)
		s.wakeFor("confirmed")
	})
	s.at(2*day, func() {
		require.Equal(t, exposure.Closed, s.exposure(fixed).State)
		require.Equal(t, exposure.Open, s.exposure(still).State)
		x := s.ticket(still)
		require.Equal(t, "todo", x.Status)
		require.Len(t, x.Comments, 1)
		require.Contains(t, x.Comments[0].Text, "Still there: **Default login on the admin page** on **web2.example.com**")
		require.Contains(t, x.Comments[0].Text, s.exposure(still).Verdict.Evidence[0])
		require.Equal(t, []string{"ticket", "reopened"}, s.messages("payments"))
	})
	require.True(t, workflow.IsContinueAsNewError(s.remediate(still)))
	require.Len(t, s.tickets(), 1)
}

func TestATicketIsDoneOnlyWhenNothingIsLiveAndSaysWhatProvedIt(t *testing.T) {
	s := skip(t)
	one, two := s.joined("web1", "payments"), s.joined("web2", "payments")
	closed := func(id exposure.ID) func() {
		return func() {
			s.reported(id, false)
			s.follow(id)
			s.wakeFor("absent")
		}
	}
	s.at(time.Hour, closed(one))
	s.at(2*time.Hour, func() { require.Equal(t, "todo", s.ticket(two).Status) })
	s.at(3*time.Hour, closed(two))
	require.NoError(t, s.remediate(one))
	x := s.ticket(one)
	require.Equal(t, "done", x.Status)
	require.Equal(t, "quell", x.ClosedBy)
	require.Len(t, x.Comments, 1)
	require.Contains(t, x.Comments[0].Text, "Proof: nessus-dc1 looked at")
	require.Equal(t, lifecycle.RemediationDone, s.remediation(one).Status)

	t.Run("and one that comes back reopens the same ticket", func(t *testing.T) {
		again := s.again()
		again.reported(one, true)
		_, err := s.ledger.Apply(s.t.Context(), ledger.Change{ID: one, As: exposure.ModeStore, Event: exposure.Event{
			Kind: exposure.EventObserved, Actor: exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"}, Cause: "delivery-9", CheckedAt: again.now()}})
		require.NoError(t, err)
		_, err = again.acts.Follow(s.t.Context(), activities.FollowInput{ID: one, First: true})
		require.NoError(t, err)
		require.Equal(t, lifecycle.RemediationOpen, again.remediation(one).Status)
		require.True(t, workflow.IsContinueAsNewError(again.remediate(one)))
		require.Equal(t, "todo", again.ticket(one).Status)
		require.Contains(t, commentsOf(again.ticket(one)), "Back: **Default login on the admin page**")
		require.Len(t, again.tickets(), 1)
	})
	t.Run("a new one of the same fix takes it up again while it isn't long done, and then gets the next generation", func(t *testing.T) {
		h := *s.house
		h.t = t
		rem := s.remediation(one)
		rem.Status, rem.DoneAt, rem.Version = lifecycle.RemediationDone, h.now().Add(-89*day), rem.Version+1
		_, err := s.store.SwapRemediation(s.t.Context(), rem)
		require.NoError(t, err)
		near := h.joined("web8", "payments")
		require.Equal(t, rem.ID, h.exposure(near).RemediationID)
		require.Equal(t, lifecycle.RemediationOpen, h.remediation(near).Status)

		rem = s.remediation(one)
		rem.Status, rem.DoneAt, rem.Version = lifecycle.RemediationDone, h.now().Add(-91*day), rem.Version+1
		_, err = s.store.SwapRemediation(s.t.Context(), rem)
		require.NoError(t, err)
		next := h.joined("web9", "payments")
		require.Equal(t, 2, h.remediation(next).Generation)
		require.NotEqual(t, rem.ID, h.exposure(next).RemediationID)
		require.Equal(t, rem.Ticket, h.remediation(next).Previous.Ticket, "and names the ticket before")
	})
}

func TestTheOwnerIsRemindedBeforeTheDueDateAndThoseAboveAreToldAfterIt(t *testing.T) {
	s := skip(t)
	id := s.joined("web1", "payments", func(e *exposure.Exposure) { e.Due = s.now().Add(2 * day) })
	s.at(day+time.Hour, func() { require.Equal(t, []string{"ticket", "reminder"}, s.messages("payments")) })
	s.at(2*day+time.Hour, func() {
		require.Equal(t, []string{"ticket", "reminder", "escalation"}, s.messages("payments"))
		require.Equal(t, []string{"escalation"}, s.messages(activities.Escalation))
	})
	require.True(t, workflow.IsContinueAsNewError(s.remediate(id)))
	require.Equal(t, []string{"ticket", "reminder", "escalation", "escalation"}, s.messages("payments"))
}

func TestASnoozedMemberPausesTheReminders(t *testing.T) {
	s := skip(t)
	id := s.joined("web1", "payments", func(e *exposure.Exposure) { e.Due = s.now().Add(2 * day) })
	s.at(time.Hour, func() {
		until := s.now().Add(5 * day)
		_, err := s.acts.Decide(s.t.Context(), decision(lifecycle.DecideSnooze, id, func(d *lifecycle.Decision) { d.Until = until }))
		require.NoError(t, err)
		s.wakeFor("snoozed")
	})
	s.at(4*day, func() { require.Equal(t, []string{"ticket"}, s.messages("payments")) })
	require.True(t, workflow.IsContinueAsNewError(s.remediate(id)))
	require.Equal(t, []string{"ticket", "escalation"}, s.messages("payments"), "of the rungs missed meanwhile only the last is told")
}

func TestTheTicketSaysWhenTheRiskIsAcceptedAndWhenWorkResumes(t *testing.T) {
	s := skip(t)
	id := s.joined("web1", "payments")
	s.at(time.Hour, func() {
		_, err := s.acts.Decide(s.t.Context(), decision(lifecycle.DecideAcceptRisk, id, func(d *lifecycle.Decision) { d.Until = s.now().Add(30 * day) }))
		require.NoError(t, err)
		_, err = s.acts.Decide(s.t.Context(), approval(id))
		require.NoError(t, err)
		s.wakeFor("accept")
	})
	require.NoError(t, s.remediate(id))
	x := s.ticket(id)
	require.Equal(t, "done", x.Status, "nothing is live")
	require.Contains(t, commentsOf(x), "Asked for by ann, approved by bob")
	require.Contains(t, commentsOf(x), "the pilot needs it")
	require.Contains(t, x.Description, "accepted until")
}

func TestATicketThatSomebodyDeletedIsMadeAnew(t *testing.T) {
	s := skip(t)
	id := s.joined("web1", "payments")
	gone := &vanishing{Tracker: s.tracker}
	s.acts.Trackers["local"] = gone
	s.at(2*time.Hour, func() { gone.key = s.ticket(id).ID }) // the hourly look finds it gone
	require.True(t, workflow.IsContinueAsNewError(s.remediate(id)))
	require.Equal(t, 2, gone.created)
	require.Equal(t, "QT-again", s.exposure(id).Ticket)
}

// vanishing is a tracker that loses a ticket.
type vanishing struct {
	connectors.Tracker
	key     string
	created int
}

func (v *vanishing) Get(ctx context.Context, key string) (connectors.Issue, error) {
	switch key {
	case v.key:
		return connectors.Issue{}, fault.New(fault.NotFound, "no such issue")
	case "QT-again":
		return connectors.Issue{Key: key, Status: connectors.IssueTodo}, nil
	}
	return v.Tracker.Get(ctx, key)
}

func (v *vanishing) FindByMarker(ctx context.Context, marker string) (connectors.Issue, error) {
	if v.key != "" {
		return connectors.Issue{}, fault.New(fault.NotFound, "no such issue")
	}
	return v.Tracker.FindByMarker(ctx, marker)
}

func (v *vanishing) Create(ctx context.Context, issue connectors.Issue) (connectors.Issue, error) {
	v.created++
	if v.key != "" {
		issue.Key = "QT-again"
		return issue, nil
	}
	return v.Tracker.Create(ctx, issue)
}

func (v *vanishing) Update(ctx context.Context, issue connectors.Issue, cause string) (connectors.Issue, error) {
	if issue.Key == "QT-again" {
		return issue, nil
	}
	return v.Tracker.Update(ctx, issue, cause)
}

func (v *vanishing) Comment(ctx context.Context, key, text, cause string) error {
	if key == "QT-again" {
		return nil
	}
	return v.Tracker.Comment(ctx, key, text, cause)
}

// blank is a tracker that doesn't let its tickets be read.
type blank struct{ connectors.Tracker }

func (blank) Get(context.Context, string) (connectors.Issue, error) {
	return connectors.Issue{}, fault.New(fault.Invalid, "reading is closed here")
}

func TestWhatFailsForWeeksGoesOnInAnotherRun(t *testing.T) {
	s := skip(t)
	id := s.joined("web1", "payments")
	s.acts.Trackers["local"] = blank{s.tracker}
	require.True(t, workflow.IsContinueAsNewError(s.remediate(id)))
	require.Less(t, s.env.Now().Sub(s.exposure(id).FirstSeen), 60*day)
}

func TestATicketIsMadeOnceThoughTheAnswerIsLostAndTheSearchLags(t *testing.T) {
	s := skip(t)
	id := s.joined("web1", "payments")
	lossy := &lagging{now: s.now, lag: 5 * time.Minute, lose: 2}
	s.acts.Trackers["local"] = lossy
	require.True(t, workflow.IsContinueAsNewError(s.remediate(id)))
	require.Equal(t, 1, lossy.created)
	require.Equal(t, "PAY-1", s.exposure(id).Ticket)
}

// lagging is a tracker whose search sees a new issue only after a while, and whose
// answers to the first creations are lost.
type lagging struct {
	now     func() time.Time
	lag     time.Duration
	lose    int
	created int
	at      time.Time
	issue   connectors.Issue
}

func (*lagging) Connector() string    { return "lagging" }
func (l *lagging) Lag() time.Duration { return l.lag }
func (l *lagging) none() (connectors.Issue, error) {
	return connectors.Issue{}, fault.New(fault.NotFound, "no such issue")
}

func (l *lagging) FindByMarker(context.Context, string) (connectors.Issue, error) {
	if l.created == 0 || l.now().Before(l.at.Add(l.lag)) {
		return l.none()
	}
	return l.issue, nil
}

func (l *lagging) Create(_ context.Context, issue connectors.Issue) (connectors.Issue, error) {
	if l.lose > 0 {
		if l.lose--; l.lose == 1 {
			return connectors.Issue{}, fault.New(fault.Unavailable, "connection refused") // and nothing was made
		}
	} else {
		l.created, l.at, l.issue = l.created+1, l.now(), issue
		l.issue.Key = "PAY-1"
		return l.issue, nil
	}
	l.created, l.at, l.issue = l.created+1, l.now(), issue
	l.issue.Key = "PAY-1"
	return connectors.Issue{}, fault.New(fault.Unavailable, "connection reset")
}

func (l *lagging) Get(context.Context, string) (connectors.Issue, error) { return l.issue, nil }
func (l *lagging) Update(_ context.Context, issue connectors.Issue, _ string) (connectors.Issue, error) {
	l.issue = issue
	return issue, nil
}
func (l *lagging) Comment(context.Context, string, string, string) error { return nil }
