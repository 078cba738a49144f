package chaos

import (
	"context"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/secret"
)

// chat is a Slack workspace, and what sends to it: the real connector, and beside it what
// an outbox remembers of each message.
type chat struct {
	server  *slacktest.Server
	weather *weather
	clock   *clock
	poster  connectors.Poster
	sent    map[string]attempt // by cause and address: durable, as the store is
}

// attempt is what is known of sending one message.
type attempt struct {
	since time.Time // when it began
	done  bool
}

func newChat(w *weather, c *clock) *chat {
	ch := &chat{weather: w, clock: c, sent: map[string]attempt{}}
	ch.server = slacktest.New(slacktest.Options{Token: "xoxb-chaos", Now: c.world, Channels: []slacktest.Channel{
		{ID: "C0PAYMENTS", Name: "payments", Member: true}, {ID: "C0PLATFORM", Name: "platform", Member: true}, {ID: "C0ESCALATE", Name: "escalation", Member: true},
	}})
	return ch
}

// open opens the connector anew, as a process does that starts.
func (c *chat) open(address string, env connectors.Env) error {
	reg := slack.Registration()
	config, _ := reg.Config().(*slack.Config)
	config.Token, config.BaseURL = secret.New("xoxb-chaos"), address+"/api/"
	config.Channels, config.Escalation = map[string]string{"payments": "C0PAYMENTS", "platform": "C0PLATFORM"}, "C0ESCALATE"
	in, err := reg.Open(env, config)
	if err != nil {
		return err //nolint:wrapcheck // it says it all
	}
	c.poster, _ = in.(connectors.Poster)
	return nil
}

// Connector implements connectors.Notifier.
func (*chat) Connector() string { return slack.Name }

// Notify implements connectors.Notifier as an outbox does: it notes that it begins, posts,
// and notes that it is done; when it doesn't know how an earlier attempt ended, it says since
// when, so that the connector looks first.
func (c *chat) Notify(ctx context.Context, m connectors.Message) error {
	key := m.To + "\x00" + m.Cause
	var before attempt
	err := c.weather.around("note_of_a_message", deathsStore, func() error {
		before = c.sent[key]
		if before.since.IsZero() {
			c.sent[key] = attempt{since: c.clock.ours()}
		}
		return nil
	})
	if err != nil || before.done {
		return err
	}
	if _, err := c.poster.Post(ctx, m, connectors.Attempt{Since: before.since}); err != nil {
		return err //nolint:wrapcheck // it says it all
	}
	return c.weather.around("note_of_a_message_sent", deathsStore, func() error {
		c.sent[key] = attempt{since: c.sent[key].since, done: true}
		return nil
	})
}

func (c *chat) handler() http.Handler { return c.server.Handler() }
