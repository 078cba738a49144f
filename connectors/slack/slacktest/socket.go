package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// socket is the connection of an app over Socket Mode.
type socket struct {
	conn *websocket.Conn
	mu   sync.Mutex // of writes
	gone chan struct{}

	waiting sync.Mutex
	acks    map[string]chan string
}

func (s *Server) connect(r *request) (any, error) {
	scheme := "ws"
	if r.http.TLS != nil {
		scheme = "wss"
	}
	return map[string]any{"url": scheme + "://" + r.http.Host + "/socket?ticket=" + s.id()}, nil
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	// Apps name Slack itself as their origin.
	conn, err := (&websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}).Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	so := &socket{conn: conn, gone: make(chan struct{}), acks: map[string]chan string{}}
	if err := so.write(map[string]any{"type": "hello", "num_connections": 1, "connection_info": map[string]any{"app_id": "AQUELL000"}}); err != nil {
		return
	}
	s.mu.Lock()
	if s.socket == nil {
		close(s.ready)
	}
	s.socket = so
	s.mu.Unlock()
	go so.ping()
	so.read()
	close(so.gone)
	s.mu.Lock()
	if s.socket == so {
		s.socket, s.ready = nil, make(chan struct{})
	}
	s.mu.Unlock()
	_ = conn.Close() // it is gone anyway
}

func (so *socket) write(v any) error {
	so.mu.Lock()
	defer so.mu.Unlock()
	if err := so.conn.WriteJSON(v); err != nil {
		return fmt.Errorf("writing to a socket: %w", err)
	}
	return nil
}

// ping shows the app every few seconds that somebody is there.
func (so *socket) ping() {
	const every = 10 * time.Second
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-so.gone:
			return
		case <-ticker.C:
			so.mu.Lock()
			_ = so.conn.WriteMessage(websocket.PingMessage, []byte("quell")) // whoever is gone is read as gone
			so.mu.Unlock()
		}
	}
}

// read takes acknowledgements until the connection ends.
func (so *socket) read() {
	for {
		var ack struct {
			Envelope string          `json:"envelope_id"`
			Payload  json.RawMessage `json:"payload"`
		}
		if so.conn.ReadJSON(&ack) != nil {
			return
		}
		so.waiting.Lock()
		if waits := so.acks[ack.Envelope]; waits != nil {
			waits <- string(ack.Payload)
			delete(so.acks, ack.Envelope)
		}
		so.waiting.Unlock()
	}
}

// Disconnect breaks the app's connection, as Slack does every few hours.
func (s *Server) Disconnect() {
	s.mu.Lock()
	so := s.socket
	s.mu.Unlock()
	if so != nil {
		_ = so.conn.Close() // that is the point
	}
}

// Connected waits until the app is connected.
func (s *Server) Connected(ctx context.Context) error {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the app to connect: %w", ctx.Err())
	}
}

func (s *Server) sendOverSocket(ctx context.Context, c Call, retry int) (Reply, error) {
	if err := s.Connected(ctx); err != nil {
		return Reply{}, err
	}
	s.mu.Lock()
	so, envelope := s.socket, "env-"+s.id()
	s.mu.Unlock()
	if so == nil {
		return Reply{}, fmt.Errorf("calling the app: %w", net.ErrClosed)
	}
	kind := map[string]string{"commands": "slash_commands", "interactions": "interactive", "events": "events_api"}[c.Kind]
	answer := make(chan string, 1)
	so.waiting.Lock()
	so.acks[envelope] = answer
	so.waiting.Unlock()
	err := so.write(map[string]any{"type": kind, "envelope_id": envelope, "payload": c.Payload, "accepts_response_payload": c.Kind != "events", "retry_attempt": retry})
	if err != nil {
		return Reply{}, err
	}
	select {
	case body := <-answer:
		if body == "null" {
			body = ""
		}
		return Reply{Status: http.StatusOK, Body: body}, nil
	case <-so.gone:
		return Reply{}, fmt.Errorf("calling the app: %w", net.ErrClosed)
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("calling the app: %w", ctx.Err())
	}
}
