package slacktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/secret"
)

// Call is something that Slack tells the app: a command, a press, an event.
type Call struct {
	Kind    string // commands, interactions, events
	Body    []byte // as it is sent over HTTP
	Payload json.RawMessage
}

// Reply is what the app answers at once.
type Reply struct {
	Status int
	Body   string
}

// id numbers something, so that it sorts as it was made.
func (s *Server) id() string {
	const wide = 1_000_000_000
	return strconv.FormatInt(wide+s.next(), 10)
}

// trigger makes a trigger of a user's; it lives for three seconds.
func (s *Server) trigger(user string) string {
	t := user + "." + s.id()
	s.triggers[t] = s.now()
	return t
}

// Expire makes every trigger too old.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.triggers {
		s.triggers[t] = time.Time{}
	}
}

// hostKey finds the address of At.
type hostKey struct{}

// At says under which address the workspace answers, for the response URLs of the calls
// made under ctx.
func At(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, hostKey{}, strings.TrimSuffix(address, "/"))
}

// Run has a user run the slash command in a channel.
func (s *Server) Run(ctx context.Context, user, channel, text string) (Reply, error) {
	s.mu.Lock()
	form := url.Values{"command": {s.o.Command}, "text": {text}, "user_id": {user}, "channel_id": {channel}, "team_id": {Team}, "api_app_id": {"AQUELL000"},
		"response_url": {s.responseURL(ctx, user, channel)}, "trigger_id": {s.trigger(user)}}
	fields := map[string]string{}
	for k := range form {
		fields[k] = form.Get(k)
	}
	s.mu.Unlock()
	payload, err := json.Marshal(fields)
	if err != nil {
		return Reply{}, fmt.Errorf("running a command: %w", err)
	}
	return s.send(ctx, Call{Kind: "commands", Body: []byte(form.Encode()), Payload: payload}, 0)
}

// Press has a user press a button of a message; action is the beginning of its action ID.
func (s *Server) Press(ctx context.Context, user, channel, ts, action string) (Reply, error) {
	s.mu.Lock()
	m := s.find(channel, ts)
	if m == nil {
		s.mu.Unlock()
		return Reply{}, refusedError("message_not_found")
	}
	e := button(m.Blocks, action)
	if e == nil {
		s.mu.Unlock()
		return Reply{}, fmt.Errorf("pressing a button: there is no %s", action)
	}
	payload := map[string]any{"type": "block_actions", "team": map[string]any{"id": Team}, "user": map[string]any{"id": user, "team_id": s.teamOf(user)},
		"container": map[string]any{"type": "message", "message_ts": ts, "channel_id": channel, "thread_ts": m.Thread}, "channel": map[string]any{"id": channel},
		"message": m, "trigger_id": s.trigger(user), "response_url": s.responseURL(ctx, user, channel), "api_app_id": "AQUELL000",
		"actions": []any{map[string]any{"type": "button", "action_id": e.ActionID, "block_id": "b", "value": e.Value, "action_ts": s.stamp()}}}
	s.mu.Unlock()
	return s.interact(ctx, payload)
}

func (s *Server) teamOf(user string) string {
	if u := s.users[user]; u != nil && u.Team != "" {
		return u.Team
	}
	return Team
}

// PressHome has a user press a button of his app home.
func (s *Server) PressHome(ctx context.Context, user, action string) (Reply, error) {
	s.mu.Lock()
	e := button(s.homes[user], action)
	if e == nil {
		s.mu.Unlock()
		return Reply{}, fmt.Errorf("pressing a button: there is no %s", action)
	}
	payload := map[string]any{"type": "block_actions", "team": map[string]any{"id": Team}, "user": map[string]any{"id": user, "team_id": Team},
		"container": map[string]any{"type": "view", "view_id": "VHOME"}, "view": map[string]any{"id": "VHOME", "type": "home"}, "trigger_id": s.trigger(user),
		"actions": []any{map[string]any{"type": "button", "action_id": e.ActionID, "block_id": "b", "value": e.Value, "action_ts": s.stamp()}}}
	s.mu.Unlock()
	return s.interact(ctx, payload)
}

// button finds a button by the beginning of its action ID.
func button(raw json.RawMessage, action string) *element {
	var blocks []block
	if json.Unmarshal(raw, &blocks) != nil {
		return nil
	}
	for i := range blocks {
		elements := blocks[i].Elements
		if blocks[i].Access != nil {
			elements = append(slices.Clone(elements), *blocks[i].Access)
		}
		for k := range elements {
			if elements[k].Type == "button" && strings.HasPrefix(elements[k].ActionID, action) {
				return &elements[k]
			}
		}
	}
	return nil
}

