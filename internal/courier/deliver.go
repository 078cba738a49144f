package courier

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/outbox"
)

const (
	atOnce   = 100 // so many are sent by one call of Deliver
	pageSize = 200
	most     = 2000 // of the lane are looked at, where most of it has to wait
	postTime = 25 * time.Second
	// lease is how long an attempt is taken to be under way: longer than it can be.
	lease = time.Minute
)

// round is one call of Deliver.
type round struct {
	*Courier
	route *Route
	sent  int
	beat  func(what string)
}

// Deliver does what is to be done for a notifier now, and says when to come back. One call
// does a bounded part of it. Of two at the same time, one gets each message.
func (c *Courier) Deliver(ctx context.Context, notifier string, beat func(what string)) (lifecycle.Delivered, error) {
	r, ok := c.route(notifier)
	if !ok {
		return lifecycle.Delivered{}, nil // it is no longer in the configuration
	}
	d := &round{Courier: c, route: r, beat: beat}
	if err := d.lane(ctx); err != nil {
		return lifecycle.Delivered{Sent: d.sent}, err
	}
	if err := d.boxes(ctx); err != nil {
		return lifecycle.Delivered{Sent: d.sent}, err
	}
	if err := d.cards(ctx); err != nil {
		return lifecycle.Delivered{Sent: d.sent}, err
	}
	next, err := c.next(ctx, notifier)
	return lifecycle.Delivered{Sent: d.sent, Next: next, More: !next.IsZero() && !next.After(c.now())}, err
}

// next is when something is to be done for a notifier; zero: nothing waits.
func (c *Courier) next(ctx context.Context, notifier string) (time.Time, error) {
	var next time.Time
	boxes, err := c.Store.DueBoxes(ctx, notifier, 1)
	if err != nil {
		return next, fault.Wrap(fault.KindOf(err), err, "looking for what waits for "+notifier)
	}
	for i := range boxes {
		next = boxes[i].Look
	}
	threads, err := c.Store.DueThreads(ctx, notifier, 1)
	if err != nil {
		return next, fault.Wrap(fault.KindOf(err), err, "looking for what waits for "+notifier)
	}
	for i := range threads {
		next = sooner(next, threads[i].Look)
	}
	return next, nil
}

// sooner is the earlier of two times of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// full reports whether a call has done its part.
func (d *round) full() bool { return d.sent >= atOnce }

// lane sends what is to be sent singly: what is urgent, and what was taken out of its box.
func (d *round) lane(ctx context.Context) error {
	b, err := d.box(ctx, d.route.Name, "", "")
	if err != nil || b.Look.IsZero() || b.Look.After(d.now()) {
		return err
	}
	for {
		before := d.sent
		wait, err := d.sendLane(ctx)
		if err != nil || d.full() || b.Look.Equal(wait) && d.sent == before {
			return err
		}
		// It rests until then. Whoever put something in before this, and found the lane about to
		// be looked at, didn't mark it: so it is looked at once more.
		if b, err = d.edit(ctx, d.route.Name, "", "", func(b *outbox.Box) bool { b.Look = wait; return true }); err != nil {
			return err
		}
	}
}

// sendLane sends what of the lane may go now, and says when the rest may.
func (d *round) sendLane(ctx context.Context) (time.Time, error) {
	var wait time.Time
	cursor := ""
	for looked := 0; looked < most && !d.full(); {
		page, err := d.Store.Lane(ctx, d.route.Name, exposure.List{Limit: pageSize, Cursor: cursor})
		if err != nil {
			return wait, fault.Wrap(fault.KindOf(err), err, "looking for what is to be sent by "+d.route.Name)
		}
		for i := range page.Items {
			m := &page.Items[i]
			looked++
			at, err := d.send(ctx, m)
			if err != nil {
				return wait, err
			}
			wait = sooner(wait, at)
			if d.full() {
				return wait, nil
			}
		}
		if cursor = page.Next; cursor == "" {
			return wait, nil
		}
	}
	return sooner(wait, d.now().Add(lease).Truncate(lease)), nil
}

// send sends a message if it may go now, and says when to try again where something is
// left to be done with it.
func (d *round) send(ctx context.Context, m *outbox.Message) (time.Time, error) {
	b, err := d.box(ctx, m.Notifier, m.Address, m.To)
	if err != nil {
		return time.Time{}, err
	}
	now := d.now()
	may := now
	if m.State == outbox.Sending {
		may = m.Began.Add(lease)
	}
	if b.Hold.After(may) {
		may = b.Hold
	}
	if !m.Urgent {
		may = d.route.quiet(b.To).End(may)
	}
	if may.After(now) {
		return may, nil
	}
	if wait, err := d.heads(ctx, m, &b, now); err != nil || !wait.IsZero() {
		return wait, err
	}
	d.beat("sending " + m.ID)
	return d.attempt(ctx, m, now)
}

// attempt is one attempt to send: claimed before, recorded after.
func (d *round) attempt(ctx context.Context, m *outbox.Message, now time.Time) (time.Time, error) {
	if m.State == outbox.Sending && m.Since.IsZero() {
		m.Since = m.Began // whoever made that attempt died, or never heard how it ended
	}
	m.State, m.Gen, m.Began = outbox.Sending, 0, now
	m.Attempts++
	m.Version++
	if ok, err := d.Store.SwapOut(ctx, *m); err != nil || !ok {
		return time.Time{}, fault.Wrap(fault.KindOf(err), err, "claiming a message")
	}
	var msg connectors.Message
	if err := json.Unmarshal(m.Body, &msg); err != nil {
		return time.Time{}, d.give(ctx, m, &msg, fault.Wrap(fault.Internal, err, "reading a message"))
	}
	head, err := d.headOf(ctx, m)
	if err != nil {
		return time.Time{}, err
	}
	d.sent++
	ref, err := d.post(ctx, msg, connectors.Attempt{To: m.Address, Head: head, Since: m.Since})
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err() // we are being stopped: whoever goes on sees that it was begun
	}
	if err != nil {
		return d.failed(ctx, m, &msg, err)
	}
	return time.Time{}, d.delivered(ctx, m, &msg, head, ref)
}

