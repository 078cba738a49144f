package asset

import (
	"slices"
	"time"
)

// Apart is the word of a person that another asset is not this one. It outlives whatever
// speaks for the opposite.
type Apart struct {
	Asset ID        `json:"asset"`
	Why   string    `json:"why"`
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at"`
}

// ApartFrom gives the word that keeps two assets apart, themselves or what was merged
// into them.
func ApartFrom(a, b *Asset) (Apart, bool) {
	if w, ok := a.wordOn(b); ok {
		return w, true
	}
	return b.wordOn(a)
}

func (a *Asset) wordOn(b *Asset) (Apart, bool) {
	for _, w := range a.Apart {
		if w.Asset == b.ID || slices.Contains(b.Aliases, w.Asset) {
			return w, true
		}
	}
	return Apart{}, false
}

// keptApart says which of the assets that are one already a person took apart from another.
func keptApart(joined []*Asset, other *Asset) (line string, apart bool) {
	for _, a := range joined {
		if w, ok := ApartFrom(a, other); ok {
			by := w.By
			if by == "" {
				by = "somebody"
			}
			return by + " said on " + w.At.UTC().Format(time.DateOnly) + " that they are two: " + w.Why, true
		}
	}
	return "", false
}

// leave notes what of a description belongs to the asset that stays apart.
func (r *Resolution) leave(ids []Identifier, joined []*Asset, other *Asset) {
	for _, id := range ids {
		holds := func(a *Asset) bool {
			return slices.ContainsFunc(a.Identifiers, func(k Known) bool { return k.Identifier == id })
		}
		if holds(other) && !slices.ContainsFunc(joined, holds) && !slices.Contains(r.Leave, id) {
			r.Leave = append(r.Leave, id)
		}
	}
}

// withApart adds a word, one for each other asset.
func withApart(list []Apart, w Apart) []Apart {
	if slices.ContainsFunc(list, func(a Apart) bool { return a.Asset == w.Asset }) {
		return list
	}
	return append(slices.Clip(list), w)
}

// BirthID is the name that goes into the identity of an exposure born on the asset now.
// It is the asset's ID until exposures of it are given to another asset: their identities
// stay as they are, so what is seen here from then on needs one of its own.
func (a Asset) BirthID() ID {
	if a.Born != "" {
		return a.Born
	}
	return a.ID
}

// Births are the names, beside BirthID, under which an exposure of the asset may have been
// born: before a merge, or before it was taken apart.
func (a Asset) Births() []ID {
	if len(a.Former) == 0 {
		return a.Aliases
	}
	return union(a.Aliases, a.Former)
}
