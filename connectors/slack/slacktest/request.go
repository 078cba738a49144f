package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Fault is something that goes wrong with a call. The zero Fault is none.
type Fault struct {
	Method string // of the Web API, or "response"; empty: any
	After  bool   // it goes wrong once the call was carried out
	Lost   bool   // the connection breaks instead of an answer
	Status int    // the answer's, such as 429 or 503
	Error  string // Slack's word for it, with status 200
	Retry  int    // Retry-After, in seconds
	Times  int    // how often; zero: once
}

func (f Fault) none() bool { return !f.Lost && f.Status == 0 && f.Error == "" }

// Inject has the next calls go wrong.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(f.Times, 1)
	s.faults = append(s.faults, &f)
}

func (s *Server) fault(method string) Fault {
	s.mu.Lock()
	for _, f := range s.faults {
		if f.Times > 0 && (f.Method == "" || f.Method == method) {
			f.Times--
			s.mu.Unlock()
			return *f
		}
	}
	s.mu.Unlock()
	if s.o.Trouble != nil {
		return s.o.Trouble(method)
	}
	return Fault{}
}

// request is one call to the Web API, in whichever form its arguments came.
type request struct {
	http   *http.Request
	method string
	values map[string]string
	raw    map[string]json.RawMessage // of a JSON body
}

func (r *request) get(name string) string { return r.values[name] }

// json gives an argument that is JSON.
func (r *request) json(name string) json.RawMessage {
	if raw, ok := r.raw[name]; ok {
		return raw
	}
	if text := r.values[name]; text != "" && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return nil
}

// refusedError is Slack's word for what it doesn't do.
type refusedError string

func (e refusedError) Error() string { return string(e) }

const largestCall = 1 << 20

func read(r *http.Request, method string) (*request, error) {
	out := &request{http: r, method: method, values: map[string]string{}}
	body, err := io.ReadAll(io.LimitReader(r.Body, largestCall))
	if err != nil {
		return nil, fmt.Errorf("reading a call: %w", err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") && len(body) > 0 {
		if err := json.Unmarshal(body, &out.raw); err != nil {
			return nil, refusedError("invalid_json")
		}
		for name, raw := range out.raw {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				text = string(raw)
			}
			out.values[name] = text
		}
		return out, nil
	}
	if err := r.ParseForm(); err != nil {
		return nil, refusedError("invalid_form_data")
	}
	for name := range r.Form {
		out.values[name] = r.Form.Get(name)
	}
	return out, nil
}

// method makes the handler of one method of the Web API.
func (s *Server) method(name string, handle func(*Server, *request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := s.fault(name)
		if !f.none() && !f.After {
			fail(w, f)
			return
		}
		req, err := read(r, name)
		if err == nil {
			err = s.authorized(req)
		}
		var answer any
		if err == nil {
			s.mu.Lock()
			answer, err = handle(s, req)
			s.mu.Unlock()
		}
		if !f.none() {
			fail(w, f)
			return
		}
		if s.o.Scopes != "" {
			w.Header().Set("X-OAuth-Scopes", s.o.Scopes)
		}
		write(w, answer, err)
	}
}

func (s *Server) authorized(r *request) error {
	token, _ := strings.CutPrefix(r.http.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = r.get("token")
	}
	want := s.o.Token
	if r.method == "apps.connections.open" {
		want = s.o.AppToken
	}
	if want != "" && token != want {
		return refusedError("invalid_auth")
	}
	return nil
}

// limitedError is a call that comes too soon.
type limitedError struct{ seconds int }

func (limitedError) Error() string { return "ratelimited" }

func write(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	body := map[string]any{"ok": err == nil}
	if limited, ok := err.(limitedError); ok { //nolint:errorlint // made a line above, and never wrapped
		w.Header().Set("Retry-After", strconv.Itoa(limited.seconds))
		w.WriteHeader(http.StatusTooManyRequests)
	}
	if err != nil {
		body["error"] = err.Error()
	}
	if fields, ok := answer.(map[string]any); ok && err == nil {
		for name, value := range fields {
			body[name] = value
		}
	}
	_ = json.NewEncoder(w).Encode(body) // whoever hung up isn't told
}

// fail answers as a fault has it.
func fail(w http.ResponseWriter, f Fault) {
	switch {
	case f.Lost:
		panic(http.ErrAbortHandler) // the server cuts the connection, and says nothing
	case f.Error != "":
		write(w, nil, refusedError(f.Error))
		return
	}
	if f.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.Retry))
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(`{"ok":false,"error":"ratelimited"}`)) // likewise
}

// Forgive forgets what was to go wrong still.
func (s *Server) Forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}
