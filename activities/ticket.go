package activities

import (
	"context"
	"strconv"
	"time"

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
		return nil, fault.New(fault.Invalid, "looking for the tracker of remediation %s: there is none called %q in the configuration", r.ID, r.Tracker)
	}
	return t, nil
}

// urgentLead is how long before its due date everything goes first.
const urgentLead = day

// urgently marks what is done for members as urgent, where one of them is: then it goes
// before others under the tracker's limits.
func (a *Activities) urgently(ctx context.Context, members []member) context.Context {
	lead := leading(members)
	due := lead.state.Live() && !lead.due.IsZero() && lead.due.Before(a.now().Add(urgentLead))
	return connectors.WithUrgency(ctx, lead.state.Live() && lead.outcome == exposure.Act || due)
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
	ctx = a.urgently(ctx, members)
	if rem.Ticket == "" {
		if rem, err = a.findOrCreate(ctx, rem, members); err != nil {
			return TicketResult{}, a.afflicted(ctx, &rem, err)
		}
	}
	// An attempt that died may have come so far and no further.
	return TicketResult{rem.Ticket, rem.TicketURL}, a.tellCreated(ctx, &rem, members)
}

// findOrCreate searches before it creates, even where nothing says that we tried before:
// our store may have been restored from a backup that is older than the ticket.
func (a *Activities) findOrCreate(ctx context.Context, rem lifecycle.Remediation, members []member) (lifecycle.Remediation, error) {
	tracker, err := a.tracker(&rem)
	if err != nil {
		return rem, err
	}
	attempts, err := a.settled(ctx, rem.ID, deletedAt(&rem), tracker)
	if err != nil {
		return rem, err
	}
	want := a.issueOf(&rem, members)
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
	if rem.Deleted != nil { // before the key is recorded: whoever reads it is told why there is another
		if err := a.intend(ctx, rem.ID, lifecycle.IntentComment, "recreated/"+rem.Deleted.Key); err != nil {
			return rem, err
		}
	}
	return a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		r.Ticket, r.TicketURL, r.Digest, r.Trouble = issue.Key, issue.URL, written, nil
		r.IssueAt, r.SeenDone = time.Time{}, false
		if written != "" {
			r.IssueAt = issue.UpdatedAt
		}
		return true
	})
}

// settled counts the earlier attempts to create the ticket. While the tracker's search
// can't be trusted to see what the last one may have made, or that a ticket was deleted,
// it is an error that says when.
func (a *Activities) settled(ctx context.Context, id string, deleted time.Time, tracker connectors.Tracker) (int, error) {
	intents, err := a.Journal.Intents(ctx, id)
	if err != nil {
		return 0, fault.Wrap(fault.KindOf(err), err, "reading what was done for "+id)
	}
	attempts, last := 0, deleted
	for i := range intents {
		if intents[i].Kind == lifecycle.IntentCreate {
			attempts++
			if intents[i].CreatedAt.After(last) {
				last = intents[i].CreatedAt
			}
		}
	}
	if lagging, ok := tracker.(connectors.Lagging); ok && !last.IsZero() {
		if wait := lagging.Lag() - a.now().Sub(last); wait > 0 {
			return attempts, &fault.Error{Kind: fault.Unavailable, RetryAfter: wait,
				Msg: "waiting until the tracker's search would find a ticket that the last attempt may have made"}
		}
	}
	return attempts, nil
}

func deletedAt(rem *lifecycle.Remediation) time.Time {
	if rem.Deleted == nil {
		return time.Time{}
	}
	return rem.Deleted.At
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
	return a.carriedOut(ctx, rem.ID, rem.Ticket, lifecycle.IntentCreate)
}

// carriedOut marks all intents of these kinds as done: what was once to be written has
// been, or something newer in its place.
func (a *Activities) carriedOut(ctx context.Context, id, ticket string, kinds ...string) error {
	intents, err := a.Journal.Intents(ctx, id)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading what was done for "+id)
	}
	for i := range intents {
		for _, kind := range kinds {
			if intents[i].Kind != kind || intents[i].Done {
				continue
			}
			if err := a.Journal.DoneIntent(ctx, intents[i].ID, ticket, a.now()); err != nil {
				return fault.Wrap(fault.KindOf(err), err, "recording what was done for "+id)
			}
		}
	}
	return nil
}
