package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/internal/courier"
	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/store"
)

const (
	stormSize     = 1_000_000
	stormChannels = 20
	stormUrgent   = 5_000 // one of so many can't wait
	stormSpan     = 4 * time.Hour
)

// stormFigures measures what a storm of messages comes to: a million into the outbox over
// SQLite, while a courier delivers them as its workflow would. The clock is the bench's.
func (b *bench) stormFigures(ctx context.Context) (err error) {
	if !b.wants("storm") {
		return nil
	}
	dir, err := os.MkdirTemp("", "quell-storm")
	if err != nil {
		return fmt.Errorf("making a room for the storm: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &storm{clock: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), urgent: map[string]int{}, channels: map[string]int{}}
	now := func() time.Time { return s.clock }
	kept, err := store.Open(ctx, "sqlite:"+dir, store.Options{Now: now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	s.courier = courier.New(courier.Deps{Store: kept, Now: now, Log: slog.New(slog.DiscardHandler), Wake: func(context.Context, string) error { return nil },
		Routes: []courier.Route{{Name: "chat", Notifier: s, Budget: outbox.DefaultBudget(), Address: func(to string) (string, bool) { return to, true }}},
		Last:   courier.Route{Name: "inbox", Notifier: inbox.New(kept, now), Address: func(to string) (string, bool) { return to, true }}})
	n := b.scaled(stormSize)
	put, deliver, err := s.rage(ctx, n)
	if err != nil {
		return err
	}
	most := 0
	for _, messages := range s.channels {
		most = max(most, messages)
	}
	lost := (n+stormUrgent-1)/stormUrgent - len(s.urgent)
	for _, times := range s.urgent {
		lost += max(0, times-1) // told twice is as bad
	}
	b.note("storm: %d messages for %d channels over %s; %d told singly or in digests; putting took %s, delivering %s", n, stormChannels, stormSpan, s.told+s.folded, put.Round(time.Millisecond), deliver.Round(time.Millisecond))
	b.figure(Figure{Name: "storm_messages_per_channel", Value: float64(most) / s.clock.Sub(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)).Minutes(), Unit: "messages/min", Aim: 1, Most: true})
	b.figure(Figure{Name: "storm_urgent_lost", Value: float64(lost), Unit: "messages", Aim: 0, Most: true})
	b.figure(Figure{Name: "storm_untold", Value: float64(n - s.told - s.folded), Unit: "messages", Aim: 0, Most: true})
	b.figure(Figure{Name: "storm_put", Value: float64(n) / put.Seconds(), Unit: "messages/s", Aim: 2000})
	b.figure(Figure{Name: "storm_drain", Value: deliver.Seconds(), Unit: "s", Aim: 60, Most: true})
	return nil
}

// storm is a chat that counts what it is told, and the clock of the storm.
type storm struct {
	courier  *courier.Courier
	clock    time.Time
	urgent   map[string]int
	channels map[string]int // what isn't urgent, by channel
	told     int
	folded   int
}

// rage puts messages in, minute by minute, and delivers them; then it waits for the calm.
func (s *storm) rage(ctx context.Context, n int) (put, deliver time.Duration, err error) {
	minutes := int(stormSpan / time.Minute)
	for minute := range minutes {
		began := time.Now()
		var group errgroup.Group
		group.SetLimit(32)
		for i := n * minute / minutes; i < n*(minute+1)/minutes; i++ {
			group.Go(func() error {
				return s.courier.Notify(ctx, connectors.Message{Cause: "storm/" + strconv.Itoa(i), To: "team-" + strconv.Itoa(i%stormChannels), Kind: "ticket",
					Subject: "New: update OpenSSL on web" + strconv.Itoa(i), Text: "It is yours.", Urgent: i%stormUrgent == 0})
			})
		}
		if err := group.Wait(); err != nil {
			return put, deliver, err
		}
		put += time.Since(began)
		took, err := s.drain(ctx, s.clock.Add(time.Minute))
		if deliver += took; err != nil {
			return put, deliver, err
		}
	}
	took, err := s.drain(ctx, s.clock.Add(8*time.Hour))
	return put, deliver + took, err
}

// drain does what the Deliver workflow does until a time.
func (s *storm) drain(ctx context.Context, until time.Time) (time.Duration, error) {
	began := time.Now()
	for {
		report, err := s.courier.Deliver(ctx, "chat", func(string) {})
		switch {
		case err != nil:
			return time.Since(began), err
		case report.More:
		case report.Next.IsZero() || report.Next.After(until):
			s.clock = until
			return time.Since(began), nil
		default:
			s.clock = report.Next
		}
	}
}

// Connector implements connectors.Instance.
func (*storm) Connector() string { return "storm" }

// counted is a count in a digest's text.
var counted = regexp.MustCompile(`(\d+) × `)

// Notify implements connectors.Notifier.
func (s *storm) Notify(_ context.Context, m connectors.Message) error {
	if m.Urgent {
		s.urgent[m.Cause]++
		s.told++
		return nil
	}
	s.channels[m.To]++
	if m.Kind != "digest" {
		s.told++
		return nil
	}
	for _, match := range counted.FindAllStringSubmatch(m.Text, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil {
			return fmt.Errorf("reading a digest: %w", err)
		}
		s.folded += n
	}
	return nil
}
