package slacktest

import (
	"encoding/json"
	"slices"
	"time"
)

// Message is a message in a channel.
type Message struct {
	TS       string          `json:"ts"`
	Type     string          `json:"type"`
	User     string          `json:"user"`
	Text     string          `json:"text"`
	Thread   string          `json:"thread_ts,omitempty"`
	Blocks   json.RawMessage `json:"blocks,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Edited   *Edited         `json:"edited,omitempty"`

	deleted bool
}

// Edited is when a message was last rewritten.
type Edited struct {
	User string `json:"user"`
	TS   string `json:"ts"`
}

// Entry is one line of the ledger: what was posted, rewritten or answered, in order.
type Entry struct {
	At      time.Time
	Method  string // chat.postMessage, chat.update, chat.postEphemeral, response
	Channel string
	TS      string
	Thread  string
	User    string // whom alone it was shown to
	Cause   string // of our messages
	Text    string
	Blocks  string
}

// Ledger gives everything that was posted, in order.
func (s *Server) Ledger() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ledger)
}

// Causes counts the messages of each cause and channel: more than one is a message told twice.
func (s *Server) Causes() map[string]int {
	out := map[string]int{}
	for _, e := range s.Ledger() {
		if e.Method == "chat.postMessage" && e.Cause != "" {
			out[e.Channel+" "+e.Cause]++
		}
	}
	return out
}

// Messages gives what stands in a channel, oldest first, threads included.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages[channel] {
		if !m.deleted {
			out = append(out, *m)
		}
	}
	return out
}

// Answers gives what was shown to one person alone, in order.
func (s *Server) Answers(user string) []Entry {
	return slices.DeleteFunc(s.Ledger(), func(e Entry) bool { return e.User != user })
}

// Home gives the blocks of a person's app home; nil: none was published.
func (s *Server) Home(user string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.homes[user])
}

// Delete takes a message away, as somebody in Slack may.
func (s *Server) Delete(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages[channel] {
		if m.TS == ts {
			m.deleted = true
		}
	}
}

// Edit changes a channel: archives it, throws the app out.
func (s *Server) Edit(channel string, edit func(*Channel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		edit(c)
	}
}

// causeOf reads our cause from a message's metadata.
func causeOf(metadata json.RawMessage) string {
	var m struct {
		Payload struct {
			Cause string `json:"cause"`
		} `json:"event_payload"`
	}
	if json.Unmarshal(metadata, &m) != nil {
		return ""
	}
	return m.Payload.Cause
}
