package activities

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

func (a *Activities) campaignTracker(c *campaign.Campaign) (connectors.Tracker, error) {
	t, ok := a.Trackers[c.Tracker]
	if !ok {
		return nil, fault.New(fault.Invalid, "looking for the tracker of campaign %s: there is none called %q in the configuration", c.ID, c.Tracker)
	}
	return t, nil
}

// CreateCampaignTicket makes a campaign's ticket, once: intent first, then a search by its
// marker, then the ticket, as remediations do. For a campaign that has ended it only finds
// what an attempt that died may have made.
func (a *Activities) CreateCampaignTicket(ctx context.Context, in CampaignStep) (TicketResult, error) {
	c, err := a.campaign(ctx, in.ID)
	if err != nil {
		return TicketResult{}, err
	}
	marker := lifecycle.CampaignMarker(c.ID, c.CreatedAt)
	if c.Ticket.Key == "" && !c.Ticket.Given() {
		if c, err = a.findOrCreateCampaign(ctx, &c, marker); err != nil {
			return TicketResult{}, a.campaignAfflicted(ctx, in.ID, err)
		}
	}
	return TicketResult{c.Ticket.Key, c.Ticket.URL}, a.carriedOut(ctx, marker, c.Ticket.Key, lifecycle.IntentCreate)
}

func (a *Activities) findOrCreateCampaign(ctx context.Context, c *campaign.Campaign, marker string) (campaign.Campaign, error) {
	tracker, err := a.campaignTracker(c)
	if err != nil {
		return *c, err
	}
	attempts, err := a.settled(ctx, marker, c.Ticket.GoneAt, tracker)
	if err != nil {
		return *c, err
	}
	want, _, err := a.campaignIssue(ctx, c)
	if err != nil {
		return *c, err
	}
	want.Status = connectors.IssueTodo
	written := ""
	issue, err := tracker.FindByMarker(ctx, marker)
	if fault.Is(err, fault.NotFound) {
		if c.Over() {
			return *c, nil
		}
		if err := a.intend(ctx, marker, lifecycle.IntentCreate, strconv.Itoa(attempts+1)); err != nil {
			return *c, err
		}
		written = digest(&want, "")
		issue, err = tracker.Create(ctx, want)
	}
	if err != nil {
		return *c, fault.Wrap(fault.KindOf(err), err, "creating the ticket of campaign "+c.ID)
	}
	if c.Ticket.GoneKey != "" {
		if err := a.intend(ctx, marker, lifecycle.IntentComment, campaign.OccasionRecreated+"/"+c.Ticket.GoneKey); err != nil {
			return *c, err
		}
	}
	if !nests(tracker) {
		if err := a.intend(ctx, marker, lifecycle.IntentComment, campaign.OccasionNoParents); err != nil {
			return *c, err
		}
	}
	return a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
		c.Ticket.Key, c.Ticket.URL, c.Ticket.Digest, c.Ticket.Trouble, c.Ticket.LookedAt = issue.Key, issue.URL, written, "", a.now()
		return true
	})
}

// SyncCampaignTicket looks at a campaign's ticket and brings it to what it should be. While
// the campaign runs, people move it as they like; once it has ended, it is done.
func (a *Activities) SyncCampaignTicket(ctx context.Context, in CampaignStep) (SyncResult, error) {
	c, err := a.campaign(ctx, in.ID)
	if err != nil || c.Ticket.Key == "" {
		return SyncResult{}, err
	}
	tracker, err := a.campaignTracker(&c)
	if err != nil {
		return SyncResult{}, a.campaignAfflicted(ctx, c.ID, err)
	}
	issue, err := tracker.Get(ctx, c.Ticket.Key)
	if fault.Is(err, fault.NotFound) {
		return SyncResult{Gone: true}, a.campaignGone(ctx, &c)
	}
	if err != nil {
		return SyncResult{}, a.campaignAfflicted(ctx, c.ID, fault.Wrap(fault.KindOf(err), err, "reading ticket "+c.Ticket.Key))
	}
	if c, err = a.campaignSeen(ctx, &c, &issue); err != nil {
		return SyncResult{}, err
	}
	want, status, err := a.campaignIssue(ctx, &c)
	if err != nil {
		return SyncResult{}, err
	}
	sum := digest(&want, status)
	want.Key, want.Status = issue.Key, ""
	if status == wantDone && issue.Status != connectors.IssueDone {
		want.Status = connectors.IssueDone
	}
	if sum == c.Ticket.Digest && want.Status == "" {
		// An attempt that died may have come so far and no further.
		return SyncResult{Status: string(issue.Status)}, a.carriedOut(ctx, want.Marker, issue.Key, lifecycle.IntentUpdate)
	}
	return a.writeCampaign(ctx, &c, tracker, want, sum)
}

