package activities

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// RemediationStep names the remediation that an activity is about, and where it is of
// use the intents that are to be carried out.
type RemediationStep struct {
	ID      string   `json:"id"`
	Intents []string `json:"intents,omitempty"`
}

// Plan is what there is to do for a remediation now, and when to look again.
type Plan struct {
	Owner    string                      `json:"owner"`
	Status   lifecycle.RemediationStatus `json:"status"`
	Title    string                      `json:"title"`
	Ticket   string                      `json:"ticket,omitempty"`
	Live     int                         `json:"live"`
	Members  int                         `json:"members"`
	Create   bool                        `json:"create,omitempty"`   // there is no ticket, or not everybody was told of it
	Write    bool                        `json:"write,omitempty"`    // the ticket isn't as it should be
	Comments []string                    `json:"comments,omitempty"` // intents of comments, one comment together
	Attach   []string                    `json:"attach,omitempty"`   // intents of attachments
	Messages [][]string                  `json:"messages,omitempty"` // intents of messages, each group one message
	NextAt   time.Time                   `json:"next_at,omitzero"`   // of the next reminder or escalation
	Poll     time.Duration               `json:"poll"`               // how long the ticket may go unlooked at
	Gone     bool                        `json:"gone,omitempty"`     // there is no such remediation
	Look     bool                        `json:"look,omitempty"`     // somebody said that the ticket changed, and it wasn't read since
}

// maxIntents is how many occasions one comment or message tells of.
const maxIntents = 40

// Plan reads a remediation and its members and says what there is to do. It takes the
// wake back.
func (a *Activities) Plan(ctx context.Context, in RemediationStep) (Plan, error) {
	for range swapAttempts {
		rem, err := a.remediation(ctx, in.ID)
		if fault.Is(err, fault.NotFound) {
			return Plan{Gone: true}, nil
		}
		if err != nil {
			return Plan{}, err
		}
		members, err := a.members(ctx, in.ID)
		if err != nil {
			return Plan{}, err
		}
		plan, err := a.plan(ctx, &rem, members)
		if err != nil {
			return Plan{}, err
		}
		if err := a.propose(ctx, &rem); err != nil {
			return Plan{}, err
		}
		due := stand(members).due
		if !rem.Wake && rem.Due.Equal(due) {
			return plan, nil
		}
		rem.Wake, rem.WakeAt, rem.Due = false, time.Time{}, due
		rem.Version++
		swapped, err := a.Journal.SwapRemediation(ctx, rem)
		if err != nil {
			return Plan{}, fault.Wrap(fault.KindOf(err), err, "taking back the wake of remediation "+in.ID)
		}
		if swapped {
			return plan, nil
		}
	}
	return Plan{}, fault.New(fault.Unavailable, "planning remediation %s: it changes faster than it can be read", in.ID)
}

