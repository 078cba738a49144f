package jiratest

import (
	"net/http"
	"slices"
	"strings"
)

// visible gives a project that the API account may see, archived or not.
func (s *Server) visible(key string) (*project, *refusal) {
	p := s.projects[key]
	if p == nil || slices.Contains(p.Denied, "BROWSE_PROJECTS") {
		return nil, refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
	}
	return p, nil
}

func (s *Server) project(c *call) (answer, *refusal) {
	p, no := s.visible(c.path("project"))
	if no != nil {
		return answer{}, no
	}
	components := []map[string]string{}
	for _, name := range p.Components {
		components = append(components, map[string]string{"name": name})
	}
	return answer{http.StatusOK, map[string]any{"id": itoa(p.id), "key": p.Key, "name": p.Key, "archived": p.Archived, "components": components}}, nil
}

func (s *Server) projectStatuses(c *call) (answer, *refusal) {
	p, no := s.visible(c.path("project"))
	if no != nil {
		return answer{}, no
	}
	out := []map[string]any{}
	for i, name := range p.Types {
		list := []map[string]any{}
		for _, st := range p.Statuses {
			list = append(list, statusJSON(st))
		}
		out = append(out, map[string]any{"id": itoa(i + 1), "name": name, "statuses": list})
	}
	return answer{http.StatusOK, out}, nil
}

func (s *Server) securityScheme(c *call) (answer, *refusal) {
	p, no := s.visible(c.path("project"))
	if no != nil {
		return answer{}, no
	}
	if !p.Security {
		return answer{}, refuse(http.StatusNotFound, "No security scheme was found.")
	}
	return answer{http.StatusOK, map[string]any{"id": 10000, "name": "Secret issues"}}, nil
}

// issueTypes are the pages of createmeta, which calls its list differently in Cloud and in
// Data Center.
func (s *Server) issueTypes(c *call) (answer, *refusal) {
	p, no := s.visible(c.path("project"))
	if no != nil {
		return answer{}, no
	}
	out := []map[string]any{}
	if !slices.Contains(p.Denied, "CREATE_ISSUES") {
		for i, name := range p.Types {
			out = append(out, map[string]any{"id": itoa(i + 1), "name": name, "subtask": false})
		}
	}
	return answer{http.StatusOK, s.page("issueTypes", out)}, nil
}

func (s *Server) page(cloud string, list []map[string]any) map[string]any {
	name := "values"
	if s.o.Mode == Cloud {
		name = cloud
	}
	return map[string]any{name: list, "startAt": 0, "maxResults": 50, "total": len(list), "isLast": true}
}

func (s *Server) createFields(c *call) (answer, *refusal) {
	p, no := s.visible(c.path("project"))
	if no != nil {
		return answer{}, no
	}
	field := func(id string, required, preset bool, allowed []string) map[string]any {
		out := map[string]any{"fieldId": id, "key": id, "name": strings.ToUpper(id[:1]) + id[1:], "required": required, "hasDefaultValue": preset}
		if allowed != nil {
			list := make([]map[string]string, 0, len(allowed))
			for _, name := range allowed {
				list = append(list, map[string]string{"name": name})
			}
			out["allowedValues"] = list
		}
		return out
	}
	list := []map[string]any{
		field("project", true, false, nil), field("issuetype", true, false, nil), field("summary", true, false, nil), field("description", false, false, nil),
		field("labels", false, false, nil), field("priority", false, true, p.Priorities), field("assignee", false, false, nil), field("reporter", true, true, nil),
		field("components", false, false, p.Components), field("parent", false, false, nil),
	}
	if !slices.Contains(p.Denied, "SCHEDULE_ISSUES") {
		list = append(list, field("duedate", false, false, nil))
	}
	for _, id := range p.Fields {
		list = append(list, field(id, false, false, nil))
	}
	for _, id := range p.Required {
		list = append(list, field(id, true, false, nil))
	}
	return answer{http.StatusOK, s.page("fields", list)}, nil
}

func (s *Server) myPermissions(c *call) (answer, *refusal) {
	p, no := s.visible(c.query("projectKey"))
	if no != nil {
		return answer{}, no
	}
	out := map[string]any{}
	for name := range strings.SplitSeq(c.query("permissions"), ",") {
		out[name] = map[string]any{"key": name, "havePermission": !slices.Contains(p.Denied, name)}
	}
	return answer{http.StatusOK, map[string]any{"permissions": out}}, nil
}

func (s *Server) myself(*call) (answer, *refusal) {
	return answer{http.StatusOK, s.user(bot)}, nil
}

func (s *Server) statuses(*call) (answer, *refusal) {
	out, seen := []map[string]any{}, map[string]bool{}
	for _, p := range s.projects {
		for _, st := range p.Statuses {
			if !seen[st.ID] {
				seen[st.ID] = true
				out = append(out, statusJSON(st))
			}
		}
	}
	return answer{http.StatusOK, out}, nil
}

func (s *Server) priorities(*call) (answer, *refusal) {
	out, seen := []map[string]string{}, map[string]bool{}
	for _, p := range s.projects {
		for _, name := range p.Priorities {
			if !seen[name] {
				seen[name] = true
				out = append(out, map[string]string{"name": name})
			}
		}
	}
	return answer{http.StatusOK, out}, nil
}

func (s *Server) fields(*call) (answer, *refusal) {
	out := []map[string]any{{"id": "summary", "name": "Summary"}, {"id": "duedate", "name": "Due date"}}
	for _, p := range s.projects {
		for _, id := range append(slices.Clone(p.Fields), p.Required...) {
			out = append(out, map[string]any{"id": id, "name": id, "custom": true})
		}
	}
	return answer{http.StatusOK, out}, nil
}

func (s *Server) searchUsers(c *call) (answer, *refusal) {
	text := strings.ToLower(c.query("query") + c.query("username"))
	out := []user{}
	for name, u := range s.users {
		if name+"@example.com" == text || strings.EqualFold(name, text) {
			out = append(out, u)
		}
	}
	return answer{http.StatusOK, out}, nil
}
