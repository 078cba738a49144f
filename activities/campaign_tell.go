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

// TellOfCampaign tells people of a campaign, once for each occasion and reader: the
// occasion makes the cause, and the outbox knows which it has.
func (a *Activities) TellOfCampaign(ctx context.Context, in CampaignStep) (Done, error) {
	c, err := a.campaign(ctx, in.ID)
	if err != nil {
		return Done{}, err
	}
	for _, intent := range in.Intents {
		cause := causeOf(intent)
		if passed(&c, cause, a.now()) {
			if err := a.done(ctx, []string{intent}, "passed"); err != nil {
				return Done{}, err
			}
			continue
		}
		m, err := a.campaignMessage(ctx, &c, cause)
		if err != nil {
			return Done{}, err
		}
		for _, to := range campaignReaders(&c, cause) {
			m.To, m.Cause = to, intent+"|"+to
			if err := a.Notifier.Notify(ctx, m); err != nil {
				return Done{}, fault.Wrap(fault.KindOf(err), err, "telling "+to+" of campaign "+c.ID)
			}
		}
		if err := a.done(ctx, []string{intent}, "told"); err != nil {
			return Done{}, err
		}
	}
	return Done{}, nil
}

// passed reports whether an occasion that nobody was told of yet is overtaken.
func passed(c *campaign.Campaign, cause string, now time.Time) bool {
	switch rung(cause) {
	case campaign.OccasionDigest, campaign.OccasionMoved:
		return c.Over()
	case campaign.OccasionNear, campaign.OccasionMissed: // of the deadline before it was moved
		due, _ := c.Occasions(now)
		return !slices.Contains(due, cause)
	}
	return false
}

// campaignReaders are whom an occasion goes to.
func campaignReaders(c *campaign.Campaign, cause string) []string {
	switch rung(cause) {
	case campaign.OccasionMissed:
		return append(c.Readers(), Escalation)
	case campaign.OccasionMoved, campaign.OccasionEnded:
		return c.Readers()
	case campaign.OccasionTicket:
		return []string{"@" + c.Lead}
	}
	return []string{c.Reader()}
}

// campaignMessage is what an occasion says.
func (a *Activities) campaignMessage(ctx context.Context, c *campaign.Campaign, cause string) (connectors.Message, error) {
	name := lifecycle.Plain(c.Name, 100)
	n := c.Now()
	left := strconv.FormatInt(n.Open, 10) + " of " + strconv.FormatInt(n.Total, 10) + " open"
	m := connectors.Message{Kind: "campaign", Links: map[string]string{}}
	var b strings.Builder
	switch rung(cause) {
	case campaign.OccasionStarted:
		m.Subject = "A campaign begins: " + name + ", " + strconv.FormatInt(n.Total, 10) + " exposures until " + date(c.Until)
		b.WriteString("About: " + text(c.Where.Words()) + ".\n\n")
	case campaign.OccasionNear:
		m.Subject = "The deadline of " + name + " nears: " + left + ", until " + moment(c.Until)
	case campaign.OccasionMissed:
		m.Subject = "The deadline of " + name + " has passed: " + left
		b.WriteString("It was " + moment(c.Until) + ". The campaign stays open until nothing is, or somebody ends it with `quell campaigns close " + c.ID + "`.\n\n")
	case campaign.OccasionMoved:
		m.Subject = "The deadline of " + name + " was moved to " + moment(moveOf(c, cause).To) + ": " + left
		b.WriteString(movedDeadline(c, cause) + "\n\n")
	case campaign.OccasionEnded:
		m.Subject = "The campaign " + name + " is " + string(c.State)
		b.WriteString(endOfCampaign(c) + "\n")
	case campaign.OccasionTicket:
		m.Subject = "The ticket of the campaign " + name + " can't be kept"
		b.WriteString(ticketTrouble(c) + "\n\n")
	default:
		m.Subject = name + ": " + left + ", until " + date(c.Until)
		if c.Missed() {
			m.Subject = name + ": " + left + ", overdue since " + date(c.Until)
		}
	}
	if rung(cause) != campaign.OccasionEnded {
		progress(&b, c)
		if err := a.openByTeam(ctx, &b, c, 5); err != nil {
			return m, err
		}
	}
	m.Text = strings.TrimSpace(strings.ReplaceAll(b.String(), "## Who has what is open", "**Who has what is open**"))
	if c.Ticket.URL != "" {
		m.Links["ticket"] = c.Ticket.URL
	}
	if a.Policy.PublicURL != "" {
		m.Links["campaign"] = strings.TrimRight(a.Policy.PublicURL, "/") + "/api/v1/campaigns/" + c.ID
	}
	return m, nil
}

// progress says how the members stand, against the plan.
func progress(b *strings.Builder, c *campaign.Campaign) {
	b.WriteString(standsAt(c))
	if len(c.Points) == 0 {
		return
	}
	last := c.Points[len(c.Points)-1]
	if plan := c.Ideal(last.Counts, last.At); !c.Missed() {
		b.WriteString(" Planned for now: " + strconv.FormatInt(plan, 10) + " open.")
	}
	if at, ok := c.Forecast(last.At); ok {
		b.WriteString(" At this pace nothing is open on " + date(at) + ".")
	}
	b.WriteString("\n")
}

func ticketTrouble(c *campaign.Campaign) string {
	if c.Ticket.Given() {
		return "Ticket " + text(c.Ticket.GoneKey) + " was deleted like the one before it: quell makes no other. The campaign goes on without one."
	}
	return "In " + text(c.Tracker) + ": " + text(c.Ticket.Trouble) + ". It is tried again; the campaign goes on meanwhile."
}
