package activities

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Campaigns is where campaigns are kept. Who is in one is said by the exposures.
type Campaigns interface {
	Campaign(ctx context.Context, id string) (campaign.Campaign, error)
	// SwapCampaign writes it where the stored version is Version-1.
	SwapCampaign(ctx context.Context, c campaign.Campaign) (bool, error)
	// DueCampaigns gives those that were to be looked at before a time; zero: all that are
	// to be looked at.
	DueCampaigns(ctx context.Context, before time.Time, l exposure.List) (exposure.Page[campaign.Campaign], error)
}

// Reassessor decides anew on exposures that no workflow has in hand.
type Reassessor interface {
	Reassess(ctx context.Context, f exposure.Filter, cause string, beat func(ingest.Progress)) (ingest.Reassessed, error)
}

// Beckoner wakes the workflow of a campaign, and starts it where it doesn't run.
type Beckoner interface {
	WakeCampaign(ctx context.Context, id, reason string) error
}

// CampaignStep names the campaign that an activity is about, and where it is of use the
// intents that are to be carried out.
type CampaignStep struct {
	ID      string   `json:"id"`
	Intents []string `json:"intents,omitempty"`
}

// CampaignPlan is what there is to do for a campaign now, and when to look again.
type CampaignPlan struct {
	Name     string         `json:"name"`
	State    campaign.State `json:"state"`
	Open     int64          `json:"open"`
	Total    int64          `json:"total"`
	Joined   int            `json:"joined,omitempty"`   // that joined with this look
	Create   bool           `json:"create,omitempty"`   // its ticket is to be made
	Write    bool           `json:"write,omitempty"`    // its ticket isn't as it should be, or wasn't read for a while
	Comments []string       `json:"comments,omitempty"` // intents, one comment together
	Messages []string       `json:"messages,omitempty"` // intents
	NextAt   time.Time      `json:"next_at,omitzero"`
	Done     bool           `json:"done,omitempty"` // it has ended, and everybody knows
	Gone     bool           `json:"gone,omitempty"` // there is nothing to look at
}

const (
	campaignTick   = 2 * time.Minute  // between two looks at a running campaign
	campaignLease  = 15 * time.Minute // how long the sweep lets a look alone
	campaignPoll   = 15 * time.Minute // how long its ticket may go unread
	campaignWhole  = day              // between two looks at all exposures; the others are at what changed
	campaignGiveUp = 7 * day          // after its end, where its ticket can't be brought up to date
)

// LookAtCampaign looks at a campaign: it lets in what matches, counts, ends it where no
// member is open, lets due dates follow, puts members' tickets below its own, and says what
// there is to do outside. Everything that it does can be repeated.
func (a *Activities) LookAtCampaign(ctx context.Context, in CampaignStep) (CampaignPlan, error) {
	began := a.now()
	c, err := a.editCampaign(ctx, in.ID, func(c *campaign.Campaign) bool {
		if c.Look.IsZero() {
			return false
		}
		c.Look = began.Add(campaignLease)
		return true
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return CampaignPlan{Gone: true}, nil
	case err != nil:
		return CampaignPlan{}, err
	case c.Look.IsZero():
		return CampaignPlan{Gone: true}, nil
	}
	joined := 0
	if !c.Over() {
		if joined, err = a.gather(ctx, &c, began); err != nil {
			return CampaignPlan{}, err
		}
	}
	if c, err = a.count(ctx, &c); err != nil {
		return CampaignPlan{}, err
	}
	if c.Over() {
		err = a.release(ctx, &c)
	} else if err = a.reschedule(ctx, &c); err == nil {
		err = a.linkMembers(ctx, &c)
	}
	if err == nil {
		err = a.settle(ctx, &c)
	}
	if err != nil {
		return CampaignPlan{}, err
	}
	p, err := a.planCampaign(ctx, &c)
	if err != nil {
		return CampaignPlan{}, err
	}
	p.Joined = joined
	err = a.lookedAtCampaign(ctx, &c, &p, began)
	return p, err
}

// lookedAtCampaign notes how far a look came, and when the next one is due. Whoever ended
// the campaign or moved its deadline meanwhile wants another one at once.
func (a *Activities) lookedAtCampaign(ctx context.Context, c *campaign.Campaign, p *CampaignPlan, began time.Time) error {
	_, err := a.editCampaign(ctx, c.ID, func(x *campaign.Campaign) bool {
		if x.State != c.State || x.Outdated && !x.Over() {
			return false
		}
		x.LookedTo, x.Look = began, p.NextAt
		if c.WholeAt.IsZero() || began.Sub(c.WholeAt) >= campaignWhole {
			x.WholeAt = began
		}
		if p.Done {
			x.Look = time.Time{}
		}
		return true
	})
	return err
}

// count counts the members, and lets the campaign advance.
func (a *Activities) count(ctx context.Context, c *campaign.Campaign) (campaign.Campaign, error) {
	states, err := a.Board.CountExposures(ctx, exposure.Filter{Campaign: c.ID}, "state")
	if err != nil {
		return *c, fault.Wrap(fault.KindOf(err), err, "counting the members of campaign "+c.ID)
	}
	return a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
		look := c.Look
		c.Advance(campaign.Tally(states), a.now())
		c.Look = look // it is being looked at
		return true
	})
}

