package exception

import (
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

// Rules are a policy with the people whom it speaks of. They are immutable, and safe for
// concurrent use.
type Rules struct {
	policy Policy
	pauses Pauses
	people []ownership.Person
	teams  map[string]ownership.Team
	scopes map[string]string // the owning team by scope
}

// NewRules makes rules of a policy that is valid, the people and the scopes.
func NewRules(p Policy, owners ownership.Config, scopes []scope.Scope) *Rules {
	r := &Rules{policy: p, pauses: DefaultPauses(), people: owners.People, teams: map[string]ownership.Team{}, scopes: map[string]string{}}
	for _, t := range owners.Teams {
		r.teams[t.Name] = t
	}
	for i := range scopes {
		r.scopes[scopes[i].Name] = scopes[i].Owner
	}
	return r
}

// Default are the rules of those who configure neither policy nor people.
func Default() *Rules { return NewRules(DefaultPolicy(), ownership.Config{}, nil) }

// Policy is the policy that they rest on.
func (r *Rules) Policy() Policy { return r.policy }

// person finds a person by name or alias.
func (r *Rules) person(name string) (ownership.Person, bool) {
	for _, p := range r.people {
		if exposure.SamePerson(p.Name, name) || slices.ContainsFunc(p.Aliases, func(a string) bool { return exposure.SamePerson(a, name) }) {
			return p, true
		}
	}
	return ownership.Person{}, false
}

// Person gives the one name that a person has here, however a system calls him.
func (r *Rules) Person(name string) string {
	if p, ok := r.person(name); ok {
		return p.Name
	}
	return strings.TrimSpace(name)
}

// Left reports whether a person is no longer there. Whom nobody configured is.
func (r *Rules) Left(name string, at time.Time) bool {
	p, ok := r.person(name)
	return ok && gone(&p, at)
}

func gone(p *ownership.Person, at time.Time) bool {
	day, err := time.Parse(time.DateOnly, p.Left)
	return err == nil && !at.Before(day)
}

// MayApprove reports whether a person may approve an exception of the exposure, with the
// role that the person has where he decides; empty: as configured. That nobody approves
// twice or what he asked for himself is not its business.
func (r *Rules) MayApprove(e *exposure.Exposure, name, role string, at time.Time) bool {
	p, known := r.person(name)
	if known && gone(&p, at) {
		return false
	}
	if role == "" {
		role = p.Role
	}
	for _, who := range r.policy.Approvers {
		switch who {
		case RoleApprover:
			if role == "approver" || role == "admin" {
				return true
			}
		default:
			if slices.ContainsFunc(r.named(e, who), func(n string) bool { return exposure.SamePerson(n, r.Person(name)) }) {
				return true
			}
		}
	}
	return false
}

// named are the names that an entry of the approvers stands for.
func (r *Rules) named(e *exposure.Exposure, who string) []string {
	switch who {
	case OwnerManager:
		if m := r.teams[e.Owner.Team].Manager; m != "" {
			return []string{m}
		}
		return nil
	case ScopeOwner:
		var names []string
		for _, s := range e.Scopes {
			team := r.teams[r.scopes[s]]
			if team.Manager != "" {
				names = append(names, team.Manager)
			} else {
				names = append(names, team.Members...)
			}
		}
		return names
	case RoleApprover:
		var names []string
		for _, p := range r.people {
			if p.Role == "approver" {
				names = append(names, p.Name)
			}
		}
		return names
	}
	return []string{r.Person(strings.TrimPrefix(who, "@"))}
}

// Approvers are the people, by name, who may approve an exception of the exposure and are
// still there, sorted; but the requester, unless that counts. Others may hold a token of
// the role approver: they are known by nobody until they come.
func (r *Rules) Approvers(e *exposure.Exposure, requester string, at time.Time) []string {
	var names []string
	for _, who := range r.policy.Approvers {
		for _, name := range r.named(e, who) {
			if !r.Left(name, at) && (r.policy.SelfApproval || !exposure.SamePerson(name, r.Person(requester))) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// InWords says who may approve.
func (r *Rules) InWords(e *exposure.Exposure) []string {
	var words []string
	for _, who := range r.policy.Approvers {
		names := r.named(e, who)
		switch {
		case who == RoleApprover:
			words = append(words, "anybody with the role approver")
		case len(names) == 0:
		case who == OwnerManager:
			words = append(words, names[0]+", manager of "+e.Owner.Team)
		case who == ScopeOwner:
			words = append(words, strings.Join(names, ", ")+", for the scope")
		default:
			words = append(words, names[0])
		}
	}
	return words
}

// Standing are the approvals of people who are still there.
func (r *Rules) Standing(approvals []exposure.Approval, at time.Time) []exposure.Approval {
	return slices.DeleteFunc(slices.Clone(approvals), func(a exposure.Approval) bool { return r.Left(a.By, at) })
}

// QuorumGone says who left, where too few of those who approved an exception are still
// there.
func (r *Rules) QuorumGone(x *exposure.Exception, at time.Time) (who string, ok bool) {
	if x == nil || x.Quorum == 0 {
		return "", false
	}
	standing := r.Standing(x.Approvals, at)
	if len(standing) >= x.Quorum || len(standing) == len(x.Approvals) {
		return "", false
	}
	var left []string
	for _, a := range x.Approvals {
		if r.Left(a.By, at) {
			left = append(left, a.By)
		}
	}
	return strings.Join(left, " and "), true
}
