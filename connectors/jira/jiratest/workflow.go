package jiratest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

func statusJSON(st Status) map[string]any {
	return map[string]any{"id": st.ID, "name": st.Name, "statusCategory": map[string]any{"key": st.Category, "name": st.Category}}
}

func (p *project) status(name string) Status {
	for _, st := range p.Statuses {
		if st.Name == name {
			return st
		}
	}
	return Status{}
}

// moves are what the API account is offered: conditions hide the others.
func (s *Server) moves(x *issue) []Move {
	p := s.projects[x.Project]
	var out []Move
	if slices.Contains(p.Denied, "TRANSITION_ISSUES") {
		return nil
	}
	for _, m := range p.Moves {
		if !m.People && (m.From == "" || m.From == x.Status.Name) && m.To != x.Status.Name {
			out = append(out, m)
		}
	}
	return out
}

func (s *Server) offered(c *call) (answer, *refusal) {
	x, no := s.seen(c.path("key"))
	if no != nil {
		return answer{}, no
	}
	list := []map[string]any{}
	for _, m := range s.moves(x) {
		fields := map[string]any{}
		for _, id := range m.Needs {
			fields[id] = map[string]any{"required": true, "name": id, "hasDefaultValue": false}
		}
		list = append(list, map[string]any{"id": m.ID, "name": m.Name, "to": statusJSON(s.projects[x.Project].status(m.To)), "fields": fields})
	}
	return answer{http.StatusOK, map[string]any{"transitions": list}}, nil
}

func (s *Server) transition(c *call) (answer, *refusal) {
	x, no := s.seen(c.path("key"))
	if no != nil {
		return answer{}, no
	}
	var u update
	if json.Unmarshal(c.body, &u) != nil || u.Transition == nil {
		return answer{}, refuse(http.StatusBadRequest, "Missing 'transition' identifier")
	}
	moves := s.moves(x)
	at := slices.IndexFunc(moves, func(m Move) bool { return m.ID == u.Transition.ID })
	if at < 0 {
		return answer{}, refuse(http.StatusBadRequest, "It seems that you have tried to perform a workflow operation that is not valid for the current state of this issue.")
	}
	m := moves[at]
	for id := range u.Fields { // only the fields of the transition's screen
		if !slices.Contains(m.Needs, id) {
			return answer{}, wrong(map[string]string{id: "Field '" + id + "' cannot be set. It is not on the appropriate screen, or unknown."})
		}
	}
	for _, id := range m.Needs {
		if raw := u.Fields[id]; len(raw) == 0 || string(raw) == "null" {
			return answer{}, wrong(map[string]string{id: id + " is required."})
		}
	}
	items, no := s.apply(x, &u)
	if no != nil {
		return answer{}, no
	}
	s.moveTo(x, s.projects[x.Project].status(m.To), bot, items, u.Metadata)
	return answer{http.StatusNoContent, nil}, nil
}

func (s *Server) moveTo(x *issue, to Status, by string, items []item, metadata json.RawMessage) {
	from := x.Status
	x.Status = to
	if to.Category != "done" {
		x.Resolution = ""
	}
	s.changed(x, by, append(items, item{Field: "status", FieldType: "jira", From: from.ID, FromString: from.Name, To: to.ID, ToString: to.Name}), metadata)
}
