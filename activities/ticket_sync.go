package activities

import (
	"context"
	"slices"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// SyncResult is what a look at the ticket found.
type SyncResult struct {
	Wrote    bool      `json:"wrote,omitempty"`
	Status   string    `json:"status,omitempty"`
	ClosedBy string    `json:"closed_by,omitempty"` // a person moved it to done, which nobody has acted on yet
	ClosedAt time.Time `json:"closed_at,omitzero"`  // by the tracker's clock
	Claimed  time.Time `json:"claimed,omitzero"`    // the same by ours, as near as can be told
	Gone     bool      `json:"gone,omitempty"`      // it was deleted in the tracker
	Again    bool      `json:"again,omitempty"`     // there is more to do because of what was found
}

// SyncTicket looks at the ticket and brings it to what it should be. Where a person moved
// it to done while members are live, it leaves it so and says it: that is a claim.
func (a *Activities) SyncTicket(ctx context.Context, in RemediationStep) (SyncResult, error) {
	rem, err := a.remediation(ctx, in.ID)
	if err != nil || rem.Ticket == "" {
		return SyncResult{}, err
	}
	members, err := a.members(ctx, rem.ID)
	if err != nil {
		return SyncResult{}, err
	}
	ctx = a.urgently(ctx, members)
	tracker, err := a.tracker(&rem)
	if err != nil {
		return SyncResult{}, a.afflicted(ctx, &rem, err)
	}
	began := a.now()
	issue, err := tracker.Get(ctx, rem.Ticket)
	if fault.Is(err, fault.NotFound) {
		return a.gone(ctx, &rem)
	}
	if err != nil {
		return SyncResult{}, a.afflicted(ctx, &rem, fault.Wrap(fault.KindOf(err), err, "reading ticket "+rem.Ticket))
	}
	claim := closing(&rem, &issue, began)
	// A closing that nobody has acted on is not yet seen: if we die now, it must be seen again.
	done := issue.Status == connectors.IssueDone && claim.ClosedBy == ""
	if err := a.hear(ctx, &rem, members, issue.UpdatedAt); err != nil { // before what we know of it changes
		return SyncResult{}, err
	}
	if rem, err = a.looked(ctx, &rem, &issue, began, done); err != nil {
		return SyncResult{}, err
	}
	if err := a.label(ctx, &rem, members); err != nil { // who joined while it was being made
		return SyncResult{}, err
	}
	if issue.Status == connectors.IssueInProgress {
		if _, err := a.takeUp(ctx, &rem, members, "somebody works on its ticket"); err != nil {
			return SyncResult{}, err
		}
	}
	if err := a.show(ctx, &rem, members); err != nil {
		return SyncResult{}, err
	}
	again, err := a.tellOverridden(ctx, &rem, &issue)
	if err != nil {
		return SyncResult{}, err
	}
	if claim.ClosedBy != "" && stand(members).unclaimed > 0 {
		claim.Again = again
		return claim, nil
	}
	result, err := a.write(ctx, &rem, tracker, issue, members)
	result.Again = result.Again || again
	return result, err
}

// closing is what it means that a ticket is done: a person says so, and we haven't acted
// on that yet. Closings are told apart by the tracker's clock, which may be far from ours.
// What counts against checks is the time by our own: not later than we read it, and not
// earlier than when we last saw it open.
func closing(rem *lifecycle.Remediation, issue *connectors.Issue, began time.Time) SyncResult {
	if issue.Status != connectors.IssueDone || ours(issue.ClosedBy) {
		return SyncResult{}
	}
	closed := issue.ClosedAt.UTC().Truncate(time.Millisecond) // as it is remembered
	if issue.ClosedAt.IsZero() {
		if rem.SeenDone {
			return SyncResult{} // a tracker that doesn't say when: only the change from open to done is a closing
		}
		if closed = issue.UpdatedAt.UTC().Truncate(time.Millisecond); issue.UpdatedAt.IsZero() || !closed.After(rem.ClosedSeen) {
			closed = began
		}
	}
	if !closed.After(rem.ClosedSeen) {
		return SyncResult{}
	}
	at := closed
	if at.After(began) {
		at = began
	}
	if !rem.SeenDone && at.Before(rem.LookedAt) {
		at = rem.LookedAt
	}
	return SyncResult{Status: string(issue.Status), ClosedBy: issue.ClosedBy, ClosedAt: closed, Claimed: at}
}

// ours reports whether we moved the ticket ourselves.
func ours(closedBy string) bool { return closedBy == "" || closedBy == "quell" }

// maxFormer is how many earlier keys of a ticket are remembered.
const maxFormer = 20

// looked notes that the ticket was read, and what it is called now. What was told of it
// meanwhile is still to be looked at.
func (a *Activities) looked(ctx context.Context, rem *lifecycle.Remediation, issue *connectors.Issue, began time.Time, done bool) (lifecycle.Remediation, error) {
	seen, key := rem.Look, rem.Ticket
	return a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		if r.Ticket != key {
			return false // another look was faster, and found it moved or gone
		}
		if r.Look.Equal(seen) {
			r.Look = time.Time{}
		}
		if issue.Key != "" && issue.Key != key {
			r.Former = append(slices.Clone(r.Former), key)
			r.Former = r.Former[max(0, len(r.Former)-maxFormer):]
			r.Ticket = issue.Key
		}
		if issue.URL != "" {
			r.TicketURL = issue.URL
		}
		r.LookedAt, r.SeenDone, r.Trouble = began, done, nil
		return true
	})
}

