// Package exception says who may accept, mitigate or dismiss what, for how long, and how
// many others have to agree. Pure.
//
// Nothing is excepted for ever: whatever is asked for gets an end within the maximum term
// of its rule. What nobody answers expires and is never approved by waiting.
package exception

import (
	"fmt"
	"slices"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Policy is what is asked of an exception.
type Policy struct {
	Rules         []Rule         `yaml:"rules" json:"rules,omitempty" doc:"How many approvals an exception takes and how long it may last; the first rule that matches counts. Where none does, it takes two approvals and lasts 30d."`
	Approvers     []string       `yaml:"approvers" json:"approvers,omitempty" doc:"Who may approve: owner_manager (the manager of the owning team), scope_owner (the manager of the team that owns a scope of the asset, or its members where it has none), role_approver (whoever has the role approver or admin), or a person as @NAME."`
	SelfApproval  bool           `yaml:"self_approval" json:"self_approval,omitempty" doc:"The requester's own approval counts, if the requester may approve. For a team of one."`
	Mitigate      bool           `yaml:"mitigate" json:"mitigate,omitempty" doc:"That a control mitigates an exposure needs approval too."`
	Unasked       scope.Duration `yaml:"false_positive_unasked" json:"false_positive_unasked,omitempty" doc:"For so long anybody who decides may call an exposure a false positive; for longer it needs approval. Without an end it gets this one."`
	ExpireRequest scope.Duration `yaml:"request_expires" json:"request_expires,omitempty" doc:"A request that nobody has decided on for so long expires. It is never approved by waiting."`
	Remind        scope.Duration `yaml:"remind" json:"remind,omitempty" doc:"How often approvers are reminded of a request that waits for them."`
	EndsOn        []string       `yaml:"ends_on" json:"ends_on,omitempty" doc:"What ends every exception early, whatever was asked for, where it can still happen: kev, internet, evidence, fix, approver_gone."`
}

// Rule is what exceptions of some exposures take.
type Rule struct {
	Decisions  []exposure.DecisionOutcome `yaml:"decisions" json:"decisions,omitempty" doc:"Outcomes that it is for: track, track_star, attend, act. None: any. What isn't decided counts as act."`
	Severities []exposure.Severity        `yaml:"severities" json:"severities,omitempty" doc:"Severities that it is for. None: any."`
	Quorum     int                        `yaml:"quorum" json:"quorum" doc:"How many people have to approve. Zero: an exception takes effect at once."`
	MaxTerm    scope.Duration             `yaml:"max_term" json:"max_term" doc:"How long an exception may last."`
}

// Who may approve.
const (
	OwnerManager = "owner_manager"
	ScopeOwner   = "scope_owner"
	RoleApprover = "role_approver"
)

// ValidApprover reports whether a word says who may approve.
func ValidApprover(who string) bool {
	return slices.Contains([]string{OwnerManager, ScopeOwner, RoleApprover}, who) || len(who) > 1 && who[0] == '@'
}

// DefaultPolicy is the policy of those who configure none.
func DefaultPolicy() Policy {
	return Policy{
		Rules: []Rule{
			{Decisions: []exposure.DecisionOutcome{exposure.Act}, Quorum: 2, MaxTerm: scope.Days(30)},
			{Decisions: []exposure.DecisionOutcome{exposure.Attend}, Quorum: 1, MaxTerm: scope.Days(90)},
			{Quorum: 1, MaxTerm: scope.Days(180)},
		},
		Approvers: []string{OwnerManager, ScopeOwner, RoleApprover},
		Mitigate:  true, Unasked: scope.Days(90), ExpireRequest: scope.Days(14), Remind: scope.Days(3),
		EndsOn: []string{exposure.EndsOnKEV, exposure.EndsOnApproverGone},
	}
}

// strictest counts where no rule matches.
func strictest() Rule { return Rule{Quorum: 2, MaxTerm: scope.Days(30)} }

const (
	maxQuorum = 9
	maxTerm   = 366 // days; nothing is excepted for longer without being looked at
)

// Validate gives every problem of the policy, each a *scope.FieldError.
func (p Policy) Validate() []error {
	var errs []error
	add := func(path, format string, args ...any) {
		errs = append(errs, &scope.FieldError{Path: path, Msg: fmt.Sprintf(format, args...)})
	}
	for i, r := range p.Rules {
		path := fmt.Sprintf("rules[%d]", i)
		for k, o := range r.Decisions {
			if o.Rank() == 0 {
				add(fmt.Sprintf("%s.decisions[%d]", path, k), "%q is not track, track_star, attend or act", o)
			}
		}
		for k, s := range r.Severities {
			if s.Rank() == 0 && s != exposure.SeverityUnknown {
				add(fmt.Sprintf("%s.severities[%d]", path, k), "%q is no severity", s)
			}
		}
		if r.Quorum < 0 || r.Quorum > maxQuorum {
			add(path+".quorum", "must be 0 to %d", maxQuorum)
		}
		if r.MaxTerm <= 0 || r.MaxTerm > scope.Days(maxTerm) {
			add(path+".max_term", "is required, and at most %dd: an exception is looked at again once a year", maxTerm)
		}
	}
	for i, who := range p.Approvers {
		if !ValidApprover(who) {
			add(fmt.Sprintf("approvers[%d]", i), "%q is not %s, %s, %s or a person as @NAME", who, OwnerManager, ScopeOwner, RoleApprover)
		}
	}
	if len(p.Approvers) == 0 {
		add("approvers", "nobody could approve anything")
	}
	if p.Unasked < 0 || p.Unasked > scope.Days(maxTerm) {
		add("false_positive_unasked", "must be at most %dd", maxTerm)
	}
	if p.ExpireRequest <= 0 || p.ExpireRequest > scope.Days(90) {
		add("request_expires", "is required, and at most 90d")
	}
	if p.Remind <= 0 {
		add("remind", "is required, or approvers forget")
	}
	for i, trigger := range p.EndsOn {
		if !slices.Contains(triggers(), trigger) {
			add(fmt.Sprintf("ends_on[%d]", i), "nothing can end every exception on %q", trigger)
		}
	}
	return errs
}

func triggers() []string {
	return []string{exposure.EndsOnKEV, exposure.EndsOnInternet, exposure.EndsOnEvidence, exposure.EndsOnFix, exposure.EndsOnApproverGone}
}

// rule is the first that matches the exposure.
func (p Policy) rule(e *exposure.Exposure) Rule {
	outcome := e.Decision.Outcome
	if outcome == "" {
		outcome = exposure.Act // what isn't known is decided on the worst case
	}
	for _, r := range p.Rules {
		if (len(r.Decisions) == 0 || slices.Contains(r.Decisions, outcome)) && (len(r.Severities) == 0 || slices.Contains(r.Severities, e.Severity)) {
			return r
		}
	}
	return strictest()
}
