package courier

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/outbox"
)

// tolerated is how many failures in a row are nothing worth a word.
const tolerated = 3

// stalled is how long something may be due before its wake counts as lost.
const stalled = 30 * time.Second

// Resend wakes the notifiers again for which something should have been done by now, and
// says how many.
func (c *Courier) Resend(ctx context.Context) (int, error) {
	woken := 0
	for _, name := range c.Names() {
		next, err := c.next(ctx, name)
		if err != nil {
			return woken, err
		}
		if next.IsZero() || c.now().Sub(next) < stalled {
			continue
		}
		if err := c.Wake(ctx, name); err != nil {
			return woken, err
		}
		woken++
	}
	return woken, nil
}

// Status says how each notifier is doing.
func (c *Courier) Status(ctx context.Context) ([]lifecycle.NotifierStatus, error) {
	out := make([]lifecycle.NotifierStatus, 0, len(c.Routes)+1)
	for _, name := range c.Names() {
		r, _ := c.route(name)
		s, err := c.status(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (c *Courier) status(ctx context.Context, r *Route) (lifecycle.NotifierStatus, error) {
	s := lifecycle.NotifierStatus{Name: r.Name, Connector: r.Notifier.Connector()}
	var err error
	if s.Sending, err = c.Store.CountLane(ctx, r.Name); err != nil {
		return s, fault.Wrap(fault.KindOf(err), err, "counting what "+r.Name+" has to send")
	}
	boxes, err := c.Store.Boxes(ctx, r.Name)
	if err != nil {
		return s, fault.Wrap(fault.KindOf(err), err, "reading the addresses of "+r.Name)
	}
	for i := range boxes {
		b := &boxes[i]
		s.Next = sooner(s.Next, b.Look)
		if b.Address == "" {
			continue
		}
		a := lifecycle.AddressStatus{Address: b.Address, To: b.To, Hour: recent(b.Sent, c.now().Add(-time.Hour)), Day: recent(b.Sent, c.now().Add(-24*time.Hour)),
			Bad: b.Bad, BadAt: b.BadAt, Problem: b.Problem, Hold: b.Hold, Delivered: b.Delivered, Next: b.Look}
		if !b.Look.IsZero() {
			counts, err := c.Store.CountWaiting(ctx, b.Notifier, b.Address, b.Gen)
			if err != nil {
				return s, fault.Wrap(fault.KindOf(err), err, "counting what waits for "+r.Name)
			}
			a.Waiting = outbox.Total(counts)
		}
		s.Waiting += a.Waiting
		s.Addresses = append(s.Addresses, a)
	}
	slices.SortFunc(s.Addresses, func(a, b lifecycle.AddressStatus) int { return cmp.Compare(a.Address, b.Address) })
	return s, nil
}

func recent(times []time.Time, after time.Time) int {
	n := 0
	for _, t := range times {
		if t.After(after) {
			n++
		}
	}
	return n
}

// Health is an error that names the addresses which are no good, and the notifiers that
// don't come through; nil where there are none.
func (c *Courier) Health(ctx context.Context) error {
	var problems []string
	for _, name := range c.Names() {
		boxes, err := c.Store.Boxes(ctx, name)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading the addresses of "+name)
		}
		for i := range boxes {
			if b := &boxes[i]; b.Bad != "" {
				problems = append(problems, name+" "+b.Address+": "+b.Bad)
			} else if b.Failures >= tolerated {
				problems = append(problems, name+" "+b.Address+" doesn't come through: "+b.Problem)
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fault.New(fault.Unavailable, "telling people: %s", strings.Join(problems, "; "))
}

// Check looks at a notifier's set-up at its vendor, and gives every problem.
func (c *Courier) Check(ctx context.Context, name string) ([]string, error) {
	r, ok := c.route(name)
	if !ok {
		return nil, unknown(name)
	}
	problems := []string{}
	if checker, ok := r.Notifier.(connectors.Checker); ok {
		for _, err := range checker.Check(ctx) {
			problems = append(problems, err.Error())
		}
	}
	if _, ok := r.Address(Escalation); !ok {
		problems = append(problems, "addresses.escalation is missing: what no other address takes ends in the built-in inbox")
	}
	return problems, nil
}

func unknown(name string) error {
	return fault.New(fault.NotFound, "there is no notifier %q in the configuration", name)
}

// Test puts a message into the outbox that says that it is a test, and gives its ID.
func (c *Courier) Test(ctx context.Context, name, to, by string) (string, error) {
	r, ok := c.route(name)
	if !ok {
		return "", unknown(name)
	}
	address, ok := r.Address(to)
	if !ok {
		return "", fault.New(fault.Invalid, "%s has no address for %s: set addresses or default of the notifier, or the team's channel", name, to)
	}
	m := connectors.Message{Cause: "test/" + rand.Text(), To: to, Kind: "test", Urgent: true, Subject: "A test of quell",
		Text: "This is a test, sent by " + plain(by) + ". There is nothing to do."}
	return outbox.ID(name, address, m.Cause), c.put(ctx, r, address, m)
}

// Messages gives one page of what was, or is to be, told, newest first. What a digest told
// of is folded.
func (c *Courier) Messages(ctx context.Context, notifier, state, to string, l exposure.List) (exposure.Page[lifecycle.Told], error) {
	stored := state
	if outbox.State(state) == outbox.Folded {
		stored = string(outbox.Pending)
	}
	page, err := c.Store.FindOut(ctx, notifier, stored, to, l)
	if err != nil {
		return exposure.Page[lifecycle.Told]{}, fault.Wrap(fault.KindOf(err), err, "reading the outbox")
	}
	out := exposure.Page[lifecycle.Told]{Items: []lifecycle.Told{}, Next: page.Next}
	boxes := map[string]outbox.Box{}
	for i := range page.Items {
		m := &page.Items[i]
		key := outbox.Key(m.Notifier, m.Address)
		b, known := boxes[key]
		if !known && m.Gen > 0 {
			if b, err = c.Store.Box(ctx, m.Notifier, m.Address); err != nil && !fault.Is(err, fault.NotFound) {
				return out, fault.Wrap(fault.KindOf(err), err, "reading the outbox")
			}
			boxes[key] = b
		}
		if told := toldOf(m, &b); state == "" || told.State == state {
			out.Items = append(out.Items, told)
		}
	}
	return out, nil
}

// toldOf is a message of the outbox as it is shown.
func toldOf(m *outbox.Message, b *outbox.Box) lifecycle.Told {
	told := lifecycle.Told{ID: m.ID, Notifier: m.Notifier, Address: m.Address, To: m.To, Kind: m.Kind, Subject: m.Subject, Urgent: m.Urgent, Cause: m.Cause,
		Subjects: m.Subjects, At: m.At, State: string(m.State), Attempts: m.Attempts, SentAt: m.SentAt, Ref: m.Ref, Why: m.Why, Counts: m.Counts}
	if m.Gen > 0 && m.Gen < b.Gen && (b.Seal == nil || m.Gen < b.Seal.Gen) {
		told.State, told.Digest = string(outbox.Folded), outbox.ID(m.Notifier, m.Address, outbox.DigestCause(m.Gen))
	}
	return told
}
