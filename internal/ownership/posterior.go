package ownership

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Evidence is one thing that speaks for a team, or against it.
type Evidence struct {
	Team   string       `json:"team"`
	Kind   EvidenceKind `json:"kind"`
	What   string       `json:"what"`             // in words: tag team=payments, fixed 7 of 8 on this asset
	Weight float64      `json:"weight"`           // log-likelihood ratio, aged and discounted; below zero it speaks against
	At     time.Time    `json:"at,omitzero"`      // of when it is
	Source string       `json:"source,omitempty"` // who says so
	Counts bool         `json:"counts"`           // whether it is the weightiest of its kind for its team, which alone counts
	sort   sort
}

// Candidate is a team that may own something.
type Candidate struct {
	Team       string     `json:"team"`
	Confidence float64    `json:"confidence"` // its posterior probability
	Evidence   []Evidence `json:"evidence"`   // the weightiest first
}

// Why says in a line what counts for the team: the weightiest first, what speaks against
// it at the end.
func (c *Candidate) Why() string {
	var parts []string
	for i := range c.Evidence {
		if e := &c.Evidence[i]; e.Counts {
			parts = append(parts, e.What)
		}
	}
	return strings.Join(parts, ", ")
}

// sum is what the evidence for one team comes to.
type sum struct {
	team  string
	kinds [sorts]float64 // the weightiest of each kind
	odds  float64
	p     float64
}

// inquiry gathers the evidence on one asset, and on an exposure where there is one. It does
// so in numbers first, since most of what is asked a million times over needs no words.
type inquiry struct {
	tree   *Tree
	model  *model
	asset  *asset.Asset
	scopes []scope.Scope
	at     *exposure.Exposure
	sums   []sum
	key    []byte
	words  bool   // write it down, in words, in place of adding it up
	only   string // … of this team alone, and what counts; empty: all
	best   *[sorts]float64
	lines  []Evidence // what was written down
}

// add takes a piece of evidence. What says it in words is only asked for where somebody
// wants to read it.
func (in *inquiry) add(kind sort, e Evidence, what func() string) {
	if e.Weight == 0 || e.Team == "" {
		return
	}
	if in.words {
		if in.only == "" || in.only == e.Team && e.Weight == in.best[kind] {
			e.Kind, e.What, e.sort = in.model.sorts[kind].kind, what(), kind
			in.lines = append(in.lines, e)
		}
		return
	}
	i := slices.IndexFunc(in.sums, func(s sum) bool { return s.team == e.Team })
	if i < 0 {
		in.sums = append(in.sums, sum{team: e.Team})
		i = len(in.sums) - 1
	}
	if slot := &in.sums[i].kinds[kind]; e.Weight > 0 {
		*slot = max(*slot, e.Weight)
	} else {
		*slot = min(*slot, e.Weight)
	}
}

// read writes the evidence for a team down in words; for all teams if none is named.
func (in *inquiry) read(team string) {
	in.words, in.only, in.lines = true, team, in.lines[:0]
	for i := range in.sums {
		if in.sums[i].team == team {
			in.best = &in.sums[i].kinds
		}
	}
	in.gather()
	in.words = false
}

// conclude turns the sums into probabilities, the likeliest team first. Beside the teams
// there is "somebody else", whose odds are one: so the probabilities come to less than one
// together, and weak evidence for the only candidate stays weak.
func (in *inquiry) conclude() {
	limit := caps()
	total := 1.0
	for i := range in.sums {
		s := &in.sums[i]
		var grouped [groups]float64
		for k := range s.kinds {
			grouped[in.model.sorts[k].group] += s.kinds[k]
		}
		s.odds = in.model.odds
		for g, w := range grouped {
			s.odds += max(-limit[g], min(limit[g], w))
		}
		s.p = math.Exp(s.odds)
	}
	// In an order that doesn't depend on how the evidence came, for sums of floats do.
	slices.SortFunc(in.sums, func(a, b sum) int { return cmp.Or(cmp.Compare(b.odds, a.odds), strings.Compare(a.team, b.team)) })
	for i := range in.sums {
		total += in.sums[i].p
	}
	for i := range in.sums {
		in.sums[i].p /= total
	}
}

// inquire adds up all evidence on an asset, and on an exposure where there is one.
func (t *Tree) inquire(a *asset.Asset, scopes []scope.Scope, e *exposure.Exposure) inquiry {
	in := inquiry{tree: t, model: t.weights(), asset: a, scopes: scopes, at: e}
	in.gather()
	in.conclude()
	return in
}

func (in *inquiry) gather() {
	t := in.tree
	in.hints(in.asset.OwnerHints)
	for i := range in.scopes {
		if s := &in.scopes[i]; s.Owner != "" && (len(t.teams) == 0 || t.Active(s.Owner)) {
			in.add(sortScope, Evidence{Team: s.Owner, Weight: in.model.sorts[sortScope].weight},
				func() string { return "owner of scope " + s.Name })
		}
	}
	if t.memory != nil {
		in.recall(in.asset, in.at)
	}
}

// candidates are the teams with the evidence for each, as an explanation shows them.
func (in *inquiry) candidates() []Candidate {
	out := make([]Candidate, len(in.sums))
	for i := range in.sums {
		s := &in.sums[i]
		out[i] = Candidate{Team: s.team, Confidence: hundredths(s.p), Evidence: in.evidence(s.team)}
	}
	return out
}

// evidence is what was written down about a team: for it, then against it, the weightiest
// first, and which of it counts.
func (in *inquiry) evidence(team string) []Evidence {
	var out []Evidence
	for i := range in.lines {
		if in.lines[i].Team == team {
			out = append(out, in.lines[i])
		}
	}
	slices.SortStableFunc(out, func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(sign(b.Weight), sign(a.Weight)), cmp.Compare(math.Abs(b.Weight), math.Abs(a.Weight)),
			strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.What, b.What), strings.Compare(a.Source, b.Source))
	})
	var counted [sorts]bool
	for i := range out {
		out[i].Counts, counted[out[i].sort] = !counted[out[i].sort], true
	}
	return out
}

func sign(w float64) int {
	if w < 0 {
		return -1
	}
	return 1
}
