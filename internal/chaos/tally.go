package chaos

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/fault"
)

// What must never be: each line of them has to count zero.
const (
	duplicateTickets  = "duplicate_tickets"
	lostTickets       = "lost_tickets"
	closedUnproven    = "closed_without_proof"
	decisionsTwice    = "decisions_taken_twice"
	decisionsLost     = "decisions_lost"
	messagesTwice     = "messages_told_twice"
	messagesLost      = "messages_lost"
	commentsTwice     = "comments_made_twice"
	ticketsOutOfTune  = "tickets_at_odds_with_their_members"
	livesWithoutAnEnd = "lives_without_an_end"
)

var never = []string{duplicateTickets, lostTickets, closedUnproven, decisionsTwice, decisionsLost, messagesTwice, messagesLost, commentsTwice, ticketsOutOfTune, livesWithoutAnEnd} //nolint:gochecknoglobals // a constant table

// count is so many of a total.
type count struct{ n, of int }

// tally is what was counted, and what was found that must not be.
type tally struct {
	counts   map[string]count
	findings []string
}

func newTally() *tally {
	t := &tally{counts: map[string]count{}}
	for _, name := range never {
		t.counts[name] = count{}
	}
	return t
}

func (t *tally) see(name string, bad bool, format string, args ...any) {
	c := t.counts[name]
	c.of++
	if bad {
		c.n++
		if len(t.findings) < mostFindings {
			t.findings = append(t.findings, name+": "+fmt.Sprintf(format, args...))
		}
	}
	t.counts[name] = c
}

// mostFindings is how many findings are told in words.
const mostFindings = 20

// note counts something that is bound to happen.
func (t *tally) note(name string, n, of int) {
	c := t.counts[name]
	t.counts[name] = count{c.n + n, c.of + of}
}

func (t *tally) add(other *tally) {
	if other == nil {
		return
	}
	for name, c := range other.counts {
		t.note(name, c.n, c.of)
	}
	t.findings = append(t.findings, other.findings[:min(len(other.findings), max(mostFindings-len(t.findings), 0))]...)
}

// print gives one line for each count: first what happened, then what must never.
func (t *tally) print(w io.Writer) {
	if w == nil {
		return
	}
	line := func(name string) {
		_, _ = fmt.Fprintf(w, "chaos %s %d of %d\n", name, t.counts[name].n, t.counts[name].of)
	}
	for _, name := range slices.Sorted(maps.Keys(t.counts)) {
		if !slices.Contains(never, name) {
			line(name)
		}
	}
	for _, name := range never {
		line(name)
	}
	for _, f := range t.findings {
		_, _ = fmt.Fprintln(w, "  "+f)
	}
}

// verdict is an error where something happened that must never.
func (t *tally) verdict() error {
	var broken []string
	for _, name := range never {
		if c := t.counts[name]; c.n > 0 {
			broken = append(broken, fmt.Sprintf("%s %d of %d", name, c.n, c.of))
		}
	}
	if len(broken) > 0 {
		return fault.New(fault.Internal, "counting in the vendors' ledgers: %s", strings.Join(broken, ", "))
	}
	return nil
}
