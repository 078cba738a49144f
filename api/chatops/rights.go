package chatops

import (
	"strings"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// What buttons offer beside the lifecycle's decisions.
const (
	kindNotOurs = "not_ours"
	kindShow    = "show"
)

// right is who may take a decision. Approvers may take any that operators may, of every
// team's.
type right struct {
	role    string // the least
	owner   bool   // and be in the team that owns it
	unowned bool   // or nobody owns it
	target  bool   // the team that it goes to must be one's own
}

// rights is the table of who may decide what; docs/slack.md shows it.
func rights() map[string]right {
	return map[string]right{
		kindShow:                              {role: viewer},
		string(lifecycle.DecideClaim):         {role: operator, target: true},
		string(lifecycle.DecideRetest):        {role: operator},
		string(lifecycle.DecideReopen):        {role: operator},
		string(lifecycle.DecideReassign):      {role: operator, owner: true, unowned: true},
		string(lifecycle.DecideFixClaimed):    {role: operator, owner: true, unowned: true},
		kindNotOurs:                           {role: operator, owner: true, unowned: true, target: true}, // likely teams are asked about what nobody owns
		string(lifecycle.DecideSnooze):        {role: operator, owner: true},
		string(lifecycle.DecideFalsePositive): {role: operator, owner: true},
		string(lifecycle.DecideMitigate):      {role: operator, owner: true},
		string(lifecycle.DecideWait):          {role: operator, owner: true},
		string(lifecycle.DecideResume):        {role: operator, owner: true},
		// An exception is asked for, and who may approve it is the policy's to say.
		string(lifecycle.DecideAcceptRisk): {role: operator, owner: true},
		string(lifecycle.DecideApprove):    {role: operator},
		string(lifecycle.DecideDecline):    {role: operator},
		string(lifecycle.DecideWithdraw):   {role: operator},
	}
}

// allowed refuses a decision that a person may not take, and says who may. Owner is the
// team that owns what is decided on, target the one that it is to go to.
func (p *person) allowed(kind, owner, target string) error {
	r, known := rights()[kind]
	what := strings.ReplaceAll(kind, "_", " ")
	switch {
	case !known:
		return fault.New(fault.Invalid, "there is no decision %q", what)
	case !p.may(r.role):
		return fault.New(fault.Denied, "to %s needs the role %s, and you have %s", verb(kind), r.role, p.role)
	case p.may(approver):
		return nil
	case r.target && target != "" && !p.in(target):
		return fault.New(fault.Denied, "you are not in the team %s: claim it for a team of yours, or have an approver give it to them", target)
	case r.owner && owner == "" && !r.unowned:
		return fault.New(fault.Denied, "nobody owns it yet: claim it for your team first, or ask an approver")
	case r.owner && owner != "" && !p.in(owner):
		return fault.New(fault.Denied, "it is %s's: somebody of that team, or an approver, has to %s", owner, verb(kind))
	}
	return nil
}

// verb says a decision in a sentence.
func verb(kind string) string {
	words := map[string]string{
		"accept_risk": "accept its risk", "mark_false_positive": "call it a false positive", "fix_claimed": "claim that it is fixed", "not_ours": "say that it isn't theirs",
		"mitigate": "call it mitigated", "snooze": "put reminders off", "retest": "have it tested again", "claim": "claim it", "reassign": "give it away", "reopen": "reopen it",
		"approve": "approve a request", "decline": "decline a request", "withdraw": "withdraw a request", "show": "see it",
		"wait": "stop its clock", "resume": "let its clock run",
	}
	if text, ok := words[kind]; ok {
		return text
	}
	return strings.ReplaceAll(kind, "_", " ")
}

// done says a decision of somebody else's in the past.
func done(kind string) string {
	words := map[string]string{"assigned": "assigned it", "accept": "accepted its risk", "mitigate": "called it mitigated", "dismiss": "called it a false positive",
		"snoozed": "put its reminders off", "requested": "asked for an exception", "declined": "declined the request", "withdrawn": "withdrew the request", "claim": "claimed that it is fixed", "reopen": "reopened it", "waiting": "stopped its clock", "resumed": "let its clock run", "retest_requested": "asked for a re-test"}
	if text, ok := words[kind]; ok {
		return text
	}
	return strings.ReplaceAll(kind, "_", " ")
}

// offered reports whether the lifecycle knows a decision: what it doesn't is not offered.
func offered(kind string) bool {
	for _, k := range lifecycle.DecisionKinds() {
		if string(k) == kind {
			return true
		}
	}
	return kind == kindShow
}
