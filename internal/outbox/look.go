package outbox

import (
	"slices"
	"time"
)

// Budget is how many messages that aren't urgent one address gets: singly and as digests
// together. Zero: as many as there are.
type Budget struct {
	Hour int
	Day  int
}

// DefaultBudget is what an address gets where nobody says otherwise.
func DefaultBudget() Budget { return Budget{Hour: 6, Day: 30} }

// Gather is how long what doesn't go singly waits for others, so that a digest is worth
// reading.
const Gather = 10 * time.Minute

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

// reserve is what is kept of the budget for digests, so that a talkative morning doesn't
// leave the rest of the day without a word.
func (b Budget) reserve() (perHour, perDay int) {
	const share = 5 // a fifth of the day's
	return 1, max(1, b.Day/share)
}

// Situation is an address as it stands: what waits that isn't urgent, and what was told.
type Situation struct {
	Waiting int64       // singly, in the box
	Late    int64       // of generations that were told already: these can only be counted
	First   time.Time   // since when something waits
	Sent    []time.Time // what used the budget in the last day, oldest first
	Folded  time.Time   // the last digest; zero: none
	Budget  Budget
	Quiet   Quiet
}

// Step is what to do at an address now.
type Step struct {
	Singles int       // so many, in the order of Compare
	Digest  bool      // then fold the rest
	Next    time.Time // when to look again, if something still waits; zero: nothing does
}

// Look says what to do at an address now. Whatever it says of a million messages it says
// from their number.
func Look(s Situation, now time.Time) Step {
	waiting := s.Waiting + s.Late
	if waiting == 0 {
		return Step{}
	}
	if end := s.Quiet.End(now); end.After(now) {
		return Step{Next: end}
	}
	if s.Budget == (Budget{}) {
		return Step{Singles: int(s.Waiting), Digest: s.Late > 0}
	}
	singles, spent := s.singles(now)
	if s.Late == 0 && s.Waiting <= int64(singles) {
		return Step{Singles: int(s.Waiting)}
	}
	singles = min(singles, int(s.Waiting))
	ready := s.ready(now, spent)
	switch {
	case ready.After(now):
		return Step{Singles: singles, Next: ready}
	case waiting == 1 && s.Late == 0:
		return Step{Singles: 1} // a digest of one is that one
	}
	return Step{Digest: true}
}

// singles is how many may go singly now, and whether the day's part of that is spent.
func (s *Situation) singles(now time.Time) (n int, spent bool) {
	perHour, perDay := s.Budget.reserve()
	n = 1 << 30
	if s.Budget.Hour > 0 {
		n = min(n, s.Budget.Hour-perHour-used(s.Sent, now.Add(-hour)))
	}
	if s.Budget.Day > 0 {
		left := s.Budget.Day - perDay - used(s.Sent, now.Add(-day))
		n, spent = min(n, left), left <= 0
	}
	return max(n, 0), spent
}

// ready is when a digest may go: when there was time to gather, and the budget has room.
// Once the day's part for single messages is spent, digests share the rest of the day.
func (s *Situation) ready(now time.Time, spent bool) time.Time {
	at := s.First.Add(Gather)
	if _, perDay := s.Budget.reserve(); spent && !s.Folded.IsZero() {
		at = later(at, s.Folded.Add(day/time.Duration(perDay)))
	}
	at = later(at, room(s.Sent, s.Budget.Hour, hour, now))
	return later(at, room(s.Sent, s.Budget.Day, day, now))
}

// room is when fewer than most lie within the span before it.
func room(sent []time.Time, most int, span time.Duration, now time.Time) time.Time {
	n := used(sent, now.Add(-span))
	if most <= 0 || n < most {
		return time.Time{}
	}
	return sent[len(sent)-most].Add(span)
}

// used counts what was sent after a time.
func used(sent []time.Time, after time.Time) int {
	first, _ := slices.BinarySearchFunc(sent, after, func(at, after time.Time) int {
		if at.After(after) {
			return 1
		}
		return -1
	})
	return len(sent) - first
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Spend notes in a box that so many messages use its budget now, and forgets what no
// longer counts.
func (b *Box) Spend(n int, now time.Time) {
	sent := slices.Clone(b.Sent[len(b.Sent)-used(b.Sent, now.Add(-day)):])
	for range n {
		sent = append(sent, now)
	}
	const most = 1000 // unlimited budgets need none of it
	b.Sent = sent[max(0, len(sent)-most):]
}
