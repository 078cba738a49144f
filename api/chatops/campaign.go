package chatops

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Campaigns reads campaigns.
type Campaigns interface {
	Campaign(ctx context.Context, id string) (campaign.Campaign, error)
	FindCampaigns(ctx context.Context, state campaign.State, l exposure.List) (exposure.Page[campaign.Campaign], error)
}

// campaign tells how a campaign is doing, or which are open. Figures over all scopes are
// for those who see all of them.
func (c *Chat) campaign(ctx context.Context, p *person, args []string) (say, error) {
	if p.visible != nil {
		return say{}, fault.New(fault.Denied, "campaigns are not divided by scope, and you see %s only", strings.Join(p.visible, ", "))
	}
	if c.Campaigns == nil {
		return say{text: "There are no campaigns here."}, nil
	}
	if len(args) > 0 {
		return c.oneCampaign(ctx, campaign.Slug(strings.Join(args, " ")))
	}
	const most = 20
	page, err := c.Campaigns.FindCampaigns(ctx, campaign.Open, exposure.List{Limit: most})
	if err != nil {
		return say{}, fault.Wrap(fault.KindOf(err), err, "finding campaigns")
	}
	if len(page.Items) == 0 {
		return say{text: "No campaign is open. `quell campaigns start` begins one."}, nil
	}
	var lines []string
	for i := range page.Items {
		x := &page.Items[i]
		lines = append(lines, "- **"+escaped(cut(x.Name, 90))+"** `"+x.ID+"`: "+stands(x)+", "+c.untilOf(x))
	}
	if page.Next != "" {
		lines = append(lines, "- … and more")
	}
	return lists("**Open campaigns**", lines), nil
}

func (c *Chat) oneCampaign(ctx context.Context, id string) (say, error) {
	x, err := c.Campaigns.Campaign(ctx, id)
	if fault.Is(err, fault.NotFound) || id == "" {
		return say{}, fault.New(fault.NotFound, "there is no campaign %s: `%s campaign` lists those that are open", shown(id), c.Command)
	}
	if err != nil {
		return say{}, fault.Wrap(fault.KindOf(err), err, "reading a campaign")
	}
	n, now := x.Now(), c.Now()
	lines := []string{"- " + stands(&x) + ", " + c.untilOf(&x)}
	if !x.Over() {
		lines = append(lines, fmt.Sprintf("- Planned for now: %d open", x.Ideal(n, now)))
		if at, ok := x.Forecast(now); ok {
			lines = append(lines, "- At this pace nothing is open on "+at.Format(time.DateOnly))
		}
	}
	if n.Added > 0 {
		lines = append(lines, fmt.Sprintf("- %d joined after it began", n.Added))
	}
	lines = append(lines, "- About: "+escaped(cut(x.Where.Words(), 300)), "- Led by "+escaped(x.Lead))
	if x.Ticket.Key != "" {
		lines = append(lines, "- Ticket: "+escaped(x.Ticket.Key))
	}
	return lists("**"+escaped(cut(x.Name, 120))+"**", lines), nil
}

// stands is how the members stand, in a line.
func stands(x *campaign.Campaign) string {
	n := x.Now()
	return fmt.Sprintf("%d of %d done, %d open, %d set aside", n.Done, n.Total, n.Open, n.Excepted)
}

func (c *Chat) untilOf(x *campaign.Campaign) string {
	switch {
	case x.Over():
		return string(x.State) + " since " + x.EndedAt.UTC().Format(time.DateOnly)
	case x.Overdue(c.Now()):
		return "overdue since " + x.Until.UTC().Format(time.DateOnly)
	}
	return "until " + x.Until.UTC().Format(time.DateOnly)
}
