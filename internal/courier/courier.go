// Package courier brings what is in the outbox to people: it puts a message in for every
// notifier whose rules take it, and delivers what internal/outbox says is to be told, once
// for each cause and address, whatever dies in between.
//
// Whatever waits is in the store. Who puts something in marks its box and wakes the
// notifier's Deliver workflow; the workflow calls Deliver until nothing is left to do now,
// and sleeps until something is. A box is put to rest before it is looked into for the last
// time, so that what comes at that very moment is found by one or the other.
package courier

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/outbox"
)

// Escalation is whom a message goes to that nobody else can be told.
const Escalation = "escalation"

// Store is where the outbox is kept.
//
//nolint:interfacebloat // three kinds of documents, each found, begun and swapped
type Store interface {
	PutMessages(ctx context.Context, ms []outbox.Message) ([]bool, error)
	SwapOut(ctx context.Context, m outbox.Message) (bool, error)
	Out(ctx context.Context, id string) (outbox.Message, error)
	FindOut(ctx context.Context, notifier, state, to string, l exposure.List) (exposure.Page[outbox.Message], error)
	Lane(ctx context.Context, notifier string, l exposure.List) (exposure.Page[outbox.Message], error)
	CountLane(ctx context.Context, notifier string) (int64, error)
	Waiting(ctx context.Context, notifier, address string, gen int64, limit int) ([]outbox.Message, error)
	CountWaiting(ctx context.Context, notifier, address string, gen int64) (map[string]int64, error)
	Box(ctx context.Context, notifier, address string) (outbox.Box, error)
	ClaimBox(ctx context.Context, b outbox.Box) (outbox.Box, error)
	SwapBox(ctx context.Context, b outbox.Box) (bool, error)
	Boxes(ctx context.Context, notifier string) ([]outbox.Box, error)
	DueBoxes(ctx context.Context, notifier string, limit int) ([]outbox.Box, error)
	Thread(ctx context.Context, id string) (outbox.Thread, error)
	ClaimThread(ctx context.Context, t outbox.Thread) (outbox.Thread, error)
	SwapThread(ctx context.Context, t outbox.Thread) (bool, error)
	DueThreads(ctx context.Context, notifier string, limit int) ([]outbox.Thread, error)
	ThreadsOf(ctx context.Context, thread string) ([]outbox.Thread, error)
}

// Route is a configured notifier, and what it is for.
type Route struct {
	Name       string
	Notifier   connectors.Notifier
	Kinds      []string // of messages; none: all
	Teams      []string // to which; none: all, and people, channels and the escalation
	UrgentOnly bool
	Budget     outbox.Budget
	// Address gives how the notifier calls a team, a person or a channel; false: it has no
	// address for it.
	Address func(to string) (string, bool)
	// Quiet gives the hours in which to isn't told what can wait; nil: none.
	Quiet func(to string) outbox.Quiet
}

// takes reports whether a route is for a message.
func (r *Route) takes(m *connectors.Message) bool {
	return (len(r.Kinds) == 0 || slices.Contains(r.Kinds, m.Kind)) && (len(r.Teams) == 0 || slices.Contains(r.Teams, m.To)) && (m.Urgent || !r.UrgentOnly)
}

func (r *Route) quiet(to string) outbox.Quiet {
	if r.Quiet == nil {
		return outbox.Quiet{}
	}
	return r.Quiet(to)
}

// patient reports whether messages to somebody may have to wait at all.
func (r *Route) patient(to string) bool {
	return r.Budget != (outbox.Budget{}) || !r.quiet(to).Never()
}

// Deps is what a courier works with.
type Deps struct {
	Store  Store
	Routes []Route
	// Last takes what no route takes, and what no address takes: the built-in inbox, which
	// can't refuse.
	Last Route
	// Wake tells the Deliver workflow of a notifier that something is to be done now.
	Wake func(ctx context.Context, notifier string) error
	// URL of quell, for links; empty: none.
	URL string
	Now func() time.Time
	Log *slog.Logger
}

// Courier puts messages into the outbox, and delivers them.
type Courier struct{ Deps }

// New makes a courier.
func New(d Deps) *Courier {
	d.URL = strings.TrimRight(d.URL, "/")
	return &Courier{Deps: d}
}

// Connector implements connectors.Instance.
func (*Courier) Connector() string { return "outbox" }

// Names are those of the routes, the last resort included.
func (c *Courier) Names() []string {
	names := make([]string, 0, len(c.Routes)+1)
	for i := range c.Routes {
		names = append(names, c.Routes[i].Name)
	}
	if _, own := c.named(c.Last.Name, c.Routes); !own {
		names = append(names, c.Last.Name)
	}
	return names
}

// route finds a route by its name.
func (c *Courier) route(name string) (*Route, bool) {
	if r, ok := c.named(name, c.Routes); ok {
		return r, true
	}
	return &c.Last, name == c.Last.Name
}

func (*Courier) named(name string, routes []Route) (*Route, bool) {
	for i := range routes {
		if routes[i].Name == name {
			return &routes[i], true
		}
	}
	return nil, false
}

// Notify implements connectors.Notifier: it puts a message into the outbox for every
// notifier that takes it, and wakes them. The same cause again is the same message.
func (c *Courier) Notify(ctx context.Context, m connectors.Message) error {
	if m.Cause == "" || m.To == "" {
		return fault.New(fault.Invalid, "telling somebody: a message needs a cause and somebody whom it is for")
	}
	taken := false
	for i := range c.Routes {
		r := &c.Routes[i]
		if !r.takes(&m) {
			continue
		}
		told, address, ok := addressed(r, m)
		if !ok {
			continue
		}
		if err := c.put(ctx, r, address, told); err != nil {
			return err
		}
		taken = true
	}
	if taken {
		return nil
	}
	return c.put(ctx, &c.Last, m.To, m)
}

