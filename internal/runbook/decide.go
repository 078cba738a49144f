package runbook

import (
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
)

// Decision is what somebody decides on a run that waits.
type Decision string

// The decisions.
const (
	Approve  Decision = "approve"
	Decline  Decision = "decline"
	Withdraw Decision = "withdraw" // by whoever asked
)

// Decider is who decides, and where.
type Decider struct {
	Name   string
	Role   string // where he decides; empty: as people are configured
	Via    string
	Reason string
}

// Decide carries out a decision, and says whether it changed anything: the same again
// doesn't. The error is an *exception.RefusedError.
func (b *Runbook) Decide(r *Run, what Decision, d Decider, now time.Time) (changed bool, err error) {
	name := b.rules.Person(d.Name)
	if what == Approve && r.ApprovedBy(name) || r.repeats(what, name) {
		return false, nil
	}
	if r.State != Requested {
		return false, refuse(false, "it is %s: there is nothing to decide", r.State.words())
	}
	if !now.Before(r.Expires) {
		return false, refuse(false, "it expired on %s: ask again", r.Expires.UTC().Format(time.DateOnly))
	}
	if what == Withdraw {
		if !exposure.SamePerson(r.By, name) {
			return false, refuse(true, "only %s, who asked for it, can withdraw it", r.By)
		}
		r.note(Withdrawn, name, d.Reason, now)
		return true, nil
	}
	if !b.rules.MayApprove(r.subject(), name, d.Role, now) {
		return false, refuse(true, "%s can't decide on it: %s can", name, orNobody(b.InWords(r)))
	}
	switch what {
	case Decline:
		if strings.TrimSpace(d.Reason) == "" {
			return false, refuse(false, "a reason is required: whoever asked is told")
		}
		r.note(Declined, name, d.Reason, now)
	case Approve:
		return true, b.approve(r, name, d, now)
	default:
		return false, refuse(false, "there is no such decision as %q", string(what))
	}
	return true, nil
}

// approve gives one approval. The last one that it takes is what lets the run begin: one
// write, so that nobody can die between the two.
func (b *Runbook) approve(r *Run, name string, d Decider, now time.Time) error {
	if exposure.SamePerson(r.By, name) {
		return refuse(true, "%s asked for it: somebody else has to approve it", name)
	}
	r.Approvals = append(b.rules.Standing(r.Approvals, now), exposure.Approval{By: name, At: now, Via: d.Via})
	r.Quorum = max(r.Quorum, b.Quorum) // it takes what it would take now
	if len(r.Approvals) >= r.Quorum {
		r.note(Approved, name, d.Reason, now)
		return nil
	}
	r.Next = now
	return nil
}

// repeats reports whether the run is as it is because of the same decision by the same
// person.
func (r *Run) repeats(what Decision, name string) bool {
	last := r.Log[len(r.Log)-1]
	ends := map[Decision]State{Decline: Declined, Withdraw: Withdrawn}[what]
	return ends != "" && r.State == ends && exposure.SamePerson(last.By, name)
}

func (s State) words() string { return strings.ReplaceAll(string(s), "_", " ") }

func orNobody(words []string) string {
	if len(words) == 0 {
		return "nobody that the configuration names"
	}
	return strings.Join(words, " or ")
}

func refuse(denied bool, format string, args ...any) error {
	return &exception.RefusedError{Why: fmt.Sprintf(format, args...), Denied: denied}
}

// The ends that come by themselves.

// Expire ends a request that nobody decided on.
func (r *Run) Expire(now time.Time) {
	r.note(Expired, "lifecycle", "nobody decided on it until "+r.Expires.UTC().Format(time.DateOnly), now)
}

// Avoid ends a run that has become pointless.
func (r *Run) Avoid(why string, now time.Time) { r.note(Void, "lifecycle", why, now) }

// Miss ends a run of which nothing was heard in time.
func (r *Run) Miss(now time.Time) {
	why := "the runbook didn't say that it is done"
	switch {
	case r.AnsweredAt.IsZero() && r.State == Approved:
		why = "the runbook could not be reached"
		if r.Problem != "" {
			why += ": " + r.Problem
		}
	case r.State == Started:
		why = "the runbook began, and didn't say that it is done"
	}
	r.note(TimedOut, "lifecycle", why+" until "+r.Deadline.UTC().Format(time.RFC3339), now)
}

// Refuse ends a run that the runbook doesn't take.
func (r *Run) Refuse(why string, now time.Time) {
	r.Problem = plain(why)
	r.note(Failed, r.Runbook, "the runbook refused it: "+why, now)
}

// Judge ends a run whose claim was tested.
func (r *Run) Judge(to State, text string, now time.Time) { r.note(to, "lifecycle", text, now) }
