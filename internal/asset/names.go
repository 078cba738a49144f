package asset

import (
	"slices"
	"strings"
)

// FormerNames gives the strong identifiers under which a source says that it has known
// the described asset too, canonical, sorted and without repeats. They are names of it
// as its Identifiers are: looked up, claimed and kept.
func FormerNames(d Description, source string) []Identifier {
	if len(d.SameAs) == 0 {
		return nil
	}
	ids, _ := Usable(Description{Identifiers: d.SameAs, Zone: d.Zone}, source)
	return slices.DeleteFunc(ids, func(id Identifier) bool { return !id.Kind.Strong() })
}

// names are all the identifiers of a description that may be used.
func names(d Description, source string) (ids []Identifier) {
	ids, _ = Usable(d, source)
	return withNames(ids, FormerNames(d, source))
}

func withNames(ids, former []Identifier) []Identifier {
	if len(former) == 0 {
		return ids
	}
	all := slices.Concat(ids, former)
	slices.SortFunc(all, byIdentifier)
	return slices.Compact(all)
}

// toldBy makes a match of a candidate that the source itself says is the same.
func (m *match) toldBy(source string, all, ids []Identifier, c *Asset) {
	var former []string
	for _, id := range all {
		if slices.Contains(ids, id) || !slices.ContainsFunc(c.Identifiers, func(k Known) bool { return k.Identifier == id }) {
			continue
		}
		former = append(former, phrase(id))
		m.agreeing++
		m.rank = min(m.rank, slices.Index(kinds, id.Kind))
	}
	if len(former) == 0 {
		return
	}
	why := source + " says that it was " + strings.Join(former, ", ")
	if m.tier != unmatched && m.why != "" {
		why = m.why + "; " + why
	}
	m.told, m.tier, m.why = true, byStrong, why
}

// facts are the identifiers of a candidate that a conflict can be about. Of one that the
// source says is the same, its own word alone is none: it has just taken it back.
func (m *match) facts(source string) []Identifier {
	if !m.told {
		return identifiersOf(m.asset)
	}
	var out []Identifier
	for _, k := range m.asset.Identifiers {
		if k.Source != source {
			out = append(out, k.Identifier)
		}
	}
	return out
}
