// Package slacktest stands in for Slack: its Web API over HTTP, its signed calls and its
// Socket Mode, with its rate limits, expired triggers, lost answers and repeated calls,
// and a ledger of everything that was posted. Tests play people with it, and `quell dev`
// shows its plain pages.
package slacktest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// User is a member of the workspace.
type User struct {
	ID, Name, Email  string
	Zone             string // time zone
	Unconfirmed      bool   // nobody has verified the e-mail
	Gone, Bot, Guest bool
	Team             string // another workspace's, in a shared channel
}

// Channel is a conversation.
type Channel struct {
	ID, Name string
	Private  bool
	Archived bool
	Member   bool // the app is in it
	direct   string
}

// Options are how the workspace is. All have defaults.
type Options struct {
	Token    string // that the app must show; empty: any
	AppToken string // likewise, for Socket Mode
	Secret   string // that calls are signed with
	Scopes   string // that the token has, with commas; empty: all are claimed by saying none
	Users    []User
	Channels []Channel
	Endpoint string // address of the app; calls go to /slack/… below it. Empty: over Socket Mode
	Command  string // the slash command; empty: /quell
	Limited  bool   // a message a second and channel, no more
	Now      func() time.Time
	HTTP     *http.Client // for calls to Endpoint
	// Trouble is asked about every call to the Web API and every response URL; nil: none.
	Trouble func(method string) Fault
}

// Self is the app's own member, and Team the workspace.
const (
	Self = "UQUELL000"
	Team = "T0QUELL00"
)

// Server is a workspace. Make one with New.
type Server struct {
	o Options

	mu        sync.Mutex
	seq       int64
	users     map[string]*User
	channels  map[string]*Channel
	order     []string // of the channels
	messages  map[string][]*Message
	triggers  map[string]time.Time
	responses map[string]*response
	views     map[string]*View
	homes     map[string][]byte
	ledger    []Entry
	faults    []*Fault
	last      map[string]time.Time // the last message of each channel
	calls     []Call
	socket    *socket
	ready     chan struct{} // closed while a socket is connected
	mux       *http.ServeMux
}

// New makes a workspace.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Command == "" {
		o.Command = "/quell"
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: time.Minute}
	}
	s := &Server{o: o, users: map[string]*User{}, channels: map[string]*Channel{}, messages: map[string][]*Message{}, triggers: map[string]time.Time{},
		responses: map[string]*response{}, views: map[string]*View{}, homes: map[string][]byte{}, last: map[string]time.Time{}, ready: make(chan struct{}), mux: http.NewServeMux()}
	for _, u := range o.Users {
		s.users[u.ID] = &u
	}
	for _, c := range o.Channels {
		s.channels[c.ID] = &c
		s.order = append(s.order, c.ID)
	}
	s.routes()
	return s
}

// Handler answers for the whole workspace: the Web API under /api/, response URLs, Socket
// Mode, and pages for people at /.
func (s *Server) Handler() http.Handler { return s.mux }

// SetEndpoint says where the app is, for a workspace that was there before it.
func (s *Server) SetEndpoint(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Endpoint = strings.TrimSuffix(address, "/")
}

func (s *Server) routes() {
	for method, handle := range map[string]func(*Server, *request) (any, error){
		"auth.test": (*Server).authTest, "chat.postMessage": (*Server).postMessage, "chat.update": (*Server).update, "chat.postEphemeral": (*Server).postEphemeral,
		"conversations.list": (*Server).list, "conversations.info": (*Server).info, "conversations.open": (*Server).open, "conversations.join": (*Server).join,
		"conversations.history": (*Server).history, "conversations.replies": (*Server).replies, "users.info": (*Server).userInfo,
		"users.lookupByEmail": (*Server).lookupByEmail, "views.open": (*Server).openView, "views.publish": (*Server).publishView, "apps.connections.open": (*Server).connect,
	} {
		s.mux.HandleFunc("POST /api/"+method, s.method(method, handle))
		s.mux.HandleFunc("GET /api/"+method, s.method(method, handle))
	}
	s.mux.HandleFunc("POST /response/{id}", s.respond)
	s.mux.HandleFunc("GET /socket", s.serveSocket)
	s.pages()
}

// now is in whole microseconds, as Slack's own times are.
func (s *Server) now() time.Time { return s.o.Now().UTC().Truncate(time.Microsecond) }

// next numbers what is made, under the lock.
func (s *Server) next() int64 {
	s.seq++
	return s.seq
}

// stamp names a message by its time; two at one time differ in the last digits.
func (s *Server) stamp() string {
	const micro, wide = 1e6, 1e5
	now := s.now()
	return fmt.Sprintf("%d.%06d", now.Unix(), (int64(now.Nanosecond())/1000/wide*wide+s.next()%wide)%micro)
}
