package scope

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// Set is scopes made ready to be asked. It is immutable, and safe for concurrent use.
// The zero Set has no scopes.
type Set struct {
	scopes []compiled // sorted by name
	digest string
	needs  needs
}

type compiled struct {
	Scope
	include, exclude []rule
}

// rule is a Rule made ready: patterns and networks parsed.
type rule struct {
	kind, zone, source string
	name, identifier   *Glob
	network            netip.Prefix
	tags               []tagRule
}

type tagRule struct {
	key   string
	value Glob
}

// needs says which parts of an asset some rule looks at.
type needs struct{ names, addrs, ids bool }

// Compile makes a Set, or gives every problem of every scope, each a *FieldError whose
// path starts at the list ("[2].include[0].network").
func Compile(scopes []Scope) (Set, []error) {
	var errs []error
	p := problems{list: &errs}
	var set Set
	seen := map[string]int{}
	for i := range scopes {
		s := &scopes[i]
		at := p.at("[%d]", i)
		s.check(at)
		if first, again := seen[s.Name]; again {
			at.at("name").add("%q names scope [%d] already", s.Name, first)
		} else {
			seen[s.Name] = i
		}
		c := compiled{Scope: *s}
		for k, r := range s.Include {
			c.include = append(c.include, set.needs.rule(r, at.at("include[%d]", k)))
		}
		for k, r := range s.Exclude {
			c.exclude = append(c.exclude, set.needs.rule(r, at.at("exclude[%d]", k)))
		}
		set.scopes = append(set.scopes, c)
	}
	if len(errs) > 0 {
		return Set{}, errs
	}
	slices.SortFunc(set.scopes, func(a, b compiled) int { return strings.Compare(a.Name, b.Name) })
	set.digest = digest(set.Scopes())
	return set, nil
}

func (n *needs) rule(r Rule, p problems) rule {
	out := rule{kind: r.Kind, zone: r.Zone, source: r.Source}
	if r.Kind == "" && r.Name == "" && r.Network == "" && r.Zone == "" && r.Identifier == "" && len(r.Tags) == 0 && r.Source == "" {
		p.add(`an empty rule would match everything: write name: "*" to mean that`)
	}
	if r.Kind != "" && !slices.Contains(kinds(), asset.Kind(r.Kind)) {
		p.at("kind").add("%q is not a kind of asset", r.Kind)
	}
	if r.Name != "" {
		g := NewGlob(r.Name)
		out.name, n.names = &g, true
	}
	if r.Identifier != "" {
		g := NewGlob(r.Identifier)
		out.identifier, n.ids = &g, true
	}
	if r.Network != "" {
		network, err := parseNetwork(r.Network)
		if err != nil {
			p.at("network").add("%v", err)
		}
		out.network, n.addrs = network, true
	}
	for key, value := range r.Tags {
		out.tags = append(out.tags, tagRule{key, NewGlob(value)})
	}
	// A map's order isn't fixed; the order of the tags is no matter, but cheap to fix.
	sort.Slice(out.tags, func(i, j int) bool { return out.tags[i].key < out.tags[j].key })
	return out
}

func kinds() []asset.Kind {
	return []asset.Kind{asset.Host, asset.CloudResource, asset.WebApplication, asset.API, asset.ContainerImage,
		asset.Repository, asset.SaaSApplication, asset.Domain, asset.Identity}
}

// Scopes gives copies of the scopes, sorted by name.
func (s Set) Scopes() []Scope {
	out := make([]Scope, len(s.scopes))
	for i := range s.scopes {
		out[i] = s.scopes[i].Scope
	}
	return out
}

// Get gives the scope of a name.
func (s Set) Get(name string) (Scope, bool) {
	i, ok := slices.BinarySearchFunc(s.scopes, name, func(c compiled, name string) int { return strings.Compare(c.Name, name) })
	if !ok {
		return Scope{}, false
	}
	return s.scopes[i].Scope, true
}

// Named gives the scopes of the names that exist, in the order of the names.
func (s Set) Named(names []string) []Scope {
	out := make([]Scope, 0, len(names))
	for _, name := range names {
		if found, ok := s.Get(name); ok {
			out = append(out, found)
		}
	}
	return out
}

// Digest is a hash over all scopes; it doesn't depend on their order.
func (s Set) Digest() string {
	if s.digest == "" {
		return digest([]Scope{})
	}
	return s.digest
}

func digest(scopes []Scope) string {
	b, err := json.Marshal(scopes)
	if err != nil { // every field marshals; a rate that isn't a number was refused
		panic("hashing scopes: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Of gives the sorted names of the scopes that an asset is in; nil for none.
func (s Set) Of(a asset.Asset) []string {
	var names []string
	sub := s.subject(&a)
	for i := range s.scopes {
		c := &s.scopes[i]
		if sub.any(c.include) && !sub.any(c.exclude) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Excluded reports whether an asset is in no scope because one excludes it. Its
// exposures are out of scope; those of an asset that no scope knows are a gap instead.
func (s Set) Excluded(a asset.Asset) bool {
	excluded := false
	sub := s.subject(&a)
	for i := range s.scopes {
		c := &s.scopes[i]
		if !sub.any(c.include) {
			continue
		}
		if !sub.any(c.exclude) {
			return false
		}
		excluded = true
	}
	return excluded
}
