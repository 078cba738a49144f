package exposure

// Answer is what the ticket of an exposure says of whether its owner reacts.
type Answer string

// The answers. Whoever keeps the ticket leaves one on the exposure; its workflow notes it.
const (
	AnswerNone Answer = "none" // all reminders were left unanswered
	AnswerCame Answer = "came" // after that, somebody did something on the ticket
)

// Answers reports whether an event shows that a team reacts which has an exposure: people
// do something about it, on its ticket too, or it is fixed. That it is given to somebody
// else is no answer, nor is what an approver says.
func (ev Event) Answers(team string) bool {
	switch {
	case ev.Kind == EventAssigned:
		return ev.Actor.Kind == Person && (ev.Data[DataRefused] == team || ev.Owner != nil && ev.Owner.Team == team)
	case ev.Kind == EventApproved, ev.Kind == EventDeclined:
		return false
	case ev.Kind == EventClaim, ev.To == Closed && ev.From != Closed:
		return true
	case ev.Kind == EventNoted && ev.Data[DataAnswered] != "":
		return ev.Data[DataAnswered] == team
	}
	return ev.Actor.Kind == Person
}

// answered folds whether the owner has reacted, before the event changes who that is.
func answered(e *Exposure, ev *Event) {
	if !ev.Answers(e.Owner.Team) {
		return
	}
	e.AnsweredAt = ev.At
	if e.Silent != "" && ev.Answers(e.Silent) {
		e.Silent, e.Learn = "", true
	}
}

// noted folds what the ticket said of its owner.
func noted(e *Exposure, ev *Event) {
	if team := ev.Data[DataSilent]; team != "" {
		e.Silent, e.Learn, e.Answer = team, true, ""
	}
	if ev.Data[DataAnswered] != "" {
		e.Answer = ""
	}
}
