package codeowners

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// mostHints is how many clues one repository can use.
const mostHints = 100

// describe gives a repository with the clues of its file.
func describe(repository, text string, skip func(reason string)) (*asset.Description, bool) {
	a := &asset.Description{Kind: asset.Repository, Name: repository, Identifiers: []asset.Identifier{{Kind: asset.RepositoryName, Value: strings.ToLower(repository)}}}
	if strings.Count(repository, "/") < 2 {
		a.Identifiers[0] = asset.Identifier{Kind: asset.Label, Value: repository}
	}
	rules := parse(text, skip)
	named := slices.ContainsFunc(rules, func(r rule) bool { return len(r.owners) > 0 })
	seen := map[string]bool{}
	for _, r := range deciding(rules, skip) {
		for i, o := range r.owners {
			from := "CODEOWNERS " + r.pattern
			if r.section != "" {
				from += " [" + r.section + "]"
			}
			if i > 0 { // one clue of one origin has one value
				from += " " + strconv.Itoa(i+1)
			}
			if from = connectors.Ident(from); seen[from] {
				continue
			}
			if len(a.OwnerHints) >= mostHints {
				skip("owner_beyond_the_limit")
				continue
			}
			seen[from] = true
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: o, From: from})
		}
	}
	return a, named
}

// deciding gives the rules that decide for any path, the most general first. The last
// rule of its section that matches a path decides: one whose own path a later rule takes
// decides nothing.
func deciding(rules []rule, skip func(reason string)) []rule {
	var out []rule
	for i := range rules {
		r := &rules[i]
		overruled := slices.ContainsFunc(rules[i+1:], func(later rule) bool {
			return later.section == r.section && (later.pattern == r.pattern || i < mostCompared && len(rules) <= mostCompared && takes(&later, r))
		})
		switch {
		case overruled:
			skip("rule_overruled_by_a_later_one")
		case len(r.owners) == 0: // takes its paths away from whoever had them
			skip("rule_without_owner")
		default:
			out = append(out, *r)
		}
	}
	slices.SortStableFunc(out, func(a, b rule) int { return breadth(a.pattern) - breadth(b.pattern) })
	return out
}

// takes reports whether a rule matches whatever another one does: a path that stands for
// the other's pattern, with a name that nobody would think of where it has a wildcard.
func takes(later, earlier *rule) bool {
	path := strings.Trim(earlier.pattern, "/")
	if path == "" {
		return false
	}
	path = strings.NewReplacer("**", "quell-any/quell-any", "*", "quell-any", "?", "q").Replace(path)
	paths := []string{path}
	if strings.HasSuffix(earlier.pattern, "/") || !strings.ContainsAny(earlier.pattern, "*?.") {
		paths = append(paths, path+"/quell-any/quell-any") // a folder's contents too
	}
	if !strings.HasPrefix(earlier.pattern, "/") && !strings.Contains(strings.TrimSuffix(earlier.pattern, "/"), "/") {
		paths = append(paths, "quell-any/"+path) // a name alone matches at any depth
	}
	for _, p := range paths {
		if ok, err := later.matches.Match(p); err != nil || !ok {
			return false
		}
	}
	return true
}

// breadth orders patterns: all paths first, then by how deep they lead.
func breadth(pattern string) int {
	if p := strings.Trim(pattern, "/"); p == "*" || p == "**" || p == "" {
		return 0
	}
	return 1 + strings.Count(strings.Trim(pattern, "/"), "/")
}
