package ownership

import (
	"slices"
	"strings"
	"time"
)

// RungKind is the kind of message that a rung of a ladder sends.
type RungKind string

// The rung kinds.
const (
	Reminder RungKind = "reminder"   // to the owner, before the due date
	Escalate RungKind = "escalation" // to others, after it
	Unowned  RungKind = "unowned"    // to others, for want of an owner
)

// Rung is one message to come.
type Rung struct {
	At    time.Time
	Kind  RungKind
	To    string    // team, escalation, or a person or channel; empty for a reminder: the owner
	Cause string    // once per cause: the same rung of the same due date is sent once
	Base  time.Time // what the ladder stands on: the due date, or since when it is unowned
}

// Ladder gives all rungs of an exposure with an owner in the order of their times:
// reminders before the due date, escalation after it. A reminder from before the exposure
// was opened is left out; the ticket itself was the message. No due date, no rungs.
func Ladder(o Options, due, opened time.Time) []Rung {
	if due.IsZero() {
		return nil
	}
	var rungs []Rung
	for _, before := range o.ReminderBefore {
		if at := due.Add(-before.Std()); at.After(opened) && at.Before(due) {
			rungs = append(rungs, Rung{At: at, Kind: Reminder})
		}
	}
	for _, step := range o.Escalation {
		rungs = append(rungs, Rung{At: due.Add(step.After.Std()), Kind: Escalate, To: step.To})
	}
	return ordered(rungs, due)
}

// UnownedLadder gives all rungs of an exposure that has no owner since a time.
func UnownedLadder(steps []Step, since time.Time) []Rung {
	rungs := make([]Rung, 0, len(steps))
	for _, step := range steps {
		rungs = append(rungs, Rung{At: since.Add(step.After.Std()), Kind: Unowned, To: step.To})
	}
	return ordered(rungs, since)
}

// ordered sorts rungs and names each after the date that the ladder stands on, so that a
// new due date has new rungs and a restart has none.
func ordered(rungs []Rung, anchor time.Time) []Rung {
	slices.SortStableFunc(rungs, func(a, b Rung) int { return a.At.Compare(b.At) })
	for i := range rungs {
		r := &rungs[i]
		r.Base = anchor
		r.Cause = strings.Join([]string{string(r.Kind), anchor.UTC().Format(time.RFC3339), r.At.Sub(anchor).String(), r.To}, "/")
	}
	return slices.CompactFunc(rungs, func(a, b Rung) bool { return a.Cause == b.Cause })
}

// Climb gives the rungs to send now and the time of the next one, zero where none is
// left. Sent holds the causes of those sent. After an outage only the newest reminder is
// sent, and none once the due date has passed; everybody on the way up is told.
func Climb(rungs []Rung, sent []string, now time.Time) (send []Rung, next time.Time) {
	var reminder *Rung
	for i := range rungs {
		r := &rungs[i]
		switch {
		case r.At.After(now):
			if next.IsZero() {
				next = r.At
			}
		case r.Kind == Reminder && now.Before(r.Base):
			reminder = r
		case r.Kind != Reminder && !slices.Contains(sent, r.Cause):
			send = append(send, *r)
		}
	}
	if reminder != nil && !slices.Contains(sent, reminder.Cause) {
		send = append(send, *reminder)
	}
	return send, next
}
