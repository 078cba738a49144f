package ownership

import (
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// origins says of which kind a hint is, by how its origin begins, as connectors write it
// ("tag team", "spec.owner of component:default/shop"). The first that fits counts; what
// fits none is a field of some inventory.
func origins() []origin {
	return []origin{
		{"tag created", sortPerson}, {"tag creator", sortPerson}, {"tag launched", sortPerson},
		{"tag ", sortTag}, {"tag", sortTag}, {"resource group tag ", sortTag}, {"owner tag", sortTag},
		{"label ", sortLabel}, {"annotation ", sortLabel},
		{"spec.owner", sortCatalogue}, {"ownedby", sortCatalogue}, {"relation ", sortCatalogue},
		{"codeowners", sortCode}, {"repository owner", sortPerson},
		{"assignee", sortPerson}, {"device mapping", sortPerson}, {"last logged", sortPerson}, {"creator", sortPerson}, {"createdby", sortPerson},
		{"agent group", sortPerson}, {"administrator's note", sortPerson}, {"account", sortPerson},
	}
}

// origin is how the origins of one kind of hints begin.
type origin struct {
	begins string
	kind   sort
}

// kindOf says of which kind the evidence of a hint is.
func (m *model) kindOf(from string) sort {
	for i := range m.origins {
		o := &m.origins[i]
		if len(from) >= len(o.begins) && strings.EqualFold(from[:len(o.begins)], o.begins) {
			return o.kind
		}
	}
	return sortInventory
}

// perRank is what a hint weighs less for each rank that its source stands back by
// precedence: two ranks take most of it.
const perRank = 1.5

// A hint that names a person says less than one that names a team: people change teams,
// and are in several.
const throughPerson = 0.8

// patience is how many hits and misses a hint's own worth is believed over what was seen
// of it: a tag that was wrong twice and never right weighs two thirds.
const patience = 4.0

// hints gathers what the hints of an asset say. A hint that was refuted weighs less, by
// how often it was right and how often wrong.
func (in *inquiry) hints(hints []asset.OwnerHint) {
	for i := range hints {
		h := &hints[i]
		if h.Value == "" {
			continue
		}
		kind := in.model.kindOf(h.From)
		spec := &in.model.sorts[kind]
		weight := max(0, spec.weight-perRank*float64(h.Rank)) * faded(h.At, in.tree.asOf(), spec.halfLife)
		if weight == 0 {
			continue
		}
		if team := in.tree.claims(h.Value); team != "" {
			in.add(kind, Evidence{Team: team, Weight: weight * in.worth(h, team), At: h.At, Source: h.Source}, func() string { return h.From + "=" + h.Value })
			continue
		}
		teams := in.tree.teamsOf(h.Value)
		for _, team := range teams {
			in.add(kind, Evidence{Team: team, Weight: throughPerson * weight * in.worth(h, team) / float64(len(teams)), At: h.At, Source: h.Source},
				func() string { return h.From + "=" + h.Value + ", who is in the team" })
		}
	}
}

// worth is the part of a hint's weight that is left after what was seen of it.
func (in *inquiry) worth(h *asset.OwnerHint, team string) float64 {
	if in.tree.memory == nil {
		return 1
	}
	in.key = hintFeature(in.key[:0], h)
	for _, p := range in.tree.memory.past[string(in.key)] {
		if p.team == team {
			return (patience + p.right()) / (patience + p.right() + p.wrong())
		}
	}
	return 1
}

// claims gives the team that goes by a name; empty for none, and for one that is no more.
func (t *Tree) claims(name string) string {
	team := t.named(name)
	if team == "" || !t.Active(team) {
		return ""
	}
	return team
}

// named gives the team that goes by a name, also one that is no more.
func (t *Tree) named(name string) string {
	if name == "" {
		return ""
	}
	for i := range t.aliases {
		if a := &t.aliases[i]; a.glob.Match(name) {
			return a.team
		}
	}
	return ""
}

// teamsOf gives the teams of the person who goes by a name; none for one who has left.
func (t *Tree) teamsOf(name string) []string {
	if len(t.people) == 0 {
		return nil
	}
	p, ok := t.people[strings.ToLower(strings.TrimPrefix(name, "@"))]
	if !ok || t.left(p.name) {
		return nil
	}
	return t.active(p.teams)
}

func (t *Tree) active(teams []string) []string {
	for i, team := range teams {
		if t.Active(team) {
			continue
		}
		out := append([]string(nil), teams[:i]...)
		for _, other := range teams[i+1:] {
			if t.Active(other) {
				out = append(out, other)
			}
		}
		return out
	}
	return teams
}
