package ownership

import (
	"fmt"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// How many cases it takes until what was seen weighs half of what it could: two for what a
// team did, five for whose the neighbours are.
const (
	fewCases      = 2.0
	fewWords      = 0.5 // a person's word about this very asset
	fewNeighbours = 5.0
)

// recall gathers what is remembered of an asset's features.
func (in *inquiry) recall(a *asset.Asset, e *exposure.Exposure) {
	m := in.tree.memory
	if len(m.past) == 0 && len(m.near) == 0 {
		return
	}
	near := nearness()
	in.key = features(a, e, in.key, func(s aspect, key []byte) {
		if list := m.past[string(key)]; list != nil {
			in.happened(s, string(key), list, near[s])
		}
		if list := m.near[string(key)]; list != nil {
			in.neighbours(s, string(key), list)
		}
	})
}

// happened adds what teams did, and refused to do, with what shares a feature.
func (in *inquiry) happened(s aspect, key string, list []seen, near float64) {
	var fixed, claimed float64
	var wasFixed, wasClaimed int
	for i := range list {
		fixed += list[i].fixed
		claimed += list[i].claimed
		wasFixed += list[i].wasFixed
		wasClaimed += list[i].wasClaimed
	}
	weigh := func(kind sort) float64 { return near * in.model.sorts[kind].weight }
	for i := range list {
		o := &list[i]
		if !in.tree.Active(o.team) {
			continue
		}
		if o.fixed > 0 {
			in.add(sortFixed, Evidence{Team: o.team, At: o.last, Weight: weigh(sortFixed) * share(o.fixed, fixed) * often(o.fixed)},
				func() string { return fmt.Sprintf("fixed %d of %d on %s", o.wasFixed, wasFixed, s.words(key)) })
		}
		if o.claimed > 0 {
			few := fewCases
			if s == itself {
				few = fewWords
			}
			in.add(sortClaimed, Evidence{Team: o.team, At: o.last, Weight: weigh(sortClaimed) * share(o.claimed, claimed) * o.claimed / (o.claimed + few)},
				func() string {
					return fmt.Sprintf("claimed or given %d of %d on %s", o.wasClaimed, wasClaimed, s.words(key))
				})
		}
		// A clue that was refuted is worth less by itself, see worth; here it would count twice.
		if o.refused > 0 && s != clue {
			in.add(sortRefused, Evidence{Team: o.team, At: o.against, Weight: -weigh(sortRefused) * share(o.refused, o.refused+o.right()) * often(2*o.refused)},
				func() string { return fmt.Sprintf("refused %d times on %s", o.wasRefused, s.words(key)) })
		}
		if o.silent > 0 {
			in.add(sortSilent, Evidence{Team: o.team, At: o.against, Weight: -weigh(sortSilent) * share(o.silent, o.silent+o.right()) * often(2*o.silent)},
				func() string {
					return fmt.Sprintf("left all reminders of %d tickets unanswered on %s", o.asks, s.words(key))
				})
		}
	}
}

// neighbours adds whose the assets of a neighbourhood are.
func (in *inquiry) neighbours(s aspect, key string, list []Share) {
	kind := sortAccount
	switch s {
	case domain:
		kind = sortDomain
	case subnet:
		kind = sortNetwork
	default:
	}
	owned := list[0].Count
	for _, o := range list[1:] {
		if !in.tree.Active(o.Team) {
			continue
		}
		part := float64(o.Count) / float64(owned)
		in.add(kind, Evidence{Team: o.Team, Weight: in.model.sorts[kind].weight * part * float64(o.Count) / (float64(o.Count) + fewNeighbours)},
			func() string { return fmt.Sprintf("owns %d of %d in %s", o.Count, owned, s.words(key)) })
	}
}

func share(part, whole float64) float64 { return part / whole }

// often grows from nothing to one with how often something was seen.
func often(n float64) float64 { return n / (n + fewCases) }
