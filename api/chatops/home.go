package chatops

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
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
	if p.may(operator) {
		waiting, err := c.waiting(ctx, &p)
		if err != nil {
			return nil, err
		}
		runs, err := c.waitingRuns(ctx, &p)
		if err != nil {
			return nil, err
		}
		if waiting = append(waiting, runs...); len(waiting) == 0 {
			waiting = slack.Sections("Nothing waits for you.")
		}
		out = append(append(out, kit.NewDividerBlock(), title("My approvals")), waiting...)
	}
	return append(out, kit.NewDividerBlock(), note("`"+c.Command+" help` tells what else there is.")), nil
}

// waiting are the requests for exceptions that wait for somebody's approval.
func (c *Chat) waiting(ctx context.Context, p *person) ([]kit.Block, error) {
	const looked = 200 // at so many: whoever has more to approve has the command line
	page, err := c.Exposures.FindExposures(ctx, exposure.Filter{Requested: true, Visible: p.visible}, exposure.List{Sort: exposure.SortDue, Limit: looked})
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "finding requests that wait")
	}
	var out []kit.Block
	for i := range page.Items {
		e := &page.Items[i]
		if !c.approves(p, e) {
			continue
		}
		if len(out) == 3*mostListed {
			break
		}
		q := e.Request
		text := escaped(q.By) + " asks to have it " + escaped(strings.ReplaceAll(string(q.Kind), "_", " ")) + " until " + q.Until.Format(time.DateOnly) + ": " + escaped(cut(q.Reason, 300))
		out = append(append(append(out, c.row(e)), slack.Sections(text)...), slack.Buttons(c.judging(p, e))...)
	}
	return out, nil
}

// approves reports whether a request waits for a person.
func (c *Chat) approves(p *person, e *exposure.Exposure) bool {
	q := e.Request
	return q != nil && e.State.Live() && p.may(operator) && c.Rules.MayApprove(e, p.name, p.role, c.Now()) && !q.ApprovedBy(p.name) && (q.Own || !exposure.SamePerson(q.By, p.name))
}

// judging are the buttons about a request, for a person.
func (c *Chat) judging(p *person, e *exposure.Exposure) []connectors.Action {
	about := "request:" + string(e.ID)
	var out []connectors.Action
	if c.approves(p, e) {
		out = append(out, connectors.Action{Kind: string(lifecycle.DecideApprove), Subject: about, Primary: true}, connectors.Action{Kind: string(lifecycle.DecideDecline), Subject: about, Danger: true})
	}
	if q := e.Request; q != nil && exposure.SamePerson(q.By, p.name) {
		out = append(out, connectors.Action{Kind: string(lifecycle.DecideWithdraw), Subject: about})
	}
	return out
}