// planCampaign says what there is to do outside, once what is to be done is in the journal.
func (a *Activities) planCampaign(ctx context.Context, c *campaign.Campaign) (CampaignPlan, error) {
	now, counts := a.now(), c.Now()
	p := CampaignPlan{Name: c.Name, State: c.State, Open: counts.Open, Total: counts.Total}
	occasions, next := c.Occasions(now)
	var wanted []lifecycle.Intent
	for _, cause := range occasions {
		wanted = append(wanted, lifecycle.Intent{Kind: lifecycle.IntentNotify, Cause: cause})
		if c.Ticket.Key != "" && commented(cause) {
			wanted = append(wanted, lifecycle.Intent{Kind: lifecycle.IntentComment, Cause: cause})
		}
	}
	beat, worth := c.Digest(now, a.Office)
	if worth {
		wanted = append(wanted, lifecycle.Intent{Kind: lifecycle.IntentNotify, Cause: campaign.OccasionDigest + "/" + beat.Format(time.DateOnly)})
	}
	marker := lifecycle.CampaignMarker(c.ID, c.CreatedAt)
	intents, err := a.intents(ctx, marker, wanted)
	if err != nil {
		return p, err
	}
	if !beat.IsZero() { // after the journal has it: dying between the two finds the same intent
		if *c, err = a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
			c.BeatAt = beat
			if worth {
				c.Told = c.Now()
			}
			return true
		}); err != nil {
			return p, err
		}
	}
	creating := p.pending(c, intents)
	if err := a.planTicket(ctx, c, &p, creating); err != nil {
		return p, err
	}
	p.NextAt = earliestOf(now.Add(campaignTick), next, campaign.NextBeat(now, a.Office))
	settled := c.Released && c.Unsettled.IsZero() && len(p.Messages)+len(p.Comments) == 0 && !p.Create && !p.Write
	p.Done = c.Over() && (settled || now.Sub(c.EndedAt) >= campaignGiveUp)
	return p, nil
}

// planTicket says what there is to do with the campaign's own ticket.
func (a *Activities) planTicket(ctx context.Context, c *campaign.Campaign, p *CampaignPlan, creating bool) error {
	if c.Ticket.Key == "" {
		p.Create = !c.Ticket.Given() && c.Now().Total > 0 && (!c.Over() || creating)
		return nil
	}
	want, status, err := a.campaignIssue(ctx, c)
	if err != nil {
		return err
	}
	// Of one that has ended nobody cares any more what becomes of its ticket.
	unread := !c.Over() && !c.Ticket.LookedAt.Add(campaignPoll).After(a.now())
	p.Write = unread || c.Ticket.Digest != digest(&want, status)
	return nil
}

// commented reports whether an occasion is said on the ticket, too.
func commented(cause string) bool {
	return slices.Contains([]string{campaign.OccasionMissed, campaign.OccasionMoved, campaign.OccasionEnded}, rung(cause))
}

