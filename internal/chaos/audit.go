package chaos

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// audit counts, once the weather is calm: in the ledgers of the vendors, of people and of
// the probe.
func (c *cohort) audit(ctx context.Context) error {
	tickets := map[string][]ticket{}
	for _, t := range c.desk.tickets() {
		tickets[t.marker] = append(tickets[t.marker], t)
	}
	c.told = c.chat.server.Causes()
	for _, l := range c.lives {
		c.tally.see(livesWithoutAnEnd, !l.ended, "%s in cohort %d after %d rounds", l.id, c.number, c.round)
		if err := c.auditTickets(ctx, l, tickets[l.id]); err != nil {
			return err
		}
		for _, m := range l.members {
			if err := c.auditMember(ctx, l, m); err != nil {
				return err
			}
		}
	}
	c.auditMessages()
	c.auditWeather()
	return nil
}

// auditTickets counts a remediation's tickets at the vendor: one, and one more for each that
// people deleted.
func (c *cohort) auditTickets(ctx context.Context, l *life, made []ticket) error {
	rem, err := c.store.Remediation(ctx, l.id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	c.tally.note("remediations", 1, 1)
	c.tally.note("tickets", len(made), len(made))
	c.tally.see(duplicateTickets, len(made) > 1+l.removed, "%d tickets of %s in cohort %d, of which people deleted %d", len(made), l.id, c.number, l.removed)
	at := slices.IndexFunc(made, func(t ticket) bool { return t.key == rem.Ticket })
	forgone := l.removed > 0 && rem.Ticket == "" && l.ended // deleted by people, and nothing was left to do
	c.tally.see(lostTickets, at < 0 && !forgone, "%s in cohort %d has ticket %q, and the vendor made %d for it", l.id, c.number, rem.Ticket, len(made))
	if at >= 0 && l.ended {
		c.tally.see(ticketsOutOfTune, !made[at].closed, "%s of %s in cohort %d is open though nothing is left to do", rem.Ticket, l.id, c.number)
	}
	for _, t := range made {
		seen := map[string]bool{}
		for _, body := range t.comments {
			cause := cmp.Or(first(causeOf, body), body)
			c.tally.see(commentsTwice, seen[cause], "on %s of %s in cohort %d", t.key, l.id, c.number)
			seen[cause] = true
		}
	}
	if rem.ID == "" {
		return nil
	}
	intents, err := c.store.Intents(ctx, rem.ID)
	if err != nil {
		return err
	}
	c.auditIntents(intents)
	return nil
}

// auditIntents looks whether what was to be told was: each ticket's message is one of its
// own.
func (c *cohort) auditIntents(intents []lifecycle.Intent) {
	for i := range intents {
		in := &intents[i]
		if in.Kind != lifecycle.IntentNotify {
			continue
		}
		told := 0
		for _, channel := range []string{"C0PAYMENTS", "C0PLATFORM"} {
			told += c.told[channel+" "+in.ID]
		}
		alone := !strings.HasPrefix(in.Cause, "reopened/") // those are told several together
		c.tally.see(messagesLost, !in.Done || alone && told == 0, "%s in cohort %d: done %v, told %d times", in.ID, c.number, in.Done, told)
	}
}

// auditMember looks how an exposure came to its end: by what the probe really said, and by
// what people really decided.
func (c *cohort) auditMember(ctx context.Context, l *life, m *member) error {
	events, err := c.Ledger.Timeline(ctx, m.id)
	if err != nil {
		return err
	}
	if _, err := exposure.Replay(events); err != nil {
		return fault.Wrap(fault.Internal, err, "replaying exposure "+string(m.id))
	}
	causes, claims := map[string]int{}, 0
	for i := range events {
		ev := &events[i]
		causes[ev.Cause]++
		if ev.Kind == exposure.EventClaim {
			claims++
		}
		if ev.To != exposure.Closed || ev.From == exposure.Closed {
			continue
		}
		proven := m.fixed && ev.Verdict != nil && slices.ContainsFunc(c.prober[m.id], func(v exposure.Verdict) bool {
			return v.Outcome == exposure.Refuted && slices.Equal(v.Evidence, ev.Verdict.Evidence) && v.CheckedAt.Equal(ev.Verdict.CheckedAt)
		})
		c.tally.see(closedUnproven, !proven, "exposure %s in cohort %d (fixed: %v)", m.id, c.number, m.fixed)
	}
	if claims > 0 || l.closed > 0 {
		c.tally.see(decisionsTwice, claims > l.closed, "%d claims on %s in cohort %d by %d closings", claims, m.id, c.number, l.closed)
	}
	for _, x := range c.people.presses {
		if x.decision.Exposure == m.id {
			n := causes[x.decision.Cause]
			c.tally.see(decisionsTwice, n > 1, "%s on %s in cohort %d: %d times", x.decision.Cause, m.id, c.number, n)
			c.tally.see(decisionsLost, n == 0 && x.answered > 0 && c.forgotten == nil, "%s on %s in cohort %d was confirmed and isn't there", x.decision.Cause, m.id, c.number)
		}
	}
	return nil
}

// auditMessages counts messages per cause in the chat's ledger. What quell forgot in a
// restored backup it can only say again; that is counted by itself.
func (c *cohort) auditMessages() {
	seen := map[string]int{}
	for _, e := range c.chat.server.Ledger() {
		if e.Method == "chat.postMessage" && e.Cause != "" {
			c.tally.note("messages", 1, 1)
			seen[e.Channel+" "+e.Cause]++
		}
	}
	for key, n := range seen {
		if c.forgotten[key] {
			c.tally.note("messages_told_again_after_a_restore", n-1, 1)
			n = 1
		}
		c.tally.see(messagesTwice, n > 1, "%s in cohort %d: %d times", key, c.number, n)
	}
}

// auditWeather notes what went wrong, of how often it could have.
func (c *cohort) auditWeather() {
	for place, of := range c.weather.chance {
		if n, ok := c.weather.other[place]; ok || strings.HasPrefix(place, "answers_") {
			c.tally.note(place, n, of)
			continue
		}
		c.tally.note("death_"+place, c.weather.deaths[place], of)
		c.tally.note("deaths", c.weather.deaths[place], of)
	}
	for what, n := range c.weather.other {
		if _, counted := c.weather.chance[what]; !counted {
			c.tally.note(what, n, n)
		}
	}
}
