package cli

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
)

// daysShown is how many days of a burn-down are shown: the last ones.
const daysShown = 21

func (a *app) showCampaign(c *apiclient.Campaign) {
	a.sayf("%s", a.paint(a.Out).as(bold, clean(c.Name)))
	var f facts
	f.add("id", "%s", c.ID)
	f.add("state", "%s", campaignState(c))
	f.add("goal", "%s", c.Goal)
	f.add("about", "%s", c.Where.Words())
	f.add("until", "%s", untilOf(a, c))
	f.add("lead", "%s", c.Lead)
	f.add("channel", "%s", c.Channel)
	f.add("ticket", "%s", ticketOf(&c.Ticket, c.Tracker))
	f.add("trouble", "%s", c.Ticket.Trouble)
	f.add("started", "%s by %s", when(c.CreatedAt), c.CreatedBy)
	for i := range c.Moves {
		m := &c.Moves[i]
		f.add("moved", "from %s to %s by %s on %s: %s", when(m.From), when(m.To), m.By, when(m.At), m.Reason)
	}
	if c.Over() {
		f.add("ended", "%s by %s", when(c.EndedAt), c.EndedBy)
		f.add("reason", "%s", c.Reason)
	}
	f.print(a)
	if c.Began.IsZero() {
		a.notef("its members are being gathered: look again in a moment")
		return
	}
	a.sayf("\n  %s %s", bar(c.Now.Done, c.Now.Excepted, c.Now.Total, 40), standing(&c.Now))
	if !c.Over() {
		a.sayf("  %s", forecast(c))
	}
	a.sayf("")
	a.burnDown(c)
	a.notef("quell campaigns members %s lists who is in it", clean(c.ID))
}

func untilOf(a *app, c *apiclient.Campaign) string {
	out := when(c.Until)
	switch {
	case c.Overdue:
		return out + ", which has passed"
	case c.Over():
		return out
	}
	if left := c.Until.Sub(a.Now()); left < 2*day {
		return out + ", in " + left.Round(time.Hour).String()
	}
	return out + ", in " + n(int64(c.Until.Sub(a.Now())/day)) + " days"
}

func ticketOf(t *campaign.Ticket, tracker string) string {
	switch {
	case t.Given():
		return "none: it was deleted twice"
	case t.Key == "":
		return "to be made in " + tracker
	case t.NoParent:
		return t.Key + " in " + tracker + ", which puts no ticket below another"
	}
	return t.Key + " in " + tracker
}

// standing is how the members stand, in a line.
func standing(c *campaign.Counts) string {
	out := n(c.Done) + " done, " + n(c.Open) + " open, " + n(c.Excepted) + " set aside, of " + n(c.Total)
	if c.Added > 0 {
		out += " (" + n(c.Added) + " added since it began)"
	}
	return out
}

// forecast is what the pace says of the deadline.
func forecast(c *apiclient.Campaign) string {
	out := "planned for now: " + n(c.Ideal) + " open"
	switch {
	case c.Now.Open > c.Ideal:
		out += ", so it is behind by " + n(c.Now.Open-c.Ideal)
	case c.Now.Total > 0:
		out += ", so it is on time"
	}
	switch {
	case c.Forecast.IsZero():
		return out + "; nothing tells yet when it will be met"
	case c.Forecast.After(c.Until):
		return out + "; at this pace it is met on " + c.Forecast.UTC().Format(time.DateOnly) + ", too late"
	}
	return out + "; at this pace it is met on " + c.Forecast.UTC().Format(time.DateOnly)
}

// bar draws what is done, what is set aside and what is open, so many cells wide.
func bar(done, aside, all int64, cells int) string {
	if all <= 0 {
		return "[" + strings.Repeat(" ", cells) + "]"
	}
	d := int(done * int64(cells) / all)
	s := int((done+aside)*int64(cells)/all) - d
	return "[" + strings.Repeat("#", d) + strings.Repeat("-", s) + strings.Repeat(" ", cells-d-s) + "]"
}

// burnDown is the table of the days, what is open as a bar.
func (a *app) burnDown(c *apiclient.Campaign) {
	points := c.Points[max(0, len(c.Points)-daysShown):]
	var most int64 = 1
	for i := range points {
		most = max(most, points[i].Open)
	}
	t := table{header: []string{"DAY", "OPEN", "PLANNED", "DONE", "SET ASIDE", "ALL", "ADDED", ""}, wide: -1}
	for i := range points {
		p := &points[i]
		const cells = 30
		t.add(p.At.UTC().Format(time.DateOnly), n(p.Open), n(c.Campaign.Ideal(p.Counts, p.At)), n(p.Done), n(p.Excepted), n(p.Total), n(p.Added),
			strings.Repeat("#", int(p.Open*cells/most)))
	}
	a.print(&t)
}

// dueFacts tells when an exposure is due, which campaigns it is in, and which of them sets its
// due date.
func (a *app) dueFacts(f *facts, e *exposure.Exposure) {
	f.add("due", "%s", a.due(e.Due))
	first := e.Hastened()
	for i := range e.Campaigns {
		m := &e.Campaigns[i]
		switch {
		case m.Until.IsZero():
			f.add("campaign", "%s (%s), which has ended", m.Name, m.Campaign)
		case m == first && m.Until.Equal(e.Due):
			f.add("campaign", "%s (%s): due because of it", m.Name, m.Campaign)
		default:
			f.add("campaign", "%s (%s), until %s", m.Name, m.Campaign, when(m.Until))
		}
	}
}

// counts prints how many there are of each, the most first.
func (a *app) counts(what string, of map[string]int64) {
	if len(of) == 0 {
		return
	}
	t := table{header: []string{strings.ToUpper(what), "EXPOSURES"}, wide: 0}
	names := slices.SortedFunc(maps.Keys(of), func(x, y string) int {
		if of[x] != of[y] {
			return int(of[y] - of[x])
		}
		return strings.Compare(x, y)
	})
	for _, name := range names {
		t.add(teamOf(name), n(of[name]))
	}
	a.print(&t)
}
