package exception

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// KnownTeam says why nothing can be given to a team: it is none of those configured, and
// nobody would ever hear of it. Where no teams are configured any name is one.
func (r *Rules) KnownTeam(name string) error {
	if _, ok := r.teams[name]; ok || len(r.teams) == 0 {
		return nil
	}
	const most = 10
	names := slices.Sorted(maps.Keys(r.teams))
	if like := scope.Nearest(name, names); like != "" {
		return refuse("there is no team %s; did you mean %s?", strconv.Quote(name), like)
	}
	listed := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		listed += ", …"
	}
	return refuse("there is no team %s; there are %s", strconv.Quote(name), listed)
}

// TeamsOf are the teams that a person is in or manages, by name.
func (r *Rules) TeamsOf(person string) []string {
	name := r.Person(person)
	same := func(other string) bool { return exposure.SamePerson(r.Person(other), name) }
	var out []string
	for _, team := range slices.Sorted(maps.Keys(r.teams)) {
		if t := r.teams[team]; t.Manager != "" && same(t.Manager) || slices.ContainsFunc(t.Members, same) {
			out = append(out, team)
		}
	}
	return out
}