func (a *Activities) plan(ctx context.Context, rem *lifecycle.Remediation, members []member) (Plan, error) {
	s := stand(members)
	issue := a.issueOf(rem, members)
	plan := Plan{Owner: rem.Owner, Status: rem.Status, Title: issue.Title, Ticket: rem.Ticket, Live: s.live, Members: len(members), Poll: a.Policy.TicketPoll}
	plan.Look = !rem.Look.IsZero()
	plan.Create = rem.Ticket == "" && s.live > 0 && (rem.Deleted == nil || !rem.Deleted.Asked)
	plan.Write = rem.Ticket != "" && (rem.Digest != digest(&issue, s.status) || unlabelled(members, rem.Ticket))
	options, office, err := a.followUp(ctx, members)
	if err != nil {
		return plan, err
	}
	rungs, next := a.rungs(rem.CreatedAt, &s, urgent(members), &options, office)
	plan.NextAt = next
	var wanted []lifecycle.Intent
	if rem.Ticket != "" {
		for _, cause := range rungs {
			wanted = append(wanted, lifecycle.Intent{Kind: lifecycle.IntentNotify, Cause: cause})
		}
		if s.live == 0 && rem.Status == lifecycle.RemediationOpen {
			wanted = append(wanted, lifecycle.Intent{Kind: lifecycle.IntentComment, Cause: "done/" + lastClosed(members)})
		}
	}
	for i, sha := range a.attachable(rem, members) {
		if i < maxAttached {
			wanted = append(wanted, lifecycle.Intent{Kind: lifecycle.IntentAttach, Cause: sha})
		}
	}
	intents, err := a.intents(ctx, rem.ID, wanted)
	if err != nil {
		return plan, err
	}
	if at := a.silentAt(rem, &s, a.ladder(rem.CreatedAt, s.due, urgent(members), &options, office), office, intents); at.After(a.now()) {
		plan.NextAt = at
	} else if !at.IsZero() {
		if intents, err = a.intents(ctx, rem.ID, []lifecycle.Intent{{Kind: lifecycle.IntentNotify, Cause: silentCause(s.due)}}); err != nil {
			return plan, err
		}
	}
	plan.pending(intents)
	return plan, nil
}

// unlabelled reports whether a member doesn't carry the ticket's key: one that joined while
// the ticket was being made.
func unlabelled(members []member, ticket string) bool {
	return slices.ContainsFunc(members, func(m member) bool { return m.ticket != ticket })
}

// intents reads a remediation's part of the journal, and adds what is wanted and isn't
// there yet.
func (a *Activities) intents(ctx context.Context, id string, wanted []lifecycle.Intent) ([]lifecycle.Intent, error) {
	intents, err := a.Journal.Intents(ctx, id)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading what is to be done for remediation "+id)
	}
	for _, w := range wanted {
		w.ID, w.CreatedAt = lifecycle.IntentID(id, w.Kind, w.Cause), a.now()
		if slices.ContainsFunc(intents, func(i lifecycle.Intent) bool { return i.ID == w.ID }) {
			continue
		}
		if err := a.intend(ctx, id, w.Kind, w.Cause); err != nil {
			return nil, err
		}
		intents = append(intents, w)
	}
	slices.SortFunc(intents, func(x, y lifecycle.Intent) int {
		return cmp.Or(x.CreatedAt.Compare(y.CreatedAt), strings.Compare(x.ID, y.ID))
	})
	return intents, nil
}

// pending adds to the plan what the journal still waits for.
func (p *Plan) pending(intents []lifecycle.Intent) {
	var reopened []string
	for i := range intents {
		switch in := &intents[i]; {
		case in.Done:
		case in.Kind == lifecycle.IntentCreate && p.Ticket != "":
			p.Create = true
		case in.Kind == lifecycle.IntentAttach && p.Ticket != "" && len(p.Attach) < attachBatch:
			p.Attach = append(p.Attach, in.ID)
		case in.Kind == lifecycle.IntentComment && len(p.Comments) < maxIntents:
			p.Comments = append(p.Comments, in.ID)
		case in.Kind == lifecycle.IntentNotify && rung(in.Cause) == "reopened":
			if len(reopened) < maxIntents {
				reopened = append(reopened, in.ID)
			}
		case in.Kind == lifecycle.IntentNotify:
			p.Messages = append(p.Messages, []string{in.ID})
		}
	}
	if len(reopened) > 0 {
		p.Messages = append(p.Messages, reopened)
	}
}

// lastClosed tells one end of a remediation from another: when its last member came to
// its end.
func lastClosed(members []member) string {
	var last time.Time
	for i := range members {
		m := &members[i]
		for _, at := range []time.Time{m.closed, exceptedAt(m)} {
			if at.After(last) {
				last = at
			}
		}
	}
	return stamp(last)
}

func exceptedAt(m *member) time.Time {
	if m.except == nil {
		return time.Time{}
	}
	return m.except.At
}
