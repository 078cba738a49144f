package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/outbox"
)

// grace is how long after it was sealed a generation is counted: longer than putting a
// message into it may take.
const grace = putWithin + 5*time.Second

// remember is how long it is looked whether something came into a generation after it was
// told all the same, as when a machine slept while it put something there.
const remember = 2 * time.Hour

// boxes looks into the boxes whose time has come.
func (d *round) boxes(ctx context.Context) error {
	for !d.full() {
		due, err := d.Store.DueBoxes(ctx, d.route.Name, pageSize)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "looking for what waits for "+d.route.Name)
		}
		tended := 0
		for i := range due {
			b := &due[i]
			if b.Address == "" || b.Look.After(d.now()) {
				continue
			}
			tended++
			d.beat("looking into " + b.ID)
			if err := d.tend(ctx, b); err != nil && !errors.Is(err, errRaced) {
				return err
			}
			if d.full() {
				return nil
			}
		}
		if tended == 0 {
			return d.lane(ctx) // what was taken out of a box, and digests
		}
	}
	return nil
}

// tend does what is to be done at an address now. It takes a step; what is left is found by
// the next look.
func (d *round) tend(ctx context.Context, b *outbox.Box) error {
	now := d.now()
	if b.Seal != nil {
		if ready := b.Seal.At.Add(grace); ready.After(now) {
			return d.later(ctx, b, ready)
		}
		return d.digest(ctx, b)
	}
	if err := d.stragglers(ctx, b, now); err != nil {
		return err
	}
	limit := d.route.Budget.Hour + 2
	if d.route.Budget.Hour <= 0 {
		limit = atOnce
	}
	top, err := d.Store.Waiting(ctx, b.Notifier, b.Address, b.Gen, limit)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "looking into a box of "+b.Notifier)
	}
	step := outbox.Look(outbox.Situation{Waiting: int64(len(top)), Late: outbox.Total(b.Late), First: b.First, Sent: b.Sent, Folded: b.Folded,
		Budget: d.route.Budget, Quiet: d.route.quiet(b.To)}, now)
	switch {
	case step.Singles > 0:
		return d.singly(ctx, b, top[:step.Singles], now)
	case step.Digest:
		b.Seal, b.Folded, b.Look, b.First = &outbox.Seal{Gen: b.Gen, At: now}, now, now.Add(grace), time.Time{}
		b.Gen++
		b.Spend(1, now)
		return d.swap(ctx, b)
	case !step.Next.IsZero():
		return d.later(ctx, b, step.Next)
	}
	return d.rest(ctx, b)
}

