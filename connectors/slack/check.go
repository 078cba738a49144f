package slack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/internal/fault"
)

// Scopes are what the bot token needs, and what for.
func Scopes() map[string]string {
	return map[string]string{
		"chat:write": "to post and to rewrite cards", "im:write": "to write to a person", "channels:read": "to find channels by name", "groups:read": "to find private channels by name",
		"channels:history": "to look for a message before sending it again", "groups:history": "the same in private channels", "im:history": "the same in direct conversations",
		"channels:join": "to join the public channels of teams", "users:read": "to know who presses a button", "users:read.email": "to know people by their e-mail",
		"commands": "for the slash command", "metadata.message:read": "to read the cause that a message carries",
	}
}

// Self is who the app is in its workspace.
type Self struct {
	Team string // the workspace
	User string // the app's own member
}

// Me asks who the app is; the answer is kept.
func (s *Slack) Me(ctx context.Context) (Self, error) {
	s.mu.Lock()
	self := s.self
	s.mu.Unlock()
	if self.Team != "" {
		return self, nil
	}
	answer, err := s.authTest(ctx)
	if err != nil {
		return Self{}, err
	}
	self = Self{Team: answer.TeamID, User: answer.UserID}
	s.mu.Lock()
	s.self = self
	s.mu.Unlock()
	return self, nil
}

func (s *Slack) authTest(ctx context.Context) (answer *kit.AuthTestResponse, err error) {
	if !s.ready() {
		return nil, fault.New(fault.Invalid, "asking Slack who we are: there is no token, or no network here")
	}
	err = s.call(ctx, "auth.test", "", func(ctx context.Context) (err error) {
		answer, err = s.client.AuthTestContext(ctx)
		return err
	})
	return answer, err
}

// Check implements connectors.Checker.
func (s *Slack) Check(ctx context.Context) []error {
	answer, err := s.authTest(ctx)
	if err != nil {
		return []error{err}
	}
	problems := missing(answer.Header.Get("X-OAuth-Scopes"))
	for _, team := range slices.Sorted(maps.Keys(s.config.Channels)) {
		if err := s.Reachable(ctx, s.config.Channels[team]); err != nil {
			problems = append(problems, fmt.Errorf("channels.%s: %w", team, err))
		}
	}
	if s.config.Escalation == "" {
		problems = append(problems, fault.New(fault.Invalid, "escalation: is not set: what is for nobody in particular goes nowhere"))
	} else if err := s.Reachable(ctx, s.config.Escalation); err != nil {
		problems = append(problems, fmt.Errorf("escalation: %w", err))
	}
	switch {
	case !s.config.AppToken.Empty():
		err := s.call(ctx, "apps.connections.open", "", func(ctx context.Context) error {
			_, _, err := s.client.StartSocketModeContext(ctx)
			return err
		})
		if err != nil {
			problems = append(problems, fmt.Errorf("app_token: %w", err))
		}
	case s.config.SigningSecret.Empty():
		problems = append(problems, fault.New(fault.Invalid, "signing_secret, app_token: neither is set: commands and buttons can't come back"))
	}
	return problems
}

// missing tells of scopes that the token lacks. A workspace that doesn't say which it has
// is believed to have them.
func missing(header string) []error {
	if header == "" {
		return nil
	}
	var have []string
	for scope := range strings.SplitSeq(header, ",") {
		have = append(have, strings.TrimSpace(scope))
	}
	var problems []error
	needs := Scopes()
	for _, scope := range slices.Sorted(maps.Keys(needs)) {
		if !slices.Contains(have, scope) {
			problems = append(problems, fault.New(fault.Denied, "token: it lacks the scope %s, which is needed %s: install the app anew from deploy/slack/manifest.yaml", scope, needs[scope]))
		}
	}
	return problems
}

// Reachable says what keeps messages from an address: a channel, or a person.
func (s *Slack) Reachable(ctx context.Context, address string) error {
	channel, err := s.resolve(ctx, address)
	if err != nil || strings.HasPrefix(channel, "D") {
		return err
	}
	var info *kit.Channel
	err = s.call(ctx, "conversations.info", channel, func(ctx context.Context) (err error) {
		info, err = s.client.GetConversationInfoContext(ctx, &kit.GetConversationInfoInput{ChannelID: channel})
		return err
	})
	switch {
	case err != nil:
		return err
	case info.IsArchived:
		return fault.New(fault.Denied, "%s is archived: name another channel", plain(address, 80))
	case !info.IsMember && info.IsPrivate:
		return fault.New(fault.Denied, "the app is not in %s, which is private: invite it with /invite", plain(address, 80))
	}
	return nil
}
