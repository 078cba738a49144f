package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// rungSilent is what comes behind a ladder: a look at whether anybody has answered.
const rungSilent = "silent"

func silentCause(due time.Time) string { return rungSilent + "/" + stamp(due) }

// silentAt is when it is time to see whether the owner has answered: a day after the last
// step of the ladder was sent, in working hours. Zero where there is nothing to see, or it
// was seen for this due date: of one remediation an owner is found silent once.
func (a *Activities) silentAt(rem *lifecycle.Remediation, s *standing, ladder []step, office *calendar.Calendar, intents []lifecycle.Intent) time.Time {
	if len(ladder) == 0 || s.live == 0 || rem.Ticket == "" || rem.Owner == "" || !rem.SilentAt.IsZero() || s.snoozed.After(a.now()) {
		return time.Time{}
	}
	var at time.Time
	for i := range intents {
		switch in := &intents[i]; {
		case in.Kind != lifecycle.IntentNotify:
		case in.Cause == silentCause(s.due):
			return time.Time{}
		case in.Cause == ladder[len(ladder)-1].cause && in.Done:
			at = in.DoneAt.Add(day)
		}
	}
	if office != nil && !at.IsZero() {
		at = office.Next(at)
	}
	return at
}

// silence sees whether the owner of a remediation has left the reminders of a ladder with
// so many rungs unanswered. If so, that is left on one exposure of each asset, whose workflows note it for routing to
// learn from, and the owner's manager is told. Each part may be done again.
func (a *Activities) silence(ctx context.Context, rem *lifecycle.Remediation, members []member, rungs int, intents []string) (Done, error) {
	unanswered, err := a.unanswered(ctx, rem, members)
	if err != nil {
		return Done{}, err
	}
	if unanswered < max(min(a.Policy.Silence, rungs), 1) || rem.Owner == "" || stand(members).live == 0 {
		return Done{}, a.done(ctx, intents, "answered")
	}
	if err := a.leave(ctx, oneOfEachAsset(members), rem.Owner, exposure.AnswerNone); err != nil {
		return Done{}, err
	}
	if err := a.Notifier.Notify(ctx, a.silentMessage(rem, members, intents[0], unanswered)); err != nil {
		return Done{}, fault.Wrap(fault.KindOf(err), err, "telling who answers for "+rem.Owner)
	}
	_, err = a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		first := r.SilentAt.IsZero()
		if first {
			r.SilentAt = a.now()
		}
		return first
	})
	if err != nil {
		return Done{}, err
	}
	return Done{}, a.done(ctx, intents, rem.Owner)
}

// unanswered counts the reminders and escalations that were sent since anybody last did
// something: on an exposure, or on the ticket.
func (a *Activities) unanswered(ctx context.Context, rem *lifecycle.Remediation, members []member) (n int, err error) {
	last := rem.Answered
	for i := range members {
		at := members[i].answered
		if at.IsZero() && i < maxAsked {
			if at, err = a.lastAnswer(ctx, members[i].id, rem.Owner); err != nil {
				return 0, err
			}
		}
		if at.After(last) {
			last = at
		}
	}
	intents, err := a.Journal.Intents(ctx, rem.ID)
	if err != nil {
		return 0, fault.Wrap(fault.KindOf(err), err, "reading what was sent of remediation "+rem.ID)
	}
	for i := range intents {
		in := &intents[i]
		if kind := rung(in.Cause); in.Kind != lifecycle.IntentNotify || !in.Done || kind != "remind" && kind != "escalate" {
			continue
		}
		if in.DoneAt.After(last) {
			n++
		}
	}
	return n, nil
}

// maxAsked bounds the exposures of one remediation whose stories are read: those that
// carry no date of an answer, as they had their last one before that was kept.
const maxAsked = 100

func (a *Activities) lastAnswer(ctx context.Context, id exposure.ID, owner string) (last time.Time, err error) {
	events, err := a.Records.Events(ctx, id)
	for i := range events {
		if events[i].Answers(owner) {
			last = events[i].At
		}
	}
	return last, fault.Wrap(fault.KindOf(err), err, "reading the events of exposure "+string(id))
}

