package asset

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Limits on what one asset keeps: a source that gives a host a new address every day, or
// lists sixty thousand ports, must not make it grow for ever.
const (
	maxIdentifiers = 256
	maxServices    = 1024
	maxTags        = 256
	maxHints       = 64
)

// NewAsset makes the asset of a description that Resolve found to be new. Its version is 1.
func NewAsset(id ID, d Description, source string, at time.Time) Asset {
	return (*Precedence)(nil).NewAsset(id, d, source, at)
}

// NewAsset makes a new asset, see NewAsset.
func (p *Precedence) NewAsset(id ID, d Description, source string, at time.Time) Asset {
	seen := ms(seenAt(d, at))
	a, _ := p.Absorb(Asset{ID: id, Version: 1, FirstSeen: seen, LastSeen: seen}, d, source, at)
	return a
}

// Absorb adds what a source says of an asset to what is known, where the newest word on
// each field holds, see Precedence.Absorb.
func Absorb(a Asset, d Description, source string, at time.Time) (Asset, bool) {
	return (*Precedence)(nil).Absorb(a, d, source, at)
}

// Absorb adds what a source says of an asset to what is known, each part with where it
// came from. Whose word on a field holds says precedence; what an older description says
// fills gaps. Owner, scopes and version are left alone. It reports whether anything changed.
func (p *Precedence) Absorb(a Asset, d Description, source string, at time.Time) (Asset, bool) {
	before := a
	seen := ms(seenAt(d, at))
	newer := !seen.Before(a.LastSeen)
	ids := names(d, source) // junk was told when the description was resolved

	a.Identifiers = withIdentifiers(a.Identifiers, ids, source, seen)
	a.listen(&d)
	a.hearTags(p, d.Tags, source, seen, newer)
	a.Services = withServices(a.Services, d.Services, source, seen)
	a.OwnerHints = p.withHints(a.OwnerHints, d.OwnerHints, source, seen)
	a.hear(p, &d, source, seen, newer)
	if len(a.Words) == 0 {
		a.Words = before.Words
	}
	if len(a.Identifiers) != len(before.Identifiers) {
		a.settle(p, FieldName, "") // what was a name may turn out to be an identifier
	}
	if a.Name == "" && len(ids) > 0 {
		a.Name = bestName(ids)
	}
	a.Sources = addSorted(a.Sources, source)
	a.live(&d, seen)
	if a.FirstSeen.IsZero() || seen.Before(a.FirstSeen) {
		a.FirstSeen = seen
	}
	if seen.After(a.LastSeen) {
		a.LastSeen = seen
	}
	if a.LastSeen.Equal(before.LastSeen) && reflect.DeepEqual(before, a) { // a later sight alone is a change
		return before, false
	}
	a.UpdatedAt = ms(at)
	return a, true
}

// bestName picks what a person would call the thing by.
func bestName(ids []Identifier) string {
	for _, kind := range []IdentifierKind{FQDN, Hostname, RepositoryName, URLOrigin, CloudResourceID, IP} {
		for _, id := range ids {
			if id.Kind == kind {
				return id.Value
			}
		}
	}
	return ids[0].Value
}

// withIdentifiers adds identifiers, one entry for each source that gives one.
func withIdentifiers(known []Known, ids []Identifier, source string, seen time.Time) []Known {
	out := withRoom(known, len(ids))
	for _, id := range ids {
		k := Known{Identifier: id, Source: source, FirstSeen: seen, LastSeen: seen}
		i, found := slices.BinarySearchFunc(out, k, byKey)
		if !found {
			out = slices.Insert(out, i, k)
			continue
		}
		if seen.Before(out[i].FirstSeen) {
			out[i].FirstSeen = seen
		}
		if seen.After(out[i].LastSeen) {
			out[i].LastSeen = seen
		}
	}
	for len(out) > maxIdentifiers {
		out = slices.Delete(out, stalest(out), stalest(out)+1)
	}
	return out
}

func byKey(a, b Known) int {
	return cmp.Or(byIdentifier(a.Identifier, b.Identifier), strings.Compare(a.Source, b.Source))
}

func byIdentifier(a, b Identifier) int {
	if c := strings.Compare(string(a.Kind), string(b.Kind)); c != 0 {
		return c
	}
	if c := strings.Compare(a.Scope, b.Scope); c != 0 {
		return c
	}
	return strings.Compare(a.Value, b.Value)
}

// stalest is the identifier to forget first: a weak one before a strong one, then the
// one not seen for longest.
func stalest(known []Known) int {
	worst := 0
	for i := range known {
		a, b := &known[i], &known[worst]
		if a.Kind.Strong() != b.Kind.Strong() {
			if !a.Kind.Strong() {
				worst = i
			}
		} else if a.LastSeen.Before(b.LastSeen) {
			worst = i
		}
	}
	return worst
}

func withTags(known, given map[string]string, newer bool) map[string]string {
	var out map[string]string
	for _, k := range slices.Sorted(maps.Keys(given)) {
		old, has := known[k]
		if has && (!newer || old == given[k]) || !has && len(known)+len(out) >= maxTags {
			continue
		}
		if out == nil {
			if out = maps.Clone(known); out == nil {
				out = make(map[string]string, len(given))
			}
		}
		out[k] = given[k]
	}
	if out == nil {
		return known
	}
	return out
}

func withServices(known, given []Service, source string, seen time.Time) []Service {
	out := slices.Clone(known)
	for _, s := range given {
		if s.Source == "" {
			s.Source = source
		}
		if s.SeenAt = ms(s.SeenAt); s.SeenAt.IsZero() {
			s.SeenAt = seen
		}
		i, found := slices.BinarySearchFunc(out, s, byPort)
		switch {
		case !found && len(out) < maxServices:
			out = slices.Insert(out, i, s)
		case found && !s.SeenAt.Before(out[i].SeenAt):
			out[i] = fuller(s, out[i])
		}
	}
	return out
}

// fuller is the newer word on a service; what it doesn't say stays as it was.
func fuller(newer, older Service) Service {
	newer.Name = cmp.Or(newer.Name, older.Name)
	if newer.Product == "" {
		newer.Product, newer.Version = older.Product, cmp.Or(newer.Version, older.Version)
	}
	newer.Tunnel = cmp.Or(newer.Tunnel, older.Tunnel)
	return newer
}

func byPort(a, b Service) int {
	return cmp.Or(cmp.Compare(a.Port, b.Port), strings.Compare(a.Protocol, b.Protocol))
}

// withHints adds clues. Those of a merge bring their source, date and rank along.
func (p *Precedence) withHints(known, given []OwnerHint, source string, seen time.Time) []OwnerHint {
	out := slices.Clone(known)
	for _, h := range given {
		if h.Source == "" {
			h.Source = source
		}
		if source != "" {
			h.At, h.Rank = seen, p.rank(FieldOwner, h.Source)
		}
		// One source's clue of one origin has one value: the latest.
		i := slices.IndexFunc(out, func(o OwnerHint) bool { return o.From == h.From && o.Source == h.Source })
		switch {
		case i >= 0 && h.At.Before(out[i].At):
		case i >= 0:
			out[i] = h
		case len(out) < maxHints:
			out = append(out, h)
		}
	}
	slices.SortStableFunc(out, func(a, b OwnerHint) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.From, b.From))
	})
	return out
}

func addSorted(list []string, s string) []string {
	i, found := slices.BinarySearch(list, s)
	if found || s == "" {
		return list
	}
	return slices.Insert(slices.Clone(list), i, s)
}

// ms is the precision that every store engine keeps.
func ms(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}
