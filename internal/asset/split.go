package asset

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Split takes identifiers out of an asset, for a thing of their own: what was joined by
// mistake, with no merge to undo. What only the sources of these identifiers said goes with
// them. Both versions are counted up, the new one's from zero; the two never merge again.
func Split(a Asset, ids []Identifier, into ID, by, why string, at time.Time) (rest, part Asset, ev Event, err error) {
	before := a
	rest, part = a, Asset{ID: into, Version: 1, Kind: a.Kind, Zone: a.Zone, Ephemeral: a.Ephemeral, UpdatedAt: ms(at)}
	rest.Identifiers = nil
	for _, k := range a.Identifiers {
		if slices.Contains(ids, k.Identifier) {
			part.Identifiers = append(part.Identifiers, k)
		} else {
			rest.Identifiers = append(rest.Identifiers, k)
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(part.Identifiers, func(k Known) bool { return k.Identifier == id }) {
			return a, Asset{}, ev, fmt.Errorf("splitting an asset: it isn't known by %s", phrase(id))
		}
	}
	switch {
	case len(part.Identifiers) == 0:
		return a, Asset{}, ev, errors.New("splitting an asset: name the identifiers that belong to the other thing")
	case len(rest.Identifiers) == 0:
		return a, Asset{}, ev, errors.New("splitting an asset: nothing would be left that it is known by")
	}
	divide(&rest, &part)
	rest.Version++
	rest.UpdatedAt = ms(at)
	KeepApart(&rest, &part, by, why, at)
	return rest, part, Event{Asset: rest.ID, Seq: rest.Version, Kind: EventSplit, Other: part.ID, Why: why, At: ms(at), Before: &before}, nil
}

// divide gives the part what only its own sources said, and the dates of its identifiers.
func divide(rest, part *Asset) {
	mine, theirs := sourcesOf(part.Identifiers), sourcesOf(rest.Identifiers)
	ids := make([]Identifier, 0, len(part.Identifiers))
	for _, k := range part.Identifiers {
		ids = append(ids, k.Identifier)
		if part.FirstSeen.IsZero() || k.FirstSeen.Before(part.FirstSeen) {
			part.FirstSeen = k.FirstSeen
		}
		if k.LastSeen.After(part.LastSeen) {
			part.LastSeen = k.LastSeen
		}
	}
	part.Name, part.Sources = bestName(ids), mine
	only := func(source string) bool { return slices.Contains(mine, source) && !slices.Contains(theirs, source) }
	rest.Sources = slices.DeleteFunc(slices.Clone(rest.Sources), only)
	rest.Services, part.Services = parted(rest.Services, func(s Service) bool { return only(s.Source) })
	rest.OwnerHints, part.OwnerHints = parted(rest.OwnerHints, func(h OwnerHint) bool { return only(h.Source) })
	rest.Words, part.Words = parted(rest.Words, func(w Word) bool { return only(w.Source) && !strings.HasPrefix(w.Field, "tag:") })
	for _, field := range []string{FieldName, FieldOS, FieldZone, FieldInternet, FieldKind} {
		rest.settle(nil, field, "")
		part.settle(nil, field, "")
	}
	if rest.Name == part.Name { // the name was the other's
		left := make([]Identifier, 0, len(rest.Identifiers))
		for _, k := range rest.Identifiers {
			left = append(left, k.Identifier)
		}
		rest.Name = bestName(left)
	}
}

func parted[T any](list []T, goes func(T) bool) (stays, gone []T) {
	for _, v := range list {
		if goes(v) {
			gone = append(gone, v)
		} else {
			stays = append(stays, v)
		}
	}
	return stays, gone
}

// KeepApart notes on two assets that they are two, and gives the first a new name for the
// births of exposures: some that were born under the old one may belong to the second now,
// which finds them by it.
func KeepApart(a, b *Asset, by, why string, at time.Time) {
	a.Apart = withApart(a.Apart, Apart{Asset: b.ID, Why: why, By: by, At: ms(at)})
	b.Apart = withApart(b.Apart, Apart{Asset: a.ID, Why: why, By: by, At: ms(at)})
	old := a.BirthID()
	b.Former = union(b.Former, union(a.Births(), []ID{old}))
	a.Former = union(a.Former, []ID{old})
	a.Born = nextBorn(old)
}

// nextBorn counts the names for births: X, X~1, X~2.
func nextBorn(old ID) ID {
	base, count, _ := strings.Cut(string(old), "~")
	n, err := strconv.Atoi(count)
	if err != nil {
		n = 0 // the first
	}
	return ID(base + "~" + strconv.Itoa(n+1))
}

// sourcesOf are the sorted names of the sources that vouch for identifiers.
func sourcesOf(known []Known) []string {
	var out []string
	for _, k := range known {
		out = addSorted(out, k.Source)
	}
	return out
}

// HomeOf says whether an exposure that was found on the first of two assets belongs to the
// second, now that they are apart: by where it was born; else by its sources, where all of
// them know the second alone.
func HomeOf(a, b Asset, birth ID, sources []string) ID {
	own := func(x Asset) bool { return birth == x.ID || slices.Contains(x.Aliases, birth) }
	switch {
	case own(b):
		return b.ID
	case own(a) && birth != a.ID:
		return a.ID
	}
	for _, source := range sources {
		if !slices.Contains(b.Sources, source) || slices.Contains(a.Sources, source) {
			return a.ID
		}
	}
	if len(sources) == 0 {
		return a.ID
	}
	return b.ID
}
