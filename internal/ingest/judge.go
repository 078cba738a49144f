package ingest

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
)

// Grounds are what decisions are made on: one snapshot, immutable.
type Grounds struct {
	Policy priority.Policy
	Intel  priority.Intel
	Scopes scope.Set
	Owners ownership.Tree

	decider priority.Decider
}

// Judge is the Assessor: it decides on the grounds that it was given last. Calls on one
// report may see two snapshots; what was decided on the older one is decided anew by the
// reassessment that follows a change of grounds.
type Judge struct{ grounds atomic.Pointer[Grounds] }

// NewJudge makes a judge.
func NewJudge(g Grounds) *Judge {
	j := &Judge{}
	j.Change(g)
	return j
}

// Change gives the judge new grounds. What is remembered of owners stays: whoever changes
// policy or intelligence took his time over it.
func (j *Judge) Change(g Grounds) {
	g.decider = priority.NewDecider(g.Policy)
	for {
		old, next := j.grounds.Load(), g
		if old != nil && old.Owners.Memory() != nil {
			next.Owners = next.Owners.Remembering(old.Owners.Memory())
		}
		if j.grounds.CompareAndSwap(old, &next) {
			return
		}
	}
}

// Remember gives the judge what was learned of owners.
func (j *Judge) Remember(m *ownership.Memory) {
	for {
		old := j.grounds.Load()
		next := *old
		next.Owners = next.Owners.Remembering(m)
		if j.grounds.CompareAndSwap(old, &next) {
			return
		}
	}
}

// Grounds are the present ones.
func (j *Judge) Grounds() Grounds { return *j.grounds.Load() }

// Owners is the tree that it routes with now.
func (j *Judge) Owners() *ownership.Tree { return &j.grounds.Load().Owners }

// Place implements Assessor.
func (j *Judge) Place(a *asset.Asset) bool {
	g := j.grounds.Load()
	scopes := g.Scopes.Of(*a)
	owner := g.Owners.Route(*a, g.Scopes.Named(scopes), exposure.Exposure{}).Team
	changed := !slices.Equal(scopes, a.Scopes) || owner != a.Owner
	if owner != a.Owner || a.OwnerSince.IsZero() {
		a.OwnerSince = a.LastSeen
	}
	a.Scopes, a.Owner = scopes, owner
	return changed
}

// FollowUp is how an exposure of the asset is followed up: what its route says of
// reminders and escalation, and the calendar of whoever owns it; nil: none.
func (j *Judge) FollowUp(e exposure.Exposure, a asset.Asset) (ownership.Options, *calendar.Calendar) {
	g := j.grounds.Load()
	route := g.Owners.Route(a, g.Scopes.Named(a.Scopes), e)
	return route.Options, g.decider.Calendar(g.calendarOf(&e, route.Team))
}

// Hours is the calendar by which a team works; of no team, or of one that names none, the
// policy's. Nil: there is none.
func (j *Judge) Hours(team string) *calendar.Calendar {
	g := j.grounds.Load()
	known, _ := g.Owners.Team(team)
	return g.decider.Calendar(known.Calendar)
}

// calendarOf names the calendar of the team that owns an exposure; empty: the policy's.
func (g *Grounds) calendarOf(e *exposure.Exposure, routed string) string {
	team := routed
	if e.Owner.Manual {
		team = e.Owner.Team
	}
	owner, _ := g.Owners.Team(team)
	return owner.Calendar
}

// Assess implements Assessor.
func (j *Judge) Assess(e exposure.Exposure, a asset.Asset, at time.Time) Assessment {
	g := j.grounds.Load()
	scopes := g.Scopes.Named(a.Scopes)
	routed := g.Owners.Route(a, scopes, e)
	in := priority.Facts(e, a, scopes, g.Intel)
	in.Calendar = g.calendarOf(&e, routed.Team)
	decision, due := g.decider.Decide(in, at)
	out := ""
	if a.Retired {
		out = "its asset retired"
	}
	return Assessment{
		Decision: decision,
		Due:      due,
		Owner:    routed.Owner(),
		Scopes:   a.Scopes,
		Excluded: a.Retired || g.Scopes.Excluded(a),
		Out:      out,
		Released: released(&g.Owners, &e.Owner),
	}
}

// released says why a person's word on an owner no longer holds: the team is no more.
func released(t *ownership.Tree, o *exposure.Owner) string {
	if !o.Manual {
		return ""
	}
	return t.Gone(o.Team)
}
