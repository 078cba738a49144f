package bench

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/ownership"
)

// organisation is a made-up house whose data decays: who really owns what, and what its
// tags, its CMDB and its networks say about it.
type organisation struct {
	r      *rand.Rand
	teams  int
	owns   []int // asset → the team that really owns it
	assets []asset.Asset
	config ownership.Config
	day    time.Time
	gone   map[int]int // dissolved team → who took over what it had
	taken  ownership.Census
}

const (
	houseTeams  = 200
	houseAssets = 50_000
	perSystem   = 25 // assets of one system: one team, one namespace, a DNS domain, next to each other
)

func teamName(n int) string { return fmt.Sprintf("team-%03d", n) }

// newOrganisation makes the house. What is known of it is as bad as people report of
// theirs: a third of the assets bears no owner's tag, of the tags one in five is of a team
// that gave the system away; the CMDB knows three in five, and is wrong about a quarter of
// these; its errors come by system, as they do where a reorganisation was never entered.
func newOrganisation(seed uint64, teams, assets int) *organisation {
	o := &organisation{r: rand.New(rand.NewPCG(seed, 1)), teams: teams, day: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), gone: map[int]int{}} //nolint:gosec // a simulation is to be repeated
	o.people()
	for len(o.assets) < assets {
		o.system(min(perSystem, assets-len(o.assets)))
	}
	return o
}

// people makes the teams, of five each. One team in twenty is dissolved: all of its people
// have left, and its systems went to another.
func (o *organisation) people() {
	for n := range o.teams {
		team := ownership.Team{Name: teamName(n), Aliases: []string{fmt.Sprintf("t%03d-*", n)}}
		dissolved := o.r.IntN(20) == 0
		if dissolved {
			o.gone[n] = (n + 1 + o.r.IntN(o.teams-1)) % o.teams
		}
		for p := range 5 {
			name := fmt.Sprintf("person-%03d-%d", n, p)
			person := ownership.Person{Name: name, Email: name + "@example.com"}
			if dissolved || o.r.IntN(8) == 0 {
				person.Left = "2025-09-01"
			}
			o.config.People = append(o.config.People, person)
			team.Members = append(team.Members, name)
		}
		o.config.Teams = append(o.config.Teams, team)
	}
	// People wrote routes for a tenth of the teams' systems, by name.
	for n := range o.teams / 10 {
		o.config.Route.Children = append(o.config.Route.Children, ownership.Node{Match: []string{fmt.Sprintf("name=sys-%03d-*", n)}, Team: teamName(n)})
	}
}

// heir is the team that has what a team had.
func (o *organisation) heir(team int) int {
	for range o.teams {
		next, dissolved := o.gone[team]
		if !dissolved {
			return team
		}
		team = next
	}
	return team
}

// system makes the assets of one system.
func (o *organisation) system(size int) {
	first := o.r.IntN(o.teams)
	owner := o.heir(first)
	if o.r.IntN(5) == 0 { // reorganised: its first team gave it away, and not every record knows
		owner = o.heir(o.r.IntN(o.teams))
	}
	id := len(o.assets) / perSystem
	tagged := first // as the tags were written when it was built
	if o.r.IntN(2) == 0 {
		tagged = owner // and mended since, in every other one
	}
	recorded, inCMDB := first, o.r.IntN(5) < 3
	if o.r.IntN(4) > 0 {
		recorded = owner
	}
	if o.r.IntN(12) == 0 {
		recorded = o.r.IntN(o.teams) // a slip
	}
	person := fmt.Sprintf("person-%03d-%d@example.com", tagged, o.r.IntN(5))
	name := fmt.Sprintf("sys-%03d-%d", first, id)
	written := o.day.AddDate(0, 0, -o.r.IntN(900))
	for n := range size {
		a := asset.Asset{ID: asset.ID(fmt.Sprintf("A%06d", len(o.assets))), Kind: asset.Host, Name: fmt.Sprintf("%s-%d", name, n), Zone: "dc1",
			Identifiers: []asset.Known{
				{Identifier: asset.Identifier{Kind: asset.FQDN, Value: fmt.Sprintf("%s-%d.s%d.example.com", name, n, id)}},
				{Identifier: asset.Identifier{Kind: asset.IP, Value: fmt.Sprintf("10.%d.%d.%d", id/2560%256, id/10%256, 1+(id%10)*perSystem+n)}}}}
		if o.r.IntN(4) > 0 { // clusters report namespaces, machines don't
			a.Tags = map[string]string{"namespace": fmt.Sprintf("ns-%d", id)}
		}
		if o.r.IntN(3) > 0 {
			value := fmt.Sprintf("t%03d-prod", tagged)
			if o.r.IntN(4) == 0 {
				value = person
			}
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: value, From: "tag team", Source: "cloud", At: written})
			if o.r.IntN(2) == 0 { // a second tool that reads the same tags
				a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: value, From: "tag team", Source: "cnapp", At: written})
			}
		}
		if inCMDB && o.r.IntN(10) > 0 {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: teamName(recorded), From: "support_group", Source: "cmdb", At: o.day.AddDate(0, 0, -o.r.IntN(120))})
		}
		if o.r.IntN(6) == 0 { // whoever worked on it last: mostly one of the team
			worker := owner
			if o.r.IntN(3) == 0 {
				worker = o.r.IntN(o.teams)
			}
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: fmt.Sprintf("person-%03d-%d", worker, o.r.IntN(5)), From: "assignee of alert", Source: "repo", At: written})
		}
		o.assets, o.owns = append(o.assets, a), append(o.owns, owner)
	}
}

// reorganise gives so many systems, chosen at random, to other teams. Nothing that is
// written down of them follows.
func (o *organisation) reorganise(systems int) {
	for range systems {
		first := o.r.IntN(len(o.assets)/perSystem) * perSystem
		owner := o.heir(o.r.IntN(o.teams))
		for n := first; n < min(first+perSystem, len(o.assets)); n++ {
			o.owns[n] = owner
		}
	}
}
