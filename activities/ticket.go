package activities

import (
	"context"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// TicketResult is a remediation's ticket.
type TicketResult struct {
	Key string `json:"key"`
	URL string `json:"url,omitempty"`
}

func (a *Activities) tracker(r *lifecycle.Remediation) (connectors.Tracker, error) {
	t, ok := a.Trackers[r.Tracker]
	if !ok {
		return nil, fault.New(fault.Unavailable, "looking for the tracker of remediation %s: there is none called %q in the configuration", r.ID, r.Tracker)
	}
	return t, nil
}

// CreateTicket makes the ticket of a remediation, once: intent first, then a search by
// the marker, then the ticket. After an attempt of which we don't know how it ended, the
// search waits until the tracker's index must have seen what it may have made.
func (a *Activities) CreateTicket(ctx context.Context, in RemediationStep) (TicketResult, error) {
	rem, err := a.remediation(ctx, in.ID)
	if err != nil {
		return TicketResult{}, err
	}
	members, err := a.members(ctx, rem.ID)
	if err != nil {
		return TicketResult{}, err
	}
	if rem.Ticket == "" {
		if rem, err = a.findOrCreate(ctx, rem, members); err != nil {
			return TicketResult{}, err
		}
	}
	// An attempt that died may have come so far and no further.
	return TicketResult{rem.Ticket, rem.TicketURL}, a.tellCreated(ctx, &rem, members)
}

func (a *Activities) findOrCreate(ctx context.Context, rem lifecycle.Remediation, members []member) (lifecycle.Remediation, error) {
	tracker, err := a.tracker(&rem)
	if err != nil {
		return rem, err
	}
	attempts, err := a.settled(ctx, &rem, tracker)
	if err != nil {
		return rem, err
	}
	want := issueOf(&rem, members, a.Policy.PublicURL)
	want.Status = connectors.IssueTodo
	written := ""
	issue, err := tracker.FindByMarker(ctx, rem.ID)
	if fault.Is(err, fault.NotFound) {
		if err := a.intend(ctx, rem.ID, lifecycle.IntentCreate, strconv.Itoa(attempts+1)); err != nil {
			return rem, err
		}
		written = digest(&want, stand(members).status)
		issue, err = tracker.Create(ctx, want)
	}
	if err != nil {
		return rem, fault.Wrap(fault.KindOf(err), err, "creating a ticket for "+rem.Owner)
	}
	return a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		r.Ticket, r.TicketURL, r.Digest = issue.Key, issue.URL, written
		return true
	})
}

// settled counts the earlier attempts to create the ticket. While the tracker's search
// can't be trusted to see what the last one may have made, it is an error that says when.
func (a *Activities) settled(ctx context.Context, rem *lifecycle.Remediation, tracker connectors.Tracker) (int, error) {
	intents, err := a.Journal.Intents(ctx, rem.ID)
	if err != nil {
		return 0, fault.Wrap(fault.KindOf(err), err, "reading what was done for remediation "+rem.ID)
	}
	attempts, last := 0, time.Time{}
	for i := range intents {
		if intents[i].Kind == lifecycle.IntentCreate {
			attempts++
			if intents[i].CreatedAt.After(last) {
				last = intents[i].CreatedAt
			}
		}
	}
	if lagging, ok := tracker.(connectors.Lagging); ok && attempts > 0 {
		if wait := lagging.Lag() - a.now().Sub(last); wait > 0 {
			return attempts, &fault.Error{Kind: fault.Unavailable, RetryAfter: wait,
				Msg: "waiting until the tracker's search would find a ticket that the last attempt may have made"}
		}
	}
	return attempts, nil
}

// tellCreated tells of a ticket that is made: the owner, the members, and the journal,
// last, since it is by the journal that one sees whether all is told.
func (a *Activities) tellCreated(ctx context.Context, rem *lifecycle.Remediation, members []member) error {
	if err := a.intend(ctx, rem.ID, lifecycle.IntentNotify, "created/"+rem.Ticket); err != nil {
		return err
	}
	if err := a.label(ctx, rem, members); err != nil {
		return err
	}
	intents, err := a.Journal.Intents(ctx, rem.ID)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading what was done for remediation "+rem.ID)
	}
	for i := range intents {
		if intents[i].Kind == lifecycle.IntentCreate && !intents[i].Done {
			if err := a.Journal.DoneIntent(ctx, intents[i].ID, rem.Ticket, a.now()); err != nil {
				return fault.Wrap(fault.KindOf(err), err, "recording that the ticket is created")
			}
		}
	}
	return nil
}

// label writes the ticket's key on the members that don't have it. Their workflows need
// not look: it is for people.
func (a *Activities) label(ctx context.Context, rem *lifecycle.Remediation, members []member) error {
	lacking := make([]member, 0, len(members))
	for i := range members {
		if members[i].ticket != rem.Ticket {
			lacking = append(lacking, members[i])
		}
	}
	written, err := a.touch(ctx, lacking, func(e *exposure.Exposure) bool {
		changed := e.RemediationID == rem.ID && e.Ticket != rem.Ticket
		if changed {
			e.Ticket = rem.Ticket
		}
		return changed
	})
	if err != nil {
		return err
	}
	return a.letSleep(ctx, written)
}

