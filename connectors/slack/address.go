package slack

import (
	"cmp"
	"context"
	"regexp"
	"strings"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

var (
	channelID   = regexp.MustCompile(`^[CGD][A-Z0-9]{6,20}$`)
	memberID    = regexp.MustCompile(`^[UW][A-Z0-9]{6,20}$`)
	channelName = regexp.MustCompile(`^#[\p{Ll}\p{Lo}\p{N}_-]{1,80}$`)
)

// escalation is the team that is none; see internal/ownership.
const escalation = "escalation"

// Accepts implements connectors.Addressed: an address is a channel's ID or #name, a
// member's ID, or an e-mail by which Slack is asked for one.
func (*Slack) Accepts(text string) bool {
	person := strings.TrimPrefix(text, "@")
	return address(text) || memberID.MatchString(person) || strings.Contains(strings.Trim(person, "@"), "@")
}

// AddressOf gives the address that the configuration has for a team, or for what is for
// nobody in particular.
func (s *Slack) AddressOf(to string) (string, bool) {
	if configured := s.config.Channels[to]; configured != "" {
		return configured, true
	}
	return s.config.Escalation, to == escalation && s.config.Escalation != ""
}

// addressOf is where a message goes: where the caller says, if that is an address here,
// else where the configuration does.
func (s *Slack) addressOf(m *connectors.Message, at connectors.Attempt) string {
	if s.Accepts(at.To) {
		return at.To
	}
	if configured, ok := s.AddressOf(m.To); ok {
		return configured
	}
	return cmp.Or(at.To, m.To)
}

// resolve finds the conversation of an address: a channel's ID, #name, a member's ID or
// e-mail with or without @ in front. NotFound: it is nobody's.
func (s *Slack) resolve(ctx context.Context, address string) (string, error) {
	person := strings.TrimPrefix(address, "@")
	switch {
	case channelID.MatchString(address):
		return address, nil
	case memberID.MatchString(person):
		return s.directTo(ctx, person)
	case strings.Contains(person, "@"):
		member, err := s.memberOf(ctx, person)
		if err != nil {
			return "", err
		}
		return s.directTo(ctx, member)
	case channelName.MatchString(address):
		return s.channelOf(ctx, strings.TrimPrefix(address, "#"))
	}
	return "", fault.New(fault.NotFound, "telling %q in Slack: it has no address there; give the team a channel, or the person a slack ID or an e-mail", plain(address, 80))
}

func (s *Slack) known(in map[string]string, key string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := in[key]
	return value, ok
}

func (s *Slack) keep(in map[string]string, key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in[key] = value
}

// memberOf finds the member with an e-mail.
func (s *Slack) memberOf(ctx context.Context, email string) (string, error) {
	email = strings.ToLower(email)
	if member, ok := s.known(s.people, email); ok {
		return member, nil
	}
	var user *kit.User
	err := s.call(ctx, "users.lookupByEmail", "", func(ctx context.Context) (err error) {
		user, err = s.client.GetUserByEmailContext(ctx, email)
		return err
	})
	if err != nil {
		return "", err
	}
	if user.Deleted || user.IsBot {
		return "", fault.New(fault.NotFound, "telling a person in Slack: the account is no longer anybody's")
	}
	s.keep(s.people, email, user.ID)
	return user.ID, nil
}

// directTo opens the direct conversation with a member.
func (s *Slack) directTo(ctx context.Context, member string) (string, error) {
	if channel, ok := s.known(s.direct, member); ok {
		return channel, nil
	}
	var channel *kit.Channel
	err := s.call(ctx, "conversations.open", "", func(ctx context.Context) (err error) {
		channel, _, _, err = s.client.OpenConversationContext(ctx, &kit.OpenConversationParameters{Users: []string{member}})
		return err
	})
	if err != nil {
		return "", err
	}
	s.keep(s.direct, member, channel.ID)
	return channel.ID, nil
}

// listAgain is how long a name that is not there stays so.
const listAgain = 5 * time.Minute

// channelOf finds a channel by its name among those that the app can see.
func (s *Slack) channelOf(ctx context.Context, name string) (string, error) {
	if channel, ok := s.known(s.channels, name); ok {
		return channel, nil
	}
	s.mu.Lock()
	fresh := !s.listed.IsZero() && s.now().Before(s.listed.Add(listAgain))
	s.mu.Unlock()
	if !fresh {
		if err := s.listChannels(ctx); err != nil {
			return "", err
		}
		if channel, ok := s.known(s.channels, name); ok {
			return channel, nil
		}
	}
	return "", fault.New(fault.NotFound, "telling #%s in Slack: there is no such channel, or it is private and the app is not in it", plain(name, 80))
}

func (s *Slack) listChannels(ctx context.Context) error {
	cursor := ""
	for range mostPages {
		var page []kit.Channel
		err := s.call(ctx, "conversations.list", "", func(ctx context.Context) (err error) {
			page, cursor, err = s.client.GetConversationsContext(ctx, &kit.GetConversationsParameters{
				Cursor: cursor, Limit: pageSize, ExcludeArchived: true, Types: []string{"public_channel", "private_channel"}})
			return err
		})
		if err != nil {
			return err
		}
		for i := range page {
			s.keep(s.channels, page[i].Name, page[i].ID)
		}
		if cursor == "" {
			break
		}
	}
	s.mu.Lock()
	s.listed = s.now()
	s.mu.Unlock()
	return nil
}

// join brings the app into a public channel. Private ones it must be invited to.
func (s *Slack) join(ctx context.Context, channel string) bool {
	if !strings.HasPrefix(channel, "C") {
		return false
	}
	err := s.call(ctx, "conversations.join", "", func(ctx context.Context) error {
		_, _, _, err := s.client.JoinConversationContext(ctx, channel)
		return err
	})
	if err != nil {
		s.log.Debug("joining a channel of Slack's", "channel", channel, "error", err)
	}
	return err == nil
}
