package activities

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// unheard is a ticket whose reminders and escalations were all sent, and what is said of
// it now is for a test to see.
func unheard(t *testing.T) (*rig, exposure.ID, lifecycle.Remediation) {
	t.Helper()
	r, id, rem, _ := atDesk(t)
	r.Directory = people{}
	_, _, err := r.Ledger.Touch(t.Context(), id, func(e *exposure.Exposure) bool { e.Due = r.now().Add(20 * day); return true })
	require.NoError(t, err)
	require.NoError(t, r.work(rem.ID))
	rem = r.remediationNow(rem.ID)
	return r, id, rem
}

// pass lets days go by, each with what the workflows do.
func (r *rig) pass(id exposure.ID, days int) {
	r.t.Helper()
	for range days {
		r.clock = r.clock.Add(day)
		r.workAndTell(id)
		_, err := r.Follow(r.t.Context(), FollowInput{ID: id})
		require.NoError(r.t, err)
	}
}

func (r *rig) workAndTell(id exposure.ID) {
	r.t.Helper()
	step := RemediationStep{ID: r.exposureNow(id).RemediationID}
	require.NoError(r.t, r.work(step.ID))
	p, err := r.Plan(r.t.Context(), step)
	require.NoError(r.t, err)
	for _, step.Intents = range p.Messages {
		_, err := r.Notify(r.t.Context(), step)
		require.NoError(r.t, err)
	}
}

func (r *rig) silences(id exposure.ID) (said []string) {
	r.t.Helper()
	e := r.exposureNow(id)
	events, err := r.store.Events(r.t.Context(), id)
	require.NoError(r.t, err)
	if events[len(events)-1].Seq < e.LastEvent.Seq {
		events = append(events, e.LastEvent)
	}
	for i := range events {
		if d := events[i].Data; events[i].Kind == exposure.EventNoted {
			said = append(said, "silent "+d[exposure.DataSilent]+" answered "+d[exposure.DataAnswered])
		}
	}
	return said
}

func (r *rig) toldNobodyAnswers() (to []string) {
	r.t.Helper()
	page, err := r.store.FindMessages(r.t.Context(), "", false, exposure.List{Limit: 1000})
	require.NoError(r.t, err)
	for _, m := range page.Items {
		if strings.HasPrefix(m.Subject, "No answer from ") {
			to = append(to, m.To)
		}
	}
	return to
}

func TestAnOwnerThatNeverAnsweredIsSilentADayAfterTheLastStepOfItsLadder(t *testing.T) {
	r, id, rem := unheard(t)
	r.Lessons, r.Reroute = r.store, &routing{}
	r.pass(id, 27) // due + 7 days: the last step is sent
	require.Empty(t, r.silences(id), "it has a day to answer it")
	p, err := r.Plan(t.Context(), RemediationStep{ID: rem.ID})
	require.NoError(t, err)
	require.Equal(t, r.now().Add(day), p.NextAt)
	r.pass(id, 40)
	require.Equal(t, []string{"silent payments answered "}, r.silences(id), "once")
	require.Equal(t, []string{Escalation}, r.toldNobodyAnswers(), "where the team has no manager")
	require.Equal(t, "payments", r.exposureNow(id).Silent)

	silent := func() (n int) {
		t.Helper()
		var report SweepReport
		require.NoError(t, r.learn(t.Context(), SweepRequest{}, &report))
		records, err := r.store.Lessons(t.Context(), []string{string(r.exposureNow(id).Birth)})
		require.NoError(t, err)
		for _, record := range records {
			for _, c := range record.Counts {
				if c.Team == "payments" && strings.HasPrefix(c.Feature, "asset:") {
					n += c.Silent
				}
			}
		}
		return n
	}
	require.Equal(t, 1, silent(), "routing learns from it")
	r.Rules = nil
	_, err = r.Ledger.Apply(t.Context(), ledger.Change{ID: id, As: exposure.ModeWorkflow, Event: exposure.Event{Kind: exposure.EventSnoozed, Cause: "snooze",
		Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}, Until: r.now().Add(day)}})
	require.NoError(t, err)
	require.Empty(t, r.exposureNow(id).Silent)
	require.Zero(t, silent(), "an answer ends it")
	r.pass(id, 20)
	require.Len(t, r.silences(id), 1, "of one ticket an owner is found silent once")
}

func TestTheManagerOfASilentTeamIsToldOnceWhereverItDies(t *testing.T) {
	died := 0
	for at := range 6 {
		for _, after := range []bool{false, true} {
			r, id, rem := unheard(t)
			r.Directory = anyManager{"mia"}
			r.pass(id, 27)
			r.clock = r.clock.Add(day)
			p, err := r.Plan(t.Context(), RemediationStep{ID: rem.ID})
			require.NoError(t, err)
			whole, notifier := r.Journal, r.Notifier
			f := &failing{Journal: whole, notifier: notifier, left: at, after: after}
			r.Journal, r.Notifier = f, f
			if _, err = r.Notify(t.Context(), RemediationStep{ID: rem.ID, Intents: p.Messages[0]}); err != nil {
				require.ErrorIs(t, err, errCrash)
				died++
			}
			r.Journal, r.Notifier = whole, notifier
			r.pass(id, 3)
			require.Equal(t, []string{"@mia"}, r.toldNobodyAnswers())
			require.Equal(t, []string{"silent payments answered "}, r.silences(id))
		}
	}
	require.GreaterOrEqual(t, died, 6)
}

