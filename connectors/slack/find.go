package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// causeID is a cause as metadata.
func causeID(cause string) string {
	if len(cause) <= mostCause {
		return cause
	}
	sum := sha256.Sum256([]byte(cause))
	return hex.EncodeToString(sum[:])
}

// askew is how far Slack's clock may be from ours.
const askew = 5 * time.Minute

// mostPages bounds a look for an earlier message: 200 a page.
const mostPages = 50

// find looks for a message with a cause that an earlier attempt may have left behind: in
// its thread, where it has one, and in the channel, since Slack puts an answer there
// whose thread was deleted.
func (s *Slack) find(ctx context.Context, channel string, head connectors.Ref, cause string, since time.Time) (connectors.Ref, error) {
	oldest := stamp(since.Add(-askew))
	if head != "" {
		_, thread := split(head)
		found, err := s.inThread(ctx, channel, thread, oldest, causeID(cause))
		if err != nil && !fault.Is(err, fault.NotFound) || found != "" {
			return found, err
		}
	}
	return s.inChannel(ctx, channel, oldest, causeID(cause))
}

func (s *Slack) inThread(ctx context.Context, channel, thread, oldest, cause string) (connectors.Ref, error) {
	cursor := ""
	for range mostPages {
		var messages []kit.Message
		err := s.call(ctx, "conversations.replies", channel, func(ctx context.Context) (err error) {
			messages, _, cursor, err = s.client.GetConversationRepliesContext(ctx, &kit.GetConversationRepliesParameters{
				ChannelID: channel, Timestamp: thread, Cursor: cursor, Oldest: oldest, Limit: pageSize, IncludeAllMetadata: true})
			return err
		})
		if err != nil {
			return "", err
		}
		if found := carrying(messages, channel, cause); found != "" || cursor == "" {
			return found, nil
		}
	}
	return "", tooMuch()
}

func (s *Slack) inChannel(ctx context.Context, channel, oldest, cause string) (connectors.Ref, error) {
	cursor := ""
	for range mostPages {
		var page *kit.GetConversationHistoryResponse
		look := func(ctx context.Context) (err error) {
			page, err = s.client.GetConversationHistoryContext(ctx, &kit.GetConversationHistoryParameters{
				ChannelID: channel, Cursor: cursor, Oldest: oldest, Limit: pageSize, IncludeAllMetadata: true})
			return err
		}
		err := s.call(ctx, "conversations.history", channel, look)
		if errors.Is(err, errNotIn) && s.join(ctx, channel) {
			err = s.call(ctx, "conversations.history", channel, look)
		}
		if err != nil {
			return "", err
		}
		if found := carrying(page.Messages, channel, cause); found != "" {
			return found, nil
		}
		if cursor = page.ResponseMetaData.NextCursor; cursor == "" {
			return "", nil
		}
	}
	return "", tooMuch()
}

const pageSize = 200

// tooMuch is for channels in which more was said since than can be looked through: better
// told late than twice.
func tooMuch() error {
	return fault.New(fault.Unavailable, "looking for an earlier message: more than %d messages came since", mostPages*pageSize)
}

// carrying finds the message of a cause. Metadata of other apps is none of ours.
func carrying(messages []kit.Message, channel, cause string) connectors.Ref {
	for i := range messages {
		m := &messages[i]
		if m.Metadata.EventType == eventType && m.Metadata.EventPayload["cause"] == cause {
			return refOf(channel, m.Timestamp)
		}
	}
	return ""
}

// stamp is a time as Slack writes it.
func stamp(t time.Time) string {
	const micro = 1e6
	us := t.UnixMicro()
	return strconv.FormatInt(us/micro, 10) + "." + strconv.FormatInt(us%micro+micro, 10)[1:]
}

// Moment is the time of a message, from its name; zero for what is none.
func Moment(ts string) time.Time {
	seconds, err := strconv.ParseFloat(ts, 64)
	if err != nil || !(seconds > 0 && seconds < 1e11) {
		return time.Time{}
	}
	const milli = 1000
	return time.UnixMilli(int64(seconds * milli)).UTC()
}
