// Package inbox is the built-in inbox: messages to owners in quell's own store, behind
// the role that other notifiers fill.
package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Name is the connector's name.
const Name = "inbox"

// Config is the configuration of the built-in inbox: there is nothing to configure.
type Config struct{}

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "Built-in inbox", Summary: "Keeps messages to owners in quell's own store.",
		Config: func() any { return &Config{} }, Open: open,
		Docs: connectors.Page{
			Needs:    "Nothing. It is where messages go while no other notifier is configured: quell's own store, visible through `quell inbox` and the API.",
			Maps:     "One message for each reminder, escalation, reopened ticket or asset without an owner, to the team that it is for, or to `escalation`.",
			Fixed:    "It is told when something is fixed, and decides nothing.",
			Coverage: "Nothing: it takes messages, and reports on nothing.",
			Limits:   "Nobody is called or mailed: somebody has to look.",
			Example: `notifiers:
  - name: inbox
    connector: inbox
`,
		},
	}
}

// Messages is where the inbox keeps its messages.
type Messages interface {
	// InsertMessage delivers a message unless its ID is taken, and says whether.
	InsertMessage(ctx context.Context, m lifecycle.InboxMessage) (bool, error)
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	if _, ok := config.(*Config); !ok {
		return nil, fmt.Errorf("opening the built-in inbox: the configuration is a %T", config)
	}
	messages, ok := env.Keep.(Messages)
	if !ok {
		messages = nowhere{}
	}
	now := env.Now
	if now == nil {
		now = time.Now
	}
	return New(messages, now), nil
}

// nowhere is the store of an inbox that was opened without one, to check its
// configuration.
type nowhere struct{}

// InsertMessage implements Messages.
func (nowhere) InsertMessage(context.Context, lifecycle.InboxMessage) (bool, error) {
	return false, fault.New(fault.Unavailable, "the built-in inbox was opened without a store")
}

// Inbox is the built-in inbox.
type Inbox struct {
	messages Messages
	now      func() time.Time
}

// New makes an inbox over a store; now is the clock.
func New(messages Messages, now func() time.Time) *Inbox { return &Inbox{messages: messages, now: now} }

// Connector implements connectors.Instance.
func (*Inbox) Connector() string { return Name }

// Notify implements connectors.Notifier: the message's ID is made from its cause, so a
// repetition finds it there.
func (in *Inbox) Notify(ctx context.Context, m connectors.Message) error {
	if m.Cause == "" || m.To == "" {
		return fault.New(fault.Invalid, "delivering a message: it needs a cause and somebody whom it is for")
	}
	sum := sha256.Sum256([]byte(m.Cause))
	_, err := in.messages.InsertMessage(ctx, lifecycle.InboxMessage{
		ID: hex.EncodeToString(sum[:16]), Version: 1, To: m.To, Kind: m.Kind, Subject: m.Subject, Text: m.Text, Links: m.Links, Subjects: m.Subjects,
		At: in.now().UTC().Truncate(time.Millisecond),
	})
	return fault.Wrap(fault.KindOf(err), err, "delivering a message to "+m.To)
}