// failing is a journal and a notifier that die at one write: before it is made, or after.
type failing struct {
	Journal
	notifier connectors.Notifier
	left     int
	after    bool
}

func (f *failing) die(write func() error) error {
	dies := f.left == 0
	f.left--
	if dies && !f.after {
		return errCrash
	}
	if err := write(); err != nil || !dies {
		return err
	}
	return errCrash
}

func (f *failing) SwapRemediation(ctx context.Context, r lifecycle.Remediation) (ok bool, err error) {
	err = f.die(func() error { ok, err = f.Journal.SwapRemediation(ctx, r); return err })
	return ok, err
}

func (f *failing) DoneIntent(ctx context.Context, id, result string, at time.Time) error {
	return f.die(func() error { return f.Journal.DoneIntent(ctx, id, result, at) })
}

func (f *failing) Notify(ctx context.Context, m connectors.Message) error {
	return f.die(func() error { return f.notifier.Notify(ctx, m) })
}

func (f *failing) Connector() string { return f.notifier.Connector() }

// anyManager is who manages every team.
type anyManager struct{ name string }

func (m anyManager) Manager(string) string       { return m.name }
func (anyManager) ScopeOwners([]string) []string { return nil }

func TestWhoeverAnswersIsNotSilent(t *testing.T) {
	ticket := func(r *rig, id exposure.ID) connectors.Issue {
		issue, err := r.Trackers["local"].Get(r.t.Context(), r.exposureNow(id).Ticket)
		require.NoError(r.t, err)
		return issue
	}
	by := func(kind exposure.EventKind, edit func(*rig, *exposure.Event)) func(*rig, exposure.ID) {
		return func(r *rig, id exposure.ID) {
			ev := exposure.Event{Kind: kind, Cause: string(kind), Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}}
			edit(r, &ev)
			_, err := r.Ledger.Apply(r.t.Context(), ledger.Change{ID: id, As: exposure.ModeWorkflow, Event: ev})
			require.NoError(r.t, err)
		}
	}
	for _, tt := range []struct {
		name   string
		answer func(*rig, exposure.ID)
	}{
		{"a comment on the ticket", func(r *rig, id exposure.ID) {
			require.NoError(r.t, r.Trackers["local"].Comment(r.t.Context(), ticket(r, id).Key, "we are at it", "hand/1"))
		}},
		{"the ticket is in progress", func(r *rig, id exposure.ID) {
			issue := ticket(r, id)
			issue.Status = connectors.IssueInProgress
			_, err := r.Trackers["local"].Update(r.t.Context(), issue, "hand/2")
			require.NoError(r.t, err)
		}},
		{"a re-test is asked for", by(exposure.EventRetest, func(*rig, *exposure.Event) {})},
		{"the team claims it", by(exposure.EventAssigned, func(_ *rig, ev *exposure.Event) {
			ev.Owner = &exposure.Owner{Team: "payments", How: "claimed by ann", Manual: true}
		})},
		{"an exception is asked for", by(exposure.EventRequested, func(r *rig, ev *exposure.Event) {
			ev.Request = &exposure.Request{Kind: exposure.Accepted, By: "ann", Reason: "the pilot", At: r.now(), Until: r.now().Add(90 * day), Expires: r.now().Add(40 * day), Quorum: 2}
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, id, _ := unheard(t)
			r.pass(id, 23) // three days after it was due: the last step but one was sent
			r.clock = r.clock.Add(time.Hour)
			tt.answer(r, id)
			r.pass(id, 30)
			require.Empty(t, r.silences(id))
			require.Empty(t, r.toldNobodyAnswers())
			require.Zero(t, r.remediationNow(r.exposureNow(id).RemediationID).SilentAt)
		})
	}
}

func TestAnAnswerOnTheTicketEndsASilence(t *testing.T) {
	r, id, rem := unheard(t)
	r.pass(id, 30)
	require.Equal(t, "payments", r.exposureNow(id).Silent)
	require.NoError(t, r.Trackers["local"].Comment(t.Context(), rem.Ticket, "sorry, we are at it", "hand/1"))
	r.pass(id, 2)
	require.Empty(t, r.exposureNow(id).Silent)
	require.Equal(t, []string{"silent payments answered ", "silent  answered payments"}, r.silences(id))
	r.pass(id, 2)
	require.Len(t, r.silences(id), 2)
}

func TestASilenceIsNotThatOfTheNextOwner(t *testing.T) {
	r, id, _ := unheard(t)
	r.pass(id, 27)
	r.clock = r.clock.Add(day)
	r.workAndTell(id)
	require.Equal(t, exposure.AnswerNone, r.exposureNow(id).Answer)
	_, err := r.Ledger.Apply(t.Context(), ledger.Change{ID: id, As: exposure.ModeWorkflow, Event: exposure.Event{Kind: exposure.EventAssigned, Cause: "moved",
		Actor: system("ownership"), Owner: &exposure.Owner{Team: "web"}}})
	require.NoError(t, err)
	_, err = r.Follow(t.Context(), FollowInput{ID: id})
	require.NoError(t, err)
	require.Empty(t, r.silences(id))
}
