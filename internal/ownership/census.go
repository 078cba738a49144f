package ownership

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Share is how many assets of a neighbourhood a team owns.
type Share struct {
	Team  string `json:"team"`
	Count int    `json:"count"`
}

// Census says who owns the assets of each neighbourhood (subnet, domain, account), as far
// as somebody has said so: what was inferred from neighbours is not counted, or an error
// would feed on itself.
type Census struct {
	Places []Place `json:"places,omitempty"` // sorted by feature
}

// Place is one neighbourhood.
type Place struct {
	Feature string  `json:"feature"`
	Owned   int     `json:"owned"`  // assets with an owner that somebody named
	Shares  []Share `json:"shares"` // the largest first
}

const (
	maxPlaces = 100_000 // neighbourhoods in a census; the most populous are kept
	maxShares = 5       // teams of one that are kept
)

// Teller takes a census. It is not safe for concurrent use.
type Teller struct {
	tree   Tree
	places map[string]map[string]int
	buf    []byte
}

// NewTeller begins a census.
func (t *Tree) NewTeller() *Teller {
	return &Teller{tree: t.Remembering(t.memory.blank()), places: map[string]map[string]int{}}
}

// blank is the same day without any memories.
func (m *Memory) blank() *Memory {
	if m == nil {
		return nil
	}
	return &Memory{at: m.at}
}

// Count counts an asset in, with the scopes that it is in.
func (c *Teller) Count(a asset.Asset, scopes []scope.Scope) {
	a.Owner = "" // nobody owns it because he does
	r := c.tree.Route(a, scopes, exposure.Exposure{})
	if r.Team == "" || r.Confidence <= ConfidenceDefault {
		return
	}
	c.buf = features(&a, &exposure.Exposure{}, c.buf, func(s aspect, key []byte) {
		if s != account && s != domain && s != subnet {
			return
		}
		place := c.places[string(key)]
		if place == nil {
			place = map[string]int{}
			c.places[string(key)] = place
		}
		place[r.Team]++
	})
}

// Census is what was counted.
func (c *Teller) Census() Census {
	out := make([]Place, 0, len(c.places))
	for feature, teams := range c.places {
		p := Place{Feature: feature}
		for team, n := range teams {
			p.Owned += n
			p.Shares = append(p.Shares, Share{team, n})
		}
		slices.SortFunc(p.Shares, func(a, b Share) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Team, b.Team)) })
		p.Shares = p.Shares[:min(len(p.Shares), maxShares)]
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Place) int { return cmp.Or(b.Owned-a.Owned, strings.Compare(a.Feature, b.Feature)) })
	out = out[:min(len(out), maxPlaces)]
	slices.SortFunc(out, func(a, b Place) int { return strings.Compare(a.Feature, b.Feature) })
	return Census{Places: out}
}

// everybody stands for all teams of a neighbourhood together.
const everybody = ""

// shares are the places by feature; each list begins with how many are owned at all.
func (c Census) shares() map[string][]Share {
	out := make(map[string][]Share, len(c.Places))
	for i := range c.Places {
		p := &c.Places[i]
		out[p.Feature] = append([]Share{{everybody, p.Owned}}, p.Shares...)
	}
	return out
}

func (c Census) digest() string {
	hash := sha256.New()
	for i := range c.Places {
		fmt.Fprintf(hash, "%q %d %v\n", c.Places[i].Feature, c.Places[i].Owned, c.Places[i].Shares)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}
