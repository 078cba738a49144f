package chatops

import (
	"context"
	"encoding/json"
	"strconv"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// event takes an event of Slack's. The only ones that matter are of somebody who opens the
// app's home: it is drawn as things are now, so that it doesn't matter in which order, or
// how often, they come.
func (c *Chat) event(ctx context.Context, body []byte) {
	var envelope struct {
		Team  string `json:"team_id"`
		Event struct {
			Type string `json:"type"`
			User string `json:"user"`
			Tab  string `json:"tab"`
		} `json:"event"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return
	}
	switch envelope.Event.Type {
	case "app_home_opened":
		if envelope.Event.Tab == "home" && envelope.Event.User != "" {
			c.background(ctx, func(ctx context.Context) { c.drawHome(ctx, envelope.Event.User, envelope.Team) })
		}
	case "tokens_revoked", "app_uninstalled":
		c.Log.Error("the app was taken out of Slack, or its token was revoked: nobody is told anything any more", "event", envelope.Event.Type)
	}
}

func (c *Chat) drawHome(ctx context.Context, user, workspace string) {
	blocks, err := c.home(ctx, user, workspace)
	if err != nil {
		blocks = slack.Sections(escaped(refused(err)))
	}
	if err := c.Slack.PublishHome(ctx, user, blocks); err != nil {
		c.Log.Warn("showing an app home", "user", user, "error", err)
	}
}

// home is what somebody sees of his own: what his teams have open, and what waits for him.
func (c *Chat) home(ctx context.Context, user, workspace string) ([]kit.Block, error) {
	p, err := c.who(ctx, user, workspace)
	if err != nil {
		return nil, err
	}
	title := func(text string) kit.Block {
		return kit.NewHeaderBlock(kit.NewTextBlockObject(kit.PlainTextType, text, false, false))
	}
	out := []kit.Block{title("My exposures")}
	mine, err := c.mine(ctx, &p, nil)
	if err != nil {
		return nil, err
	}
	if len(mine.blocks) == 0 {
		mine.blocks = slack.Sections(escaped(mine.text))
	}
	out = append(out, mine.blocks...)
	if p.may(approver) {
		waiting, err := c.waiting(ctx, &p)
		if err != nil {
			return nil, err
		}
		out = append(append(out, kit.NewDividerBlock(), title("My approvals")), waiting...)
	}
	return append(out, kit.NewDividerBlock(), note("`"+c.Command+" help` tells what else there is.")), nil
}

// waiting is what an approver has to decide: exceptions of his teams that end within two
// weeks, since risk that is accepted wants looking at before it comes back.
func (c *Chat) waiting(ctx context.Context, p *person) ([]kit.Block, error) {
	const days = 14
	f := exposure.Filter{States: []exposure.State{exposure.Accepted, exposure.Mitigated}, TimerBefore: c.Now().AddDate(0, 0, days), Visible: p.visible, Owners: p.teams}
	if len(p.teams) == 0 {
		f.Owners = nil
	}
	page, err := c.Exposures.FindExposures(ctx, f, exposure.List{Sort: exposure.SortDue, Limit: mostListed})
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "finding exceptions that end")
	}
	if len(page.Items) == 0 {
		return slack.Sections("Nothing waits for you."), nil
	}
	out := slack.Sections("Exceptions that end within " + strconv.Itoa(days) + " days:")
	for i := range page.Items {
		out = append(out, c.row(&page.Items[i]))
	}
	return out, nil
}
