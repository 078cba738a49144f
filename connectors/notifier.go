package connectors

import (
	"context"
	"time"
)

// Message is something to tell a team or a person.
type Message struct {
	Cause    string            `json:"cause"` // once per cause
	To       string            `json:"to"`    // team, "escalation", or a person or channel with @ or # in front
	Kind     string            `json:"kind"`  // ticket, reminder, escalation, unowned, reopened, approval, breaker, source, decision, digest…
	Subject  string            `json:"subject"`
	Text     string            `json:"text"` // markdown
	Links    map[string]string `json:"links,omitempty"`
	Subjects []string          `json:"subjects,omitempty"` // exposure or remediation IDs it is about
	// Urgent goes out at once, whatever the hour and the noise budget.
	Urgent bool `json:"urgent,omitempty"`
	// Thread is what the message belongs to: a remediation's ID. A chat keeps one thread for
	// it at each address, headed by its card.
	Thread string `json:"thread,omitempty"`
	Card   *Card  `json:"card,omitempty"`
	// Actions are what can be decided right there, in the order of their buttons.
	Actions []Action `json:"actions,omitempty"`
}

// Card is a remediation, or an exposure, as it is shown on a phone.
type Card struct {
	Title    string    `json:"title"`           // what
	Where    string    `json:"where,omitempty"` // the assets: one by name, or how many
	Why      []string  `json:"why,omitempty"`   // why now, the weightiest first
	Due      time.Time `json:"due,omitzero"`
	Owner    string    `json:"owner,omitempty"`    // who, and how sure that is
	State    string    `json:"state"`              // in words: 3 of 5 open, 2 closed with proof
	Decision string    `json:"decision,omitempty"` // act, attend, track_star, track
	Severity string    `json:"severity,omitempty"`
	Ticket   string    `json:"ticket,omitempty"` // its key
	URL      string    `json:"url,omitempty"`    // of the ticket
	Proof    string    `json:"proof,omitempty"`  // how it is, or was, proven fixed
	Done     bool      `json:"done,omitempty"`
}

// Action is one thing that can be decided from a message.
type Action struct {
	Kind    string `json:"kind"`    // a decision's kind, or approve, decline, not_ours, show
	Subject string `json:"subject"` // exposure:ID, remediation:ID, request:ID or run:ID
	Label   string `json:"label,omitempty"`
	Primary bool   `json:"primary,omitempty"`
	Danger  bool   `json:"danger,omitempty"`
}

// Attempt is what a notifier must know beside the message.
type Attempt struct {
	To string // how the notifier calls the team, person or channel: C024BE91L, ann@example.com
	// Head is the message that heads the thread at this address; empty: there is none yet.
	Head Ref
	// Since is when an earlier attempt began of which we don't know whether it came through;
	// zero: there was none. A notifier whose vendor knows no idempotency key looks for it first.
	Since time.Time
}

// Ref is where a message is, in the vendor's own terms.
type Ref string

// Notifier delivers messages, once per cause.
type Notifier interface {
	Instance
	Notify(ctx context.Context, m Message) error
}

// Addressed is a notifier that knows an address of its own when it sees one, so that it is
// not given another system's.
type Addressed interface {
	Notifier
	Accepts(address string) bool
}

// Poster is a notifier to which addresses mean something, and which says where a message
// is. It is preferred to Notify.
type Poster interface {
	Notifier
	// Post delivers a message, below the head of its thread where there is one. Errors have
	// the kinds of internal/fault: throttled and unavailable are tried again, NotFound and
	// Denied say that the address is no good, and then the message goes to the escalation.
	Post(ctx context.Context, m Message, at Attempt) (Ref, error)
}

// Refresher is a chat that can rewrite the head of a thread in place.
type Refresher interface {
	Poster
	// Refresh shows the card anew. NotFound: it was deleted, and the next message heads a new
	// thread.
	Refresh(ctx context.Context, head Ref, card Card, actions []Action) error
}