// write brings the ticket to what it should be, if it isn't so, or may not be because
// somebody has changed it since we last saw it.
func (a *Activities) write(ctx context.Context, rem *lifecycle.Remediation, tracker connectors.Tracker, issue connectors.Issue, members []member) (SyncResult, error) {
	status := stand(members).status
	want := a.issueOf(rem, members)
	sum := digest(&want, status)
	want.Key, want.Status = issue.Key, "" // people move it, perhaps at this very moment
	kind := lifecycle.IntentUpdate
	switch {
	case status == wantDone && issue.Status != connectors.IssueDone:
		want.Status, kind = connectors.IssueDone, lifecycle.IntentStatus
	case status == wantOpen && issue.Status == connectors.IssueDone:
		want.Status, kind = connectors.IssueTodo, lifecycle.IntentStatus
	}
	touched := !issue.UpdatedAt.Equal(rem.IssueAt)
	if sum == rem.Digest && want.Status == "" && !touched {
		return SyncResult{Status: string(issue.Status)}, nil
	}
	if err := a.begin(ctx, rem.ID, kind, sum); err != nil {
		return SyncResult{}, err
	}
	updated, err := tracker.Update(ctx, want, sum)
	if fault.Is(err, fault.NotFound) {
		return a.gone(ctx, rem)
	}
	if err != nil {
		return SyncResult{}, a.afflicted(ctx, rem, fault.Wrap(fault.KindOf(err), err, "updating ticket "+rem.Ticket))
	}
	// Somebody moved it between our look and our write: that is seen by another look.
	moved := updated.Status != issue.Status && updated.Status != want.Status && updated.Status != ""
	_, err = a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		r.Digest, r.IssueAt, r.SeenDone = sum, issue.UpdatedAt, updated.Status == connectors.IssueDone && !moved
		if !updated.UpdatedAt.IsZero() {
			r.IssueAt = updated.UpdatedAt
		}
		if moved {
			r.Look = a.now()
		}
		return true
	})
	if err == nil {
		err = a.carriedOut(ctx, rem.ID, rem.Ticket, lifecycle.IntentUpdate, lifecycle.IntentStatus)
	}
	return SyncResult{Wrote: true, Status: string(updated.Status), Again: moved}, err
}

func (a *Activities) begin(ctx context.Context, remediation, kind, cause string) error {
	err := a.Journal.BeginIntent(ctx, lifecycle.Intent{
		ID: lifecycle.IntentID(remediation, kind, cause), Version: 1, Remediation: remediation, Kind: kind, Cause: cause, CreatedAt: a.now(),
	})
	return fault.Wrap(fault.KindOf(err), err, "noting what is to be done for remediation "+remediation)
}

// tellOverridden puts into the journal what a person has taken over on the ticket, to be
// said there once for each field.
func (a *Activities) tellOverridden(ctx context.Context, rem *lifecycle.Remediation, issue *connectors.Issue) (told bool, err error) {
	for _, field := range issue.Overridden {
		switch field {
		case "title", "priority", "due", "assignee":
		default:
			continue
		}
		_, fresh, err := a.Journal.PutIntent(ctx, lifecycle.Intent{ID: lifecycle.IntentID(rem.ID, lifecycle.IntentComment, "overridden/"+field), Version: 1,
			Remediation: rem.ID, Kind: lifecycle.IntentComment, Cause: "overridden/" + field, CreatedAt: a.now()})
		if err != nil {
			return false, fault.Wrap(fault.KindOf(err), err, "noting what is to be done for remediation "+rem.ID)
		}
		told = told || fresh
	}
	return told, nil
}