// letSleep takes back the wakes of exposures on which something was written that their
// workflows need not act on: only those that this very write left.
func (a *Activities) letSleep(ctx context.Context, written []exposure.Exposure) error {
	for i := range written {
		e := &written[i]
		if !e.Wake || !e.WakeAt.Equal(e.UpdateAt) {
			continue
		}
		if _, err := a.Ledger.ClearWake(ctx, e.ID, e.Version); err != nil {
			return err
		}
	}
	return nil
}

// touchBatch is how many members are written together.
const touchBatch = 200

// touch writes on members what their ticket says, in batches, and gives those that were
// written.
func (a *Activities) touch(ctx context.Context, members []member, fn func(*exposure.Exposure) bool) ([]exposure.Exposure, error) {
	var all []exposure.Exposure
	for len(members) > 0 {
		n := min(len(members), touchBatch)
		ids := make([]exposure.ID, n)
		for i := range ids {
			ids[i] = members[i].id
		}
		members = members[n:]
		written, err := a.Ledger.TouchMany(ctx, ids, fn)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "writing on the members of a remediation")
		}
		all = append(all, written...)
		beat(ctx, len(all))
	}
	return all, nil
}

// wakeAll wakes the workflows of many exposures, several at a time.
func (a *Activities) wakeAll(ctx context.Context, es []exposure.Exposure, reason string) {
	var group errgroup.Group
	group.SetLimit(8)
	for i := range es {
		group.Go(func() error {
			a.wakeExposure(ctx, &es[i], reason)
			beat(ctx, reason)
			return nil
		})
	}
	_ = group.Wait() // no member of the group fails
}

// SyncResult is what a look at the ticket found.
type SyncResult struct {
	Wrote    bool      `json:"wrote,omitempty"`
	Status   string    `json:"status,omitempty"`
	ClosedBy string    `json:"closed_by,omitempty"` // a person moved it to done, which nobody has acted on yet
	ClosedAt time.Time `json:"closed_at,omitzero"`
	Gone     bool      `json:"gone,omitempty"` // it was deleted in the tracker; another is made
}

// SyncTicket looks at the ticket and brings it to what it should be. Where a person moved
// it to done while members are live, it leaves it so and says it: that is a claim.
func (a *Activities) SyncTicket(ctx context.Context, in RemediationStep) (SyncResult, error) {
	rem, err := a.remediation(ctx, in.ID)
	if err != nil || rem.Ticket == "" {
		return SyncResult{}, err
	}
	tracker, err := a.tracker(&rem)
	if err != nil {
		return SyncResult{}, err
	}
	began := a.now()
	issue, err := tracker.Get(ctx, rem.Ticket)
	if fault.Is(err, fault.NotFound) {
		_, err = a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
			gone := r.Ticket == rem.Ticket
			if gone {
				r.Ticket, r.TicketURL, r.Digest = "", "", ""
			}
			return gone
		})
		return SyncResult{Gone: true}, err
	}
	if err != nil {
		return SyncResult{}, fault.Wrap(fault.KindOf(err), err, "reading ticket "+rem.Ticket)
	}
	if rem, err = a.looked(ctx, &rem, began); err != nil {
		return SyncResult{}, err
	}
	members, err := a.members(ctx, rem.ID)
	if err != nil {
		return SyncResult{}, err
	}
	if err := a.label(ctx, &rem, members); err != nil { // who joined while it was being made
		return SyncResult{}, err
	}
	s := stand(members)
	closedAt := issue.ClosedAt
	if closedAt.IsZero() {
		closedAt = issue.UpdatedAt
	}
	closedAt = closedAt.UTC().Truncate(time.Millisecond) // as it is remembered
	if issue.Status == connectors.IssueDone && !ours(issue.ClosedBy) && s.unclaimed > 0 && closedAt.After(rem.ClosedSeen) {
		return SyncResult{Status: string(issue.Status), ClosedBy: issue.ClosedBy, ClosedAt: closedAt}, nil
	}
	return a.write(ctx, &rem, tracker, issue, members)
}

// looked notes that the ticket was read. What was told of it meanwhile is still to be
// looked at.
func (a *Activities) looked(ctx context.Context, rem *lifecycle.Remediation, began time.Time) (lifecycle.Remediation, error) {
	seen := rem.Look
	return a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		if r.Look.Equal(seen) {
			r.Look = time.Time{}
		}
		r.LookedAt = began
		return true
	})
}

// ours reports whether we moved the ticket ourselves.
func ours(closedBy string) bool { return closedBy == "" || closedBy == "quell" }

// write brings the ticket to what it should be, if it isn't so.
func (a *Activities) write(ctx context.Context, rem *lifecycle.Remediation, tracker connectors.Tracker, issue connectors.Issue, members []member) (SyncResult, error) {
	status := stand(members).status
	want := issueOf(rem, members, a.Policy.PublicURL)
	sum := digest(&want, status)
	want.Key, want.Status = issue.Key, "" // people move it, perhaps at this very moment
	switch {
	case status == wantDone && issue.Status != connectors.IssueDone:
		want.Status = connectors.IssueDone
	case status == wantOpen && issue.Status == connectors.IssueDone:
		want.Status = connectors.IssueTodo
	}
	if sum == rem.Digest && want.Status == "" {
		return SyncResult{Status: string(issue.Status)}, nil
	}
	updated, err := tracker.Update(ctx, want, sum)
	if err != nil {
		return SyncResult{}, fault.Wrap(fault.KindOf(err), err, "updating ticket "+rem.Ticket)
	}
	_, err = a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		r.Digest = sum
		return true
	})
	return SyncResult{Wrote: true, Status: string(updated.Status)}, err
}
