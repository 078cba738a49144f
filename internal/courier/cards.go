package courier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/outbox"
)

// gathering is how long a card that changed waits for what else changes: a scan or a fix
// mostly concerns many exposures of one remediation.
const gathering = 20 * time.Second

// shown is a card with what can be decided on it, as a thread keeps it.
type shown struct {
	Card    connectors.Card     `json:"card"`
	Actions []connectors.Action `json:"actions,omitempty"`
}

func (s shown) digest() (body []byte, sum string, err error) {
	if body, err = json.Marshal(s); err != nil {
		return nil, "", fault.Wrap(fault.Internal, err, "writing a card")
	}
	hash := sha256.Sum256(body)
	return body, hex.EncodeToString(hash[:8]), nil
}

// Show has the card of a remediation, or of a run of a runbook, brought up to date wherever
// a chat shows it. What changes within a short time is written once; a card on which nothing
// can be decided any more is written at once, so that nobody is offered what is over.
func (c *Courier) Show(ctx context.Context, thread string, card connectors.Card, actions []connectors.Action) error {
	threads, err := c.Store.ThreadsOf(ctx, thread)
	if err != nil || len(threads) == 0 {
		return fault.Wrap(fault.KindOf(err), err, "looking for where a remediation is talked about")
	}
	body, sum, err := shown{card, actions}.digest()
	if err != nil {
		return err
	}
	at := c.now()
	if len(actions) > 0 {
		at = at.Add(gathering)
	}
	for _, t := range threads {
		if settled(&t, sum) {
			continue
		}
		// What has no head yet is looked at once it has; a vendor that is down is left alone.
		sooner := t.Head != "" && (t.Look.IsZero() || t.Failures == 0 && at.Before(t.Look))
		t.Want, t.Card = sum, body
		if sooner {
			t.Look = at
		}
		t.Version++
		ok, err := c.Store.SwapThread(ctx, t)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "noting that a card changed")
		}
		if !ok {
			return fault.New(fault.Unavailable, "noting that a card changed: somebody else wrote the thread; try again")
		}
		if !sooner {
			continue
		}
		if err := c.Wake(ctx, t.Notifier); err != nil {
			c.Log.WarnContext(ctx, "waking the delivery of a notifier failed; the sweep will try again", "notifier", t.Notifier, "error", err)
		}
	}
	return nil
}

// settled reports whether a thread shows a card, or is to show it, as it is.
func settled(t *outbox.Thread, sum string) bool {
	if t.Head != "" && t.Look.IsZero() {
		return t.Shown == sum
	}
	return t.Want == sum
}

// heads sees to it that one message heads a thread: until that has come through, or is
// given up, the others of the thread wait. It gives until when; zero: go on.
func (d *round) heads(ctx context.Context, m *outbox.Message, b *outbox.Box, now time.Time) (time.Time, error) {
	if _, threads := d.route.Notifier.(connectors.Poster); !threads || m.Thread == "" {
		return time.Time{}, nil
	}
	id := outbox.ThreadID(m.Notifier, m.Address, m.Thread)
	t, err := d.Store.Thread(ctx, id)
	if fault.Is(err, fault.NotFound) {
		t, err = d.Store.ClaimThread(ctx, outbox.Thread{ID: id, Version: 1, Notifier: m.Notifier, Address: m.Address, Thread: m.Thread, Heading: m.ID, At: now})
	}
	if err != nil || t.Head != "" || t.Heading == m.ID {
		return time.Time{}, fault.Wrap(fault.KindOf(err), err, "looking for the thread of a message")
	}
	first, err := d.Store.Out(ctx, t.Heading)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return time.Time{}, fault.Wrap(fault.KindOf(err), err, "looking for the head of a thread")
	}
	if err == nil && !first.Settled() && first.Gen == 0 {
		const soon = time.Second
		return later(later(first.Began.Add(lease), b.Hold), now.Add(soon)), nil
	}
	t.Heading = m.ID // the one before was given up, or its post was deleted
	t.Version++
	_, err = d.Store.SwapThread(ctx, t)
	return time.Time{}, fault.Wrap(fault.KindOf(err), err, "taking the head of a thread")
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// headOf gives the message that heads the thread of another; empty where there is none.
func (d *round) headOf(ctx context.Context, m *outbox.Message) (connectors.Ref, error) {
	if m.Thread == "" {
		return "", nil
	}
	t, err := d.Store.Thread(ctx, outbox.ThreadID(m.Notifier, m.Address, m.Thread))
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return connectors.Ref(t.Head), fault.Wrap(fault.KindOf(err), err, "looking for the thread of a message")
}

