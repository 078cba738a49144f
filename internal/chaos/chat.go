package chaos

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/courier"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/secret"
)

// chat is a Slack workspace, and when it is next to be told something.
type chat struct {
	server *slacktest.Server
	woken  bool
	next   time.Time // by our clock; zero: nothing waits
	until  time.Time // it waits after a failure, by the world's clock
}

// lane is the name of the notifier.
const lane = "chat"

func channels() map[string]string {
	return map[string]string{"payments": "C0PAYMENTS", "platform": "C0PLATFORM", courier.Escalation: "C0ESCALATE"}
}

func newChat(c *clock) *chat {
	return &chat{server: slacktest.New(slacktest.Options{Token: "xoxb-chaos", Now: c.world, Channels: []slacktest.Channel{
		{ID: "C0PAYMENTS", Name: "payments", Member: true}, {ID: "C0PLATFORM", Name: "platform", Member: true}, {ID: "C0ESCALATE", Name: "escalation", Member: true},
	}})}
}

func (c *chat) handler() http.Handler { return c.server.Handler() }

// openCourier opens the connector and the outbox anew, as a process does that starts.
func (c *cohort) openCourier(env connectors.Env) (*courier.Courier, error) {
	reg := slack.Registration()
	config, _ := reg.Config().(*slack.Config)
	config.Token, config.BaseURL, config.Escalation = secret.New("xoxb-chaos"), c.chatAt+"/api/", "C0ESCALATE"
	in, err := reg.Open(env, config)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says it all
	}
	to, _ := in.(connectors.Notifier)
	c.chat.woken = true // a process that starts looks what is left
	return courier.New(courier.Deps{Store: c.store, Now: c.clock.ours, Log: slog.New(slog.DiscardHandler), URL: "https://quell.example.org",
		Routes: []courier.Route{{Name: lane, Notifier: to, Address: func(to string) (string, bool) { at, ok := channels()[to]; return at, ok }}},
		Last:   courier.Route{Name: "inbox", Notifier: inbox.New(c.store, c.clock.ours), Address: func(to string) (string, bool) { return to, true }},
		Wake: func(context.Context, string) error {
			if c.random.IntN(20) > 0 { // some signals get lost
				c.chat.woken = true
			}
			return nil
		}}), nil
}

// tellPeople does what the Deliver workflow does, for as long as there is something to do.
func (c *cohort) tellPeople(ctx context.Context) error {
	ch := c.chat
	due := ch.woken || !ch.next.IsZero() && !ch.next.After(c.clock.ours()) || c.round%8 == 0 // the sweep
	if !due || ch.until.After(c.clock.world()) {
		return nil
	}
	ch.woken = false
	for range 10_000 {
		var report lifecycle.Delivered
		err, dead := c.attempt(func() (err error) {
			report, err = c.Courier.Deliver(ctx, lane, func(string) {})
			return err
		})
		switch {
		case dead:
			if err := c.reboot(); err != nil {
				return err
			}
			continue
		case fault.Is(err, fault.Internal), ctx.Err() != nil:
			return err
		case err != nil:
			ch.woken, ch.until = true, c.clock.world().Add(max(fault.RetryAfter(err), time.Minute))
			return nil
		}
		if ch.next = report.Next; !report.More {
			return nil
		}
	}
	return fault.New(fault.Internal, "telling people: there is always more")
}