// Submit has the user of a modal send it off. A value is given for an input's block ID:
// a text, a date, the value of an option, or several.
func (s *Server) Submit(ctx context.Context, view View, values map[string]any) (Reply, error) {
	state, err := stateOf(view.Blocks, values)
	if err != nil {
		return Reply{}, err
	}
	s.mu.Lock()
	delete(s.views, view.ID)
	payload := map[string]any{"type": "view_submission", "team": map[string]any{"id": Team}, "user": map[string]any{"id": view.User, "team_id": s.teamOf(view.User)}, "trigger_id": s.trigger(view.User),
		"view": map[string]any{"id": view.ID, "type": "modal", "callback_id": view.Callback, "private_metadata": view.Private, "hash": "1." + view.ID, "state": map[string]any{"values": state}}}
	s.mu.Unlock()
	reply, err := s.interact(ctx, payload)
	if strings.Contains(reply.Body, `"errors"`) {
		s.mu.Lock()
		s.views[view.ID] = &view // it stays open, with what is wrong beside the fields
		s.mu.Unlock()
	}
	return reply, err
}

func stateOf(raw json.RawMessage, values map[string]any) (map[string]any, error) {
	var blocks []block
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return nil, fmt.Errorf("reading a modal: %w", err)
	}
	state := map[string]any{}
	for i := range blocks {
		b := &blocks[i]
		if b.Type != "input" {
			continue
		}
		value, given := values[b.ID]
		field := map[string]any{"type": b.Element.Type}
		switch {
		case !given && b.Element.Initial != "":
			field["selected_date"] = b.Element.Initial
		case !given && b.Element.Chosen != nil:
			field["selected_option"] = map[string]any{"value": b.Element.Chosen.Value}
		case !given && !b.Optional:
			return nil, fmt.Errorf("sending off a modal: %s is not filled in", b.ID)
		case !given:
		case b.Element.Type == "datepicker":
			field["selected_date"] = value
		case b.Element.Type == "static_select" || b.Element.Type == "radio_buttons":
			field["selected_option"] = map[string]any{"value": value}
		case b.Element.Type == "checkboxes" || b.Element.Type == "multi_static_select":
			list, ok := value.([]string)
			if !ok {
				return nil, fmt.Errorf("sending off a modal: %s takes several", b.ID)
			}
			options := []any{}
			for _, v := range list {
				options = append(options, map[string]any{"value": v})
			}
			field["selected_options"] = options
		default:
			field["value"] = value
		}
		state[b.ID] = map[string]any{b.Element.ActionID: field}
	}
	return state, nil
}

func (s *Server) interact(ctx context.Context, payload map[string]any) (Reply, error) {
	raw, err := json.Marshal(payload)
	if err != nil {
		return Reply{}, fmt.Errorf("writing an interaction: %w", err)
	}
	return s.send(ctx, Call{Kind: "interactions", Body: []byte(url.Values{"payload": {string(raw)}}.Encode()), Payload: raw}, 0)
}

// OpenHome has a user open the app's home.
func (s *Server) OpenHome(ctx context.Context, user string) (Reply, error) {
	return s.Event(ctx, map[string]any{"type": "app_home_opened", "user": user, "tab": "home"})
}

// Event tells the app of an event.
func (s *Server) Event(ctx context.Context, event map[string]any) (Reply, error) {
	s.mu.Lock()
	id := "Ev" + s.id()
	s.mu.Unlock()
	raw, err := json.Marshal(map[string]any{"type": "event_callback", "team_id": Team, "event_id": id, "event_time": s.now().Unix(), "event": event})
	if err != nil {
		return Reply{}, fmt.Errorf("writing an event: %w", err)
	}
	return s.send(ctx, Call{Kind: "events", Body: raw, Payload: raw}, 0)
}

// Calls gives all that the app was told, in order: Again tells it once more.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Again repeats a call, as Slack does when no answer came: the n-th time.
func (s *Server) Again(ctx context.Context, c Call, n int) (Reply, error) { return s.send(ctx, c, n) }

// send signs a call and makes it, or makes it over Socket Mode.
func (s *Server) send(ctx context.Context, c Call, retry int) (Reply, error) {
	s.mu.Lock()
	if retry == 0 {
		s.calls = append(s.calls, c)
	}
	endpoint := s.o.Endpoint
	s.mu.Unlock()
	if endpoint == "" {
		return s.sendOverSocket(ctx, c, retry)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/slack/"+c.Kind, bytes.NewReader(c.Body))
	if err != nil {
		return Reply{}, fmt.Errorf("calling the app: %w", err)
	}
	r.Header.Set("Content-Type", map[bool]string{true: "application/json", false: "application/x-www-form-urlencoded"}[c.Kind == "events"])
	if retry > 0 {
		r.Header.Set("X-Slack-Retry-Num", strconv.Itoa(retry))
		r.Header.Set("X-Slack-Retry-Reason", "http_timeout")
	}
	r.Header.Set("X-Slack-Request-Timestamp", strconv.FormatInt(s.now().Unix(), 10))
	r.Header.Set("X-Slack-Signature", slack.Signed().Sign(secret.New(s.o.Secret), r.Header, c.Body))
	response, err := s.o.HTTP.Do(r)
	if err != nil {
		return Reply{}, fmt.Errorf("calling the app: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, largestCall))
	return Reply{Status: response.StatusCode, Body: string(body)}, errors.Join(err, response.Body.Close())
}
