package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// ClaimInput is a person's word, by closing the ticket, that all members are fixed.
type ClaimInput struct {
	ID string    `json:"id"`
	By string    `json:"by"`
	At time.Time `json:"at"` // of the closing, by the tracker's clock: it tells one closing from another
	// Since is the same by our clock, by which checks are dated; zero: the clocks agree.
	Since time.Time `json:"since,omitzero"`
}

// ClaimResult counts the members that were claimed.
type ClaimResult struct {
	Claimed int `json:"claimed"`
}

// ClaimMembers writes a person's claim on every live member, in batches, and wakes their
// workflows, which take it up. That the closing was seen is recorded last.
func (a *Activities) ClaimMembers(ctx context.Context, in ClaimInput) (ClaimResult, error) {
	members, err := a.members(ctx, in.ID)
	if err != nil {
		return ClaimResult{}, err
	}
	rem := lifecycle.Remediation{ID: in.ID}
	if n, err := a.takeUp(ctx, &rem, members, in.By+" closed its ticket while it waited in the line"); err != nil {
		return ClaimResult{}, err
	} else if n > 0 {
		if members, err = a.members(ctx, in.ID); err != nil {
			return ClaimResult{}, err
		}
	}
	at := in.Since
	if at.IsZero() {
		at = in.At
	}
	claim := exposure.Claim{By: in.By, At: at.UTC().Truncate(time.Millisecond), Note: "closed the ticket", Via: "ticket"}
	written, spent, err := a.claim(ctx, in.ID, members, claim)
	if err != nil {
		return ClaimResult{}, err
	}
	if spent && len(written) == 0 { // whoever closed it learns why it comes back
		if err := a.intend(ctx, in.ID, lifecycle.IntentComment, "spent/"+stamp(claim.At)); err != nil {
			return ClaimResult{}, err
		}
	}
	_, err = a.edit(ctx, in.ID, func(r *lifecycle.Remediation) bool {
		news := in.At.After(r.ClosedSeen)
		if news {
			// The ticket is no longer as we last wrote it, even if it should be as it was then.
			r.ClosedSeen, r.Digest, r.SeenDone = in.At, "", true
		}
		return news
	})
	return ClaimResult{Claimed: len(written)}, err
}

// claim writes a claim on those members of a remediation that it can be about, and wakes
// their workflows. It is spent where a later check has found one of them already.
func (a *Activities) claim(ctx context.Context, remediation string, members []member, claim exposure.Claim) (written []exposure.Exposure, spent bool, err error) {
	written, err = a.touch(ctx, members, func(e *exposure.Exposure) bool {
		if e.RemediationID != remediation || e.Claim != nil {
			return false
		}
		if contradicted(e, claim.At) {
			spent = spent || e.State.Live()
			return false
		}
		switch e.State {
		case exposure.Validating, exposure.Open, exposure.Verifying: // a test that is under way began before the claim
		default:
			return false
		}
		own := claim
		e.Claim = &own
		return true
	})
	if err != nil {
		return nil, false, err
	}
	a.wakeAll(ctx, written, "claimed")
	return written, spent, nil
}

// contradicted reports whether a check made after a claim has found the weakness. Then
// the claim is spent: it may be one that was written before, in an attempt that died.
func contradicted(e *exposure.Exposure, claimed time.Time) bool {
	if v := e.Verdict; v != nil && v.Outcome == exposure.Confirmed && v.CheckedAt.After(claimed) {
		return true
	}
	for i := range e.Sights {
		if s := &e.Sights[i]; s.Presence == exposure.Observed && s.LastSeen.After(claimed) {
			return true
		}
	}
	return false
}

// Finish ends a remediation that has no live member any more. It is not finished if one
// joined or came back meanwhile.
func (a *Activities) Finish(ctx context.Context, in RemediationStep) (bool, error) {
	rem, err := a.remediation(ctx, in.ID)
	if err != nil {
		return false, err
	}
	if rem.Status == lifecycle.RemediationDone && !rem.Wake {
		return true, nil
	}
	members, err := a.members(ctx, in.ID)
	if err != nil {
		return false, err
	}
	if rem.Wake || stand(members).live > 0 {
		return false, nil
	}
	rem.Status, rem.DoneAt = lifecycle.RemediationDone, a.now()
	rem.Version++ // whoever joined since we read has written, and this write is lost to theirs
	rem.UpdatedAt = a.now()
	return a.Journal.SwapRemediation(ctx, rem)
}

// beat tells Temporal that a long activity lives, where it is one.
func beat(ctx context.Context, details ...any) {
	if activity.IsActivity(ctx) {
		activity.RecordHeartbeat(ctx, details...)
	}
}
