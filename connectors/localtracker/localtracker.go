// Package localtracker is the built-in tracker: tickets in quell's own store, behind the
// role that other trackers fill. It also has what such a tracker's own pages would offer
// to people: moving a ticket, and commenting on it.
package localtracker

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Name is the connector's name.
const Name = "localtracker"

// self is who moved a ticket when we did.
const self = "quell"

// longestTitle is in characters.
const longestTitle = 255

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "Built-in tracker", Summary: "Keeps tickets in quell's own store.",
		Config: func() any { return defaults() }, Open: open, Docs: docs,
	}
}

// Tickets is where the tracker keeps its tickets.
type Tickets interface {
	// InsertTicket makes a ticket unless its ID is taken, and gives the one stored.
	InsertTicket(ctx context.Context, t lifecycle.Ticket) (lifecycle.Ticket, bool, error)
	// SwapTicket writes it if the stored version is Version-1.
	SwapTicket(ctx context.Context, t lifecycle.Ticket) (bool, error)
	Ticket(ctx context.Context, id string) (lifecycle.Ticket, error)
	TicketByMarker(ctx context.Context, marker string) (lifecycle.Ticket, error)
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening the built-in tracker: the configuration is a %T", config)
	}
	tickets, ok := env.Keep.(Tickets)
	if !ok {
		tickets = nowhere{}
	}
	now := env.Now
	if now == nil {
		now = time.Now
	}
	return New(tickets, *c, now), nil
}

// nowhere is the store of a tracker that was opened without one, to check its
// configuration.
type nowhere struct{}

func (nowhere) missing() error {
	return fault.New(fault.Unavailable, "the built-in tracker was opened without a store")
}

// InsertTicket implements Tickets.
func (n nowhere) InsertTicket(context.Context, lifecycle.Ticket) (lifecycle.Ticket, bool, error) {
	return lifecycle.Ticket{}, false, n.missing()
}

// SwapTicket implements Tickets.
func (n nowhere) SwapTicket(context.Context, lifecycle.Ticket) (bool, error) {
	return false, n.missing()
}

// Ticket implements Tickets.
func (n nowhere) Ticket(context.Context, string) (lifecycle.Ticket, error) {
	return lifecycle.Ticket{}, n.missing()
}

// TicketByMarker implements Tickets.
func (n nowhere) TicketByMarker(context.Context, string) (lifecycle.Ticket, error) {
	return lifecycle.Ticket{}, n.missing()
}

// Tracker is the built-in tracker.
type Tracker struct {
	tickets Tickets
	url     string
	now     func() time.Time
}

// New makes a tracker over a store; now is the clock.
func New(tickets Tickets, c Config, now func() time.Time) *Tracker {
	return &Tracker{tickets: tickets, url: strings.TrimRight(c.URL, "/"), now: now}
}

// Connector implements connectors.Instance.
func (*Tracker) Connector() string { return Name }

// FindByMarker implements connectors.Tracker.
func (t *Tracker) FindByMarker(ctx context.Context, marker string) (connectors.Issue, error) {
	ticket, err := t.tickets.TicketByMarker(ctx, marker)
	return t.issue(&ticket), fault.Wrap(fault.KindOf(err), err, "finding the ticket of "+marker)
}

// Create implements connectors.Tracker. The key is made from the marker, so a repetition
// finds the ticket that is there.
func (t *Tracker) Create(ctx context.Context, issue connectors.Issue) (connectors.Issue, error) {
	at := t.at()
	for n := range 8 {
		ticket, fresh, err := t.tickets.InsertTicket(ctx, lifecycle.Ticket{
			ID: key(issue.Marker, n), Version: 1, Marker: issue.Marker, Title: connectors.Title(issue.Title, longestTitle), Description: connectors.Paragraphs(issue.Description), Team: issue.Team,
			Due: issue.Due, Priority: issue.Priority, Parent: issue.Parent, Status: string(connectors.IssueTodo), CreatedAt: at, UpdatedAt: at,
		})
		if err != nil {
			return connectors.Issue{}, fault.Wrap(fault.KindOf(err), err, "creating a ticket")
		}
		if fresh || ticket.Marker == issue.Marker {
			return t.issue(&ticket), nil
		}
	}
	return connectors.Issue{}, fault.New(fault.Internal, "creating a ticket: every key for %s is taken", issue.Marker)
}

var keyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// key is the n-th choice of a key for a marker: short enough to be said aloud, and two
// markers rarely share one.
func key(marker string, n int) string {
	sum := sha256.Sum256([]byte(marker + "\x00" + strconv.Itoa(n)))
	return "QT-" + keyEncoding.EncodeToString(sum[:5])
}

// Nests implements connectors.Nesting.
func (*Tracker) Nests() bool { return true }

// Get implements connectors.Tracker.
func (t *Tracker) Get(ctx context.Context, key string) (connectors.Issue, error) {
	ticket, err := t.tickets.Ticket(ctx, key)
	return t.issue(&ticket), fault.Wrap(fault.KindOf(err), err, "reading ticket "+key)
}

