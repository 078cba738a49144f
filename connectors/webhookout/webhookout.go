// Package webhookout tells any other system: a signed webhook for each message, as
// Standard Webhooks has it.
package webhookout

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
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
	in := &Webhook{url: c.URL, now: env.Now}
	if in.now == nil {
		in.now = time.Now
	}
	if env.HTTP != nil {
		client := *env.HTTP
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		in.http = &client
	}
	if c.Secret.Empty() || strings.HasPrefix(c.Secret.Reveal(), "${") { // to look at it only
		return in, nil
	}
	own, err := signerOf(c.Secret)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "reading the webhook's secret")
	}
	in.signers = append(in.signers, own)
	if !c.Previous.Empty() {
		before, err := signerOf(c.Previous)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "reading the webhook's previous secret")
		}
		in.signers = append(in.signers, before)
	}
	return in, nil
}

// Webhook is one receiver.
type Webhook struct {
	url     string
	http    *http.Client
	signers []signer
	now     func() time.Time
}

// signer signs with one key.
type signer struct {
	key     []byte
	private ed25519.PrivateKey
}

// sign gives the signature of a message, with its version in front.
func (s signer) sign(id, stamp string, body []byte) string {
	message := bytes.Join([][]byte{[]byte(id), []byte(stamp), body}, []byte{'.'})
	if s.private != nil {
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(s.private, message))
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write(message)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

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
	if w.http == nil || len(w.signers) == 0 {
		return "", fault.New(fault.Invalid, "calling the webhook: there is no network or no secret here")
	}
	now := w.now().UTC().Truncate(time.Second)
	sum := sha256.Sum256([]byte(at.To + "\x00" + m.Cause))
	id := "msg_" + hex.EncodeToString(sum[:16])
	body, err := json.Marshal(envelope{Type: "quell." + m.Kind, Timestamp: now, Data: m})
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "writing a webhook")
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(w.signers))
	for i, s := range w.signers {
		signatures[i] = s.sign(id, stamp, body)
	}
	api := httpclient.API{HTTP: w.http, Base: w.url, Vendor: "the webhook's receiver", Largest: mostAnswer, Refused: gone,
		Auth: func(r *http.Request) {
			r.Header.Set("Webhook-Id", id)
			r.Header.Set("Webhook-Timestamp", stamp)
			r.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
		}}
	if _, err := api.Copy(ctx, httpclient.Call{Path: w.url, JSON: json.RawMessage(body)}, discard{}); err != nil {
		return "", err //nolint:wrapcheck // it says what was being done
	}
	return connectors.Ref(id), nil
}

// mostAnswer is more than any answer to a webhook that we look at.
const mostAnswer = 1 << 20

// gone says of 410 what Standard Webhooks means by it.
func gone(status int, _ http.Header, _ []byte) error {
	if status == http.StatusGone {
		return fault.New(fault.NotFound, "the webhook's receiver answered 410: nobody listens there any more")
	}
	return nil
}

// discard takes what nobody reads.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
