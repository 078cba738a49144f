package exception

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// Wish is an exception as somebody asks for it.
type Wish struct {
	Kind   exposure.State // accepted, mitigated or false_positive
	By     string
	Role   string // of whoever asks, where he asks; empty: as configured
	Via    string
	Reason string
	Until  time.Time // zero: as long as policy allows
	EndsOn []string
}

// RefusedError is why something isn't possible, and whether whoever asked may not do it at all.
type RefusedError struct {
	Why    string
	Denied bool
}

// Error implements error.
func (r *RefusedError) Error() string { return r.Why }

func refuse(format string, args ...any) error {
	return &RefusedError{Why: fmt.Sprintf(format, args...)}
}

// Ask makes a request of a wish, and says whether it takes effect at once, because policy
// asks for nobody's approval, or for no one else's. The request carries the approvals that
// it has already.
func (r *Rules) Ask(e *exposure.Exposure, w Wish, now time.Time) (request exposure.Request, granted bool, err error) {
	rule := r.policy.rule(e)
	quorum, term := rule.Quorum, rule.MaxTerm
	free := w.Kind == exposure.Mitigated && !r.policy.Mitigate
	if w.Kind == exposure.FalsePositive {
		if w.Until.IsZero() && r.policy.Unasked > 0 {
			w.Until = now.Add(min(r.policy.Unasked, term).Std())
			if len(w.EndsOn) == 0 {
				w.EndsOn = []string{exposure.EndsOnEvidence} // it holds for what was looked at
			}
		}
		free = !w.Until.After(now.Add(min(r.policy.Unasked, term).Std())) && !w.Until.IsZero()
	}
	last := now.Add(term.Std())
	switch {
	case w.Until.IsZero():
		w.Until = last
	case w.Until.After(last):
		return request, false, refuse("it can last for %s at most, until %s: what can't be fixed by then is asked for again", term, last.UTC().Format(time.DateOnly))
	}
	if free {
		quorum = 0
	}
	for _, trigger := range r.policy.EndsOn {
		if !slices.Contains(w.EndsOn, trigger) && canHappen(e, trigger, quorum) {
			w.EndsOn = append(slices.Clone(w.EndsOn), trigger)
		}
	}
	request = exposure.Request{
		Kind: w.Kind, By: r.Person(w.By), Reason: w.Reason, At: now, Until: w.Until, EndsOn: w.EndsOn, Digest: exposure.EvidenceDigest(*e),
		KEVThen: e.Decision.Inputs["kev"] == "yes", FixThen: exposure.FixKnown(e), Quorum: quorum, Approvers: r.InWords(e),
		Own: r.policy.SelfApproval, Expires: now.Add(r.policy.ExpireRequest.Std()),
	}
	if quorum > 0 && r.policy.SelfApproval && r.MayApprove(e, w.By, w.Role, now) {
		request.Approvals = []exposure.Approval{{By: request.By, At: now, Via: w.Via}}
	}
	return request, len(request.Approvals) >= quorum, nil
}

// canHappen reports whether what would end an exception can still come to pass.
func canHappen(e *exposure.Exposure, trigger string, quorum int) bool {
	switch trigger {
	case exposure.EndsOnKEV:
		return e.Decision.Inputs["kev"] != "yes"
	case exposure.EndsOnInternet:
		return e.Decision.Inputs["publicly_exposed"] != "yes"
	case exposure.EndsOnFix:
		return !exposure.FixKnown(e)
	case exposure.EndsOnApproverGone:
		return quorum > 0
	}
	return true
}

// Approve gives the approvals that a request has with one more, and how many it takes.
// Policy is asked anew: where the exposure has become more urgent since, it takes what it
// would take now.
func (r *Rules) Approve(e *exposure.Exposure, by, role, via string, now time.Time) (approvals []exposure.Approval, quorum int, err error) {
	q := e.Request
	if q == nil {
		return nil, 0, refuse("no request for an exception waits")
	}
	if !r.MayApprove(e, by, role, now) {
		return nil, 0, &RefusedError{Why: by + " can't approve it: " + ways(r.InWords(e)) + " can", Denied: true}
	}
	rule := r.policy.rule(e)
	if last := q.At.Add(rule.MaxTerm.Std()); q.Until.After(last) {
		return nil, 0, refuse("it has become more urgent since it was asked for, and can last until %s at most now: ask again", last.UTC().Format(time.DateOnly))
	}
	approvals = append(r.Standing(q.Approvals, now), exposure.Approval{By: r.Person(by), At: now, Via: via})
	return approvals, max(q.Quorum, rule.Quorum), nil
}

func ways(words []string) string {
	if len(words) == 0 {
		return "nobody that policy names"
	}
	return strings.Join(words, " or ")
}