// campaignSeen notes that the ticket was read, and what a person did with it.
func (a *Activities) campaignSeen(ctx context.Context, c *campaign.Campaign, issue *connectors.Issue) (campaign.Campaign, error) {
	if !c.Over() && issue.Status == connectors.IssueDone && !ours(issue.ClosedBy) {
		cause := campaign.OccasionByHand + "/" + stamp(issue.ClosedAt)
		if err := a.intend(ctx, lifecycle.CampaignMarker(c.ID, c.CreatedAt), lifecycle.IntentComment, cause); err != nil {
			return *c, err
		}
	}
	key := c.Ticket.Key
	return a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
		if c.Ticket.Key != key {
			return false
		}
		if issue.Key != "" {
			c.Ticket.Key = issue.Key
		}
		if issue.URL != "" {
			c.Ticket.URL = issue.URL
		}
		c.Ticket.LookedAt, c.Ticket.Trouble = a.now(), ""
		return true
	})
}

func (a *Activities) writeCampaign(ctx context.Context, c *campaign.Campaign, tracker connectors.Tracker, want connectors.Issue, sum string) (SyncResult, error) {
	marker := lifecycle.CampaignMarker(c.ID, c.CreatedAt)
	if err := a.begin(ctx, marker, lifecycle.IntentUpdate, sum); err != nil {
		return SyncResult{}, err
	}
	updated, err := tracker.Update(ctx, want, sum)
	if fault.Is(err, fault.NotFound) {
		return SyncResult{Gone: true}, a.campaignGone(ctx, c)
	}
	if err != nil {
		return SyncResult{}, a.campaignAfflicted(ctx, c.ID, fault.Wrap(fault.KindOf(err), err, "updating ticket "+c.Ticket.Key))
	}
	key := c.Ticket.Key
	_, err = a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
		if c.Ticket.Key != key {
			return false
		}
		c.Ticket.Digest = sum
		return true
	})
	if err == nil {
		err = a.carriedOut(ctx, marker, key, lifecycle.IntentUpdate)
	}
	return SyncResult{Wrote: true, Status: string(updated.Status)}, err
}

// campaignGone takes note that somebody deleted the ticket. Another one is made, once: who
// deletes that as well means it.
func (a *Activities) campaignGone(ctx context.Context, c *campaign.Campaign) error {
	key := c.Ticket.Key
	after, err := a.editCampaign(ctx, c.ID, func(c *campaign.Campaign) bool {
		if c.Ticket.Key != key {
			return false
		}
		c.Ticket = campaign.Ticket{GoneKey: key, GoneAt: a.now(), Gone: c.Ticket.Gone + 1}
		return true
	})
	if err != nil || !after.Ticket.Given() {
		return err
	}
	return a.intend(ctx, lifecycle.CampaignMarker(c.ID, c.CreatedAt), lifecycle.IntentNotify, campaign.OccasionTicket+"/deleted")
}

// campaignAfflicted takes note of an error that doesn't pass by itself, tells of it once,
// and gives it back.
func (a *Activities) campaignAfflicted(ctx context.Context, id string, err error) error {
	switch fault.KindOf(err) {
	case fault.Denied, fault.Invalid, fault.Conflict:
	default:
		return err // it is tried again, and mostly passes
	}
	c, noted := a.editCampaign(ctx, id, func(c *campaign.Campaign) bool {
		what := lifecycle.Plain(err.Error(), 400)
		if c.Ticket.Trouble == what {
			return false
		}
		c.Ticket.Trouble = what
		return true
	})
	if noted == nil {
		noted = a.intend(ctx, lifecycle.CampaignMarker(c.ID, c.CreatedAt), lifecycle.IntentNotify, campaign.OccasionTicket+"/trouble")
	}
	if noted != nil {
		a.Log.WarnContext(ctx, "noting what keeps a campaign from its ticket", "campaign", id, "error", noted)
	}
	return err
}

