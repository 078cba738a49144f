package exposure

import "time"

// Patience is how long what has no nearer due date waits for its turn before it is taken
// for as pressing as what is due today.
const Patience = 90 * 24 * time.Hour

// Waiting reports whether the exposure waits in the admission queue.
func (e *Exposure) Waiting() bool {
	return !e.Queued.IsZero() && e.State == Tracked && e.Mode == ModeStore
}

// Turn is an exposure's place in the line, as a time: whoever has the earlier one goes
// first. It is the due date, but no later than Patience after it was queued and no earlier
// than that. It never changes by waiting, so that a line keeps its order; and since nothing
// that is queued after somebody's turn can have an earlier one, nobody starves.
func (e *Exposure) Turn() time.Time {
	turn := e.Queued.Add(Patience)
	if !e.Due.IsZero() && e.Due.Before(turn) {
		turn = e.Due
	}
	if turn.Before(e.Queued) {
		turn = e.Queued
	}
	return turn
}

// Urgent reports whether an exposure waits for no budget: what is decided as act, and
// what is known to be exploited (KEV) and due before the given time.
func (e *Exposure) Urgent(before time.Time) bool {
	return e.Decision.Outcome == Act || e.KEV() && !e.Due.IsZero() && e.Due.Before(before)
}

// KEV reports whether its weakness was known to be exploited when it was decided on.
func (e *Exposure) KEV() bool { return e.Decision.Inputs["kev"] == "yes" }
