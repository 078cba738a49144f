package slacktest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

func (s *Server) authTest(*request) (any, error) {
	return map[string]any{"url": "https://fake.slack.com/", "team": "Fake", "user": "quell", "team_id": Team, "user_id": Self, "bot_id": "BQUELL000"}, nil
}

func (s *Server) list(r *request) (any, error) {
	var out []map[string]any
	for _, id := range s.order {
		c := s.channels[id]
		if c.direct == "" && (!c.Private || c.Member) && (!c.Archived || r.get("exclude_archived") != "true") {
			out = append(out, channelJSON(c))
		}
	}
	return map[string]any{"channels": out}, nil
}

func channelJSON(c *Channel) map[string]any {
	return map[string]any{"id": c.ID, "name": c.Name, "is_channel": true, "is_private": c.Private, "is_archived": c.Archived, "is_member": c.Member, "is_im": c.direct != ""}
}

func (s *Server) info(r *request) (any, error) {
	c := s.channels[r.get("channel")]
	if c == nil || c.Private && !c.Member {
		return nil, refusedError("channel_not_found")
	}
	return map[string]any{"channel": channelJSON(c)}, nil
}

func (s *Server) open(r *request) (any, error) {
	user := s.users[r.get("users")]
	switch {
	case user == nil:
		return nil, refusedError("user_not_found")
	case user.Gone:
		return nil, refusedError("user_disabled")
	}
	return map[string]any{"channel": map[string]any{"id": s.directTo(user.ID).ID}}, nil
}

// directTo makes the direct conversation with a user, once.
func (s *Server) directTo(user string) *Channel {
	for _, c := range s.channels {
		if c.direct == user {
			return c
		}
	}
	c := &Channel{ID: "D" + strings.TrimLeft(user, "UW"), Name: "direct", Member: true, Private: true, direct: user}
	s.channels[c.ID] = c
	s.order = append(s.order, c.ID)
	return c
}

// Direct gives the direct conversation with a user.
func (s *Server) Direct(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.directTo(user).ID
}

func (s *Server) join(r *request) (any, error) {
	c := s.channels[r.get("channel")]
	switch {
	case c == nil || c.Private:
		return nil, refusedError("channel_not_found")
	case c.Archived:
		return nil, refusedError("is_archived")
	}
	c.Member = true
	return map[string]any{"channel": channelJSON(c)}, nil
}

func (s *Server) userInfo(r *request) (any, error) {
	u := s.users[r.get("user")]
	if u == nil {
		return nil, refusedError("user_not_found")
	}
	return map[string]any{"user": userJSON(u)}, nil
}

func userJSON(u *User) map[string]any {
	return map[string]any{"id": u.ID, "team_id": cmp.Or(u.Team, Team), "name": u.Name, "tz": u.Zone, "deleted": u.Gone, "is_bot": u.Bot, "is_restricted": u.Guest,
		"is_email_confirmed": u.Email != "" && !u.Unconfirmed, "profile": map[string]any{"email": u.Email, "real_name": u.Name, "team": cmp.Or(u.Team, Team)}}
}

func (s *Server) lookupByEmail(r *request) (any, error) {
	for _, u := range s.users {
		if u.Email != "" && strings.EqualFold(u.Email, r.get("email")) && !u.Gone {
			return map[string]any{"user": userJSON(u)}, nil
		}
	}
	return nil, refusedError("users_not_found")
}

// View is a modal that is open in front of somebody.
type View struct {
	ID       string
	User     string
	Callback string
	Private  string // private_metadata
	Blocks   json.RawMessage
	Raw      json.RawMessage
}

func (s *Server) openView(r *request) (any, error) {
	// A trigger lives for three seconds, and opens one modal.
	const life = 3_000_000_000
	made, ok := s.triggers[r.get("trigger_id")]
	if !ok {
		return nil, refusedError("invalid_trigger_id")
	}
	if s.now().Sub(made) > life {
		return nil, refusedError("expired_trigger_id")
	}
	user, _, _ := strings.Cut(r.get("trigger_id"), ".")
	delete(s.triggers, r.get("trigger_id"))
	var view struct {
		Type     string          `json:"type"`
		Callback string          `json:"callback_id"`
		Private  string          `json:"private_metadata"`
		Blocks   json.RawMessage `json:"blocks"`
		Title    *text           `json:"title"`
		Submit   *text           `json:"submit"`
	}
	const mostPrivate, mostTitle, mostView = 3000, 24, 100
	raw := r.json("view")
	if json.Unmarshal(raw, &view) != nil || view.Type != "modal" || !view.Title.within(mostTitle) || view.Submit != nil && !view.Submit.within(mostTitle) ||
		len(view.Private) > mostPrivate || !validBlocks(view.Blocks, mostView) {
		return nil, refusedError("invalid_arguments")
	}
	v := &View{ID: "V" + s.id(), User: user, Callback: view.Callback, Private: view.Private, Blocks: view.Blocks, Raw: raw}
	s.views[v.ID] = v
	return map[string]any{"view": map[string]any{"id": v.ID, "callback_id": v.Callback}}, nil
}

func (s *Server) publishView(r *request) (any, error) {
	if s.users[r.get("user_id")] == nil {
		return nil, refusedError("user_not_found")
	}
	var view struct {
		Type   string          `json:"type"`
		Blocks json.RawMessage `json:"blocks"`
	}
	const mostView = 100
	if json.Unmarshal(r.json("view"), &view) != nil || view.Type != "home" || !validBlocks(view.Blocks, mostView) {
		return nil, refusedError("invalid_arguments")
	}
	s.homes[r.get("user_id")] = view.Blocks
	return map[string]any{"view": map[string]any{"id": "VHOME"}}, nil
}

// Views gives the modals that are open in front of a user, oldest first.
func (s *Server) Views(user string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []View
	for _, v := range s.views {
		if v.User == user {
			out = append(out, *v)
		}
	}
	slices.SortFunc(out, func(a, b View) int { return strings.Compare(a.ID, b.ID) })
	return out
}
