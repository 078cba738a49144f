package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Done is all that an activity without a result has to say.
type Done struct{}

// Comment says on the ticket what happened: one comment for the occasions given. The
// first of them is its cause, by which the tracker knows a repetition.
func (a *Activities) Comment(ctx context.Context, in RemediationStep) (Done, error) {
	rem, err := a.remediation(ctx, in.ID)
	if err != nil || len(in.Intents) == 0 || rem.Ticket == "" {
		return Done{}, err
	}
	tracker, err := a.tracker(&rem)
	if err != nil {
		return Done{}, err
	}
	var paragraphs []string
	for _, intent := range in.Intents {
		paragraph, err := a.paragraph(ctx, &rem, causeOf(intent))
		if err != nil {
			return Done{}, err
		}
		if paragraph != "" {
			paragraphs = append(paragraphs, paragraph)
		}
	}
	if len(paragraphs) > 0 {
		if err := tracker.Comment(ctx, rem.Ticket, strings.Join(paragraphs, "\n\n"), in.Intents[0]); err != nil {
			return Done{}, a.afflicted(ctx, &rem, fault.Wrap(fault.KindOf(err), err, "commenting on ticket "+rem.Ticket))
		}
	}
	return Done{}, a.done(ctx, in.Intents, rem.Ticket)
}

// paragraph is what one intent says on the ticket; empty: nothing any more.
func (a *Activities) paragraph(ctx context.Context, rem *lifecycle.Remediation, cause string) (string, error) {
	kind, rest, _ := strings.Cut(cause, "/")
	switch kind {
	case "done":
		return a.proofs(ctx, rem.ID)
	case "recreated":
		return "This ticket takes the place of " + text(rest) + ", which was deleted while what it is about was not fixed.", nil
	case "overridden":
		return "Somebody has set the " + text(strings.ReplaceAll(rest, "due", "due date")) + " of this ticket by hand. It is yours now: quell leaves it as it is.", nil
	case "spent":
		return "This ticket was closed, but a check that came after that has found it still there: it stays open. What was found stands in quell, and the next time it is closed it is tested again.", nil
	case viaRunbook:
		return a.runParagraph(ctx, rest)
	}
	return a.occasion(ctx, cause)
}

// done marks intents as carried out.
func (a *Activities) done(ctx context.Context, intents []string, result string) error {
	for _, id := range intents {
		if err := a.Journal.DoneIntent(ctx, id, result, a.now()); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "recording what was done")
		}
	}
	return nil
}

// causeOf is the cause in an intent's ID: remediation|kind|cause.
func causeOf(intent string) string {
	parts := strings.SplitN(intent, "|", 3)
	return parts[len(parts)-1]
}

// occasion tells of one event, named as "exposure:seq".
func (a *Activities) occasion(ctx context.Context, name string) (string, error) {
	id, _, _ := strings.Cut(name, ":")
	e, err := a.exposure(ctx, exposure.ID(id))
	if fault.Is(err, fault.NotFound) {
		return "", nil // erased: there is nothing to tell
	}
	if err != nil {
		return "", err
	}
	if exposure.EventID(e.ID, e.LastEvent.Seq) == name {
		return a.tale(&e, &e.LastEvent), nil
	}
	ev, ok, err := a.event(ctx, e.ID, name)
	if err != nil || !ok {
		return "", err
	}
	return a.tale(&e, &ev), nil
}

func (a *Activities) event(ctx context.Context, id exposure.ID, name string) (exposure.Event, bool, error) {
	events, err := a.Records.Events(ctx, id)
	if err != nil {
		return exposure.Event{}, false, fault.Wrap(fault.KindOf(err), err, "reading the events of exposure "+string(id))
	}
	for i := range events {
		if exposure.EventID(id, events[i].Seq) == name {
			return events[i], true, nil
		}
	}
	return exposure.Event{}, false, nil
}

