package exposure

import (
	"cmp"
	"slices"
	"strings"
)

// PickSurvivor says which of two exposures that turn out to be one stays: the one with a
// ticket, else the admitted one, else the older, else the smaller ID.
func PickSurvivor(a, b Exposure) (survivor, other Exposure) {
	if survives(&b, &a) {
		return b, a
	}
	return a, b
}

func survives(a, b *Exposure) bool {
	for _, better := range [...][2]bool{
		{a.Ticket != "" || a.RemediationID != "", b.Ticket != "" || b.RemediationID != ""},
		{a.Mode == ModeWorkflow, b.Mode == ModeWorkflow},
		{a.FirstSeen.Before(b.FirstSeen), b.FirstSeen.Before(a.FirstSeen)},
	} {
		if better[0] != better[1] {
			return better[0]
		}
	}
	return a.ID < b.ID
}

// TakeOver moves the findings, sights and campaigns of an exposure into the one that
// survives it. Of a source that reported both, the newer sight holds. It reports whether anything
// changed, so that doing it twice is doing it once.
func TakeOver(e, other Exposure) (Exposure, bool) {
	changed := e.joinAll(&other)
	for _, s := range other.Sights {
		i, known := sightOf(e.Sights, s.Source)
		switch {
		case !known:
			e.Sights = slices.Insert(slices.Clone(e.Sights), i, s)
			changed = true
		case s.LastSeen.After(e.Sights[i].LastSeen) || s.CheckedAt.After(e.Sights[i].CheckedAt):
			e.Sights = slices.Clone(e.Sights)
			e.Sights[i] = s
			changed = true
		}
		e.Sources = addSorted(e.Sources, s.Source)
	}
	for _, f := range other.Findings {
		if !slices.ContainsFunc(e.Findings, func(n Finding) bool { return n.Source == f.Source && n.UID == f.UID }) {
			e.Findings = append(slices.Clip(e.Findings), f)
			changed = true
		}
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
