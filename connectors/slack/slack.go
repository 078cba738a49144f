// Package slack is where people are: messages with buttons to channels and persons, one
// thread for each ticket, each message there once. What is pressed comes in through
// api/chatops.
package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/fault"
)

// Name is the connector's name.
const Name = "slack"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "Slack", Summary: "Tells teams and people in their channels, and lets them decide there.",
		Config: func() any { return defaults() }, Open: open, Reach: reach, API: "Web API, Block Kit and Socket Mode, 2026", Docs: docs,
	}
}

// Slack is one workspace.
type Slack struct {
	config   Config
	name     string
	client   *kit.Client
	network  *http.Client
	governor connectors.Governor
	now      func() time.Time
	log      *slog.Logger

	mu       sync.Mutex
	people   map[string]string // e-mail → member
	direct   map[string]string // member → direct conversation
	channels map[string]string // name → channel
	listed   time.Time         // when the channels were last listed
	self     Self
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening slack: the configuration is a %T", config)
	}
	s := &Slack{config: *c, name: env.Source, governor: env.Governor, now: env.Now, log: env.Log, network: env.HTTP,
		people: map[string]string{}, direct: map[string]string{}, channels: map[string]string{}}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	options := []kit.Option{kit.OptionAPIURL(strings.TrimSuffix(c.BaseURL, "/") + "/"), kit.OptionHTTPClient(bounded{env.HTTP})}
	if !c.AppToken.Empty() {
		options = append(options, kit.OptionAppLevelToken(c.AppToken.Reveal()))
	}
	s.client = kit.New(c.Token.Reveal(), options...)
	return s, nil
}

// Connector implements connectors.Instance.
func (*Slack) Connector() string { return Name }

// Signed is how Slack signs what it sends.
func Signed() signature.HMAC {
	return signature.HMAC{
		Header: "X-Slack-Signature", Prefix: "v0=", Hash: signature.SHA256, Encoding: signature.Hex, TimeHeader: timeHeader,
		Message: func(h http.Header, body []byte) [][]byte {
			return [][]byte{append([]byte("v0:"+h.Get(timeHeader)+":"), body...)}
		},
	}
}

const timeHeader = "X-Slack-Request-Timestamp"

// VerifyWebhook implements connectors.WebhookVerifier for all that Slack sends: signed
// with the signing secret, or with the one before it, within five minutes.
func (s *Slack) VerifyWebhook(h http.Header, body []byte, now time.Time) (string, error) {
	return Signed().Verify(h, body, now, s.config.SigningSecret, s.config.PreviousSecret)
}

// Notify implements connectors.Notifier, for callers that keep no addresses.
func (s *Slack) Notify(ctx context.Context, m connectors.Message) error {
	_, err := s.Post(ctx, m, connectors.Attempt{})
	return err
}

// eventType names our metadata on messages.
const eventType = "quell_message"

// mostCause is how long a cause may be as metadata; a longer one goes by its hash.
const mostCause = 255

// Post implements connectors.Poster.
func (s *Slack) Post(ctx context.Context, m connectors.Message, at connectors.Attempt) (connectors.Ref, error) {
	if m.Cause == "" {
		return "", fault.New(fault.Invalid, "telling Slack: the message has no cause")
	}
	if !s.ready() {
		return "", fault.New(fault.Invalid, "telling Slack: there is no token, or no network here")
	}
	ctx = connectors.WithUrgency(ctx, m.Urgent || connectors.Urgent(ctx))
	channel, err := s.resolve(ctx, s.addressOf(&m, at))
	if err != nil {
		return "", err
	}
	head := at.Head
	if headChannel, _ := split(head); headChannel != channel {
		head = "" // the team has moved: its thread begins anew where it is now
	}
	if !at.Since.IsZero() {
		found, err := s.find(ctx, channel, head, m.Cause, at.Since)
		if err != nil || found != "" {
			return found, err
		}
	}
	return s.post(ctx, channel, head, &m)
}

func (s *Slack) post(ctx context.Context, channel string, head connectors.Ref, m *connectors.Message) (connectors.Ref, error) {
	options := []kit.MsgOption{
		kit.MsgOptionText(fallback(m.Subject), false), kit.MsgOptionBlocks(blocks(m, head == "")...),
		kit.MsgOptionMetadata(kit.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"cause": causeID(m.Cause), "kind": plain(m.Kind, 40), "thread": plain(m.Thread, 80)}}),
		kit.MsgOptionDisableLinkUnfurl(), kit.MsgOptionDisableMediaUnfurl(),
	}
	if head != "" {
		_, ts := split(head)
		options = append(options, kit.MsgOptionTS(ts))
		if m.Urgent {
			options = append(options, kit.MsgOptionBroadcast()) // nobody has to follow the thread to see it
		}
	}
	var ref connectors.Ref
	send := func(ctx context.Context) error {
		in, ts, _, err := s.client.PostMessageWithResponseContext(ctx, channel, options...)
		ref = refOf(in, ts)
		return err
	}
	err := s.call(ctx, "chat.postMessage", channel, send)
	if errors.Is(err, errNotIn) && s.join(ctx, channel) {
		err = s.call(ctx, "chat.postMessage", channel, send)
	}
	if err != nil {
		return "", err
	}
	return ref, nil
}

// Refresh implements connectors.Refresher.
func (s *Slack) Refresh(ctx context.Context, head connectors.Ref, card connectors.Card, actions []connectors.Action) error {
	channel, ts := split(head)
	if channel == "" || ts == "" {
		return fault.New(fault.NotFound, "rewriting a card: %q is no message of Slack's", plain(string(head), 80))
	}
	if !s.ready() {
		return fault.New(fault.Invalid, "rewriting a card: there is no token, or no network here")
	}
	return s.call(ctx, "chat.update", channel, func(ctx context.Context) error {
		_, _, _, err := s.client.UpdateMessageContext(ctx, channel, ts, kit.MsgOptionText(fallback(card.Title+": "+card.State), false),
			kit.MsgOptionBlocks(withButtons(CardBlocks(card), actions)...))
		return err
	})
}

func (s *Slack) ready() bool { return s.network != nil && !s.config.Token.Empty() }

// refOf and split write down where a message is: its channel and its time there.
func refOf(channel, ts string) connectors.Ref { return connectors.Ref(channel + "/" + ts) }

func split(ref connectors.Ref) (channel, ts string) {
	channel, ts, _ = strings.Cut(string(ref), "/")
	return channel, ts
}

// Command is the slash command of the app.
func (s *Slack) Command() string { return s.config.Command }
