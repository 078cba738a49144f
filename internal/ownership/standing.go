package ownership

import (
	"slices"
	"strings"
	"time"
)

// person is somebody by one of his names.
type person struct {
	name  string
	teams []string // sorted
}

// byName are the people under all the names by which sources and chats know them. A name
// that two people go by is nobody's.
func byName(c *Config) map[string]person {
	if len(c.People) == 0 {
		return nil
	}
	out, twice := map[string]person{}, map[string]bool{}
	for i := range c.People {
		p := &c.People[i]
		known := person{name: p.Name}
		for k := range c.Teams {
			if slices.Contains(c.Teams[k].Members, p.Name) {
				known.teams = append(known.teams, c.Teams[k].Name)
			}
		}
		slices.Sort(known.teams)
		for _, name := range append([]string{p.Name, p.Email, p.Slack, p.Jira}, p.Aliases...) {
			name = strings.ToLower(strings.TrimPrefix(name, "@"))
			if other, taken := out[name]; taken && other.name != p.Name {
				twice[name] = true
			}
			if name != "" {
				out[name] = known
			}
		}
	}
	for name := range twice {
		delete(out, name)
	}
	return out
}

// leavers are the people with a last day, and that day.
func leavers(people []Person) map[string]time.Time {
	var out map[string]time.Time
	for i := range people {
		if at, err := time.Parse(time.DateOnly, people[i].Left); err == nil {
			if out == nil {
				out = map[string]time.Time{}
			}
			out[people[i].Name] = at
		}
	}
	return out
}

// left reports whether a person is no longer there at the time that the tree thinks of.
// A tree that thinks of no time knows of nobody who left.
func (t *Tree) left(name string) bool {
	at, ok := t.leavers[name]
	return ok && !t.asOf().IsZero() && !t.asOf().Before(at)
}

// Active reports whether a team can own something: it is configured, and not all of its
// members have left. A team that names no members is believed to have some.
func (t *Tree) Active(team string) bool {
	known, ok := t.teams[team]
	if !ok {
		return false
	}
	if len(t.leavers) == 0 || len(known.Members) == 0 {
		return true
	}
	return slices.ContainsFunc(known.Members, func(name string) bool { return !t.left(name) })
}

// Gone says in words why a team can't own anything any more; empty for one that can. A
// tree without any teams judges nobody's.
func (t *Tree) Gone(team string) string {
	_, known := t.teams[team]
	switch {
	case team == "", len(t.teams) == 0, t.Active(team):
		return ""
	case known:
		return "everybody in " + team + " has left"
	}
	return "there is no team " + team + " any more"
}

// Manager gives the person whom unanswered questions to a team go to, empty where it has
// none who is still there.
func (t *Tree) Manager(team string) string {
	name := t.teams[team].Manager
	if name == "" || t.left(name) {
		return ""
	}
	return name
}