// NotifyBy puts a message into the outbox for one notifier alone. Where that has no address
// for whom it is for, nothing is told.
func (c *Courier) NotifyBy(ctx context.Context, notifier string, m connectors.Message) error {
	r, ok := c.route(notifier)
	if !ok {
		return unknown(notifier)
	}
	address, ok := r.Address(m.To)
	if !ok {
		return nil
	}
	return c.put(ctx, r, address, m)
}

// addressed finds where a message goes: to the escalation, with a word on whom it is for,
// where the notifier knows no address for them.
func addressed(r *Route, m connectors.Message) (connectors.Message, string, bool) {
	if address, ok := r.Address(m.To); ok {
		return m, address, true
	}
	address, ok := r.Address(Escalation)
	m.Text = "For " + plain(m.To) + ", for whom there is no address here.\n\n" + m.Text
	return m, address, ok
}

// putWithin is how long putting a message may take: a generation that is sealed is counted
// after longer than that, so that what was on its way is counted too.
const putWithin = 10 * time.Second

// put puts a message into the outbox for one address.
func (c *Courier) put(ctx context.Context, r *Route, address string, m connectors.Message) error {
	ctx, cancel := context.WithTimeout(ctx, putWithin)
	defer cancel()
	body, err := json.Marshal(m)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "writing a message")
	}
	out := outbox.Message{
		ID: outbox.ID(r.Name, address, m.Cause), Version: 1, Notifier: r.Name, Address: address, To: m.To, Cause: m.Cause, Kind: m.Kind, Subject: m.Subject,
		Urgent: m.Urgent, Rank: rank(&m), Thread: m.Thread, Subjects: m.Subjects, At: c.now(), State: outbox.Pending, Body: body,
	}
	box, lane := "", !r.patient(m.To) || m.Urgent
	if !lane {
		b, err := c.box(ctx, r.Name, address, m.To)
		if err != nil {
			return err
		}
		box, out.Gen = address, b.Gen
	}
	if _, err := c.Store.PutMessages(ctx, []outbox.Message{out}); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "putting a message into the outbox")
	}
	// Even where it was there already: who put it there may have died before this.
	return c.mark(ctx, r.Name, box, m.To, out.Gen)
}

// mark notes in a box that something came, and wakes its notifier, unless that was done and
// is still to be looked at. The box without an address is the notifier's lane.
func (c *Courier) mark(ctx context.Context, notifier, address, to string, gen int64) error {
	marked := false
	_, err := c.edit(ctx, notifier, address, to, func(b *outbox.Box) bool {
		now := c.now()
		// A box whose budget is spent need not be woken; whatever is urgent need not wait for
		// what can't be sent yet.
		waits := !b.Look.IsZero() && (gen > 0 || !b.Look.After(now))
		late := gen > 0 && gen < b.Gen && (b.Seal == nil || gen < b.Seal.Gen)
		if marked = !waits || late && b.Look.After(now); !marked {
			return false
		}
		if b.First.IsZero() {
			b.First = now
		}
		b.Look = now
		return true
	})
	if err != nil || !marked {
		return err
	}
	if err := c.Wake(ctx, notifier); err != nil {
		// It is in the store, and marked: the sweep sends the wake again.
		c.Log.WarnContext(ctx, "waking the delivery of a notifier failed; the sweep will try again", "notifier", notifier, "error", err)
	}
	return nil
}

// box gives the box of an address, which it begins if need be.
func (c *Courier) box(ctx context.Context, notifier, address, to string) (outbox.Box, error) {
	b, err := c.Store.Box(ctx, notifier, address)
	if fault.Is(err, fault.NotFound) {
		fresh := outbox.NewBox(notifier, address)
		fresh.To = to
		b, err = c.Store.ClaimBox(ctx, fresh)
	}
	return b, fault.Wrap(fault.KindOf(err), err, "reading the box of an address of "+notifier)
}

// swapAttempts bounds lost races for a box: whoever puts something into it at rest.
const swapAttempts = 64

// edit changes a box; fn says whether there is anything to write, and may be called again.
func (c *Courier) edit(ctx context.Context, notifier, address, to string, fn func(*outbox.Box) bool) (outbox.Box, error) {
	for range swapAttempts {
		b, err := c.box(ctx, notifier, address, to)
		if err != nil || !fn(&b) {
			return b, err
		}
		b.Version++
		ok, err := c.Store.SwapBox(ctx, b)
		if err != nil {
			return b, fault.Wrap(fault.KindOf(err), err, "writing the box of an address of "+notifier)
		}
		if ok {
			return b, nil
		}
	}
	return outbox.Box{}, fault.New(fault.Unavailable, "writing the box of an address of %s: lost %d races", notifier, swapAttempts)
}

// now is the time in the store's precision.
func (c *Courier) now() time.Time { return c.Now().UTC().Truncate(time.Millisecond) }

// rank is how pressing a message is among those that can wait: by the decision on what it
// is about, else by its kind. The less, the more pressing.
func rank(m *connectors.Message) int {
	if m.Card != nil {
		if i := slices.Index([]string{"act", "attend", "track_star", "track"}, m.Card.Decision); i >= 0 {
			return i
		}
	}
	switch m.Kind {
	case "escalation", "reopened", "approval", "breaker":
		return 1
	}
	return 2
}
