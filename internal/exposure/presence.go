package exposure

import (
	"slices"
	"time"
)

// MarkAbsent records that a run of a source looked, or did not, and did not report the
// weakness: verified_absent, not_observed, not_covered or unreachable (see PresenceAfter).
// It changes the source's sight and the presence, nothing else: silence never closes. A
// look older than the source's last changes nothing, and a look that could not tell does
// not undo one that could.
func MarkAbsent(e Exposure, source, run string, checkedAt time.Time, status PresenceStatus) (Exposure, bool) {
	return MarkApproved(e, source, run, checkedAt, status, "")
}

// MarkApproved is MarkAbsent for a run that the breaker held, with who approved it.
func MarkApproved(e Exposure, source, run string, checkedAt time.Time, status PresenceStatus, by string) (Exposure, bool) {
	if status != VerifiedAbsent {
		by = ""
	}
	return mark(e, source, Sight{Source: source, Presence: status, CheckedAt: ms(checkedAt), Run: run, ApprovedBy: by})
}

// MarkFixed records that a source said explicitly that the weakness is gone, outside of
// a finding that Refresh would take.
func MarkFixed(e Exposure, source, run string, checkedAt time.Time) (Exposure, bool) {
	return mark(e, source, Sight{Source: source, Presence: VerifiedAbsent, CheckedAt: ms(checkedAt), Run: run, Explicit: true})
}

func mark(e Exposure, source string, look Sight) (Exposure, bool) {
	i, known := sightOf(e.Sights, source)
	if !known || look.Presence == Observed {
		return e, false
	}
	s := e.Sights[i]
	switch {
	case look.CheckedAt.Before(s.CheckedAt), !look.CheckedAt.After(s.LastSeen):
		return e, false // history, or the very run that saw it
	case s.Presence == VerifiedAbsent && look.Presence != VerifiedAbsent:
		return e, false
	}
	look.LastSeen = s.LastSeen
	if look == s {
		return e, false
	}
	e.Sights = slices.Clone(e.Sights)
	e.Sights[i] = look
	e.Presence = PresenceOf(e.Sights)
	return e, true
}

// PresenceOf is the presence over all sources: observed while any source observes it,
// verified absent only when every reporting source has verified it, else the most that
// the undecided ones know.
func PresenceOf(sights []Sight) Presence {
	var p Presence
	for i := range sights {
		s := &sights[i]
		switch a, b := presenceRank(s.Presence), presenceRank(p.Status); {
		case a > b:
			p = Presence{Status: s.Presence, At: s.CheckedAt}
		case a == b && s.CheckedAt.After(p.At):
			p.At = s.CheckedAt
		}
	}
	return p
}

// presenceRank says which source's word stands for all of them.
func presenceRank(s PresenceStatus) int {
	switch s {
	case Observed:
		return 5
	case NotObserved:
		return 4
	case Unreachable:
		return 3
	case NotCovered:
		return 2
	case VerifiedAbsent:
		return 1
	}
	return 0
}

// Hydrate brings an exposure's sights up to what the sightings know. An identical report
// touches one sighting per asset and no exposure, so a sight may be older than the last
// run that saw the weakness; guards that compare with the last sight must not be fooled.
func Hydrate(e Exposure, sightings ...Sighting) Exposure {
	for i := range sightings {
		g := &sightings[i]
		at, known := sightOf(e.Sights, g.Source)
		if !known || g.Asset != e.Asset || !g.CheckedAt.After(e.Sights[at].CheckedAt) || !HasKey(g.Keys, e.ID) {
			continue
		}
		e.Sights = slices.Clone(e.Sights)
		e.Sights[at] = Sight{Source: g.Source, Presence: Observed, LastSeen: g.CheckedAt, CheckedAt: g.CheckedAt, Run: g.Run}
		if g.CheckedAt.After(e.LastSeen) {
			e.LastSeen = g.CheckedAt
		}
		e.Presence = PresenceOf(e.Sights)
	}
	return e
}