// Update implements connectors.Tracker.
func (t *Tracker) Update(ctx context.Context, issue connectors.Issue, _ string) (connectors.Issue, error) {
	return t.edit(ctx, issue.Key, func(x *lifecycle.Ticket) bool {
		before := *x
		x.Title, x.Description, x.Team, x.Due, x.Priority = connectors.Title(issue.Title, longestTitle), connectors.Paragraphs(issue.Description), issue.Team, issue.Due, issue.Priority
		if issue.Parent != "" {
			x.Parent = issue.Parent
		}
		t.move(x, issue.Status, self)
		return x.Title != before.Title || x.Description != before.Description || x.Team != before.Team || !x.Due.Equal(before.Due) ||
			x.Priority != before.Priority || x.Parent != before.Parent || x.Status != before.Status
	})
}

// Comment implements connectors.Tracker.
func (t *Tracker) Comment(ctx context.Context, key, text, cause string) error {
	_, err := t.edit(ctx, key, func(x *lifecycle.Ticket) bool {
		for i := range x.Comments {
			if cause != "" && x.Comments[i].Cause == cause {
				return false
			}
		}
		t.say(x, lifecycle.Comment{Cause: cause, By: self, Text: text, At: t.at()})
		return true
	})
	return err
}

// Move moves a ticket on behalf of a person. Whoever calls it wakes the remediation that
// the ticket's marker names.
func (t *Tracker) Move(ctx context.Context, key string, to connectors.IssueStatus, by string) (connectors.Issue, error) {
	switch to {
	case connectors.IssueTodo, connectors.IssueInProgress, connectors.IssueDone:
	default:
		return connectors.Issue{}, fault.New(fault.Invalid, "moving ticket %s: there is no status %q; there are todo, in_progress and done", key, to)
	}
	if by == "" || by == self {
		return connectors.Issue{}, fault.New(fault.Invalid, "moving ticket %s: it doesn't say which person moves it", key)
	}
	return t.edit(ctx, key, func(x *lifecycle.Ticket) bool { return t.move(x, to, by) })
}

// Say comments on a ticket on behalf of a person, once per cause.
func (t *Tracker) Say(ctx context.Context, key, text, by, cause string) (connectors.Issue, error) {
	if text = strings.TrimSpace(text); text == "" || len(text) > maxComment {
		return connectors.Issue{}, fault.New(fault.Invalid, "commenting on ticket %s: a comment has between 1 and %d bytes", key, maxComment)
	}
	return t.edit(ctx, key, func(x *lifecycle.Ticket) bool {
		for i := range x.Comments {
			if cause != "" && x.Comments[i].Cause == cause {
				return false
			}
		}
		t.say(x, lifecycle.Comment{Cause: cause, By: by, Text: text, At: t.at()})
		return true
	})
}

const (
	maxComments = 500
	maxComment  = 16 << 10
)

// say adds a comment. The oldest of too many go: the history of record is elsewhere.
func (t *Tracker) say(x *lifecycle.Ticket, c lifecycle.Comment) {
	x.Comments = append(append([]lifecycle.Comment(nil), x.Comments...), c)
	x.Comments = x.Comments[max(0, len(x.Comments)-maxComments):]
}

// move changes a ticket's status, and remembers who closed it and when.
func (t *Tracker) move(x *lifecycle.Ticket, to connectors.IssueStatus, by string) bool {
	if to == "" || x.Status == string(to) {
		return false
	}
	x.Status, x.ClosedBy, x.ClosedAt = string(to), "", time.Time{}
	if to == connectors.IssueDone {
		x.ClosedBy, x.ClosedAt = by, t.at()
	}
	return true
}

// attempts bounds lost races for one ticket.
const attempts = 64

func (t *Tracker) edit(ctx context.Context, key string, fn func(*lifecycle.Ticket) bool) (connectors.Issue, error) {
	for range attempts {
		ticket, err := t.tickets.Ticket(ctx, key)
		if err != nil {
			return connectors.Issue{}, fault.Wrap(fault.KindOf(err), err, "reading ticket "+key)
		}
		if !fn(&ticket) {
			return t.issue(&ticket), nil
		}
		ticket.Version++
		ticket.UpdatedAt = t.at()
		swapped, err := t.tickets.SwapTicket(ctx, ticket)
		if err != nil {
			return connectors.Issue{}, fault.Wrap(fault.KindOf(err), err, "writing ticket "+key)
		}
		if swapped {
			return t.issue(&ticket), nil
		}
	}
	return connectors.Issue{}, fault.New(fault.Unavailable, "writing ticket %s: lost %d races", key, attempts)
}

func (t *Tracker) at() time.Time { return t.now().UTC().Truncate(time.Millisecond) }

func (t *Tracker) issue(x *lifecycle.Ticket) connectors.Issue {
	out := connectors.Issue{
		Key: x.ID, Marker: x.Marker, Title: x.Title, Description: x.Description, Team: x.Team, Due: x.Due, Priority: x.Priority, Parent: x.Parent,
		Status: connectors.IssueStatus(x.Status), ClosedBy: x.ClosedBy, ClosedAt: x.ClosedAt, UpdatedAt: x.UpdatedAt,
	}
	if t.url != "" && x.ID != "" {
		out.URL = t.url + "/tickets/" + x.ID
	}
	return out
}