// CommentOnCampaign says on a campaign's ticket what happened: one comment for the
// occasions given.
func (a *Activities) CommentOnCampaign(ctx context.Context, in CampaignStep) (Done, error) {
	c, err := a.campaign(ctx, in.ID)
	if err != nil || len(in.Intents) == 0 || c.Ticket.Key == "" {
		return Done{}, err
	}
	tracker, err := a.campaignTracker(&c)
	if err != nil {
		return Done{}, err
	}
	paragraphs := make([]string, 0, len(in.Intents))
	for _, intent := range in.Intents {
		if p := campaignComment(&c, causeOf(intent)); !slices.Contains(paragraphs, p) {
			paragraphs = append(paragraphs, p)
		}
	}
	if err := tracker.Comment(ctx, c.Ticket.Key, strings.Join(paragraphs, "\n\n"), in.Intents[0]); err != nil {
		return Done{}, a.campaignAfflicted(ctx, c.ID, fault.Wrap(fault.KindOf(err), err, "commenting on ticket "+c.Ticket.Key))
	}
	return Done{}, a.done(ctx, in.Intents, c.Ticket.Key)
}

// campaignComment is what one occasion says on the ticket.
func campaignComment(c *campaign.Campaign, cause string) string {
	kind, rest, _ := strings.Cut(cause, "/")
	switch kind {
	case campaign.OccasionMissed:
		return "The deadline, " + moment(c.Until) + ", has passed. " + standsAt(c) + " The campaign stays open until nothing is, or somebody ends it."
	case campaign.OccasionMoved:
		return movedDeadline(c, cause)
	case campaign.OccasionRecreated:
		return "This ticket takes the place of " + text(rest) + ", which was deleted while the campaign runs."
	case campaign.OccasionNoParents:
		return "This tracker puts no ticket below another one, so the tickets of this campaign are listed in the description."
	case campaign.OccasionByHand:
		return "Somebody has closed this ticket. The campaign goes on until none of its members is open: `quell campaigns close " + c.ID + "` ends it."
	}
	return endOfCampaign(c)
}

// endOfCampaign says how it ended.
func endOfCampaign(c *campaign.Campaign) string {
	switch c.State {
	case campaign.Met:
		out := "The campaign is met: none of its members is open any more. " + standsAt(c)
		if c.Now().Total == 0 {
			out = "The campaign is over: nothing ever matched it."
		}
		if c.Missed() {
			out += " That was " + daysBetween(c.Until, c.EndedAt) + " after its deadline."
		}
		return out
	case campaign.Closed, campaign.Cancelled:
		return "The campaign was " + string(c.State) + " by " + text(c.EndedBy) + ": " + strings.TrimRight(text(c.Reason), ". ") + ". " + standsAt(c) + " What is open is due as policy says, and work on it goes on."
	case campaign.Open:
	}
	return standsAt(c)
}

// standsAt is how the members stand, in a sentence.
func standsAt(c *campaign.Campaign) string {
	n := c.Now()
	out := strconv.FormatInt(n.Done, 10) + " of " + strconv.FormatInt(n.Total, 10) + " closed with proof, " + strconv.FormatInt(n.Open, 10) + " open, " +
		strconv.FormatInt(n.Excepted, 10) + " set aside"
	if n.Added > 0 {
		out += "; " + strconv.FormatInt(n.Added, 10) + " joined after it began"
	}
	return out + "."
}

func daysBetween(from, to time.Time) string {
	n := int(to.Sub(from).Hours()/24 + 0.5)
	if n <= 1 {
		return "a day or less"
	}
	return strconv.Itoa(n) + " days"
}
