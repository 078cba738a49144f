package slacktest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// response is a response URL: it lives for half an hour and takes five answers.
type response struct {
	user, channel string
	made          time.Time
	used          int
}

func (s *Server) responseURL(ctx context.Context, user, channel string) string {
	host, _ := ctx.Value(hostKey{}).(string)
	id := s.id()
	s.responses[id] = &response{user: user, channel: channel, made: s.now()}
	return host + "/response/" + id
}

// respond takes an answer at a response URL.
func (s *Server) respond(w http.ResponseWriter, r *http.Request) {
	const life, most = 30 * time.Minute, 5
	f := s.fault("response")
	if !f.none() && !f.After {
		fail(w, f)
		return
	}
	var answer struct {
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks"`
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, largestCall))
	s.mu.Lock()
	to := s.responses[r.PathValue("id")]
	status := http.StatusOK
	switch {
	case err != nil || json.Unmarshal(body, &answer) != nil || answer.Text == "" && answer.Blocks == nil || answer.Blocks != nil && !validBlocks(answer.Blocks, 50):
		status = http.StatusBadRequest
	case to == nil || s.now().Sub(to.made) > life || to.used == most:
		status = http.StatusNotFound
	default:
		to.used++
		s.enter(Entry{Method: "response", Channel: to.channel, User: to.user, Text: answer.Text, Blocks: string(answer.Blocks)})
	}
	s.mu.Unlock()
	if !f.none() {
		fail(w, f)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte("ok")) // whoever hung up isn't told
}
