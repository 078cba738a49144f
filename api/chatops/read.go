package chatops

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/scope"
)

// mostListed is how many things an answer lists: a phone shows no more at a time.
const mostListed = 10

func (c *Chat) mine(ctx context.Context, p *person, _ []string) (say, error) {
	if len(p.teams) == 0 {
		return say{text: "You are in no team: ask for an entry in the members of one (owners.teams)."}, nil
	}
	return c.listed(ctx, "What "+strings.Join(p.teams, " and ")+" have open", exposure.Filter{Owners: p.teams, States: live(), Visible: p.visible})
}

func (c *Chat) unowned(ctx context.Context, p *person, _ []string) (say, error) {
	return c.listed(ctx, "What nobody owns", exposure.Filter{Owners: []string{""}, States: live(), Visible: p.visible})
}

func (c *Chat) due(ctx context.Context, p *person, args []string) (say, error) {
	const week, most = 7, 3650
	days := week
	if len(args) > 0 {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.ToLower(args[0]), "d"))
		if err != nil || n < 0 || n > most {
			return say{}, fault.New(fault.Invalid, "%s is no number of days", shown(args[0]))
		}
		days = n
	}
	title := "What is due within " + strconv.Itoa(days) + " days, or overdue"
	return c.listed(ctx, title, exposure.Filter{States: live(), DueBefore: c.Now().AddDate(0, 0, days), Visible: p.visible})
}

// listed shows the most pressing of what a filter finds, and how many there are.
func (c *Chat) listed(ctx context.Context, title string, f exposure.Filter) (say, error) {
	counts, err := c.Exposures.CountExposures(ctx, f, "")
	if err != nil {
		return say{}, fault.Wrap(fault.KindOf(err), err, "counting exposures")
	}
	page, err := c.Exposures.FindExposures(ctx, f, exposure.List{Sort: exposure.SortDue, Limit: mostListed})
	if err != nil {
		return say{}, fault.Wrap(fault.KindOf(err), err, "finding exposures")
	}
	total := sum(counts)
	out := say{text: title + ": " + strconv.FormatInt(total, 10), blocks: slack.Sections("**" + title + "**: " + strconv.FormatInt(total, 10))}
	for i := range page.Items {
		out.blocks = append(out.blocks, c.row(&page.Items[i]))
	}
	if rest := total - int64(len(page.Items)); rest > 0 {
		out.blocks = append(out.blocks, slack.Sections("… and "+strconv.FormatInt(rest, 10)+" more.")...)
	}
	return out, nil
}

func sum(counts map[string]int64) (n int64) {
	for _, x := range counts {
		n += x
	}
	return n
}

func (c *Chat) show(ctx context.Context, p *person, args []string) (say, error) {
	f, _, err := c.find(ctx, p, args)
	if err != nil {
		return say{}, err
	}
	return c.card(ctx, p, f)
}

// card shows an exposure or a ticket with what can be decided on it.
func (c *Chat) card(ctx context.Context, p *person, f found) (say, error) {
	var card connectors.Card
	var err error
	if f.one != nil {
		card = c.cardOf(f.one)
	} else if card, err = c.cardOfTicket(ctx, p, f.subject); err != nil {
		return say{}, err
	}
	out := say{text: card.Title + ": " + card.State, blocks: slack.CardBlocks(card)}
	if f.one != nil {
		out.blocks = append(out.blocks, slack.Buttons(c.judging(p, f.one))...)
	}
	out.blocks = append(out.blocks, slack.Buttons(c.actions(p, &f, card.Done))...)
	return out, nil
}

// actions are what a person may decide, as far as there is such a decision.
func (c *Chat) actions(p *person, f *found, over bool) []connectors.Action {
	kinds := []string{"claim", "reassign", kindNotOurs, "fix_claimed", "retest", "accept_risk", "mark_false_positive", "snooze"}
	if over {
		kinds = []string{"reopen"}
	}
	if f.one == nil && over {
		return nil
	}
	var out []connectors.Action
	for _, kind := range kinds {
		if offered(kind) && p.allowed(kind, f.owner, "") == nil {
			out = append(out, connectors.Action{Kind: kind, Subject: f.subject, Primary: kind == "claim" && f.owner == "", Danger: kind == "accept_risk"})
		}
	}
	return out
}

func (c *Chat) why(ctx context.Context, p *person, args []string) (say, error) {
	f, _, err := c.find(ctx, p, args)
	if err != nil {
		return say{}, err
	}
	if f.one == nil {
		return say{}, fault.New(fault.Invalid, "a ticket is decided by what it is about: name one exposure, as `%s show` lists them", c.Command)
	}
	e := f.one
	var lines []string
	for _, why := range e.Decision.Why {
		lines = append(lines, "- "+escaped(why))
	}
	if e.Decision.Missing != "" {
		lines = append(lines, "- What could change it most: "+escaped(e.Decision.Missing)+" is not known")
	}
	if e.Decision.Held != "" {
		lines = append(lines, "- Held: "+escaped(e.Decision.Held))
	}
	if e.Decision.BOD != "" {
		lines = append(lines, "- BOD 26-04: "+escaped(e.Decision.BOD))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Decision.Inputs)) {
		lines = append(lines, "- "+escaped(strings.ReplaceAll(name, "_", " "))+": "+escaped(e.Decision.Inputs[name]))
	}
	if e.Owner.How != "" {
		lines = append(lines, "- Owner "+escaped(e.Owner.Team)+", "+percent(e.Owner.Confidence)+" sure: "+escaped(e.Owner.How))
	}
	outcome := strings.ReplaceAll(string(e.Decision.Outcome), "_", " ")
	if outcome == "" {
		outcome = "not decided yet"
	}
	return lists("**"+escaped(e.Title)+"**: "+outcome+due(e.Due), lines), nil
}

