package activities

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/lifecycle"
)

// gather lets in the exposures that match and aren't members. The first look and one a day
// are at all of them, the others at those that changed since. It says how many joined.
func (a *Activities) gather(ctx context.Context, c *campaign.Campaign, began time.Time) (int, error) {
	filter := c.Where.Filter()
	if whole := c.WholeAt.IsZero() || began.Sub(c.WholeAt) >= campaignWhole; !whole {
		filter.Updated = c.LookedTo.Add(-overlap)
	}
	joined := 0
	var batch []exposure.ID
	flush := func() error {
		n, err := a.enlist(ctx, c, batch, began)
		joined += n
		batch = batch[:0]
		beat(ctx, joined)
		return err
	}
	looked := 0
	err := a.Records.EachExposure(ctx, filter, func(e exposure.Exposure) error {
		if looked++; looked%touchBatch == 0 {
			beat(ctx, looked)
		}
		if !c.Where.Takes(&e) || e.MemberOf(c.ID) != nil {
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
	return joined, fault.Wrap(fault.KindOf(err), err, "gathering the members of campaign "+c.ID)
}

// enlist makes exposures members. That their due dates don't follow yet is noted before.
func (a *Activities) enlist(ctx context.Context, c *campaign.Campaign, ids []exposure.ID, at time.Time) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	if err := a.unsettle(ctx, c, at); err != nil {
		return 0, err
	}
	m := c.MemberOf(at)
	written, err := a.Ledger.TouchMany(ctx, ids, func(e *exposure.Exposure) bool { return e.State.Live() && e.Join(m) })
	if err != nil {
		return 0, err
	}
	a.wakeAll(ctx, written, "campaign")
	return len(written), nil
}

// unsettle notes that what members carry of the campaign is about to change.
func (a *Activities) unsettle(ctx context.Context, c *campaign.Campaign, at time.Time) (err error) {
	if c.Unsettled.IsZero() {
		*c, err = a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
			if c.Unsettled.IsZero() {
				c.Unsettled = at
			}
			return true
		})
	}
	return err
}

// settle lets the due dates of members that no workflow has in hand follow from what they
// carry of the campaign. The workflows of the others were woken, and do so themselves.
func (a *Activities) settle(ctx context.Context, c *campaign.Campaign) (err error) {
	if c.Unsettled.IsZero() {
		return nil
	}
	since := c.Unsettled
	if a.Reassess != nil {
		f := exposure.Filter{Campaign: c.ID, Updated: since.Add(-overlap)}
		// The cause is of this change alone: what follows from the next one is another event.
		_, err := a.Reassess.Reassess(ctx, f, "campaign/"+c.ID+"/"+string(c.State)+"/"+strconv.FormatInt(since.UnixMilli(), 10), func(p ingest.Progress) { beat(ctx, p.Findings) })
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "letting due dates follow campaign "+c.ID)
		}
	}
	*c, err = a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
		if !c.Unsettled.Equal(since) {
			return false
		}
		c.Unsettled = time.Time{}
		return true
	})
	return err
}

// release takes the deadline of a campaign that has ended from its members: they are due
// as policy says.
func (a *Activities) release(ctx context.Context, c *campaign.Campaign) (err error) {
	if c.Released {
		return nil
	}
	err = a.touchMembers(ctx, c, func(m *exposure.Membership) bool { return !m.Until.IsZero() }, func(e *exposure.Exposure) bool { return e.Release(c.ID) })
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "releasing the members of campaign "+c.ID)
	}
	*c, err = a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool { c.Released = true; return true })
	return err
}

// linkMembers makes the remediations of members parts of the campaign, and their tickets parts of
// its ticket once there is one.
func (a *Activities) linkMembers(ctx context.Context, c *campaign.Campaign) error {
	f := exposure.Filter{Campaign: c.ID}
	if !c.LookedTo.IsZero() {
		f.Updated = c.LookedTo.Add(-overlap)
	}
	found, looked := map[string]bool{}, 0
	err := a.Records.EachExposure(ctx, f, func(e exposure.Exposure) error {
		if looked++; looked%touchBatch == 0 {
			beat(ctx, looked)
		}
		if e.RemediationID != "" && e.State.Live() {
			found[e.RemediationID] = true
		}
		return ctx.Err()
	})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the members of campaign "+c.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if err := a.linkOne(ctx, c, id); err != nil {
			return err
		}
		beat(ctx, id)
	}
	if c.Ticket.Key == "" || c.Ticket.Linked == c.Ticket.Key {
		return nil
	}
	return a.linkAll(ctx, c) // those that were there before the ticket was
}

func (a *Activities) linkAll(ctx context.Context, c *campaign.Campaign) (err error) {
	list := exposure.List{Limit: sweepBatch}
	for {
		page, err := a.Board.FindRemediations(ctx, lifecycle.RemediationFilter{Campaign: c.ID}, list)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading the tickets of campaign "+c.ID)
		}
		for i := range page.Items {
			if err := a.linkOne(ctx, c, page.Items[i].ID); err != nil {
				return err
			}
		}
		beat(ctx, "linked")
		if list.Cursor = page.Next; list.Cursor == "" {
			break
		}
	}
	key := c.Ticket.Key
	*c, err = a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
		c.Ticket.Linked, c.Ticket.NoParent = key, !nests(a.Trackers[c.Tracker])
		return true
	})
	return err
}

// linkOne makes one remediation part of a campaign, unless it is part of another one that
// runs. The same write leaves a wake, which the sweep repeats. Its own workflow writes the
// ticket.
func (a *Activities) linkOne(ctx context.Context, c *campaign.Campaign, id string) error {
	rem, err := a.remediation(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	holder := rem.Campaign
	if holder != "" && holder != c.ID {
		other, err := a.campaign(ctx, holder)
		if err != nil && !fault.Is(err, fault.NotFound) || err == nil && !other.Over() {
			return err
		}
	}
	changed := false
	_, err = a.edit(ctx, id, func(r *lifecycle.Remediation) bool {
		changed = false
		if r.Campaign != holder || r.Status == lifecycle.RemediationDone {
			return false
		}
		parent := r.Parent
		if c.Ticket.Key != "" && r.Tracker == c.Tracker && nests(a.Trackers[c.Tracker]) {
			parent = c.Ticket.Key
		}
		if changed = r.Campaign != c.ID || r.Parent != parent; changed {
			r.Campaign, r.Parent, r.Wake, r.WakeAt = c.ID, parent, true, a.now()
		}
		return changed
	})
	if fault.Is(err, fault.NotFound) || err == nil && !changed {
		return nil
	}
	if err == nil {
		if err := a.Waker.WakeRemediation(ctx, id, "campaign"); err != nil {
			a.Log.WarnContext(ctx, "waking a remediation's workflow failed; the sweep will try again", "remediation", id, "error", err)
		}
	}
	return err
}
