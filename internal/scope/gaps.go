package scope

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// GapKind is one way in which scoping doesn't cover something.
type GapKind string

// The gaps, in the order in which they are told.
const (
	GapUnscoped     GapKind = "unscoped"      // assets that no scope knows: reported, never dropped
	GapUnclaimed    GapKind = "saas"          // of these the SaaS applications: mostly somebody's credit card
	GapUnsourced    GapKind = "unsourced"     // scopes in which no configured source reports any asset
	GapLate         GapKind = "late"          // sources that should have reported, or whose report failed
	GapUnowned      GapKind = "unowned"       // assets that nobody owns, each with its deadline
	GapOwnerless    GapKind = "ownerless"     // assets of which no source gives a clue to the owner
	GapSingleSource GapKind = "single_source" // assets that one source alone sees: what it misses is missed
)

// GapKinds are all of them.
func GapKinds() []GapKind {
	return []GapKind{GapUnscoped, GapUnclaimed, GapUnsourced, GapLate, GapUnowned, GapOwnerless, GapSingleSource}
}

// Words is what a gap means, for people.
func (k GapKind) Words() string {
	switch k {
	case GapUnscoped:
		return "assets in no scope"
	case GapUnclaimed:
		return "SaaS applications that no scope claims"
	case GapUnsourced:
		return "scopes that no source reports on"
	case GapLate:
		return "sources that are late"
	case GapUnowned:
		return "assets that nobody owns"
	case GapOwnerless:
		return "assets without a clue to their owner"
	case GapSingleSource:
		return "assets that one source alone sees"
	}
	return string(k)
}

// Source is what gaps need to know of one configured source.
type Source struct {
	Name    string
	Last    time.Time     // when its newest run or delivery was; zero for never
	Every   time.Duration // how often it should report; zero means once a week
	Silent  bool          // it is known to be late, however often it should report
	Problem string        // why its last report failed
}

// GapPage says how much of each gap is told.
type GapPage struct {
	Kind  GapKind // only this one; empty: all
	After string  // Next of the page before; wants Kind
	Limit int     // of each kind; zero means 10

	OwnerWithin time.Duration // how long an asset may be without an owner; zero: no deadline is told
}

// Gap is one kind of gap: how many there are, and the first of them.
type Gap struct {
	Kind  GapKind   `json:"kind"`
	Words string    `json:"words"`
	Count int64     `json:"count"`
	Items []GapItem `json:"items"`
	Next  string    `json:"next,omitempty"` // cursor of those that follow; empty at the end
}

// GapItem is one thing that isn't covered.
type GapItem struct {
	ID   string    `json:"id"` // of an asset; of a scope or a source its name
	Name string    `json:"name,omitempty"`
	Kind string    `json:"kind,omitempty"` // of an asset
	Note string    `json:"note,omitempty"` // what there is of it: its only source, its owner, what failed
	Last time.Time `json:"last,omitzero"`  // when it was last seen or heard of
}

// FindGaps looks at every asset once, in any order. Merged and retired assets count
// nowhere; excluded ones are no gap in the scopes.
func FindGaps(assets iter.Seq[asset.Asset], set Set, sources []Source, at time.Time, page GapPage) []Gap {
	f := newGapFinder(page)
	sourced := map[string]bool{}
	configured := map[string]bool{}
	for _, s := range sources {
		configured[s.Name] = true
	}
	for a := range assets {
		if a.MergedInto != "" || a.Retired {
			continue
		}
		names := set.Of(a)
		f.asset(&a, len(names) == 0 && !set.Excluded(a), at)
		for _, name := range names {
			sourced[name] = sourced[name] || slices.ContainsFunc(a.Sources, func(s string) bool { return configured[s] })
		}
	}
	for i := range set.scopes {
		if name := set.scopes[i].Name; !sourced[name] {
			f.add(GapUnsourced, GapItem{ID: name, Note: set.scopes[i].Owner})
		}
	}
	for _, s := range sources {
		if note, late := s.late(at); late {
			f.add(GapLate, GapItem{ID: s.Name, Note: note, Last: s.Last})
		}
	}
	return f.gaps()
}

// late reports whether a source missed two reports in a row, or its last one failed.
func (s Source) late(at time.Time) (note string, late bool) {
	every := s.Every
	if every <= 0 {
		every = week
	}
	switch {
	case s.Problem != "":
		return "its last report failed: " + s.Problem, true
	case s.Last.IsZero():
		return "it never reported", true
	case s.Silent, at.Sub(s.Last) > 2*every:
		return "it has gone quiet", true
	}
	return "", false
}

// gapFinder counts all and keeps the first of each kind by ID, so that the order in which
// a store gives assets is no matter.
type gapFinder struct {
	page  GapPage
	limit int
	found map[GapKind]*Gap
}

const gapLimit = 10

func newGapFinder(page GapPage) *gapFinder {
	f := &gapFinder{page: page, limit: page.Limit, found: map[GapKind]*Gap{}}
	if f.limit <= 0 {
		f.limit = gapLimit
	}
	for _, k := range GapKinds() {
		if page.Kind == "" || page.Kind == k {
			f.found[k] = &Gap{Kind: k, Words: k.Words(), Items: []GapItem{}}
		}
	}
	return f
}

func (f *gapFinder) asset(a *asset.Asset, lost bool, at time.Time) {
	item := GapItem{ID: string(a.ID), Name: a.Name, Kind: string(a.Kind), Last: a.LastSeen, Note: strings.Join(a.Sources, ", ")}
	if lost {
		f.add(GapUnscoped, item)
		if a.Kind == asset.SaaSApplication {
			f.add(GapUnclaimed, item)
		}
	}
	if len(a.Sources) == 1 {
		f.add(GapSingleSource, item)
	}
	if a.Owner == "" {
		unowned := item
		unowned.Note = f.deadline(a, at)
		f.add(GapUnowned, unowned)
	}
	if len(a.OwnerHints) == 0 {
		if item.Note = "unowned"; a.Owner != "" {
			item.Note = a.Owner + " by the rules alone"
		}
		f.add(GapOwnerless, item)
	}
}

// deadline says until when an asset without an owner is to have one.
func (f *gapFinder) deadline(a *asset.Asset, at time.Time) string {
	if f.page.OwnerWithin <= 0 {
		return ""
	}
	due := a.UnownedSince().Add(f.page.OwnerWithin)
	if at.After(due) {
		return "it should have had an owner since " + due.Format(time.DateOnly)
	}
	return "it is to have an owner by " + due.Format(time.DateOnly)
}

func (f *gapFinder) add(k GapKind, item GapItem) {
	g := f.found[k]
	if g == nil {
		return
	}
	g.Count++
	if f.page.After != "" && item.ID <= f.page.After {
		return
	}
	i, _ := slices.BinarySearchFunc(g.Items, item, func(a, b GapItem) int { return strings.Compare(a.ID, b.ID) })
	if i > f.limit { // one more than asked for tells that there are more
		return
	}
	g.Items = slices.Insert(g.Items, i, item)
	g.Items = g.Items[:min(len(g.Items), f.limit+1)]
}

func (f *gapFinder) gaps() []Gap {
	out := make([]Gap, 0, len(f.found))
	for _, k := range GapKinds() {
		g := f.found[k]
		if g == nil {
			continue
		}
		if len(g.Items) > f.limit {
			g.Items = g.Items[:f.limit]
			g.Next = g.Items[f.limit-1].ID
		}
		out = append(out, *g)
	}
	return out
}
