package asset

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrUnidentified is a description with no usable identifier: which asset it is about
// can't be known, now or at the next report.
var ErrUnidentified = errors.New("no usable identifier")

// Window is how far apart two sights of a weak identifier may be to be of one asset:
// addresses and names are given to other machines in time.
const Window = 30 * 24 * time.Hour

// Resolution says which asset a description is about.
type Resolution struct {
	Into    ID        // the asset, or empty for a new one
	Merge   []ID      // assets that turn out to be the same one, to be merged into Into
	Refused []Refusal // candidates that share an identifier and are not it
	// Leave are identifiers of the description that belong to an asset which a person took
	// apart from Into: the description doesn't bring them back.
	Leave []Identifier
	Why   string // the explanation, one line per piece of evidence
}

// Refusal is a candidate that is not the asset although something points to it.
type Refusal struct {
	Asset ID     `json:"asset"`
	Why   string `json:"why"`
}

// tier is how a candidate matches, best first.
type tier int

const (
	byStrong tier = iota
	byWeak
	byLone
	unmatched
)

// match is one candidate with what speaks for it.
type match struct {
	asset    *Asset
	tier     tier
	rank     int  // of the strongest shared identifier's kind; 0 is strongest
	told     bool // the source itself says so, by SameAs
	agreeing int
	why      string
}

// Resolve decides which of the candidates a source's description is about. The
// candidates are the assets that hold one of its Keys; their order doesn't matter.
//
//   - A shared strong identifier matches. Several assets matched so are one, and merge.
//   - Weak identifiers (MAC, hostname, IP) match inside one network zone, at least two
//     agreeing, each seen there within Window.
//   - A description that has nothing but weak identifiers is the asset on which the same
//     source has seen one of them within Window: else every scan would make a new one.
//   - Whatever speaks for it, an asset with another value of an identifier that one
//     thing has one of is never matched.
//   - Where a source says that it has known the asset under another name (SameAs), what it
//     alone vouches for is no conflict any more: its word can take back its own words, and
//     nobody else's.
//   - Two assets that a person took apart never merge.
func Resolve(d Description, source string, candidates []Asset, at time.Time) (Resolution, error) {
	ids, junk := Usable(d, source)
	if len(ids) == 0 {
		return Resolution{}, fmt.Errorf("resolving asset %q: %w%s", d.Name, ErrUnidentified, because(junk))
	}
	seen := seenAt(d, at)
	all := withNames(ids, FormerNames(d, source))
	var r Resolution
	matches := make([]match, 0, len(candidates))
	for i := range candidates {
		c := &candidates[i]
		if c.MergedInto != "" {
			continue // its survivor stands for it
		}
		m := matchOf(ids, source, c, seen)
		m.toldBy(source, all, ids, c)
		if m.tier == unmatched {
			continue
		}
		if conflict := conflictBetween(all, m.facts(source)); conflict != "" {
			r.Refused = append(r.Refused, Refusal{Asset: c.ID, Why: "not " + string(c.ID) + " although " + m.why + ": " + conflict})
			continue
		}
		matches = append(matches, m)
	}
	slices.SortFunc(matches, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.rank, b.rank), cmp.Compare(b.agreeing, a.agreeing), older(a.asset, b.asset))
	})
	r.join(all, source, matches)
	slices.SortFunc(r.Refused, func(a, b Refusal) int { return strings.Compare(string(a.Asset), string(b.Asset)) })
	r.explain()
	return r, nil
}

// join takes the best match as the asset and merges those of the others that do not
// conflict with all that is known by then.
func (r *Resolution) join(ids []Identifier, source string, matches []match) {
	known := slices.Clone(ids)
	var into *Asset
	joined := make([]*Asset, 0, len(matches))
	lines := make([]string, 0, len(matches))
	for _, m := range matches {
		switch {
		case into == nil:
			into = m.asset
		case m.tier == byLone:
			continue // one weak name is enough to find an asset again, never to merge two
		default:
			conflict := conflictBetween(known, m.facts(source))
			if line, apart := keptApart(joined, m.asset); apart {
				conflict = line
				r.leave(ids, joined, m.asset)
			}
			if conflict != "" {
				r.Refused = append(r.Refused, Refusal{Asset: m.asset.ID, Why: "not merged with " + string(m.asset.ID) + " although " + m.why + ": " + conflict})
				continue
			}
			r.Merge = append(r.Merge, m.asset.ID)
			if older(m.asset, into) < 0 {
				r.Merge[len(r.Merge)-1], into = into.ID, m.asset
			}
		}
		joined = append(joined, m.asset)
		known = append(known, m.facts(source)...)
		lines = append(lines, "is "+string(m.asset.ID)+": "+m.why)
	}
	if into != nil {
		r.Into = into.ID
	}
	slices.Sort(r.Merge)
	r.Why = strings.Join(lines, "\n")
}

func (r *Resolution) explain() {
	lines := append(make([]string, 0, 1+len(r.Refused)), r.Why)
	if r.Into == "" {
		lines[0] = "is new: no known asset matches"
	}
	for _, f := range r.Refused {
		lines = append(lines, f.Why)
	}
	r.Why = strings.Join(lines, "\n")
}

