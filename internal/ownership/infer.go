package ownership

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// vote is what the hints say for one team.
type vote struct {
	team    string
	sources []string // each once
	from    string   // of the first hint
	value   string
}

// votes counts the teams that the asset's hints name, the most named first. A source
// counts once for a team, however often it repeats itself.
func (t Tree) votes(hints []asset.OwnerHint) []vote {
	var votes []vote
	best := t.firstRank(hints)
	for _, h := range hints {
		team := t.claims(h.Value)
		if team == "" || h.Rank > best {
			continue
		}
		i := slices.IndexFunc(votes, func(v vote) bool { return v.team == team })
		if i < 0 {
			votes = append(votes, vote{team: team, from: h.From, value: h.Value})
			i = len(votes) - 1
		}
		if !slices.Contains(votes[i].sources, h.Source) {
			votes[i].sources = append(votes[i].sources, h.Source)
		}
	}
	slices.SortFunc(votes, func(a, b vote) int {
		return cmp.Or(cmp.Compare(len(b.sources), len(a.sources)), cmp.Compare(a.team, b.team))
	})
	return votes
}

// firstRank is the rank of the sources that stand first among those whose hints name a team.
func (t Tree) firstRank(hints []asset.OwnerHint) int {
	best := -1
	for _, h := range hints {
		if (best < 0 || h.Rank < best) && t.claims(h.Value) != "" {
			best = h.Rank
		}
	}
	return best
}

// take gives the exposure to the team named most often.
func take(r *Route, votes []vote) {
	first := &votes[0]
	r.Team = first.team
	why := "hint " + first.from + "=" + first.value
	switch {
	case len(votes) > 1:
		r.Confidence = ConfidenceDisputed
		why += ", though another names " + votes[1].team
	case len(first.sources) > 1:
		r.Confidence = ConfidenceAgreed
		why += ", as " + strconv.Itoa(len(first.sources)) + " sources agree"
	default:
		r.Confidence = ConfidenceHint
	}
	r.Path = append(r.Path, why)
}

// claims gives the team that goes by a name; empty for none.
func (t Tree) claims(name string) string {
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

// scoped takes the owner of the first scope by name that has one.
func scoped(r *Route, scopes []scope.Scope) bool {
	var owner, name string
	for i := range scopes {
		if s := &scopes[i]; s.Owner != "" && (name == "" || s.Name < name) {
			owner, name = s.Owner, s.Name
		}
	}
	if owner == "" {
		return false
	}
	r.Team, r.Confidence = owner, ConfidenceScope
	r.Path = append(r.Path, "owner of scope "+name)
	return true
}

// Explanation is how the owner of an asset's exposures is found, for a person to read.
type Explanation struct {
	Route Route
	Lines []string // every node that was asked, indented, with its answer; then the outcome
}

// Explain routes an asset as if for an exposure of which nothing is known, and says what
// each node answered. Nodes that ask about the exposure (check, cve, severity) say no.
func (t Tree) Explain(a asset.Asset, scopes []scope.Scope) Explanation {
	lines := []string{"root: matches everything"}
	if t.root.Team != "" {
		lines[0] += ", default team " + t.root.Team
	}
	w := walk{subject: subject{asset: &a, scopes: scopeNames(scopes), exposure: &exposure.Exposure{}}, lines: &lines}
	r := t.route(&w, &a, scopes)
	for _, h := range a.OwnerHints {
		line := "hint " + h.From + "=" + h.Value
		if h.Source != "" {
			line += " from " + h.Source
		}
		if team := t.claims(h.Value); team != "" {
			line += ": team " + team
			if h.Rank > t.firstRank(a.OwnerHints) {
				line += ", but others come before this source"
			}
		} else {
			line += ": no team goes by that name"
		}
		lines = append(lines, line)
	}
	for i := range scopes {
		if s := &scopes[i]; s.Owner != "" {
			lines = append(lines, "scope "+s.Name+": owner "+s.Owner)
		}
	}
	outcome := "unowned"
	if r.Team != "" {
		outcome = "owner " + r.Team + ", confidence " + strconv.FormatFloat(r.Confidence, 'f', 2, 64)
	}
	lines = append(lines, "=> "+outcome+" ("+r.Path[len(r.Path)-1]+")")
	return Explanation{Route: r, Lines: lines}
}
