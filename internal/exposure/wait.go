package exposure

import (
	"slices"
	"time"
)

// Wait is time in which the clock of the due date stands still, because the work waits for
// somebody outside the team.
type Wait struct {
	For       string    `json:"for"` // vendor, change_window
	By        string    `json:"by"`
	Reason    string    `json:"reason"`
	Reference string    `json:"reference,omitempty"` // the vendor's case, the change's number
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`              // as planned, or when it ended
	Approved  bool      `json:"approved,omitempty"` // an approver said so: it counts even for what is known to be exploited
	Ended     bool      `json:"ended,omitempty"`    // it is over
	Fix       bool      `json:"fix,omitempty"`      // a fix was known when it began
}

// What can be waited for.
const (
	WaitVendor       = "vendor"
	WaitChangeWindow = "change_window"
)

// WaitKinds are what can be waited for.
func WaitKinds() []string { return []string{WaitVendor, WaitChangeWindow} }

// OpenWait is the wait that hasn't ended; nil where there is none.
func (e *Exposure) OpenWait() *Wait {
	if n := len(e.Waits); n > 0 && !e.Waits[n-1].Ended {
		return &e.Waits[n-1]
	}
	return nil
}

// Waited is for how long the clock stands still altogether since a time, planned waits
// included.
func (e *Exposure) Waited(since time.Time) time.Duration {
	var sum time.Duration
	for i := range e.Waits {
		from := e.Waits[i].From
		if from.Before(since) {
			from = since
		}
		sum += max(0, e.Waits[i].Until.Sub(from))
	}
	return sum
}

// unfitWait says what an event that begins a wait lacks.
func unfitWait(ev *Event) string {
	w := ev.Wait
	switch {
	case w == nil || !slices.Contains(WaitKinds(), w.For):
		return "a wait is for a vendor or for a change_window"
	case w.Until.IsZero() || !ev.At.IsZero() && !w.Until.After(ev.At):
		return "a wait needs an end in the future"
	case w.Reason == "":
		return "a reason is required"
	}
	return ""
}

// paused says why an event about a wait doesn't apply.
func paused(e *Exposure, ev *Event) string {
	now := e.OpenWait()
	switch {
	case ev.Kind == EventResumed && now == nil:
		return "its clock isn't stopped"
	case ev.Kind == EventResumed:
		return ""
	case !e.State.Live():
		return "it is " + describe(e)
	case now != nil:
		return "it waits already, until " + now.Until.Format(time.DateOnly) + ": end that first"
	}
	return ""
}

// shift moves the due date by what the clock stands still, until policy says in full when
// it is.
func shift(e *Exposure, ev *Event, by time.Duration) {
	if !e.Due.IsZero() && ev.Data[DataDue] == "" {
		e.Due = e.Due.Add(by)
	}
}

// wait folds an event about a wait that applies.
func wait(e *Exposure, ev *Event) {
	switch ev.Kind {
	case EventWaiting:
		w := *ev.Wait
		w.From, w.Ended, w.Fix = ev.At, false, FixKnown(e)
		if w.By == "" {
			w.By = ev.Actor.Name
		}
		const most = 32
		e.Waits = append(slices.Clone(e.Waits), w)
		e.Waits = e.Waits[max(0, len(e.Waits)-most):]
		shift(e, ev, w.Until.Sub(ev.At))
	case EventResumed:
		e.Waits = slices.Clone(e.Waits)
		w := e.OpenWait()
		w.Ended = true
		if ev.At.Before(w.Until) {
			shift(e, ev, ev.At.Sub(w.Until))
			w.Until = ev.At
		}
	default:
		return
	}
	if e.Mode == ModeStore { // a workflow times it itself
		e.TimerAt = time.Time{}
		if w := e.OpenWait(); w != nil {
			e.TimerAt = w.Until
		}
	}
}
