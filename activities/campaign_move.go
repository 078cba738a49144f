package activities

import (
	"context"
	"strconv"
	"strings"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// MoveCampaign moves a campaign's deadline, once for each cause. Invalid: what is wrong with
// the deadline or the reason. Conflict: it has ended, or has that deadline already.
func (a *Activities) MoveCampaign(ctx context.Context, id string, m campaign.Move) (campaign.Campaign, error) {
	m.At = a.now()
	m.Reason = lifecycle.Plain(m.Reason, 2000)
	var problem *campaign.Problem
	c, err := a.editCampaign(ctx, id, func(c *campaign.Campaign) (moved bool) {
		moved, problem = c.Move(m)
		return moved
	})
	switch {
	case err != nil:
		return c, err
	case problem != nil && problem.Field == "state":
		return c, fault.New(fault.Conflict, "moving the deadline of campaign %s: %s", id, problem.Detail)
	case problem != nil:
		return c, fault.New(fault.Invalid, "moving the deadline of campaign %s: %s %s", id, problem.Field, problem.Detail)
	}
	a.beckon(ctx, id, "moved")
	return c, nil
}

// reschedule lets members carry the deadline as it was moved. What policy gives them stays
// the latest day on which they are due: their due dates are decided anew.
func (a *Activities) reschedule(ctx context.Context, c *campaign.Campaign) (err error) {
	if !c.Outdated {
		return nil
	}
	until := c.Until
	err = a.touchMembers(ctx, c, func(m *exposure.Membership) bool { return !m.Until.IsZero() && !m.Until.Equal(until) },
		func(e *exposure.Exposure) bool { return e.Reschedule(c.ID, until) })
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "moving the deadline of the members of campaign "+c.ID)
	}
	*c, err = a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
		if !c.Until.Equal(until) { // moved once more
			return false
		}
		c.Outdated = false
		return true
	})
	return err
}

// touchMembers edits the members of a campaign whose part in it is as wanted, some at a time,
// and wakes their workflows. Before any is written it is noted that due dates don't follow yet.
func (a *Activities) touchMembers(ctx context.Context, c *campaign.Campaign, wanted func(*exposure.Membership) bool, edit func(*exposure.Exposure) bool) error {
	at := a.now()
	var batch []exposure.ID
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := a.unsettle(ctx, c, at); err != nil {
			return err
		}
		written, err := a.Ledger.TouchMany(ctx, batch, edit)
		if err != nil {
			return err
		}
		a.wakeAll(ctx, written, "campaign")
		batch = batch[:0]
		beat(ctx, "members written")
		return nil
	}
	err := a.Records.EachExposure(ctx, exposure.Filter{Campaign: c.ID}, func(e exposure.Exposure) error {
		if m := e.MemberOf(c.ID); m == nil || !wanted(m) {
			return ctx.Err()
		}
		if batch = append(batch, e.ID); len(batch) < touchBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return err
}

// moveOf is the move that an occasion is about: moved/2 is the second.
func moveOf(c *campaign.Campaign, cause string) campaign.Move {
	_, rest, _ := strings.Cut(cause, "/")
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > len(c.Moves) {
		return campaign.Move{From: c.Until, To: c.Until}
	}
	return c.Moves[n-1]
}

// movedDeadline says who moved the deadline, and why.
func movedDeadline(c *campaign.Campaign, cause string) string {
	m := moveOf(c, cause)
	return text(m.By) + " moved the deadline from " + moment(m.From) + " to " + moment(m.To) + ": " + strings.TrimRight(text(m.Reason), ". ") +
		". Members are due by then, or earlier where policy says so."
}
