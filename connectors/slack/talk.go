package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	kit "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// bounded is a network whose answers end: none of Slack's is larger than that.
type bounded struct{ client *http.Client }

const largestAnswer = 16 << 20

// Do implements what the client library asks of a network.
func (b bounded) Do(r *http.Request) (*http.Response, error) {
	if b.client == nil {
		return nil, fault.New(fault.Invalid, "there is no network here")
	}
	response, err := b.client.Do(r) //nolint:gosec // the addresses are the configured API's, and the client is the guarded one
	if err != nil {
		return nil, err //nolint:wrapcheck // kinded says the rest
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, largestAnswer), response.Body}
	return response, nil
}

// Member is somebody in Slack.
type Member struct {
	ID    string
	Team  string // the workspace
	Email string // empty unless Slack has verified it
	Zone  string // time zone, as the tz database calls it
	Gone  bool   // deactivated
	Bot   bool
	Guest bool // or of another workspace
}

// Member asks who somebody is.
func (s *Slack) Member(ctx context.Context, id string) (Member, error) {
	if !memberID.MatchString(id) {
		return Member{}, fault.New(fault.Invalid, "asking who somebody is: %q is no member's ID", plain(id, 40))
	}
	var u *kit.User
	err := s.call(ctx, "users.info", "", func(ctx context.Context) (err error) {
		u, err = s.client.GetUserInfoContext(ctx, id)
		return err
	})
	if err != nil {
		return Member{}, err
	}
	m := Member{ID: u.ID, Team: u.TeamID, Zone: u.TZ, Gone: u.Deleted, Bot: u.IsBot || u.IsWorkflowBot, Guest: u.IsRestricted || u.IsUltraRestricted || u.IsStranger}
	if u.IsEmailConfirmed {
		m.Email = strings.ToLower(u.Profile.Email)
	}
	return m, nil
}

// OpenForm opens a modal for a press, within the three seconds that its trigger lives.
// Later the error is ErrExpired.
func (s *Slack) OpenForm(ctx context.Context, trigger string, view kit.ModalViewRequest) error {
	return s.call(connectors.WithUrgency(ctx, true), "views.open", "", func(ctx context.Context) error {
		_, err := s.client.OpenViewContext(ctx, trigger, view)
		return err
	})
}

// PublishHome shows a person the app's home.
func (s *Slack) PublishHome(ctx context.Context, user string, blocks []kit.Block) error {
	if len(blocks) > mostHome {
		blocks = blocks[:mostHome]
	}
	return s.call(ctx, "views.publish", "", func(ctx context.Context) error {
		_, err := s.client.PublishViewContext(ctx, kit.PublishViewContextRequest{UserID: user,
			View: kit.HomeTabViewRequest{Type: kit.VTHomeTab, Blocks: kit.Blocks{BlockSet: blocks}}})
		return err
	})
}

const mostHome = 100

// Whisper shows a text to one person in a channel; where that doesn't go, directly.
func (s *Slack) Whisper(ctx context.Context, channel, user, text string, blocks []kit.Block) error {
	options := []kit.MsgOption{kit.MsgOptionText(fallback(text), false), kit.MsgOptionBlocks(blocks...)}
	if channel != "" {
		err := s.call(ctx, "chat.postEphemeral", channel, func(ctx context.Context) error {
			_, err := s.client.PostEphemeralContext(ctx, channel, user, options...)
			return err
		})
		if err == nil || !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
			return err
		}
	}
	direct, err := s.directTo(ctx, user)
	if err != nil {
		return err
	}
	return s.call(ctx, "chat.postMessage", direct, func(ctx context.Context) error {
		_, _, err := s.client.PostMessageContext(ctx, direct, options...)
		return err
	})
}

// Answer is what a response URL is given.
type Answer struct {
	Text    string      `json:"text"`
	Blocks  []kit.Block `json:"blocks,omitempty"`
	Type    string      `json:"response_type"` // ephemeral
	Replace bool        `json:"replace_original"`
}

// Answerable refuses a response URL that is not Slack's: whoever forges one can have us
// call nobody.
func (s *Slack) Answerable(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Host == "" {
		return fault.New(fault.Denied, "answering: the response URL is none")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	host := net.JoinHostPort(strings.ToLower(u.Hostname()), port)
	hosts := s.config.hosts()
	if slices.Contains(hosts, "*.slack.com") || slices.Contains(hosts, "*.slack-gov.com") {
		if u.Scheme != "https" {
			return fault.New(fault.Denied, "answering: the response URL is not https")
		}
		hosts = slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return !strings.HasPrefix(h, "hooks.") })
	}
	if !slices.Contains(hosts, host) {
		return fault.New(fault.Denied, "answering: the response URL leads elsewhere than to Slack")
	}
	return nil
}

// Respond answers a command or a press through its response URL.
func (s *Slack) Respond(ctx context.Context, address string, answer Answer) error {
	if err := s.Answerable(address); err != nil {
		return err
	}
	if s.network == nil {
		return fault.New(fault.Invalid, "answering: there is no network here")
	}
	answer.Type = "ephemeral"
	body, err := json.Marshal(answer)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "writing an answer")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Denied, "answering: the response URL is none")
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := bounded{s.network}.Do(r)
	if err != nil {
		return kinded(ctx, "response URL", err)
	}
	_, copyErr := io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	if err := errors.Join(copyErr, response.Body.Close()); err != nil {
		return kinded(ctx, "response URL", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return ofStatus("calling Slack's response URL", response.StatusCode)
	}
	return nil
}

// Socket is a connection for Socket Mode; nil where no app-level token is configured. It
// connects to Slack's hosts only, whatever address it is told.
func (s *Slack) Socket() *socketmode.Client {
	if s.config.AppToken.Empty() || s.network == nil {
		return nil
	}
	const patience, largest = 15 * time.Second, 2 << 20
	hosts := s.config.hosts()
	dialer := &websocket.Dialer{HandshakeTimeout: patience, Proxy: http.ProxyFromEnvironment, WriteBufferSize: 32 << 10,
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if !dialable(hosts, address) {
				return nil, fault.New(fault.Denied, "connecting over Socket Mode: the address is not Slack's")
			}
			return (&net.Dialer{Timeout: patience}).DialContext(ctx, network, address)
		}}
	return socketmode.New(s.client, socketmode.OptionDialer(dialer), socketmode.OptionReadLimit(largest))
}

// dialable reports whether a host and port is one of ours. A proxy, where the environment
// names one, is the operator's own.
func dialable(hosts []string, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if proxied(host) {
		return true
	}
	return slices.ContainsFunc(hosts, func(h string) bool {
		if domain, ok := strings.CutPrefix(h, "*."); ok {
			return port == "443" && strings.HasSuffix(strings.ToLower(host), "."+domain)
		}
		return strings.EqualFold(h, net.JoinHostPort(host, port))
	})
}

func proxied(host string) bool {
	r, err := http.NewRequest(http.MethodGet, "https://wss-primary.slack.com/", http.NoBody) //nolint:noctx // nothing is sent
	if err != nil {
		return false
	}
	proxy, err := http.ProxyFromEnvironment(r)
	return err == nil && proxy != nil && proxy.Hostname() == host
}
