package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

var persons = []string{"ann", "bob", "carl"} //nolint:gochecknoglobals // a constant table

// people are who works on tickets and decides in the chat. They remember what they did.
type people struct {
	c       *cohort
	presses []*press
}

// press is a decision of a person, which may arrive several times.
type press struct {
	decision lifecycle.Decision
	life     *life
	answered int // times that quell said that it is so
	left     int // times that it is still to arrive
}

func newPeople(c *cohort) *people { return &people{c: c} }

// act lets people do something about a ticket, now and then.
func (p *people) act(l *life) {
	c := p.c
	if l.ticket == "" || l.ended || c.desk.closed(l.ticket) {
		return
	}
	by := persons[c.random.IntN(len(persons))]
	switch r := c.random.IntN(100); {
	case r < 20: // they fix it, and say so
		for _, m := range l.members {
			m.fixed = true
		}
		p.close(l, by)
	case r < 25 && l.lies < 3: // they say so
		l.lies++
		p.close(l, by)
	case r < 28:
		c.desk.say(l.ticket, "Is anybody on this?", by)
		c.send(l)
	case r < 32 && l.removed == 0 && c.random.IntN(4) == 0:
		l.removed++
		c.desk.remove(l.ticket)
		l.look = c.random.IntN(2) == 0 // a webhook told
	case r < 35:
		p.decide(l, by)
	}
}

func (p *people) close(l *life, by string) {
	l.closed++
	p.c.desk.close(l.ticket, by)
	p.c.send(l)
}

// decide accepts the risk of a member for a long while, or puts its reminders off. The chat
// sends the press again when it doesn't hear quickly, and a person may press twice. That a
// risk is accepted already would keep it from being accepted again; reminders can be put
// off as often as one likes, so there the cause alone keeps one press from counting twice.
func (p *people) decide(l *life, by string) {
	c := p.c
	m := l.members[c.random.IntN(len(l.members))]
	if slices.ContainsFunc(p.presses, func(x *press) bool { return x.decision.Exposure == m.id }) {
		return
	}
	d := lifecycle.Decision{Kind: lifecycle.DecideAcceptRisk, Exposure: m.id, Actor: exposure.Actor{Kind: exposure.Person, Name: by}, Cause: "press/" + strconv.Itoa(len(p.presses)),
		Reason: "it is behind the firewall", Until: epoch().AddDate(0, 10, 0), Via: "chat"}
	if c.random.IntN(2) == 0 {
		d.Kind, d.Until = lifecycle.DecideSnooze, c.clock.world().Add(72*time.Hour)
	}
	p.presses = append(p.presses, &press{life: l, left: 1 + c.random.IntN(3), decision: d})
}

// arrive brings presses to quell. One that fails is pressed again.
func (p *people) arrive(ctx context.Context) {
	c := p.c
	for _, x := range p.presses {
		if x.left == 0 {
			continue
		}
		d := x.decision
		err := c.do(x.life, func() error { _, err := c.Decide(ctx, d); return err })
		switch {
		case err == nil:
			x.answered++
			x.left--
		case fault.Is(err, fault.Conflict), fault.Is(err, fault.Invalid), fault.Is(err, fault.Denied):
			x.left-- // it no longer applies, and they were told so
		}
		x.life.ended, x.life.stirred = false, true
	}
}

// probe looks at a member, as it is in truth, and remembers what it said.
func (c *cohort) probe(m *member, seq int64) *activities.RecordInput {
	sum := sha256.Sum256([]byte(string(m.id) + strconv.FormatInt(seq, 10) + strconv.FormatUint(c.random.Uint64(), 36)))
	v := exposure.Verdict{Outcome: exposure.Confirmed, Method: exposure.MethodTemplate, Reason: "looked", CheckedAt: c.clock.world().Truncate(time.Millisecond), Vantage: "dc1", Evidence: []string{hex.EncodeToString(sum[:])}}
	switch {
	case c.random.IntN(20) == 0:
		v.Outcome = exposure.Inconclusive
	case m.fixed:
		v.Outcome = exposure.Refuted
	}
	c.prober[m.id] = append(c.prober[m.id], v)
	return &activities.RecordInput{ID: m.id, Seq: seq, Vantage: "dc1", Verdict: v}
}

// delivery is a webhook under way.
type delivery struct {
	header http.Header
	body   []byte
	after  int // rounds
}

// send has the vendor tell of a change: never, once, or several times, and later.
func (c *cohort) send(l *life) {
	header, body := c.desk.hook(l.ticket)
	if header == nil {
		return
	}
	times := c.random.IntN(4)
	if times == 0 {
		c.weather.other["webhooks_lost"]++
	}
	if times > 1 {
		c.weather.other["webhooks_repeated"]++
	}
	for range times {
		c.mail = append(c.mail, delivery{header, body, c.random.IntN(4)})
	}
}

// deliver brings the webhooks whose time has come, in any order.
func (c *cohort) deliver() {
	c.random.Shuffle(len(c.mail), func(i, j int) { c.mail[i], c.mail[j] = c.mail[j], c.mail[i] })
	hook, ok := c.tracker.(connectors.TicketHook)
	left := c.mail[:0]
	for _, d := range c.mail {
		if d.after > 0 {
			d.after--
			left = append(left, d)
			continue
		}
		if !ok {
			continue
		}
		if _, err := hook.VerifyWebhook(d.header, d.body, c.clock.ours()); err != nil {
			c.weather.other["webhooks_refused"]++
			continue
		}
		change, known := hook.Ticket(d.header, d.body)
		for _, l := range c.lives {
			if known && (l.id == change.Marker || l.ticket != "" && l.ticket == change.Key) {
				l.look, l.ended = true, false
			}
		}
	}
	c.mail = left
}
