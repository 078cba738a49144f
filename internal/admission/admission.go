// Package admission decides whose turn it is: which waiting exposures are taken into
// work, and which work goes back into the line. Pure.
//
// A team works on groups: one fix, however many exposures it mends, which is one ticket.
// Its budget says how many groups at a time (WIP) and how many new ones a day (intake).
// What is urgent waits for no budget. Everything else goes by its turn, a time that never
// changes by waiting; so the order is stable, and nothing is overtaken for ever.
package admission

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Day is what an intake rate counts by.
const Day = 24 * time.Hour

// Budget is what a team takes on. Zero is no limit.
type Budget struct {
	WIP    int // groups at a time
	Intake int // new groups within 24 hours
}

// Unlimited reports whether nothing waits for this budget.
func (b Budget) Unlimited() bool { return b.WIP <= 0 && b.Intake <= 0 }

// Waiting is an exposure that waits. Group is empty where it belongs to nobody's work.
type Waiting struct {
	ID     string
	Group  string
	Turn   time.Time
	Urgent bool
}

// Working is a group that a team has in hand.
type Working struct {
	Group  string
	Turn   time.Time // the earliest of its exposures
	Urgent bool
	Begun  bool // somebody is at it, or may be: it can't go back
}

// Line is one team's line: what it works on, and what waits for it.
type Line struct {
	Team   string
	Budget Budget
	// Working are the groups in hand. Their turns, urgency and whether they have begun
	// matter only where some may have to go back.
	Working []Working
	// Begun are the groups that were let in within the last day. One that comes again
	// meanwhile is no new one.
	Begun []string
	// Waiting are those that come next, or may join what is in hand: enough of them.
	Waiting []Waiting
}

// Why an exposure is admitted.
const (
	WhyUrgent = "urgent" // past the budget
	WhyJoins  = "joins"  // its fix is in hand already
	WhyTurn   = "turn"   // a place is free, and it is next
)

// Admission is an exposure to admit.
type Admission struct {
	ID    string
	Group string
	Team  string
	Why   string
	Begin bool // the first of its group: it takes a place
}

// Push is a group to put back into the line, for another one that is urgent.
type Push struct {
	Team  string
	Group string
	For   string // the urgent group
}

// Plan is what there is to do now.
type Plan struct {
	Admit []Admission // in this order
	Push  []Push
}

// Decide plans for at most so many admissions. The urgent ones of all teams come first,
// then all by their turns.
func Decide(room int, lines []Line) Plan {
	var p Plan
	books := make([]book, len(lines))
	var all []candidate
	for i := range lines {
		books[i] = open(&lines[i])
		for _, w := range lines[i].Waiting {
			all = append(all, candidate{Waiting: w, book: &books[i]})
		}
	}
	slices.SortStableFunc(all, before)
	for _, c := range all {
		if len(p.Admit) >= max(room, 0) {
			break
		}
		if a, ok := c.book.admit(c.Waiting); ok {
			p.Admit = append(p.Admit, a)
		}
	}
	for i := range books {
		p.Push = append(p.Push, books[i].push()...)
	}
	return p
}

type candidate struct {
	Waiting
	book *book
}

// before is the order of the line: total, so that the same line is planned the same way.
func before(x, y candidate) int {
	return cmp.Or(cmp.Compare(rank(x.Urgent), rank(y.Urgent)), x.Turn.Compare(y.Turn),
		strings.Compare(x.Group, y.Group), strings.Compare(x.ID, y.ID))
}

func rank(urgent bool) int {
	if urgent {
		return 0
	}
	return 1
}

// book keeps one team's accounts while it is planned.
type book struct {
	*Line
	inHand map[string]bool
	recent map[string]bool
	seen   map[string]bool
	urgent []string // groups that something urgent was let into now
}

func open(l *Line) book {
	b := book{Line: l, inHand: map[string]bool{}, recent: map[string]bool{}, seen: map[string]bool{}}
	for _, w := range l.Working {
		b.inHand[w.Group] = true
	}
	for _, g := range l.Begun {
		b.recent[g] = true
	}
	return b
}

// admit lets one in, if it may.
func (b *book) admit(w Waiting) (Admission, bool) {
	a := Admission{ID: w.ID, Group: w.Group, Team: b.Team}
	switch {
	case b.seen[w.ID]:
		return a, false
	case w.Group == "": // nobody's work yet: no budget counts it
		a.Why = WhyTurn
		if w.Urgent {
			a.Why = WhyUrgent
		}
	case b.inHand[w.Group]:
		a.Why = WhyJoins
	case w.Urgent:
		a.Why, a.Begin = WhyUrgent, true
	case b.room(w.Group):
		a.Why, a.Begin = WhyTurn, true
	default:
		return a, false
	}
	b.seen[w.ID] = true
	if a.Begin {
		b.inHand[w.Group], b.recent[w.Group] = true, true
	}
	// What joins work in hand may make it urgent.
	if w.Urgent && w.Group != "" && !slices.Contains(b.urgent, w.Group) {
		b.urgent = append(b.urgent, w.Group)
	}
	return a, true
}

// room reports whether the budget has a place for a group.
func (b *book) room(group string) bool {
	return (b.Budget.WIP <= 0 || len(b.inHand) < b.Budget.WIP) &&
		(b.Budget.Intake <= 0 || b.recent[group] || len(b.recent) < b.Budget.Intake)
}

// push says what goes back: no more than is in hand past the budget, and no more than
// what is urgent there asks for; the latest turn first.
func (b *book) push() []Push {
	over := len(b.inHand) - b.Budget.WIP
	if b.Budget.WIP <= 0 || over <= 0 {
		return nil
	}
	urgent := slices.Clone(b.urgent)
	var back []Working
	for _, w := range b.Working {
		switch {
		case slices.Contains(b.urgent, w.Group):
		case w.Urgent:
			urgent = append(urgent, w.Group)
		case !w.Begun:
			back = append(back, w)
		}
	}
	slices.SortStableFunc(back, func(x, y Working) int {
		return cmp.Or(y.Turn.Compare(x.Turn), strings.Compare(y.Group, x.Group))
	})
	n := min(over, len(urgent), len(back))
	out := make([]Push, n)
	for i := range out {
		out[i] = Push{Team: b.Team, Group: back[i].Group, For: urgent[i]}
	}
	return out
}

// Places is how many groups the budget has a place for now. Groups that were let in within
// the last day and have left may come again beside.
func (l *Line) Places() int {
	const many = 1 << 20
	places := many
	if l.Budget.WIP > 0 {
		places = l.Budget.WIP - len(l.Working)
	}
	if l.Budget.Intake > 0 {
		left := l.Budget.Intake - len(l.Begun)
		places = min(places, max(left, 0))
	}
	return max(places, 0)
}