// tale is an event in words for a ticket, with its evidence.
func (a *Activities) tale(e *exposure.Exposure, ev *exposure.Event) string {
	what := "**" + text(e.Title) + "** on **" + text(e.AssetName) + "**"
	if e.Location != "" {
		what += " at " + text(e.Location)
	}
	switch ev.Kind {
	case exposure.EventConfirmed:
		return "Still there: " + what + " was re-tested" + at(ev) + " and found again. " + text(ev.Reason) + a.evidence(ev)
	case exposure.EventInconclusive:
		return "Not proven: the re-test of " + what + at(ev) + " could not tell. " + text(ev.Reason) + a.evidence(ev)
	case exposure.EventObserved:
		return "Back: " + what + " was seen again by " + text(ev.Actor.Name) + at(ev) + ". " + text(ev.Reason)
	case exposure.EventRequested, exposure.EventDeclined, exposure.EventWithdrawn, exposure.EventExpired, exposure.EventWaiting, exposure.EventResumed:
		return taleOfRequest(what, ev)
	case exposure.EventAccept, exposure.EventMitigate, exposure.EventDismiss:
		if x := ev.Exception; x != nil && len(x.Approvals) > 0 {
			return "Decided: " + what + " is " + word(string(ev.To), "") + endOf(x) + ". Asked for by " + text(x.By) + ", approved by " + text(approvers(x)) + ". Reason: " + text(x.Reason)
		}
		return "Decided by " + text(ev.Actor.Name) + ": " + what + " is " + strings.ReplaceAll(string(ev.To), "_", " ") + endOf(ev.Exception) + ". Reason: " + text(ev.Reason)
	case exposure.EventLapse:
		return "Work resumes on " + what + ": the exception has ended. " + text(ev.Reason)
	case exposure.EventReopen:
		return "Reopened by " + text(ev.Actor.Name) + ": " + what + ". " + text(ev.Reason)
	case exposure.EventDemote:
		return "Not now: " + what + " waits in the line again. " + text(ev.Reason) + ". Nobody need begin: when its turn comes it is on this ticket. Whoever moves the ticket on takes it up at once."
	default:
		return text(string(ev.Kind)) + ": " + what + ". " + text(ev.Reason)
	}
}

// taleOfRequest is an event about a request, or a wait, in words.
func taleOfRequest(what string, ev *exposure.Event) string {
	by := text(ev.Actor.Name)
	switch ev.Kind {
	case exposure.EventRequested:
		if q := ev.Request; q != nil {
			return text(q.By) + " asks that " + what + " count as " + word(string(q.Kind), "") + endOf(q.Exception(nil)) + ". Reason: " + text(q.Reason) +
				fmt.Sprintf(" It takes %d by %s. Until then the work goes on.", q.Quorum, text(strings.Join(q.Approvers, " or ")))
		}
	case exposure.EventDeclined:
		return by + " declined that an exception be made for " + what + ". The work goes on. Reason: " + text(ev.Reason)
	case exposure.EventWithdrawn:
		return by + " no longer asks for an exception for " + what + ". The work goes on. " + text(ev.Reason)
	case exposure.EventExpired:
		return "No exception is made for " + what + ": " + text(ev.Reason) + ". The work goes on."
	case exposure.EventWaiting:
		if w := ev.Wait; w != nil {
			reference := ""
			if w.Reference != "" {
				reference = " (" + text(w.Reference) + ")"
			}
			return "The clock for " + what + " stands still until " + w.Until.Format(time.DateOnly) + ": " + by + " waits for a " + word(w.For, "") + reference + ". " + text(w.Reason)
		}
	case exposure.EventResumed:
		return "The clock for " + what + " runs again: " + text(ev.Reason)
	default:
	}
	return text(string(ev.Kind)) + ": " + what + ". " + text(ev.Reason)
}

func approvers(x *exposure.Exception) string {
	names := make([]string, len(x.Approvals))
	for i, a := range x.Approvals {
		names[i] = a.By
	}
	return strings.Join(names, " and ")
}

func at(ev *exposure.Event) string {
	if ev.CheckedAt.IsZero() {
		return ""
	}
	return " at " + moment(ev.CheckedAt)
}

func endOf(x *exposure.Exception) string {
	switch {
	case x == nil:
		return ""
	case !x.Until.IsZero():
		return " until " + x.Until.Format(time.DateOnly)
	}
	return " until " + text(strings.Join(x.EndsOn, " or ")) + " ends it"
}

// evidence lists what a verdict rests on: by hash, since a ticket is no place for what a
// probe saw.
func (a *Activities) evidence(ev *exposure.Event) string {
	v := ev.Verdict
	if v == nil {
		return ""
	}
	var b strings.Builder
	if v.Vantage != "" {
		b.WriteString("\n- seen from vantage " + text(v.Vantage))
	}
	if v.Template != "" {
		b.WriteString("\n- by " + text(v.Template))
	}
	for _, sha := range v.Evidence {
		b.WriteString("\n- evidence " + a.evidenceLink(sha))
	}
	return b.String()
}

func (a *Activities) evidenceLink(sha string) string {
	if a.Policy.PublicURL == "" {
		return sha
	}
	return "[" + sha[:min(len(sha), 12)] + "](" + strings.TrimRight(a.Policy.PublicURL, "/") + "/api/v1/evidence/" + sha + ")"
}