// singly takes messages out of their box and sends them. The budget is spent before.
func (d *round) singly(ctx context.Context, b *outbox.Box, ms []outbox.Message, now time.Time) error {
	b.Spend(len(ms), now)
	b.Version++
	if ok, err := d.Store.SwapBox(ctx, *b); err != nil || !ok {
		return fault.Wrap(fault.KindOf(err), err, "writing a box of "+b.Notifier)
	}
	// If we die between taking one out of its box and hearing how that ended, the lane is
	// where it is found.
	if err := d.laneAt(ctx, now.Add(lease)); err != nil {
		return err
	}
	for i := range ms {
		wait, err := d.send(ctx, &ms[i])
		if err != nil {
			return err
		}
		if wait.IsZero() {
			continue
		}
		if ms[i].Gen > 0 { // it could not even be tried: its turn is kept in the lane
			ms[i].Gen = 0
			ms[i].Version++
			if _, err := d.Store.SwapOut(ctx, ms[i]); err != nil {
				return fault.Wrap(fault.KindOf(err), err, "taking a message out of its box")
			}
		}
		if err := d.laneAt(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// laneAt has the lane looked at no later than at a time.
func (d *round) laneAt(ctx context.Context, at time.Time) error {
	_, err := d.edit(ctx, d.route.Name, "", "", func(b *outbox.Box) bool {
		if !b.Look.IsZero() && !b.Look.After(at) {
			return false
		}
		b.Look = at
		return true
	})
	return err
}

// stragglers adds to what is to be told what came into a generation after it was told.
func (d *round) stragglers(ctx context.Context, b *outbox.Box, now time.Time) error {
	for i := range b.Told {
		told := &b.Told[i]
		if now.Sub(told.At) > remember {
			continue
		}
		counts, err := d.Store.CountWaiting(ctx, b.Notifier, b.Address, told.Gen)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "counting what waits for "+b.Notifier)
		}
		more := outbox.Beyond(counts, told.Counts)
		if len(more) == 0 {
			continue
		}
		told.Counts, b.Late = outbox.Add(told.Counts, more), outbox.Add(b.Late, more)
		if b.First.IsZero() {
			b.First = now
		}
		if err := d.swap(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// digest makes the message that tells of a sealed generation. It is counted, not read.
func (d *round) digest(ctx context.Context, b *outbox.Box) error {
	counts, err := d.Store.CountWaiting(ctx, b.Notifier, b.Address, b.Seal.Gen)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting what waits for "+b.Notifier)
	}
	if all := outbox.Add(counts, b.Late); len(all) > 0 {
		if counts, err = d.putDigest(ctx, b, counts, all); err != nil {
			return err
		}
	}
	const kept = 4
	b.Told = append(b.Told, outbox.Told{Gen: b.Seal.Gen, At: d.now(), Counts: counts})
	b.Told = b.Told[max(0, len(b.Told)-kept):]
	b.Seal, b.Late, b.Look = nil, nil, d.now()
	// The lane first: once the box forgets the seal, nobody else would look for the digest.
	if err := d.laneAt(ctx, d.now()); err != nil {
		return err
	}
	return d.swap(ctx, b)
}

// putDigest puts the digest into the lane, and gives what it counted of its generation:
// where it was there already, since we died after that, what it counted then.
func (d *round) putDigest(ctx context.Context, b *outbox.Box, counts, all map[string]int64) (map[string]int64, error) {
	cause := outbox.DigestCause(b.Seal.Gen)
	top, err := d.Store.Waiting(ctx, b.Notifier, b.Address, b.Seal.Gen, outbox.Top)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "looking for the most pressing of what waits for "+b.Notifier)
	}
	n := outbox.Total(all)
	msg := connectors.Message{Cause: cause + "/" + outbox.Key(b.Notifier, b.Address), To: b.To, Kind: "digest",
		Subject: fmt.Sprintf("%d more messages", n), Text: digestText(all, n, top)}
	if n == 1 {
		msg.Subject = "1 more message"
	}
	if d.URL != "" {
		msg.Links = map[string]string{"messages": d.URL + "/api/v1/messages?notifier=" + b.Notifier + "&to=" + url.QueryEscape(b.To)}
	}
	body, err := json.Marshal(msg)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "writing a digest")
	}
	out := outbox.Message{ID: outbox.ID(b.Notifier, b.Address, cause), Version: 1, Notifier: b.Notifier, Address: b.Address, To: b.To, Cause: cause, Kind: "digest",
		Subject: msg.Subject, At: d.now(), State: outbox.Pending, Counts: counts, Body: body}
	fresh, err := d.Store.PutMessages(ctx, []outbox.Message{out})
	if err == nil && !fresh[0] {
		out, err = d.Store.Out(ctx, out.ID)
	}
	return out.Counts, fault.Wrap(fault.KindOf(err), err, "putting a digest into the outbox")
}

// digestText names what a digest stands for.
func digestText(counts map[string]int64, n int64, top []outbox.Message) string {
	var b strings.Builder
	b.WriteString("More than is told one by one: " + outbox.Words(counts) + ".\n")
	for i := range top {
		b.WriteString("\n- " + plain(top[i].Subject))
	}
	if more := n - int64(len(top)); more > 0 && len(top) > 0 {
		b.WriteString("\n- … and " + strconv.FormatInt(more, 10) + " more")
	}
	b.WriteString("\n\n`quell messages list` shows all of them.")
	return b.String()
}

// later has a box looked at again at a time.
func (d *round) later(ctx context.Context, b *outbox.Box, at time.Time) error {
	b.Look = at
	return d.swap(ctx, b)
}

// rest lets a box rest, and looks into it once more: what was put in before it rested, and
// found it to be looked at, is found now.
func (d *round) rest(ctx context.Context, b *outbox.Box) error {
	b.Look, b.First = time.Time{}, time.Time{}
	b.Version++
	ok, err := d.Store.SwapBox(ctx, *b)
	if err != nil || !ok {
		return fault.Wrap(fault.KindOf(err), err, "writing a box of "+b.Notifier)
	}
	left, err := d.Store.Waiting(ctx, b.Notifier, b.Address, b.Gen, 1)
	if err != nil || len(left) == 0 {
		return fault.Wrap(fault.KindOf(err), err, "looking into a box of "+b.Notifier)
	}
	_, err = d.edit(ctx, b.Notifier, b.Address, b.To, func(b *outbox.Box) bool {
		b.Look, b.First = d.now(), d.now()
		return true
	})
	return err
}

// errRaced is a box that somebody else wrote meanwhile.
var errRaced = errors.New("somebody else wrote the box")

// swap writes a box that this delivery has read. Lost to somebody else, it is read anew by
// the next look, and nothing that depended on it was done.
func (d *round) swap(ctx context.Context, b *outbox.Box) error {
	b.Version++
	ok, err := d.Store.SwapBox(ctx, *b)
	if err == nil && !ok {
		return errRaced
	}
	return fault.Wrap(fault.KindOf(err), err, "writing a box of "+b.Notifier)
}
