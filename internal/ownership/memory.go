package ownership

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/scope"
)

// Tally counts what was seen of one team with regard to one feature.
type Tally struct {
	Fixed   int       `json:"fixed,omitempty"`   // its tickets that closed with proof
	Claimed int       `json:"claimed,omitempty"` // it said that it owns something
	Given   int       `json:"given,omitempty"`   // a person gave it something
	Refused int       `json:"refused,omitempty"` // it said "not ours"
	Taken   int       `json:"taken,omitempty"`   // a person gave to another team what it had
	Silent  int       `json:"silent,omitempty"`  // tickets of which it left all reminders unanswered, and still does
	Last    time.Time `json:"last,omitzero"`     // when the newest was of what speaks for it: fixed, claimed, given
	Against time.Time `json:"against,omitzero"`  // … and of what speaks against it; each ages by itself
}

func (t Tally) plus(o Tally) Tally {
	t.Fixed += o.Fixed
	t.Claimed += o.Claimed
	t.Given += o.Given
	t.Refused += o.Refused
	t.Taken += o.Taken
	t.Silent = max(0, t.Silent+o.Silent) // the asset may have got a feature between a silence and the answer that ends it
	if o.Last.After(t.Last) {
		t.Last = o.Last
	}
	if o.Against.After(t.Against) {
		t.Against = o.Against
	}
	return t
}

// newest is when the newest of it was.
func (t Tally) newest() time.Time {
	if t.Against.After(t.Last) {
		return t.Against
	}
	return t.Last
}

// Count is a tally with what it is about.
type Count struct {
	Feature string `json:"feature"` // asset:ID, account:…, domain:…, subnet:ZONE|…, hint:FROM=VALUE, fix:…
	Team    string `json:"team"`
	Tally
}

// Memory is what was learned about who owns what, as of a day. It is immutable, and safe
// for concurrent use: a Tree that remembers it is pure.
type Memory struct {
	at     time.Time
	past   map[string][]seen
	near   map[string][]Share
	digest string
}

// seen is what was seen of a team at a feature, already faded.
type seen struct {
	team                                   string
	fixed, claimed, refused, silent        float64
	wasFixed, wasClaimed, wasRefused, asks int // in full, for explanations
	last, against                          time.Time
}

func (s *seen) right() float64 { return s.fixed + s.claimed }
func (s *seen) wrong() float64 { return s.refused }

// maxRemembered bounds how many tallies are remembered, each some 200 bytes. The newest
// are kept.
const maxRemembered = 500_000

// NewMemory makes a memory of counts, in any order, and of a census of neighbourhoods. It
// thinks of the day of a time: memories of one day are equal if what they remember is.
func (t *Tree) NewMemory(at time.Time, counts iter.Seq[Count], census Census) *Memory {
	m := &Memory{at: at.UTC().Truncate(24 * time.Hour), past: map[string][]seen{}, near: census.shares()}
	type key struct{ feature, team string }
	sums := map[key]Tally{}
	for c := range counts {
		k := key{c.Feature, c.Team}
		sums[k] = sums[k].plus(c.Tally)
	}
	all := make([]Count, 0, len(sums))
	for k, t := range sums {
		all = append(all, Count{Feature: k.feature, Team: k.team, Tally: t})
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(b.newest().Compare(a.newest()), strings.Compare(a.Feature, b.Feature), strings.Compare(a.Team, b.Team))
	})
	all = all[:min(len(all), maxRemembered)]
	hash := sha256.New()
	fmt.Fprintf(hash, "%d\n%s\n", m.at.Unix(), census.digest())
	for i := range all {
		c := &all[i]
		fmt.Fprintf(hash, "%q %q %v\n", c.Feature, c.Team, c.Tally)
		left := func(since time.Time, kind sort, n int) float64 {
			return float64(n) * faded(since, m.at, t.weights().sorts[kind].halfLife)
		}
		m.past[c.Feature] = append(m.past[c.Feature], seen{
			team: c.Team, fixed: left(c.Last, sortFixed, c.Fixed), claimed: left(c.Last, sortClaimed, c.Claimed+c.Given),
			refused: left(c.Against, sortRefused, c.Refused+c.Taken), silent: left(c.Against, sortSilent, c.Silent),
			wasFixed: c.Fixed, wasClaimed: c.Claimed + c.Given, wasRefused: c.Refused + c.Taken, asks: c.Silent, last: c.Last, against: c.Against,
		})
	}
	for _, list := range m.past {
		slices.SortFunc(list, func(a, b seen) int { return strings.Compare(a.team, b.team) })
	}
	m.digest = hex.EncodeToString(hash.Sum(nil)[:8])
	return m
}

// At is the day that the memory thinks of.
func (m *Memory) At() time.Time { return m.at }

// Digest names what is remembered: equal digests infer alike.
func (m *Memory) Digest() string { return m.digest }

// Remembering gives the tree what was learned so far. Evidence ages up to the memory's day.
func (t *Tree) Remembering(m *Memory) Tree {
	out := *t
	out.memory = m
	return out
}

// Memory is what the tree remembers; nil for nothing.
func (t *Tree) Memory() *Memory { return t.memory }

// asOf is the day that the tree thinks of; zero for none.
func (t *Tree) asOf() time.Time {
	if t.memory == nil {
		return time.Time{}
	}
	return t.memory.at
}

// faded is the part of its weight that evidence of a date has left: half of it for each
// half-life. What has no date, or dates from the day itself, is whole.
func faded(since, at time.Time, halfLife scope.Duration) float64 {
	if halfLife <= 0 || since.IsZero() || at.IsZero() || !at.After(since) {
		return 1
	}
	return math.Exp2(-float64(at.Sub(since)) / float64(halfLife))
}