// proofs says for every member how it came to its end: the last comment on a ticket.
func (a *Activities) proofs(ctx context.Context, id string) (string, error) {
	members, err := a.members(ctx, id)
	if err != nil {
		return "", err
	}
	lines := []string{"Nothing is left to do here, so this ticket is done."}
	for i := range members[:min(len(members), maxRows)] {
		m := &members[i]
		lines = append(lines, "- "+text(m.title)+" on "+text(m.asset)+": "+stateOf(m)+a.proofOf(m))
	}
	if more := len(members) - maxRows; more > 0 {
		lines = append(lines, fmt.Sprintf("- … and %d more", more))
	}
	return strings.Join(lines, "\n"), nil
}

// proofOf says what proved that a member is fixed; nothing where nothing did.
func (a *Activities) proofOf(m *member) string {
	if m.state != exposure.Closed || m.proof == nil {
		return ""
	}
	var b strings.Builder
	if v := m.proof.Verdict; v != nil {
		b.WriteString(". Proof: a probe from " + text(word(v.Vantage, "its vantage")) + " looked at " + moment(v.CheckedAt) + " and no longer found it")
		for _, sha := range v.Evidence {
			b.WriteString(", evidence " + a.evidenceLink(sha))
		}
	}
	for _, s := range m.proof.Absences {
		b.WriteString(". Proof: " + text(s.Source) + " looked at " + moment(s.CheckedAt) + " and no longer saw it (run " + text(s.Run) + ")")
	}
	return b.String()
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Notify tells the owner of a remediation what its intents are about: one message.
func (a *Activities) Notify(ctx context.Context, in RemediationStep) (Done, error) {
	rem, err := a.remediation(ctx, in.ID)
	if err != nil || len(in.Intents) == 0 {
		return Done{}, err
	}
	members, err := a.members(ctx, rem.ID)
	if err != nil {
		return Done{}, err
	}
	options, office, err := a.followUp(ctx, members)
	if err != nil {
		return Done{}, err
	}
	if rung(causeOf(in.Intents[0])) == rungSilent {
		return a.silence(ctx, &rem, members, len(a.ladder(rem.CreatedAt, stand(members).due, urgent(members), &options, office)), in.Intents)
	}
	for _, m := range a.messages(&rem, members, in.Intents) {
		if m.To == rem.Owner && options.Rerouted {
			m.To = "#" + strings.TrimPrefix(options.Channel, "#")
		}
		if a.Policy.PublicURL != "" {
			m.Links["remediation"] = strings.TrimRight(a.Policy.PublicURL, "/") + "/tickets/" + rem.Ticket
		}
		if err := a.Notifier.Notify(ctx, m); err != nil {
			return Done{}, fault.Wrap(fault.KindOf(err), err, "telling "+m.To)
		}
	}
	return Done{}, a.done(ctx, in.Intents, rem.Owner)
}

// messages are what intents say to the owner, and where it is late also to those above.
func (a *Activities) messages(rem *lifecycle.Remediation, members []member, intents []string) []connectors.Message {
	s := stand(members)
	title := issueOf(rem, members, "").Title
	card := cardOf(rem, members)
	m := connectors.Message{Cause: intents[0], To: orEscalation(rem.Owner), Subjects: []string{rem.ID}, Links: map[string]string{}, Thread: rem.ID, Card: &card}
	if rem.TicketURL != "" {
		m.Links["ticket"] = rem.TicketURL
	}
	switch rung(causeOf(intents[0])) {
	case "created":
		m.Kind, m.Subject = "ticket", "New: "+title
		m.Text = fmt.Sprintf("Ticket %s is yours: %s. %d live, due %s.", text(rem.Ticket), text(title), s.live, date(s.due))
	case "remind":
		m.Kind, m.Subject = "reminder", "Due "+date(s.due)+": "+title
		m.Text = fmt.Sprintf("Ticket %s is due %s, and %d of %d exposures are still live.", text(rem.Ticket), date(s.due), s.live, len(members))
	case "escalate":
		m.Kind, m.Subject = "escalation", "Overdue since "+date(s.due)+": "+title
		m.Text = fmt.Sprintf("Ticket %s of %s was due %s, and %d of %d exposures are still live.", text(rem.Ticket), text(rem.Owner), date(s.due), s.live, len(members))
		settle(&m)
		above := m
		above.To = escalatesTo(intents[0])
		above.Cause = m.Cause + "|" + above.To
		above.Links = map[string]string{"ticket": rem.TicketURL}
		return []connectors.Message{m, above}
	default:
		m.Kind, m.Subject = "reopened", "Not done: "+title
		m.Text = fmt.Sprintf("On ticket %s, %d exposures are still there or back. The ticket has the evidence.", text(rem.Ticket), len(intents))
	}
	settle(&m)
	return []connectors.Message{m}
}