// keepHead remembers the message that heads a thread, and that the thread is in use.
func (d *round) keepHead(ctx context.Context, m *outbox.Message, msg *connectors.Message, head, ref connectors.Ref) error {
	if m.Thread == "" || head == "" && ref == "" {
		return nil
	}
	t := outbox.Thread{ID: outbox.ThreadID(m.Notifier, m.Address, m.Thread), Version: 1, Notifier: m.Notifier, Address: m.Address, Thread: m.Thread, At: d.now()}
	if head == "" {
		t.Head = string(ref)
		if msg.Card != nil {
			_, sum, err := shown{*msg.Card, msg.Actions}.digest()
			if err != nil {
				return err
			}
			t.Shown = sum
		}
	}
	for range swapAttempts {
		known, err := d.Store.ClaimThread(ctx, t)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "remembering a thread")
		}
		if known.Head == "" {
			known.Head, known.Shown = t.Head, t.Shown
			if known.Want != "" && known.Want != known.Shown {
				known.Look = d.now() // the card changed while this was under way
			}
		}
		known.At = t.At
		known.Version++
		// Lost to a card that changed: once more.
		if ok, err := d.Store.SwapThread(ctx, known); err != nil || ok {
			return fault.Wrap(fault.KindOf(err), err, "remembering a thread")
		}
	}
	return fault.New(fault.Unavailable, "remembering a thread: lost %d races", swapAttempts)
}

// cards brings up to date the heads of threads whose card changed.
func (d *round) cards(ctx context.Context) error {
	due, err := d.Store.DueThreads(ctx, d.route.Name, pageSize)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "looking for cards that changed")
	}
	for i := range due {
		t := &due[i]
		if d.full() || t.Look.After(d.now()) {
			return nil
		}
		d.beat("showing " + t.ID)
		d.refresh(ctx, t)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.Version++
		// Lost where the card changed again: then it is shown again.
		if _, err := d.Store.SwapThread(ctx, *t); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "recording that a card is shown")
		}
	}
	return nil
}

// refresh shows a card. Doing it again does no harm.
func (d *round) refresh(ctx context.Context, t *outbox.Thread) {
	refresher, ok := d.route.Notifier.(connectors.Refresher)
	var want shown
	if err := json.Unmarshal(t.Card, &want); !ok || err != nil || t.Head == "" {
		t.Look = time.Time{}
		return
	}
	d.sent++
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	err := refresher.Refresh(ctx, connectors.Ref(t.Head), want.Card, want.Actions)
	switch {
	case err == nil:
		t.Shown, t.Look, t.Failures = t.Want, time.Time{}, 0
	case fault.Is(err, fault.NotFound):
		t.Head, t.Shown, t.Want, t.Card, t.Look = "", "", "", nil, time.Time{} // somebody deleted it
	case fault.Is(err, fault.Throttled), fault.Is(err, fault.Unavailable):
		t.Failures++
		t.Look = d.now().Add(max(fault.RetryAfter(err), backoff(t.Failures)))
	default:
		d.Log.WarnContext(ctx, "a card could not be shown; it is tried again when it changes", "notifier", t.Notifier, "error", err)
		t.Look = time.Time{}
	}
}
