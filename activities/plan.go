package activities

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
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
	Messages [][]string                  `json:"messages,omitempty"` // intents of messages, each group one message
	NextAt   time.Time                   `json:"next_at,omitzero"`   // of the next reminder or escalation
	Poll     time.Duration               `json:"poll"`               // how long the ticket may go unlooked at
	Gone     bool                        `json:"gone,omitempty"`     // there is no such remediation
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
	issue := issueOf(rem, members, a.Policy.PublicURL)
	plan := Plan{Owner: rem.Owner, Status: rem.Status, Title: issue.Title, Ticket: rem.Ticket, Live: s.live, Members: len(members), Poll: a.Policy.TicketPoll}
	plan.Write = rem.Ticket != "" && rem.Digest != digest(&issue, s.status)
	intents, err := a.Journal.Intents(ctx, rem.ID)
	if err != nil {
		return plan, fault.Wrap(fault.KindOf(err), err, "reading what is to be done for remediation "+rem.ID)
	}
	rungs, next, err := a.rungs(ctx, rem, members, &s, intents)
	if err != nil {
		return plan, err
	}
	plan.NextAt = next
	var wanted []lifecycle.Intent
	if rem.Ticket != "" {
		for _, r := range rungs {
			wanted = append(wanted, lifecycle.Intent{Kind: lifecycle.IntentNotify, Cause: r.Cause})
		}
		if s.live == 0 && rem.Status == lifecycle.RemediationOpen {
			wanted = append(wanted, lifecycle.Intent{Kind: lifecycle.IntentComment, Cause: "done/" + lastClosed(members)})
		}
	}
	if intents, err = a.wanted(ctx, rem.ID, intents, wanted); err != nil {
		return plan, err
	}
	plan.pending(intents)
	return plan, nil
}

// wanted adds to a remediation's part of the journal what is wanted and isn't there yet.
func (a *Activities) wanted(ctx context.Context, id string, intents, wanted []lifecycle.Intent) ([]lifecycle.Intent, error) {
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

// rungs are the reminders and escalations that are due now, and when the next one is. The
// ladder is that of the member that is due first: its ticket is due then.
func (a *Activities) rungs(ctx context.Context, rem *lifecycle.Remediation, members []member, s *standing, intents []lifecycle.Intent) (send []ownership.Rung, next time.Time, err error) {
	if s.live == 0 || s.due.IsZero() {
		return nil, time.Time{}, nil
	}
	now := a.now()
	if s.snoozed.After(now) {
		return nil, s.snoozed, nil
	}
	first := slices.IndexFunc(members, func(m member) bool { return m.state.Live() && m.due.Equal(s.due) })
	e, err := a.exposure(ctx, members[first].id)
	if err != nil {
		return nil, time.Time{}, err
	}
	owned, err := a.assetOf(ctx, &e)
	if err != nil {
		return nil, time.Time{}, err
	}
	var sent []string
	for i := range intents {
		if intents[i].Kind == lifecycle.IntentNotify {
			sent = append(sent, intents[i].Cause)
		}
	}
	send, next = ownership.Climb(ownership.Ladder(a.Options(owned, e), s.due, rem.CreatedAt), sent, now)
	return send, next, nil
}

// pending adds to the plan what the journal still waits for.
func (p *Plan) pending(intents []lifecycle.Intent) {
	var reopened []string
	for i := range intents {
		switch in := &intents[i]; {
		case in.Done:
		case in.Kind == lifecycle.IntentCreate && p.Ticket != "":
			p.Create = true
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
