package exposure

import (
	"cmp"
	"slices"
	"strings"
)

// TakeBack is the way back from TakeOver: an exposure that was merged into another gets
// the newest words of those sources that see its own asset alone. It reports whether
// anything changed, so that doing it twice is doing it once.
func TakeBack(e, from Exposure, mine func(source string) bool) (Exposure, bool) {
	changed := false
	for _, s := range from.Sights {
		i, known := sightOf(e.Sights, s.Source)
		if !mine(s.Source) || known && !s.CheckedAt.After(e.Sights[i].CheckedAt) {
			continue
		}
		e.Sights = slices.Clone(e.Sights)
		if known {
			e.Sights[i] = s
		} else {
			e.Sights = slices.Insert(e.Sights, i, s)
		}
		theirs := func(f Finding) bool { return f.Source == s.Source }
		e.Findings = slices.DeleteFunc(slices.Clone(e.Findings), theirs)
		for _, f := range from.Findings {
			if theirs(f) {
				e.Findings = append(e.Findings, f)
			}
		}
		e.Sources = addSorted(e.Sources, s.Source)
		changed = true
	}
	if !changed {
		return e, false
	}
	slices.SortStableFunc(e.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.UID, b.UID))
	})
	e.Presence = PresenceOf(e.Sights)
	summarize(&e)
	return e, true
}

// Without takes sources away from an exposure that they never saw: they see another asset.
// One that no source would be left of stays as it is.
func Without(e Exposure, theirs func(source string) bool) (Exposure, bool) {
	if !slices.ContainsFunc(e.Sources, theirs) || !slices.ContainsFunc(e.Sources, func(s string) bool { return !theirs(s) }) {
		return e, false
	}
	e.Sources = slices.DeleteFunc(slices.Clone(e.Sources), theirs)
	e.Sights = slices.DeleteFunc(slices.Clone(e.Sights), func(s Sight) bool { return theirs(s.Source) })
	e.Findings = slices.DeleteFunc(slices.Clone(e.Findings), func(f Finding) bool { return theirs(f.Source) })
	e.Presence = PresenceOf(e.Sights)
	summarize(&e)
	return e, true
}