func percent(x float64) string { return strconv.Itoa(int(x*100+0.5)) + " %" }

func (c *Chat) owner(ctx context.Context, p *person, args []string) (say, error) {
	if len(args) == 0 {
		return say{}, fault.New(fault.Invalid, "say of what: the ID of an exposure, or the name of an asset")
	}
	if f, _, err := c.find(ctx, p, args); err == nil {
		who := "Nobody owns it."
		if f.owner != "" {
			who = escaped(f.owner) + " owns it."
		}
		if f.one != nil && f.one.Owner.How != "" {
			who += " " + percent(f.one.Owner.Confidence) + " sure: " + escaped(f.one.Owner.How)
		}
		return lists(who, nil), nil
	}
	page, err := c.Assets.FindAssets(ctx, asset.Filter{Text: strings.Join(args, " "), Visible: p.visible}, exposure.List{Limit: 3})
	if err != nil {
		return say{}, fault.Wrap(fault.KindOf(err), err, "finding assets")
	}
	if len(page.Items) == 0 {
		return say{}, fault.New(fault.NotFound, "there is no exposure or asset %s", shown(strings.Join(args, " ")))
	}
	var lines []string
	for i := range page.Items {
		test, err := c.Owners.TestOwner(ctx, page.Items[i].ID, "")
		if err != nil {
			return say{}, fault.Wrap(fault.KindOf(err), err, "finding the owner of an asset")
		}
		team := test.Team
		if team == "" {
			team = "nobody"
		}
		lines = append(lines, "- **"+escaped(page.Items[i].Name)+"**: "+escaped(team)+", "+percent(test.Confidence)+" sure: "+escaped(test.How))
	}
	return lists("", lines), nil
}

func (c *Chat) scope(ctx context.Context, p *person, args []string) (say, error) {
	all, err := c.Scopes.Scopes(ctx)
	if err != nil {
		return say{}, fault.Wrap(fault.KindOf(err), err, "reading the scopes")
	}
	var lines []string
	for i := range all {
		s := &all[i]
		if !p.sees([]string{s.Name}) || len(args) > 0 && s.Name != args[0] {
			continue
		}
		line := "- **" + escaped(s.Name) + "**: " + open(s.Exposures) + ", owner " + escaped(orNobody(s.Owner))
		if s.Problem != "" {
			line += ". " + escaped(s.Problem)
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return say{}, fault.New(fault.NotFound, "there is no such scope")
	}
	return lists("**Scopes**", lines), nil
}

func orNobody(team string) string {
	if team == "" {
		return "nobody"
	}
	return team
}

// open says how many of what is counted by state still live.
func open(states map[string]int64) string {
	var n int64
	for _, s := range live() {
		n += states[string(s)]
	}
	return strconv.FormatInt(n, 10) + " open of " + strconv.FormatInt(sum(states), 10)
}

func (c *Chat) gaps(ctx context.Context, p *person, _ []string) (say, error) {
	if p.visible != nil {
		return say{}, fault.New(fault.Denied, "gaps are not divided by scope, and you see some scopes only")
	}
	gaps, err := c.Gaps.Gaps(ctx, scope.GapPage{Limit: 3})
	if err != nil {
		return say{}, fault.Wrap(fault.KindOf(err), err, "looking for gaps")
	}
	var lines []string
	for i := range gaps {
		lines = append(lines, "- "+gapLine(&gaps[i]))
	}
	if len(lines) == 0 {
		return say{text: "Scoping covers everything that is known of."}, nil
	}
	return lists("**What scoping doesn't cover**", lines), nil
}

func (c *Chat) sources(ctx context.Context, p *person, _ []string) (say, error) {
	if p.visible != nil {
		return say{}, fault.New(fault.Denied, "sources are not divided by scope, and you see some scopes only")
	}
	all, err := c.Sources.Sources(ctx)
	if err != nil {
		return say{}, fault.Wrap(fault.KindOf(err), err, "reading how the sources are doing")
	}
	var lines []string
	for i := range all {
		s := &all[i]
		state := "well"
		switch {
		case len(s.Conditions) > 0:
			state = "not well: " + s.Conditions[0].Why
		case s.Silent:
			state = "gone quiet"
		case s.Problem != "":
			state = "its last delivery failed: " + s.Problem
		case s.Held > 0:
			state = strconv.Itoa(s.Held) + " reports wait for approval"
		}
		last := "never"
		if !s.LastDelivery.IsZero() {
			last = s.LastDelivery.In(p.zone).Format("2006-01-02 15:04")
		}
		lines = append(lines, "- **"+escaped(s.Name)+"** ("+escaped(s.Connector)+"): "+escaped(state)+"; last heard of "+last)
	}
	if len(lines) == 0 {
		return say{text: "There are no sources."}, nil
	}
	return lists("**Sources**", lines), nil
}
