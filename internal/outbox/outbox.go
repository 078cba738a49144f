// Package outbox decides what is told to whom, and when: what goes singly, what is folded
// into a digest, and when to look again. It also has the words for what is kept of it: a
// message to one address, the box of an address, and the thread that a remediation has
// there. Pure.
//
// What is urgent goes at once and singly, whatever the hour. All else has a noise budget
// for each address, and waits while it is quiet there. Whatever the budget doesn't let go
// singly is folded into a digest: an address's box has a generation, in which messages
// wait; a digest seals the generation and tells how many of which kind were in it, so that
// a million of them cost one message and one count.
package outbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// State is where a message stands.
type State string

// The states. Folded is never stored: a message that waits in a generation that was sealed
// has been told by that generation's digest.
const (
	Pending State = "pending"
	Sending State = "sending"
	Sent    State = "sent"
	Folded  State = "folded"
	Failed  State = "failed" // and what it said went to the escalation
)

// States are all of them, in the order of a message's life.
func States() []State { return []State{Pending, Sending, Sent, Folded, Failed} }

// Message is one thing to tell at one address of one notifier: once for each cause.
type Message struct {
	ID       string           `json:"id"` // see ID
	Version  int64            `json:"version"`
	Notifier string           `json:"notifier"`
	Address  string           `json:"address"` // as the notifier calls it
	To       string           `json:"to"`      // as the lifecycle calls it: a team, escalation, @person, #channel
	Cause    string           `json:"cause"`
	Kind     string           `json:"kind"`
	Subject  string           `json:"subject"`
	Urgent   bool             `json:"urgent,omitempty"`
	Rank     int              `json:"rank"` // the less, the more pressing
	Thread   string           `json:"thread,omitempty"`
	Subjects []string         `json:"subjects,omitempty"`
	At       time.Time        `json:"at"`
	State    State            `json:"state"`
	Gen      int64            `json:"gen,omitempty"` // of its box, while it waits there; zero: it has left the box
	Digest   string           `json:"digest,omitempty"`
	Attempts int              `json:"attempts,omitempty"`
	Began    time.Time        `json:"began,omitzero"` // the last attempt
	Since    time.Time        `json:"since,omitzero"` // the first attempt of which nobody knows how it ended
	SentAt   time.Time        `json:"sent_at,omitzero"`
	Ref      string           `json:"ref,omitempty"` // where it is, in the vendor's terms
	Why      string           `json:"why,omitempty"` // of what failed, last
	Counts   map[string]int64 `json:"counts,omitempty"`
	Body     json.RawMessage  `json:"body,omitempty"` // the message as the notifier gets it
}

// Settled reports whether nothing is left to be done with a message.
func (m *Message) Settled() bool { return m.State == Sent || m.State == Failed }

// ID names a message: once for each cause at each address.
func ID(notifier, address, cause string) string {
	sum := sha256.Sum256([]byte(notifier + "\x00" + address + "\x00" + cause))
	return hex.EncodeToString(sum[:16])
}

// Key names an address of a notifier.
func Key(notifier, address string) string { return notifier + "|" + address }

// DigestCause is the cause of the digest of a generation. A message that waited in it is
// told by the message of that cause.
func DigestCause(gen int64) string { return "digest/" + strconv.FormatInt(gen, 10) }

// Box is an address of a notifier: what waits there, and what was told of late. Only the
// notifier's own delivery writes it, but for its Look, which whoever puts something into
// it sets when it is zero.
type Box struct {
	ID        string           `json:"id"` // see Key
	Version   int64            `json:"version"`
	Notifier  string           `json:"notifier"`
	Address   string           `json:"address"`
	To        string           `json:"to,omitempty"`    // whom it is the address of
	Gen       int64            `json:"gen"`             // in which what comes now waits; from 1
	First     time.Time        `json:"first,omitzero"`  // since when something waits
	Look      time.Time        `json:"look,omitzero"`   // when it is to be looked at; zero: nothing waits
	Sent      []time.Time      `json:"sent,omitempty"`  // what used the budget in the last day, oldest first
	Folded    time.Time        `json:"folded,omitzero"` // when a digest was last made
	Seal      *Seal            `json:"seal,omitempty"`  // a generation that is sealed and not told yet
	Told      []Told           `json:"told,omitempty"`  // the generations sealed last, newest last
	Late      map[string]int64 `json:"late,omitempty"`  // what came into a generation after it was told, by kind
	Hold      time.Time        `json:"hold,omitzero"`   // nothing is sent before: the vendor has said so, or is down
	Failures  int              `json:"failures,omitempty"`
	Problem   string           `json:"problem,omitempty"` // of the last attempt, where it failed
	Bad       string           `json:"bad,omitempty"`     // why the address is no good
	BadAt     time.Time        `json:"bad_at,omitzero"`
	Delivered time.Time        `json:"delivered,omitzero"` // when something last came through
}

// Seal is a generation that takes nothing more.
type Seal struct {
	Gen int64     `json:"gen"`
	At  time.Time `json:"at"`
}

// Told is what the digest of a generation counted.
type Told struct {
	Gen    int64            `json:"gen"`
	At     time.Time        `json:"at"`
	Counts map[string]int64 `json:"counts"`
}

// NewBox is the box of an address to which nothing was ever told.
func NewBox(notifier, address string) Box {
	return Box{ID: Key(notifier, address), Version: 1, Notifier: notifier, Address: address, Gen: 1}
}

// Thread is what a chat shows of a remediation at one address: a message that heads it,
// with its card.
type Thread struct {
	ID       string          `json:"id"` // see ThreadID
	Version  int64           `json:"version"`
	Notifier string          `json:"notifier"`
	Address  string          `json:"address"`
	Thread   string          `json:"thread"` // the remediation's ID
	Head     string          `json:"head"`
	Heading  string          `json:"heading,omitempty"` // ID of the message that is to head it
	Shown    string          `json:"shown"`             // digest of the card as it is shown
	Want     string          `json:"want,omitempty"`    // digest of the card as it should be
	Card     json.RawMessage `json:"card,omitempty"`    // … and the card
	Look     time.Time       `json:"look,omitzero"`     // when it is to be brought up to date; zero: it is
	Failures int             `json:"failures,omitempty"`
	At       time.Time       `json:"at"`
}

// ThreadID names a thread at an address.
func ThreadID(notifier, address, thread string) string {
	return ID(notifier, address, "thread\x00"+thread)
}

// Compare orders what waits: the more pressing first, then the older.
func Compare(a, b *Message) int {
	return cmp.Or(cmp.Compare(urgency(a), urgency(b)), cmp.Compare(a.Rank, b.Rank), a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
}

func urgency(m *Message) int {
	if m.Urgent {
		return 0
	}
	return 1
}
