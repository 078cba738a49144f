package scope

import (
	"iter"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// Source is what gaps need to know of one configured source.
type Source struct {
	Name  string
	Last  time.Time     // when its newest run or delivery was; zero for never
	Every time.Duration // how often it should report; zero means once a week
}

// Gaps are what scoping doesn't cover.
type Gaps struct {
	Unscoped      int64      `json:"unscoped"`                 // assets that no scope knows: reported, never dropped
	UnscopedFirst []asset.ID `json:"unscoped_first,omitempty"` // the first of them, in the order given
	Unsourced     []string   `json:"unsourced,omitempty"`      // scopes in which no configured source reports any asset
	Quiet         []Quiet    `json:"quiet,omitempty"`          // sources that should have reported
}

// Quiet is a source that missed two reports in a row.
type Quiet struct {
	Source string    `json:"source"`
	Last   time.Time `json:"last,omitzero"` // zero: it never reported
}

// maxUnscoped is how many unscoped assets are named; the others are counted.
const maxUnscoped = 100

// FindGaps looks at every asset once. Merged and retired assets count nowhere, excluded
// ones are no gap.
func FindGaps(assets iter.Seq[asset.Asset], set Set, sources []Source, at time.Time) Gaps {
	var gaps Gaps
	sourced := map[string]bool{}
	configured := func(name string) bool {
		return slices.ContainsFunc(sources, func(s Source) bool { return s.Name == name })
	}
	for a := range assets {
		if a.MergedInto != "" || a.Retired {
			continue
		}
		names := set.Of(a)
		if len(names) == 0 && !set.Excluded(a) {
			if gaps.Unscoped++; len(gaps.UnscopedFirst) < maxUnscoped {
				gaps.UnscopedFirst = append(gaps.UnscopedFirst, a.ID)
			}
		}
		for _, name := range names {
			sourced[name] = sourced[name] || slices.ContainsFunc(a.Sources, configured)
		}
	}
	for i := range set.scopes {
		if name := set.scopes[i].Name; !sourced[name] {
			gaps.Unsourced = append(gaps.Unsourced, name)
		}
	}
	for _, s := range sources {
		every := s.Every
		if every <= 0 {
			every = week
		}
		if at.Sub(s.Last) > 2*every {
			gaps.Quiet = append(gaps.Quiet, Quiet{Source: s.Name, Last: s.Last})
		}
	}
	return gaps
}
