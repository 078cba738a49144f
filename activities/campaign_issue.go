package activities

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

const (
	maxPointsShown = 15 // of the burn-down
	maxTeamsShown  = 15
)

// campaignIssue is a campaign's ticket as it should be, and whether it is to be done: the
// same as long as the counts and the day are.
func (a *Activities) campaignIssue(ctx context.Context, c *campaign.Campaign) (issue connectors.Issue, status string, err error) {
	marker := lifecycle.CampaignMarker(c.ID, c.CreatedAt)
	n := c.Now()
	issue = connectors.Issue{
		Key: c.Ticket.Key, Marker: marker, Title: "Campaign: " + lifecycle.Plain(c.Name, 160), Due: c.Until, Campaign: true,
		Labels: map[string]string{"quell": marker, "campaign": c.ID},
		Facts:  map[string]string{"campaign": c.ID, "live": strconv.FormatInt(n.Open, 10), "members": strconv.FormatInt(n.Total, 10)},
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** leads this. Until **%s**: %s\n", text(c.Lead), moment(c.Until), standsAt(c))
	if c.Goal != "" {
		b.WriteString("\n## What for\n\n" + text(c.Goal) + "\n")
	}
	b.WriteString("\n## What it is about\n\n" + text(c.Where.Words()) + "\n")
	if c.Over() {
		b.WriteString("\n## How it ended\n\n" + endOfCampaign(c) + "\n")
		status = wantDone
	}
	b.WriteString("\n## Burn-down\n\n")
	burnDown(&b, c)
	if err := a.openByTeam(ctx, &b, c, maxTeamsShown); err != nil {
		return issue, status, err
	}
	if err := a.partsOf(ctx, &b, c); err != nil {
		return issue, status, err
	}
	b.WriteString("\nquell closes nothing because of this campaign: each member closes with its own proof. Moving this ticket changes nothing.\n")
	issue.Description = b.String()
	return issue, status, nil
}

// burnDown is the table of a campaign's latest days.
func burnDown(b *strings.Builder, c *campaign.Campaign) {
	b.WriteString("| day | open | planned | done | set aside | all | added |\n|---|---|---|---|---|---|---|\n")
	points := c.Points[max(0, len(c.Points)-maxPointsShown):]
	for i := range points {
		p := &points[i]
		fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %d |\n", date(p.At), p.Open, c.Ideal(p.Counts, p.At), p.Done, p.Excepted, p.Total, p.Added)
	}
	if at, ok := c.Forecast(c.Points[max(0, len(c.Points)-1):][0].At); ok {
		late := ""
		if at.After(c.Until) {
			late = ", which is too late"
		}
		b.WriteString("\nAt the pace of the last two weeks, nothing is open on " + date(at) + late + ".\n")
	}
}

// openByTeam says who has what is open.
func (a *Activities) openByTeam(ctx context.Context, b *strings.Builder, c *campaign.Campaign, most int) error {
	counts, err := a.Board.CountExposures(ctx, exposure.Filter{Campaign: c.ID, States: liveStates()}, "owner")
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting the members of campaign "+c.ID)
	}
	if len(counts) == 0 {
		return nil
	}
	b.WriteString("\n## Who has what is open\n\n")
	teams := slices.SortedFunc(maps.Keys(counts), func(x, y string) int { return cmp.Or(cmp.Compare(counts[y], counts[x]), strings.Compare(x, y)) })
	for _, team := range teams[:min(len(teams), most)] {
		name := text(team)
		if team == "" {
			name = "nobody"
		}
		fmt.Fprintf(b, "- %s: %d\n", name, counts[team])
	}
	if more := len(teams) - most; more > 0 {
		fmt.Fprintf(b, "- … and %d more teams\n", more)
	}
	return nil
}

func liveStates() []exposure.State {
	return slices.DeleteFunc(exposure.States(), func(s exposure.State) bool { return !s.Live() })
}

// partsOf lists the tickets of a campaign, for trackers that don't and for people who don't
// look there.
func (a *Activities) partsOf(ctx context.Context, b *strings.Builder, c *campaign.Campaign) error {
	page, err := a.Board.FindRemediations(ctx, lifecycle.RemediationFilter{Campaign: c.ID}, exposure.List{Limit: maxRows})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the tickets of campaign "+c.ID)
	}
	first := true
	for i := range page.Items {
		r := &page.Items[i]
		if r.Ticket == "" {
			continue
		}
		if first {
			b.WriteString("\n## Its tickets\n\n")
			first = false
		}
		name := text(r.Ticket)
		if r.TicketURL != "" {
			name = "[" + name + "](" + r.TicketURL + ")"
		}
		fmt.Fprintf(b, "- %s, %s: %s, due %s\n", name, text(orEscalation(r.Owner)), r.Status, date(r.Due))
	}
	if page.Next != "" {
		b.WriteString("- … and more\n")
	}
	return nil
}
