package slacktest

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// channelFor finds a channel that the app may write to.
func (s *Server) channelFor(id string) (*Channel, error) {
	c := s.channels[id]
	switch {
	case c == nil || c.Private && !c.Member:
		return nil, refusedError("channel_not_found")
	case c.Archived:
		return nil, refusedError("is_archived")
	case !c.Member:
		return nil, refusedError("not_in_channel")
	}
	return c, nil
}

func (s *Server) limit(channel string) error {
	now := s.now()
	if last, ok := s.last[channel]; s.o.Limited && ok && now.Before(last.Add(time.Second)) {
		return limitedError{1}
	}
	s.last[channel] = now
	return nil
}

func (s *Server) postMessage(r *request) (any, error) {
	c, err := s.channelFor(r.get("channel"))
	if err != nil {
		return nil, err
	}
	blocks, err := content(r)
	if err != nil {
		return nil, err
	}
	if err := s.limit(c.ID); err != nil {
		return nil, err
	}
	m := &Message{TS: s.stamp(), Type: "message", User: Self, Text: r.get("text"), Blocks: blocks, Metadata: r.json("metadata")}
	// Below a message that isn't there any more, Slack posts into the channel.
	if thread := r.get("thread_ts"); s.find(c.ID, thread) != nil {
		m.Thread = thread
	}
	s.messages[c.ID] = append(s.messages[c.ID], m)
	s.enter(Entry{Method: r.method, Channel: c.ID, TS: m.TS, Thread: m.Thread, Cause: causeOf(m.Metadata), Text: m.Text, Blocks: string(blocks)})
	return map[string]any{"channel": c.ID, "ts": m.TS, "message": m}, nil
}

func (s *Server) find(channel, ts string) *Message {
	for _, m := range s.messages[channel] {
		if m.TS == ts && !m.deleted {
			return m
		}
	}
	return nil
}

func (s *Server) enter(e Entry) {
	e.At = s.now()
	s.ledger = append(s.ledger, e)
}

func (s *Server) update(r *request) (any, error) {
	c, err := s.channelFor(r.get("channel"))
	if err != nil {
		return nil, err
	}
	m := s.find(c.ID, r.get("ts"))
	if m == nil {
		return nil, refusedError("message_not_found")
	}
	blocks, err := content(r)
	if err != nil {
		return nil, err
	}
	m.Text, m.Edited = r.get("text"), &Edited{User: Self, TS: s.stamp()}
	if blocks != nil {
		m.Blocks = blocks
	}
	s.enter(Entry{Method: r.method, Channel: c.ID, TS: m.TS, Text: m.Text, Blocks: string(blocks)})
	return map[string]any{"channel": c.ID, "ts": m.TS, "text": m.Text}, nil
}

func (s *Server) postEphemeral(r *request) (any, error) {
	c, err := s.channelFor(r.get("channel"))
	if err != nil {
		return nil, err
	}
	if s.users[r.get("user")] == nil {
		return nil, refusedError("user_not_in_channel")
	}
	blocks, err := content(r)
	if err != nil {
		return nil, err
	}
	ts := s.stamp()
	s.enter(Entry{Method: r.method, Channel: c.ID, TS: ts, User: r.get("user"), Text: r.get("text"), Blocks: string(blocks)})
	return map[string]any{"message_ts": ts}, nil
}

const mostText = 40_000

// content checks a message as Slack does.
func content(r *request) (json.RawMessage, error) {
	blocks := r.json("blocks")
	switch {
	case r.get("text") == "" && blocks == nil:
		return nil, refusedError("no_text")
	case len([]rune(r.get("text"))) > mostText:
		return nil, refusedError("msg_too_long")
	case r.get("blocks") != "" && blocks == nil, blocks != nil && !validBlocks(blocks, 50):
		return nil, refusedError("invalid_blocks")
	}
	return blocks, nil
}

func (s *Server) history(r *request) (any, error) {
	c, err := s.channelFor(r.get("channel"))
	if err != nil {
		return nil, err
	}
	var found []*Message
	for _, m := range slices.Backward(s.messages[c.ID]) { // newest first
		if !m.deleted && (m.Thread == "" || m.Thread == m.TS) && m.TS > r.get("oldest") {
			found = append(found, m)
		}
	}
	return paged(r, found)
}

func (s *Server) replies(r *request) (any, error) {
	c, err := s.channelFor(r.get("channel"))
	if err != nil {
		return nil, err
	}
	root := s.find(c.ID, r.get("ts"))
	if root == nil {
		return nil, refusedError("thread_not_found")
	}
	found := []*Message{root}
	for _, m := range s.messages[c.ID] {
		if !m.deleted && m.Thread == root.TS && m.TS > r.get("oldest") {
			found = append(found, m)
		}
	}
	return paged(r, found)
}

// paged gives one page of messages; metadata only to who asks for it.
func paged(r *request, all []*Message) (any, error) {
	from := 0
	if cursor := r.get("cursor"); cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil || n < 0 || n > len(all) {
			return nil, refusedError("invalid_cursor")
		}
		from = n
	}
	limit, err := strconv.Atoi(r.get("limit"))
	if err != nil || limit < 1 || limit > 999 {
		limit = 100
	}
	to := min(from+limit, len(all))
	out := make([]Message, 0, to-from)
	for _, m := range all[from:to] {
		copied := *m
		if with := r.get("include_all_metadata"); with != "1" && with != "true" {
			copied.Metadata = nil
		}
		out = append(out, copied)
	}
	answer := map[string]any{"messages": out, "has_more": to < len(all)}
	if to < len(all) {
		answer["response_metadata"] = map[string]any{"next_cursor": strconv.Itoa(to)}
	}
	return answer, nil
}