func (d *round) post(ctx context.Context, m connectors.Message, at connectors.Attempt) (connectors.Ref, error) {
	ctx, cancel := context.WithTimeout(connectors.WithUrgency(ctx, m.Urgent), postTime)
	defer cancel()
	if poster, ok := d.route.Notifier.(connectors.Poster); ok {
		return poster.Post(ctx, m, at) //nolint:wrapcheck // its kind and words are what is recorded
	}
	m.To = at.To
	return "", d.route.Notifier.Notify(ctx, m) //nolint:wrapcheck // likewise
}

// delivered records that a message came through. The thread comes first: if we die before
// the message is recorded, it is looked for again, and found.
func (d *round) delivered(ctx context.Context, m *outbox.Message, msg *connectors.Message, head, ref connectors.Ref) error {
	if err := d.keepHead(ctx, m, msg, head, ref); err != nil {
		return err
	}
	m.State, m.Ref, m.SentAt, m.Why, m.Since = outbox.Sent, string(ref), d.now(), "", time.Time{}
	m.Version++
	if _, err := d.Store.SwapOut(ctx, *m); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "recording that a message was sent")
	}
	const fresh = time.Minute // a busy address need not be written each time
	_, err := d.edit(ctx, m.Notifier, m.Address, m.To, func(b *outbox.Box) bool {
		if b.Failures == 0 && b.Bad == "" && b.Problem == "" && m.SentAt.Sub(b.Delivered) < fresh {
			return false
		}
		b.Failures, b.Hold, b.Bad, b.BadAt, b.Problem, b.Delivered = 0, time.Time{}, "", time.Time{}, "", m.SentAt
		return true
	})
	return err
}

// failed records that an attempt failed, and what follows: another attempt later, or the
// escalation where the address or the message is no good.
func (d *round) failed(ctx context.Context, m *outbox.Message, msg *connectors.Message, cause error) (time.Time, error) {
	kind := fault.KindOf(cause)
	if kind != fault.Throttled && kind != fault.Unavailable {
		return time.Time{}, d.give(ctx, m, msg, cause)
	}
	if kind == fault.Unavailable && m.Since.IsZero() {
		m.Since = m.Began // it may have come through
	}
	m.State, m.Why = outbox.Pending, words(cause)
	m.Version++
	if _, err := d.Store.SwapOut(ctx, *m); err != nil {
		return time.Time{}, fault.Wrap(fault.KindOf(err), err, "recording that a message was not sent")
	}
	b, err := d.edit(ctx, m.Notifier, m.Address, m.To, func(b *outbox.Box) bool {
		b.Failures++
		b.Problem = words(cause)
		b.Hold = d.now().Add(max(fault.RetryAfter(cause), backoff(b.Failures)))
		return true
	})
	return b.Hold, err
}

// backoff is how long an address is left alone after so many failures in a row.
func backoff(failures int) time.Duration {
	const longest = 15 * time.Minute
	return min(2*time.Second<<min(failures-1, 10), longest)
}

// give gives a message up at its address: what it says goes to the escalation, and where
// that is no good either, to the last resort. That comes first: if we die in between, the
// address refuses it again.
func (d *round) give(ctx context.Context, m *outbox.Message, msg *connectors.Message, cause error) error {
	why := words(cause)
	if msg.Cause != "" {
		if err := d.escalate(ctx, m, msg, why); err != nil {
			return err
		}
	}
	m.State, m.Why = outbox.Failed, why
	m.Version++
	if _, err := d.Store.SwapOut(ctx, *m); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "recording that a message can't be sent")
	}
	kind := fault.KindOf(cause)
	_, err := d.edit(ctx, m.Notifier, m.Address, m.To, func(b *outbox.Box) bool {
		b.Problem = why
		if kind == fault.NotFound || kind == fault.Denied {
			b.Bad, b.BadAt = why, d.now()
		}
		return true
	})
	return err
}

func (d *round) escalate(ctx context.Context, m *outbox.Message, msg *connectors.Message, why string) error {
	moved := *msg
	moved.Cause, moved.To = msg.Cause+"|undelivered", Escalation
	moved.Text = "This was for " + plain(msg.To) + " (" + plain(m.Address) + " of " + plain(m.Notifier) +
		"), and could not be delivered there: " + plain(why) + "\n\n" + msg.Text
	if address, ok := d.route.Address(Escalation); ok && address != m.Address {
		return d.put(ctx, d.route, address, moved)
	}
	if d.route.Name == d.Last.Name {
		return nil // there is nobody left to tell
	}
	return d.put(ctx, &d.Last, Escalation, moved)
}

// words are what is kept of an error: short, and of one line.
func words(err error) string {
	const longest = 300
	return lifecycle.Plain(err.Error(), longest)
}

// plain makes foreign text harmless in markdown.
func plain(text string) string {
	const longest = 300
	return strings.NewReplacer("@", "@\u200b", "_", "\\_", "~", "\\~", "#", "\\#").Replace(lifecycle.Plain(text, longest))
}