// oneOfEachAsset are the most pressing live members of each asset: a ticket without an
// answer says no more of a host on which it is about ten weaknesses.
func oneOfEachAsset(members []member) []member {
	var out []member
	seen := map[asset.ID]bool{}
	for i := range members {
		if m := &members[i]; m.state.Live() && !seen[m.on] {
			seen[m.on] = true
			out = append(out, *m)
		}
	}
	return out
}

// leave writes on exposures what their ticket says of their owner, and wakes their
// workflows, which note it.
func (a *Activities) leave(ctx context.Context, members []member, owner string, answer exposure.Answer) error {
	written, err := a.touch(ctx, members, func(e *exposure.Exposure) bool {
		news := e.Mode == exposure.ModeWorkflow && e.Owner.Team == owner && e.Answer != answer && (answer == exposure.AnswerNone) == (e.Silent == "")
		if news {
			e.Answer = answer
		}
		return news
	})
	if err != nil {
		return err
	}
	a.wakeAll(ctx, written, "answer")
	return nil
}

// hear notes that somebody other than we has changed a ticket since we last saw it, which
// answers its reminders. An owner that was found silent is so no longer. Our own comments
// change it as well: where it can't be told, it is taken for an answer.
func (a *Activities) hear(ctx context.Context, rem *lifecycle.Remediation, members []member, changed time.Time) error {
	if rem.IssueAt.IsZero() || changed.IsZero() || changed.Equal(rem.IssueAt) {
		return nil
	}
	if _, err := a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool { r.Answered = a.now(); return true }); err != nil {
		return err
	}
	var silent []member
	for i := range members {
		if members[i].silent == rem.Owner && rem.Owner != "" {
			silent = append(silent, members[i])
		}
	}
	return a.leave(ctx, silent, rem.Owner, exposure.AnswerCame)
}

// silentMessage tells the manager of a team, or else the escalation, that nobody there
// answers.
func (a *Activities) silentMessage(rem *lifecycle.Remediation, members []member, cause string, unanswered int) connectors.Message {
	s, card := stand(members), cardOf(rem, members)
	m := connectors.Message{Cause: cause, To: Escalation, Kind: "escalation", Subjects: []string{rem.ID}, Thread: rem.ID, Card: &card, Links: map[string]string{},
		Subject: "No answer from " + lifecycle.Plain(rem.Owner, 80) + ": " + issueOf(rem, members, "").Title,
		Text: fmt.Sprintf("Ticket %s was due %s, and %d of %d exposures are still live. %s has left %d reminders and escalations in a row unanswered. That speaks against its owning this: give it to somebody else, or have them say what they are about.",
			text(rem.Ticket), date(s.due), s.live, len(members), text(rem.Owner), unanswered)}
	if a.Directory != nil {
		if manager := a.Directory.Manager(rem.Owner); manager != "" {
			m.To = "@" + manager
		}
	}
	if rem.TicketURL != "" {
		m.Links["ticket"] = rem.TicketURL
	}
	if a.Policy.PublicURL != "" {
		m.Links["remediation"] = strings.TrimRight(a.Policy.PublicURL, "/") + "/tickets/" + rem.Ticket
	}
	settle(&m)
	return m
}

// answers is what the ticket of an exposure says of whether its owner reacts.
func answers(e *exposure.Exposure) (exposure.Event, bool) {
	ev := exposure.Event{Kind: exposure.EventNoted, Actor: system("lifecycle")}
	switch {
	case e.Answer == exposure.AnswerNone && e.Silent == "" && e.Owner.Team != "":
		ev.Reason = e.Owner.Team + " has left all reminders of its ticket unanswered"
		ev.Data = map[string]string{exposure.DataSilent: e.Owner.Team}
		return ev, true
	case e.Answer == exposure.AnswerCame && e.Silent != "":
		ev.Reason = "somebody has done something on the ticket: " + e.Silent + " is silent no longer"
		ev.Data = map[string]string{exposure.DataAnswered: e.Silent}
		return ev, true
	}
	return ev, false
}
