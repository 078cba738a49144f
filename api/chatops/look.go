package chatops

import (
	"context"
	"strconv"
	"strings"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// escaped is a text of somebody's inside Markdown of ours: it stands for itself.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if strings.ContainsRune("\\`*_[]()~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// lists is a title and lines below it, in Markdown.
func lists(title string, lines []string) say {
	text := strings.TrimSpace(title + "\n" + strings.Join(lines, "\n"))
	return say{text: strings.ReplaceAll(title, "*", ""), blocks: slack.Sections(text)}.filled(text)
}

// filled has a text for the notification, whatever else there is.
func (s say) filled(text string) say {
	if strings.TrimSpace(s.text) == "" {
		s.text = text
	}
	return s
}

func due(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", due " + t.UTC().Format(time.DateOnly)
}

// row is an exposure in a list, with a button that shows it.
func (c *Chat) row(e *exposure.Exposure) kit.Block {
	const mostTitle, mostName = 90, 60
	line := "**" + escaped(cut(e.Title, mostTitle)) + "** on " + escaped(cut(e.AssetName, mostName)) + "\n" + escaped(strings.ReplaceAll(string(e.State), "_", " ")) +
		", " + escaped(string(e.Severity)) + due(e.Due) + ", " + escaped(orNobody(e.Owner.Team)) + "\n`" + string(e.ID) + "`"
	blocks := slack.Sections(line)
	if section, ok := blocks[0].(*kit.SectionBlock); ok {
		button := kit.NewButtonBlockElement(slack.ActionID(kindShow, 0), "exposure:"+string(e.ID), kit.NewTextBlockObject(kit.PlainTextType, "Show", false, false))
		section.Accessory = kit.NewAccessory(button)
	}
	return blocks[0]
}

func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// cardOf shows an exposure as messages to teams do.
func (c *Chat) cardOf(e *exposure.Exposure) connectors.Card {
	card := connectors.Card{Title: e.Title, Where: strings.TrimSpace(e.AssetName + " " + e.Location), Why: e.Decision.Why, Due: e.Due, Owner: e.Owner.Team,
		State: strings.ReplaceAll(string(e.State), "_", " "), Decision: string(e.Decision.Outcome), Severity: string(e.Severity), Ticket: e.Ticket, Done: !e.State.Live()}
	if e.Owner.Team != "" && e.Owner.Confidence > 0 {
		card.Owner += " (" + percent(e.Owner.Confidence) + " sure)"
	}
	switch {
	case e.Exception != nil && e.State.Excepted():
		card.State += " by " + e.Exception.By + ": " + e.Exception.Reason
		if !e.Exception.Until.IsZero() {
			card.State += ", until " + e.Exception.Until.Format(time.DateOnly)
		}
	case e.Request != nil:
		card.State += ", and " + e.Request.By + " asks to have it " + strings.ReplaceAll(string(e.Request.Kind), "_", " ") + ": " + e.Request.Reason
	case e.Claim != nil && e.State != exposure.Closed:
		card.State += ", claimed fixed by " + e.Claim.By
	}
	card.Proof = proofOf(e)
	if c.PublicURL != "" {
		card.Ticket, card.URL = orID(e), strings.TrimRight(c.PublicURL, "/")+"/exposures/"+string(e.ID)
	}
	return card
}

func orID(e *exposure.Exposure) string {
	if e.Ticket != "" {
		return e.Ticket
	}
	return string(e.ID)
}

// proofOf says how it is proven fixed, or how it will be.
func proofOf(e *exposure.Exposure) string {
	switch {
	case e.Proof != nil && e.Proof.Kind == exposure.ProofVerdict:
		return "a probe no longer found it on " + e.Proof.At.Format(time.DateOnly)
	case e.Proof != nil:
		return "complete runs of " + strings.Join(e.Sources, " and ") + " no longer found it by " + e.Proof.At.Format(time.DateOnly)
	case e.Verification.Method.Probes():
		return "a probe will test it"
	}
	return "the next complete run of " + strings.Join(e.Sources, " and ") + " will tell"
}

// cardOfTicket shows what a ticket is about.
func (c *Chat) cardOfTicket(ctx context.Context, p *person, subj string) (connectors.Card, error) {
	_, id := subject(subj)
	r, err := c.Remediations.Remediation(ctx, id)
	if err != nil {
		return connectors.Card{}, fault.Wrap(fault.KindOf(err), err, "reading a ticket")
	}
	f := exposure.Filter{Remediation: id, Visible: p.visible}
	states, err := c.Exposures.CountExposures(ctx, f, "state")
	if err != nil {
		return connectors.Card{}, fault.Wrap(fault.KindOf(err), err, "counting what a ticket is about")
	}
	page, err := c.Exposures.FindExposures(ctx, f, exposure.List{Sort: exposure.SortDecision, Limit: 1})
	if err != nil {
		return connectors.Card{}, fault.Wrap(fault.KindOf(err), err, "finding what a ticket is about")
	}
	card := connectors.Card{Title: r.Fix, Owner: r.Owner, Due: r.Due, State: open(states), Ticket: r.Ticket, URL: r.TicketURL, Where: strconv.FormatInt(sum(states), 10) + " exposures"}
	if len(page.Items) > 0 {
		worst := &page.Items[0]
		card.Title, card.Why, card.Decision, card.Severity, card.Proof = worst.Title, worst.Decision.Why, string(worst.Decision.Outcome), string(worst.Severity), proofOf(worst)
		if len(states) == 1 && sum(states) == 1 {
			card.Where = worst.AssetName
		}
	}
	var living int64
	for _, s := range live() {
		living += states[string(s)]
	}
	card.Done = living == 0
	return card, nil
}

// spoken is what happened to an order, for whoever gave it.
func (c *Chat) spoken(o *order, result string) say {
	if result == "" {
		return say{}
	}
	blocks := slack.Sections(escapedLines(result))
	kind, id := subject(o.Subject)
	if kind == "request" {
		kind = "exposure"
	}
	if kind == "exposure" || kind == "remediation" {
		blocks = append(blocks, kit.NewActionBlock("", kit.NewButtonBlockElement(slack.ActionID(kindShow, 0), kind+":"+id, kit.NewTextBlockObject(kit.PlainTextType, "Show", false, false))))
	}
	return say{text: result, blocks: blocks}
}

func escapedLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = escaped(lines[i])
	}
	return strings.Join(lines, "\n")
}
