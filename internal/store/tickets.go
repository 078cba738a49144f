package store

import (
	"context"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store/engine"
)

// The documents of the built-in tracker and the built-in inbox.
//
//nolint:gochecknoglobals // constant declarations
var (
	tickets = engine.Collection{
		Name:    "tickets",
		Fields:  []engine.Field{{Name: "marker"}, {Name: "status"}, {Name: "team"}, {Name: "due", Kind: engine.Int}, {Name: "updated", Kind: engine.Int}},
		Indexes: []engine.Index{{Fields: []string{"marker"}}, {Fields: []string{"status", "due"}}, {Fields: []string{"team"}}, {Fields: []string{"due"}}},
	}
	inbox = engine.Collection{
		Name:    "inbox",
		Fields:  []engine.Field{{Name: "to"}, {Name: "unread", Kind: engine.Int}, {Name: "at", Kind: engine.Int}},
		Indexes: []engine.Index{{Fields: []string{"to", "at"}}, {Fields: []string{"unread", "at"}, Sparse: true}, {Fields: []string{"at"}}},
	}
)

func (s *Store) tickets() of[lifecycle.Ticket] {
	return of[lifecycle.Ticket]{Collection: &tickets, e: s.engine,
		id: func(x *lifecycle.Ticket) string { return x.ID },
		at: func(x *lifecycle.Ticket) int64 { return x.Version },
		values: func(x *lifecycle.Ticket) []any {
			return []any{x.Marker, x.Status, x.Team, due(x.Due), x.UpdatedAt.UnixMilli()}
		}}
}

// TicketFilter chooses tickets of the built-in tracker. An empty field matches any.
type TicketFilter struct {
	Status string
	Team   string
}

// InsertTicket makes a ticket unless it is there already, by ID; it gives the one stored,
// and whether it is new.
func (s *Store) InsertTicket(ctx context.Context, t lifecycle.Ticket) (lifecycle.Ticket, bool, error) {
	return claimOne(ctx, s.tickets(), t)
}

// SwapTicket writes it if the stored version is Version-1, and says whether.
func (s *Store) SwapTicket(ctx context.Context, t lifecycle.Ticket) (bool, error) {
	return swapOne(ctx, s.tickets(), t)
}

// Ticket gives one ticket by its key; fault.NotFound.
func (s *Store) Ticket(ctx context.Context, id string) (lifecycle.Ticket, error) {
	return s.tickets().one(ctx, id)
}

// TicketByMarker gives the ticket that carries a marker; fault.NotFound.
func (s *Store) TicketByMarker(ctx context.Context, marker string) (lifecycle.Ticket, error) {
	return first(ctx, s.tickets(), "marker", marker)
}

// first gives the first document that has a text in a field; fault.NotFound.
func first[T any](ctx context.Context, c of[T], field, text string) (T, error) {
	var none T
	found, err := c.e.Find(ctx, c.Collection, engine.Query{Where: where{{Field: field, Values: []any{asText(text)}}}, Sort: []string{engine.ID}, Limit: 1})
	switch {
	case err != nil:
		return none, err
	case len(found) == 0:
		return none, fault.New(fault.NotFound, "reading %s: there is none with the %s %q", c.Name, field, text)
	}
	return c.decode(found[0].Body)
}

// FindTickets gives one page, by due date.
func (s *Store) FindTickets(ctx context.Context, f TicketFilter, l exposure.List) (exposure.Page[lifecycle.Ticket], error) {
	var w where
	w.equal("status", f.Status)
	w.equal("team", f.Team)
	return s.tickets().page(ctx, w, ordering{name: "tickets", fields: []string{"due"}}, l)
}

func (s *Store) inbox() of[lifecycle.InboxMessage] {
	return of[lifecycle.InboxMessage]{Collection: &inbox, e: s.engine,
		id:     func(x *lifecycle.InboxMessage) string { return x.ID },
		at:     func(x *lifecycle.InboxMessage) int64 { return x.Version },
		values: func(x *lifecycle.InboxMessage) []any { return []any{x.To, flag(!x.Read), x.At.UnixMilli()} }}
}

// InsertMessage delivers a message unless it is there already, by ID, and says whether.
func (s *Store) InsertMessage(ctx context.Context, m lifecycle.InboxMessage) (bool, error) {
	_, fresh, err := claimOne(ctx, s.inbox(), m)
	return fresh, err
}

// Message gives one message; fault.NotFound.
func (s *Store) Message(ctx context.Context, id string) (lifecycle.InboxMessage, error) {
	return s.inbox().one(ctx, id)
}

// FindMessages gives one page of the messages to somebody, or to anybody for "", newest
// first.
func (s *Store) FindMessages(ctx context.Context, to string, unread bool, l exposure.List) (exposure.Page[lifecycle.InboxMessage], error) {
	var w where
	w.equal("to", to)
	if unread {
		w.add("unread", engine.In, int64(1))
	}
	return s.inbox().page(ctx, w, ordering{name: "inbox", fields: []string{"at"}, desc: true}, l)
}

// MarkRead notes that a message was read; fault.NotFound. Doing it again changes nothing.
func (s *Store) MarkRead(ctx context.Context, id string) error {
	for {
		m, err := s.Message(ctx, id)
		if err != nil || m.Read {
			return err
		}
		m.Read = true
		m.Version++
		if ok, err := swapOne(ctx, s.inbox(), m); ok || err != nil {
			return err
		}
	}
}
