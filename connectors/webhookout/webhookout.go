// Package webhookout tells any other system: a signed webhook for each message, as
// Standard Webhooks has it.
package webhookout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "webhookout"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "Signed webhook", Summary: "Posts each message to a URL, signed as Standard Webhooks has it.",
		Config: func() any { return &Config{} }, Open: open, API: "Standard Webhooks 1.0.0",
		Reach: func(config any) []string {
			if c, ok := config.(*Config); ok && c.URL != "" {
				return []string{httpclient.HostOf(c.URL)}
			}
			return nil
		},
		Docs: docs,
	}
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening %s: the configuration is a %T", Name, config)
	}
	to := &Endpoint{url: c.URL, now: env.Now}
	if to.now == nil {
		to.now = time.Now
	}
	to.http = straight(env.HTTP)
	in := &Webhook{to: to}
	if c.Secret.Empty() || strings.HasPrefix(c.Secret.Reveal(), "${") { // to look at it only
		return in, nil
	}
	signers, err := signersOf(c.Secret, c.Previous)
	to.signers = signers
	return in, err
}

// Webhook is one receiver.
type Webhook struct{ to *Endpoint }

// Connector implements connectors.Instance.
func (*Webhook) Connector() string { return Name }

// Notify implements connectors.Notifier.
func (w *Webhook) Notify(ctx context.Context, m connectors.Message) error {
	_, err := w.Post(ctx, m, connectors.Attempt{})
	return err
}

// envelope is the body of a call.
type envelope struct {
	Type      string             `json:"type"`
	Timestamp time.Time          `json:"timestamp"`
	Data      connectors.Message `json:"data"`
}

// Post implements connectors.Poster. A repetition has the same ID, by which the receiver
// knows it.
func (w *Webhook) Post(ctx context.Context, m connectors.Message, at connectors.Attempt) (connectors.Ref, error) {
	now := w.to.now().UTC().Truncate(time.Second)
	sum := sha256.Sum256([]byte(at.To + "\x00" + m.Cause))
	id := "msg_" + hex.EncodeToString(sum[:16])
	body, err := json.Marshal(envelope{Type: "quell." + m.Kind, Timestamp: now, Data: m})
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "writing a webhook")
	}
	_, err = w.to.Call(ctx, id, body)
	return connectors.Ref(id), err
}
