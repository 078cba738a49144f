package chatops

import (
	"context"
	"encoding/json"
	"time"

	kit "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/fault"
)

// Run takes up presses that were left behind, every quarter of a minute, and listens over
// Socket Mode where there is a socket, until ctx ends.
func (c *Chat) Run(ctx context.Context, socket *socketmode.Client) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.sweeping(ctx) })
	if socket != nil {
		group.Go(func() error { return c.listen(ctx, socket) })
	}
	return group.Wait() //nolint:wrapcheck // they say what they were doing
}

const sweepEvery = 15 * time.Second

func (c *Chat) sweeping(ctx context.Context) error {
	for {
		if _, err := c.Sweep(ctx); err != nil && ctx.Err() == nil {
			c.Log.Warn("looking after presses", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.After(sweepEvery):
		}
	}
}

// listen keeps a connection to Slack. The library connects again when Slack breaks it;
// only a token that is no good ends it, and then we try again after a while: somebody may
// mend it.
func (c *Chat) listen(ctx context.Context, socket *socketmode.Client) error {
	const pause = time.Minute
	for ctx.Err() == nil {
		attempt, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); c.take(attempt, socket) }()
		err := socket.RunContext(attempt)
		cancel()
		<-done
		if ctx.Err() == nil {
			c.Log.Error("Socket Mode ended; it is tried again in a minute", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-c.After(pause):
		}
	}
	return nil
}

// take handles what comes over a socket until ctx ends.
func (c *Chat) take(ctx context.Context, socket *socketmode.Client) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-socket.Events:
			if e.Request == nil { // of the connection itself
				c.connection(&e)
				continue
			}
			request := *e.Request
			c.background(ctx, func(ctx context.Context) { c.envelope(ctx, socket, &request) })
		}
	}
}

// connection says how the connection is doing, where that is not well.
func (c *Chat) connection(e *socketmode.Event) {
	switch e.Type {
	case socketmode.EventTypeConnectionError, socketmode.EventTypeInvalidAuth, socketmode.EventTypeErrorWriteFailed:
		c.Log.Warn("Socket Mode has trouble", "what", string(e.Type))
	case socketmode.EventTypeConnected:
		c.Log.Info("connected to Slack over Socket Mode")
	default: // on its way from one to the other
	}
}

// mostOverSocket is what an acknowledgement may hold: Slack drops larger ones silently.
const mostOverSocket = 16 << 10

// envelope handles one call and acknowledges it. What could not be stored is not
// acknowledged: Slack sends it again.
func (c *Chat) envelope(ctx context.Context, socket *socketmode.Client, r *socketmode.Request) {
	var body []byte
	var err error
	switch r.Type {
	case socketmode.RequestTypeSlashCommands:
		body, err = c.socketCommand(ctx, r)
	case socketmode.RequestTypeInteractive:
		body, err = c.interaction(ctx, r.Payload)
	case socketmode.RequestTypeEventsAPI:
		c.event(ctx, r.Payload)
	default:
		return
	}
	if err != nil && !fault.Is(err, fault.Invalid) { // what is malformed stays so
		c.Log.Warn("a call of Slack's was not taken", "error", err)
		return
	}
	var payload any
	if len(body) > 0 {
		payload = json.RawMessage(body)
	}
	if err := socket.AckCtx(ctx, r.EnvelopeID, payload); err != nil {
		c.Log.Warn("acknowledging a call of Slack's", "error", err)
	}
}

func (c *Chat) socketCommand(ctx context.Context, r *socketmode.Request) ([]byte, error) {
	var cmd kit.SlashCommand
	if err := json.Unmarshal(r.Payload, &cmd); err != nil {
		return nil, fault.New(fault.Invalid, "reading a command: it is not the JSON that Slack sends")
	}
	in := call{User: cmd.UserID, Team: cmd.TeamID, Channel: cmd.ChannelID, Response: cmd.ResponseURL, Trigger: cmd.TriggerID, ID: cmd.TriggerID}
	out, err := c.command(ctx, in, cmd.Text)
	body := out.body()
	if err == nil && len(body) > mostOverSocket {
		c.tell(ctx, &in, out)
		return nil, nil
	}
	return body, err
}