func matchOf(ids []Identifier, source string, c *Asset, seen time.Time) match {
	m := match{asset: c, tier: unmatched, rank: len(kinds)}
	var strong, weak []string
	lone, onlyWeak := "", true
	for _, id := range ids {
		onlyWeak = onlyWeak && !id.Kind.Strong()
		current, sameSource, known := knownBy(c, id, source, seen)
		switch {
		case !known:
		case id.Kind.Strong():
			strong = append(strong, phrase(id))
			m.rank = min(m.rank, slices.Index(kinds, id.Kind))
		case current:
			weak = append(weak, phrase(id))
			if sameSource && lone == "" {
				lone = phrase(id)
			}
		}
	}
	m.agreeing = len(strong) + len(weak)
	switch {
	case len(strong) > 0:
		m.tier, m.why = byStrong, "same "+strings.Join(strong, ", ")
	case len(weak) >= 2:
		m.tier, m.why = byWeak, "same "+strings.Join(weak, " and ")+" within 30 days"
	case onlyWeak && lone != "":
		m.tier, m.why = byLone, "same "+lone+", seen by "+source+" within 30 days, and nothing else is known"
	}
	return m
}

// knownBy reports whether an asset has an identifier, whether it was seen close enough
// to a time, and whether so by the source itself.
func knownBy(c *Asset, id Identifier, source string, seen time.Time) (current, sameSource, known bool) {
	for i := range c.Identifiers {
		k := &c.Identifiers[i]
		if k.Identifier != id {
			continue
		}
		known = true
		if !seen.After(k.LastSeen.Add(Window)) && !seen.Before(k.FirstSeen.Add(-Window)) {
			current = true
			sameSource = sameSource || k.Source == source
		}
	}
	return current, sameSource, known
}

// kinds ranks the identifier kinds, strongest first.
var kinds = []IdentifierKind{CloudResourceID, CloudInstanceID, AgentID, SourceAssetID, BIOSUUID, SerialNumber, ImageDigest,
	RepositoryName, URLOrigin, FQDN, Label, MAC, Hostname, IP}

// single reports whether one asset has at most one identifier of a kind in one scope, so
// that two different values are two assets.
func (k IdentifierKind) single() bool {
	switch k {
	case CloudResourceID, CloudInstanceID, AgentID, SourceAssetID, BIOSUUID, SerialNumber, ImageDigest, RepositoryName:
		return true
	case URLOrigin, FQDN, Label, MAC, Hostname, IP:
	}
	return false
}

// conflictBetween says which single-valued identifier two sets disagree on.
func conflictBetween(a, b []Identifier) string {
	for _, x := range a {
		if !x.Kind.single() {
			continue
		}
		for _, y := range b {
			if x.Kind == y.Kind && x.Scope == y.Scope && x.Value != y.Value && !slices.Contains(b, x) && !slices.Contains(a, y) {
				return "different " + strings.ReplaceAll(string(x.Kind), "_", " ") + " (" + x.Value + ", " + y.Value + ")"
			}
		}
	}
	return ""
}

func identifiersOf(a *Asset) []Identifier {
	ids := make([]Identifier, len(a.Identifiers))
	for i := range a.Identifiers {
		ids[i] = a.Identifiers[i].Identifier
	}
	return ids
}

// Usable gives the description's identifiers that may be used, canonical, sorted and
// without repeats, and for each of the others why not. What is unique only within a zone
// or a source gets it as its scope, where the source gave none.
func Usable(d Description, source string) (ids []Identifier, junk []string) {
	if len(d.Identifiers) > 0 {
		ids = make([]Identifier, 0, len(d.Identifiers))
	}
	for _, given := range d.Identifiers {
		id, ok, why := Clean(given)
		if !ok {
			junk = append(junk, string(given.Kind)+" "+fmt.Sprintf("%.60q", given.Value)+" is "+why)
			continue
		}
		if id.Scope == "" {
			id.Scope = defaultScope(id, d.Zone, source)
		}
		ids = append(ids, id)
	}
	slices.SortFunc(ids, byIdentifier)
	return slices.Compact(ids), junk
}

func defaultScope(id Identifier, zone, source string) string {
	switch id.Kind {
	case MAC, Hostname, IP:
		return zone
	case AgentID, SourceAssetID, Label:
		return source
	case URLOrigin:
		// http://10.0.0.5 is another machine in another network.
		if u, err := url.Parse(id.Value); err == nil && (private(u.Hostname()) || !strings.ContainsAny(u.Hostname(), ".:")) {
			return zone
		}
	case CloudResourceID, CloudInstanceID, BIOSUUID, SerialNumber, ImageDigest, RepositoryName, FQDN:
	}
	return ""
}

func phrase(id Identifier) string {
	words := strings.ReplaceAll(string(id.Kind), "_", " ") + " " + id.Value
	if id.Scope != "" {
		words += " in " + id.Scope
	}
	return words
}

func because(junk []string) string {
	if len(junk) == 0 {
		return ""
	}
	return " (" + strings.Join(junk[:min(len(junk), 3)], "; ") + ")"
}

func seenAt(d Description, at time.Time) time.Time {
	if d.SeenAt.IsZero() {
		return at
	}
	return d.SeenAt
}

// older orders assets by age, then by ID: the order in which they survive a merge.
func older(a, b *Asset) int {
	return cmp.Or(a.FirstSeen.Compare(b.FirstSeen), strings.Compare(string(a.ID), string(b.ID)))
}

// PickSurvivor says which of two assets stays when they merge: the older, so that
// what refers to an asset seldom has to be followed. The order of the arguments doesn't
// matter.
func PickSurvivor(a, b Asset) (survivor, other Asset) {
	if older(&b, &a) < 0 {
		return b, a
	}
	return a, b
}
