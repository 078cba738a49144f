package courier_test

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/internal/courier"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// chat is a vendor with a ledger: what it has, it has, whatever it answered. Like Slack, it
// knows no idempotency key, but what is there can be looked for.
type chat struct {
	mu      sync.Mutex
	posts   []post
	shown   map[connectors.Ref]string
	answers []error // before it does anything, one for each call
	losses  []bool  // whether the answer to a call is lost
	during  func()  // while a call is under way
	calls   int
}

type post struct {
	connectors.Message
	at connectors.Attempt
}

func (*chat) Connector() string { return "chat" }

func (c *chat) Notify(ctx context.Context, m connectors.Message) error {
	_, err := c.Post(ctx, m, connectors.Attempt{To: m.To})
	return err
}

var errLost = fault.New(fault.Unavailable, "the answer was lost")

func (c *chat) Post(_ context.Context, m connectors.Message, at connectors.Attempt) (connectors.Ref, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.during != nil {
		c.during()
	}
	if len(c.answers) > 0 {
		err := c.answers[0]
		c.answers = c.answers[1:]
		if err != nil {
			return "", err
		}
	}
	if !at.Since.IsZero() {
		for i, p := range c.posts {
			if p.Cause == m.Cause && p.at.To == at.To {
				return connectors.Ref(strconv.Itoa(i)), nil
			}
		}
	}
	c.posts = append(c.posts, post{m, at})
	if len(c.losses) > 0 {
		lost := c.losses[0]
		c.losses = c.losses[1:]
		if lost {
			return "", errLost
		}
	}
	return connectors.Ref(strconv.Itoa(len(c.posts) - 1)), nil
}

func (c *chat) Refresh(_ context.Context, head connectors.Ref, card connectors.Card, _ []connectors.Action) error {
	if head == "deleted" {
		return fault.New(fault.NotFound, "it is gone")
	}
	if c.shown == nil {
		c.shown = map[connectors.Ref]string{}
	}
	c.shown[head] += card.State + ";"
	return nil
}

// told counts what was told: singly, or by a digest's words.
func (c *chat) told() (causes map[string]int, folded, digests int) {
	causes = map[string]int{}
	for _, p := range c.posts {
		causes[p.at.To+" "+p.Cause]++
		if p.Kind != "digest" {
			continue
		}
		digests++
		for _, match := range regexp.MustCompile(`(\d+) × `).FindAllStringSubmatch(p.Text, -1) {
			n, err := strconv.Atoi(match[1])
			if err == nil {
				folded += n
			}
		}
	}
	return causes, folded, digests
}

// rig is a courier over a real store and a chat, with a clock that a test turns.
type rig struct {
	*courier.Courier
	t     testing.TB
	store *store.Store
	name  string
	chat  *chat
	clock time.Time
	woken atomic.Int64
}

func newRig(tb testing.TB, wrap func(engine.Engine) engine.Engine, edits ...func(*courier.Route)) *rig {
	tb.Helper()
	r := &rig{t: tb, clock: epoch, chat: &chat{}}
	s, err := store.Open(tb.Context(), "sqlite:"+tb.TempDir(), store.Options{Wrap: wrap})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	r.open(s, "slack", edits...)
	return r
}

// open makes the courier over a store.
func (r *rig) open(s *store.Store, name string, edits ...func(*courier.Route)) {
	now := func() time.Time { return r.clock }
	r.store, r.name = s, name
	route := courier.Route{Name: name, Notifier: r.chat, Budget: outbox.DefaultBudget(),
		Address: func(to string) (string, bool) { return "#" + to, to != "nobody" }}
	for _, edit := range edits {
		edit(&route)
	}
	r.Courier = courier.New(courier.Deps{Store: s, Routes: []courier.Route{route}, Now: now, Log: slog.New(slog.DiscardHandler), URL: "https://quell.example.com",
		Last: courier.Route{Name: "inbox", Notifier: inbox.New(s, now), Address: func(to string) (string, bool) { return to, true }},
		Wake: func(context.Context, string) error { r.woken.Add(1); return nil }})
}

func message(cause, to string, edits ...func(*connectors.Message)) connectors.Message {
	m := connectors.Message{Cause: cause, To: to, Kind: "reminder", Subject: "Due: " + cause, Text: "It is due."}
	for _, edit := range edits {
		edit(&m)
	}
	return m
}

func urgent(m *connectors.Message) { m.Urgent = true }

// run does what the Deliver workflow does until nothing is to be done before a time.
func (r *rig) run(until time.Time) {
	r.t.Helper()
	for range 10_000 {
		report, err := r.Deliver(r.t.Context(), r.name, func(string) {})
		if errors.Is(err, errCrash) {
			r.clock = r.clock.Add(time.Second) // another worker takes over
			continue
		}
		require.NoError(r.t, err)
		if report.More {
			continue
		}
		if report.Next.IsZero() || report.Next.After(until) {
			r.clock = until
			return
		}
		r.clock = report.Next
	}
	r.t.Fatal("it never comes to rest")
}

// insist puts a message in until that comes back.
func (r *rig) insist(m connectors.Message) {
	r.t.Helper()
	for range 4 {
		err := r.Notify(r.t.Context(), m)
		if err == nil {
			return
		}
		require.ErrorIs(r.t, err, errCrash)
	}
	r.t.Fatal("it does not come back")
}

func (r *rig) inbox() []string {
	r.t.Helper()
	for {
		report, err := r.Deliver(r.t.Context(), "inbox", func(string) {})
		require.NoError(r.t, err)
		if !report.More {
			break
		}
	}
	page, err := r.store.FindMessages(r.t.Context(), "", false, exposure.List{Limit: 100})
	require.NoError(r.t, err)
	out := make([]string, 0, len(page.Items))
	for _, m := range page.Items {
		out = append(out, m.To+": "+m.Subject)
	}
	return out
}

var errCrash = errors.New("the process died")

// mortal is an engine whose process dies at some writes: before they are made, or after.
type mortal struct {
	engine.Engine
	dies func() (before, after bool)
}

func (m *mortal) Insert(ctx context.Context, c *engine.Collection, docs []engine.Doc) ([]bool, error) {
	before, after := m.dies()
	if before {
		return nil, errCrash
	}
	ok, err := m.Engine.Insert(ctx, c, docs)
	if after && err == nil {
		return nil, errCrash
	}
	return ok, err
}

func (m *mortal) Swap(ctx context.Context, c *engine.Collection, docs []engine.Doc) ([]bool, error) {
	before, after := m.dies()
	if before {
		return nil, errCrash
	}
	ok, err := m.Engine.Swap(ctx, c, docs)
	if after && err == nil {
		return nil, errCrash
	}
	return ok, err
}