// pending adds to the plan what the journal still waits for, and reports whether that is
// also a ticket of which nobody knows whether it was made.
func (p *CampaignPlan) pending(c *campaign.Campaign, intents []lifecycle.Intent) (creating bool) {
	for i := range intents {
		switch in := &intents[i]; {
		case in.Done:
		case in.Kind == lifecycle.IntentCreate:
			creating = true
		case in.Kind == lifecycle.IntentNotify && len(p.Messages) < maxIntents:
			p.Messages = append(p.Messages, in.ID)
		case in.Kind == lifecycle.IntentComment && c.Ticket.Key != "" && len(p.Comments) < maxIntents:
			p.Comments = append(p.Comments, in.ID)
		}
	}
	return creating
}

func earliestOf(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

// campaign reads one campaign.
func (a *Activities) campaign(ctx context.Context, id string) (campaign.Campaign, error) {
	if a.Campaigns == nil {
		return campaign.Campaign{}, fault.New(fault.NotFound, "reading campaign %s: none are kept", id)
	}
	c, err := a.Campaigns.Campaign(ctx, id)
	return c, fault.Wrap(fault.KindOf(err), err, "reading campaign "+id)
}

// editCampaign changes a campaign; fn says whether there is anything to write. It may be
// called again after a lost race.
func (a *Activities) editCampaign(ctx context.Context, id string, fn func(*campaign.Campaign) bool) (campaign.Campaign, error) {
	for range swapAttempts {
		c, err := a.campaign(ctx, id)
		if err != nil || !fn(&c) {
			return c, err
		}
		c.Version++
		c.UpdatedAt = a.now()
		swapped, err := a.Campaigns.SwapCampaign(ctx, c)
		if err != nil {
			return c, fault.Wrap(fault.KindOf(err), err, "writing campaign "+id)
		}
		if swapped {
			return c, nil
		}
	}
	return campaign.Campaign{}, fault.New(fault.Unavailable, "writing campaign %s: lost %d races", id, swapAttempts)
}

// EndCampaign is a person's word that a campaign ends here, and why. Conflict if it has
// ended otherwise; the same word again changes nothing.
func (a *Activities) EndCampaign(ctx context.Context, id string, as campaign.State, by, why string) (campaign.Campaign, error) {
	c, err := a.editCampaign(ctx, id, func(c *campaign.Campaign) bool {
		if c.Over() {
			return false
		}
		c.End(as, by, why, a.now())
		return true
	})
	if err != nil {
		return c, err
	}
	if c.State != as {
		return c, fault.New(fault.Conflict, "ending campaign %s: it is %s since %s", id, c.State, c.EndedAt.Format(time.DateOnly))
	}
	a.beckon(ctx, id, string(as))
	return c, nil
}

// beckon wakes the workflow of a campaign that the store has. What is lost, the sweep sends
// again.
func (a *Activities) beckon(ctx context.Context, id, reason string) {
	if a.Beckon == nil {
		return
	}
	if err := a.Beckon.WakeCampaign(ctx, id, reason); err != nil {
		a.Log.WarnContext(ctx, "waking a campaign's workflow failed; the sweep will try again", "campaign", id, "error", err)
	}
}

// CampaignStarted has a campaign that was just put into the store looked at.
func (a *Activities) CampaignStarted(ctx context.Context, id string) { a.beckon(ctx, id, "started") }

// resendCampaigns has those campaigns looked at whose time has passed.
func (a *Activities) resendCampaigns(ctx context.Context, _ SweepRequest, _ *SweepReport) error {
	_, err := a.wakeCampaigns(ctx, a.now().Add(-wakeAge), "sent again")
	return err
}

func (a *Activities) wakeCampaigns(ctx context.Context, before time.Time, reason string) (woken int, err error) {
	if a.Campaigns == nil || a.Beckon == nil {
		return 0, nil
	}
	var problems []error
	list := exposure.List{Limit: sweepBatch}
	for {
		page, err := a.Campaigns.DueCampaigns(ctx, before, list)
		if err != nil {
			return woken, errors.Join(append(problems, err)...)
		}
		for i := range page.Items {
			if err := a.Beckon.WakeCampaign(ctx, page.Items[i].ID, reason); err != nil {
				problems = append(problems, err)
				continue
			}
			woken++
		}
		if list.Cursor = page.Next; list.Cursor == "" || len(problems) > sweepBatch {
			return woken, errors.Join(problems...)
		}
	}
}

// nests reports whether tickets of a tracker can be parts of another one.
func nests(t connectors.Tracker) bool {
	n, ok := t.(connectors.Nesting)
	return ok && n.Nests()
}
