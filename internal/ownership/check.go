package ownership

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/scope"
)

// maxDepth is deeper than any organization.
const maxDepth = 16

// checker collects every problem of a Config.
type checker struct {
	teams map[string]bool
	errs  []error
}

func (c *checker) add(path, format string, args ...any) {
	c.errs = append(c.errs, &scope.FieldError{Path: path, Msg: fmt.Sprintf(format, args...)})
}

func (c *checker) config(cfg *Config) {
	claimed := map[string]string{}
	for i, team := range cfg.Teams {
		path := fmt.Sprintf("teams[%d]", i)
		switch {
		case !scope.ValidName(team.Name) || team.Name == Escalation:
			c.add(path+".name", "%q can't name a team: use letters, digits, dots, dashes and underscores, and not the word %s", team.Name, Escalation)
		case c.teams[team.Name]:
			c.add(path+".name", "team %q is there already", team.Name)
		}
		c.teams[team.Name] = true
		if team.WIP < -1 {
			c.add(path+".wip", "%d is less than none: use -1 for no limit", team.WIP)
		}
		if team.Intake < -1 {
			c.add(path+".intake", "%d is less than none: use -1 for no limit", team.Intake)
		}
		for k, name := range append([]string{team.Name}, team.Aliases...) {
			where := path + ".name"
			if k > 0 {
				where = fmt.Sprintf("%s.aliases[%d]", path, k-1)
			}
			name = strings.ToLower(name)
			other, taken := claimed[name]
			switch {
			case strings.Trim(name, "*? ") == "":
				c.add(where, "%q would claim every hint", name)
			case taken && other != team.Name:
				c.add(where, "%q is claimed by team %s already", name, other)
			default:
				claimed[name] = team.Name
			}
		}
	}
	if cfg.Defaults.WIP < 0 {
		c.add("defaults.wip", "%d is less than none: use 0 for no limit", cfg.Defaults.WIP)
	}
	if cfg.Defaults.Intake < 0 {
		c.add("defaults.intake", "%d is less than none: use 0 for no limit", cfg.Defaults.Intake)
	}
	c.people(cfg)
	if len(cfg.Route.Match) > 0 || cfg.Route.Continue {
		c.add("route", "the root matches everything: move match and continue to a child")
	}
	c.node(&cfg.Route, "route", 0)
	c.steps(cfg.Unowned, "unowned", ToLikely, ToManagers, ToScope)
	c.inference(&cfg.Inference)
}

// people checks the people, and that the teams name no others.
func (c *checker) people(cfg *Config) {
	known := map[string]bool{}
	for i := range cfg.People {
		p, path := &cfg.People[i], fmt.Sprintf("people[%d]", i)
		switch {
		case !scope.ValidName(p.Name):
			c.add(path+".name", "%q can't name a person: use letters, digits, dots, dashes and underscores", p.Name)
		case known[p.Name]:
			c.add(path+".name", "person %q is there already", p.Name)
		}
		known[p.Name] = true
		if p.Role != "" && !slices.Contains(Roles(), p.Role) {
			c.add(path+".role", "%q is none of %s", p.Role, strings.Join(Roles(), ", "))
		}
		if _, err := time.Parse(time.DateOnly, p.Left); p.Left != "" && err != nil {
			c.add(path+".left", "%q is no day: write it as 2026-11-26", p.Left)
		}
	}
	for i := range cfg.Teams {
		team, path := &cfg.Teams[i], fmt.Sprintf("teams[%d]", i)
		for k, name := range team.Members {
			if !known[name] {
				c.add(fmt.Sprintf("%s.members[%d]", path, k), "there is no %q in people", name)
			}
		}
		if team.Manager != "" && !known[team.Manager] {
			c.add(path+".manager", "there is no %q in people", team.Manager)
		}
	}
}

func (c *checker) node(n *Node, path string, depth int) {
	if depth > maxDepth {
		c.add(path, "the tree is more than %d levels deep", maxDepth)
		return
	}
	for i, text := range n.Match {
		if _, err := parseMatcher(text); err != nil {
			c.add(fmt.Sprintf("%s.match[%d]", path, i), "%v", err)
		}
	}
	if n.Team != "" && !c.teams[n.Team] {
		c.add(path+".team", "there is no team %q in teams", n.Team)
	}
	c.steps(n.Escalation, path+".escalation")
	for i := range n.Children {
		child, where := &n.Children[i], fmt.Sprintf("%s.children[%d]", path, i)
		for k := range n.Children[:i] {
			if before := &n.Children[k]; !before.Continue && covers(before.Match, child.Match) {
				c.add(where, "it can never be reached: children[%d] takes all that it matches", k)
				break
			}
		}
		c.node(child, where, depth+1)
	}
}

// covers reports whether a node with the conditions of a takes everything that one with
// those of b matches, as far as the texts tell: all of a's are among b's.
func covers(a, b []string) bool {
	return !slices.ContainsFunc(a, func(text string) bool { return !slices.Contains(b, text) })
}

func (c *checker) steps(steps []Step, path string, words ...string) {
	for i, s := range steps {
		to := s.To
		if to != Escalation && !slices.Contains(words, to) && !c.teams[to] && (len(to) < 2 || !strings.ContainsAny(to[:1], "@#")) {
			c.add(fmt.Sprintf("%s[%d].to", path, i), "%q is neither a team, nor the word %s, nor a person or channel with @ or # in front", to, Escalation)
		}
		if i > 0 && s.After < steps[i-1].After {
			c.add(fmt.Sprintf("%s[%d].after", path, i), "%s is sooner than the step before", s.After)
		}
	}
}

// CheckScopes gives a *scope.FieldError for every scope whose owner isn't a team.
func (t *Tree) CheckScopes(scopes []scope.Scope) []error {
	c := checker{}
	for i := range scopes {
		if owner := scopes[i].Owner; owner != "" {
			if _, ok := t.teams[owner]; !ok {
				c.add(fmt.Sprintf("[%d].owner", i), "there is no team %q in owners.teams", owner)
			}
		}
	}
	return c.errs
}
