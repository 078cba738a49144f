package slack

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/internal/fault"
)

// Slack's tiers, in calls a minute and method. Posting has a limit of its own: a message
// a second and channel, and some hundred a minute in all.
const (
	tier2       = 20
	tier3       = 50
	tier4       = 100
	postsMinute = 300
)

// perMinute is how often each method that is used may be called.
func perMinute(method string) float64 {
	switch method {
	case "conversations.list":
		return tier2
	case "users.info", "views.open", "views.publish", "chat.postEphemeral", "auth.test":
		return tier4
	case "chat.postMessage":
		return postsMinute
	}
	return tier3
}

// budgets are what a call to a method takes from, a channel's own last.
func (s *Slack) budgets(method, channel string) []string {
	out := []string{"slack/" + s.name + "/" + method}
	if method == "chat.postMessage" {
		out = append(out, out[0]+"/"+channel)
	}
	return out
}

// call asks Slack something within its limits, and gives what goes wrong its kind.
func (s *Slack) call(ctx context.Context, method, channel string, ask func(ctx context.Context) error) error {
	budgets := s.budgets(method, channel)
	if s.governor != nil {
		s.limit(method, budgets)
		for _, budget := range budgets {
			if err := s.governor.Take(ctx, budget, 1); err != nil {
				return fault.Wrap(fault.KindOf(err), err, "waiting for Slack's limit of "+method)
			}
		}
	}
	err := kinded(ctx, method, ask(ctx))
	if s.governor != nil && fault.Is(err, fault.Throttled) {
		until := s.now().Add(max(fault.RetryAfter(err), time.Second))
		// Slack counts by method, and posts by channel.
		if holdErr := s.governor.Hold(ctx, budgets[len(budgets)-1], until); holdErr != nil {
			s.log.Warn("telling the other workers that Slack asks to wait", "method", method, "error", holdErr)
		}
	}
	return err
}

func (s *Slack) limit(method string, budgets []string) {
	const minute, second = 60, 1
	burst := max(perMinute(method)/10, 1)
	s.governor.Limit(budgets[0], perMinute(method)/minute, burst)
	if len(budgets) > 1 {
		s.governor.Limit(budgets[1], second, 1)
	}
}

// ErrExpired is a trigger that came too late: a modal opens within three seconds of a
// press, or not at all.
var ErrExpired = errors.New("the press is too long ago for a form to open")

// kinded maps what Slack, or the way to it, answers. No error repeats a URL, since a
// response URL is a secret of its own.
func kinded(ctx context.Context, method string, err error) error {
	var limited *kit.RateLimitedError
	var refused kit.SlackErrorResponse
	var status kit.StatusCodeError
	var known *fault.Error
	var quoted *url.Error
	doing := "calling Slack's " + method
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.New(fault.Unavailable, "%s: %w", doing, ctx.Err())
	case errors.As(err, &limited):
		return &fault.Error{Kind: fault.Throttled, Msg: doing + ": it asks to wait", RetryAfter: limited.RetryAfter}
	case errors.As(err, &refused):
		return refusal(doing, refused)
	case errors.As(err, &status):
		return ofStatus(doing, status.Code)
	case errors.As(err, &known):
		return fault.Wrap(known.Kind, known, doing)
	case errors.As(err, &quoted):
		err = quoted.Err
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return fault.New(fault.Unavailable, "%s: it didn't answer in time", doing)
	}
	return fault.Wrap(fault.Unavailable, err, doing)
}

func ofStatus(doing string, code int) error {
	switch {
	case code >= 500, code == 408:
		return fault.New(fault.Unavailable, "%s: it answered %d", doing, code)
	case code == 429:
		return &fault.Error{Kind: fault.Throttled, Msg: doing + ": it asks to wait", RetryAfter: time.Minute}
	case code == 404, code == 410:
		return fault.New(fault.NotFound, "%s: it answered %d", doing, code)
	case code == 401, code == 403:
		return fault.New(fault.Denied, "%s: it answered %d", doing, code)
	}
	return fault.New(fault.Invalid, "%s: it answered %d", doing, code)
}

// errNotIn is a channel that the app is not a member of.
var errNotIn = errors.New("invite the app to the channel with /invite (not_in_channel)")

// refusal maps Slack's own words.
func refusal(doing string, r kit.SlackErrorResponse) error {
	word := plain(r.Err, 80)
	if r.Err == "not_in_channel" {
		return fault.New(fault.Denied, "%s: %w", doing, errNotIn)
	}
	advice := map[string]string{
		"is_archived":   "the channel is archived: name another one",
		"missing_scope": "the app lacks the scope " + plain(r.Needed, 80) + ": install it anew from the manifest",
		"invalid_auth":  "the token is not good: take it from the app's page anew", "token_revoked": "the token was revoked: install the app anew",
		"channel_not_found": "there is no such channel, or the app was not invited to a private one",
	}[r.Err]
	if advice == "" {
		advice = "it said no"
	}
	switch {
	case slices.Contains(notFound(), r.Err):
		return fault.New(fault.NotFound, "%s: %s (%s)", doing, advice, word)
	case slices.Contains(forAWhile(), r.Err):
		return fault.New(fault.Unavailable, "%s: %s (%s)", doing, "it has trouble of its own", word)
	case r.Err == "ratelimited" || r.Err == "rate_limited" || r.Err == "message_limit_exceeded":
		return &fault.Error{Kind: fault.Throttled, Msg: doing + ": it asks to wait (" + word + ")", RetryAfter: time.Minute}
	case r.Err == "expired_trigger_id" || r.Err == "trigger_expired" || r.Err == "exchanged_trigger_id" || r.Err == "trigger_exchanged":
		return fault.New(fault.Conflict, "%s: %w", doing, ErrExpired)
	case r.Err == "hash_conflict":
		return fault.New(fault.Conflict, "%s: somebody else was first (%s)", doing, word)
	case slices.Contains(malformed(), r.Err):
		return fault.New(fault.Invalid, "%s: %s (%s)", doing, "it can't read what we sent", word)
	}
	return fault.New(fault.Denied, "%s: %s (%s)", doing, advice, word)
}

func notFound() []string {
	return []string{"channel_not_found", "user_not_found", "users_not_found", "user_disabled", "message_not_found", "thread_not_found", "cant_update_message"}
}

func forAWhile() []string {
	return []string{"fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"}
}

func malformed() []string {
	return []string{"invalid_blocks", "invalid_blocks_format", "msg_too_long", "no_text", "msg_blocks_too_long", "invalid_arguments", "invalid_metadata_format",
		"invalid_metadata_schema", "metadata_too_large", "view_too_large", "invalid_trigger_id", "too_many_attachments"}
}
