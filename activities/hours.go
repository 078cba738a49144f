package activities

import (
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
)

// Hours gives the calendar by which a team works; of no team it is the policy's. Nil:
// there is none, and any hour is as good.
type Hours func(team string) *calendar.Calendar

// worked moves a question to teams into working hours: to when the first of them works.
// What has to be acted on is asked at once. Of no teams it is the policy's calendar.
func (p *Policy) worked(e *exposure.Exposure, teams []string, at time.Time) time.Time {
	if p.hours == nil || e.Decision.Outcome == exposure.Act {
		return at
	}
	return p.hours.first(teams, at)
}

// first is the first time, not before at, at which one of the teams works.
func (h Hours) first(teams []string, at time.Time) time.Time {
	if h == nil {
		return at
	}
	if len(teams) == 0 {
		teams = []string{""}
	}
	var first time.Time
	for _, team := range teams {
		office := h(team)
		if office == nil {
			return at
		}
		if next := office.Next(at); first.IsZero() || next.Before(first) {
			first = next
		}
	}
	return first
}

// unownedTeams are the teams that a rung of the ladder asks, in themselves, by their
// managers or by a person in them; none where it is a channel or the escalation.
func (a *Activities) unownedTeams(e *exposure.Exposure, to string) []string {
	switch to {
	case ownership.ToLikely, ownership.ToManagers:
		likely := e.Owner.Likely[:min(len(e.Owner.Likely), askAtOnce)]
		teams := make([]string, len(likely))
		for i := range likely {
			teams[i] = likely[i].Team
		}
		return teams
	case ownership.ToScope:
		if a.Directory == nil {
			return nil
		}
		return a.Directory.ScopeOwners(e.Scopes)
	}
	if person, ok := strings.CutPrefix(to, "@"); ok {
		return a.teamsOf([]string{person})
	}
	if to == Escalation || strings.HasPrefix(to, "#") {
		return nil
	}
	return []string{to}
}

// teamsOf are the teams of people, each once; none where nobody is in one.
func (a *Activities) teamsOf(people []string) []string {
	var teams []string
	for _, name := range people {
		for _, team := range a.Rules.TeamsOf(name) {
			if !slices.Contains(teams, team) {
				teams = append(teams, team)
			}
		}
	}
	return teams
}
