package jiratest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// What people do at Jira's own pages. Each is one change, told to the webhook.

// Issue is an issue as a person sees it.
type Issue struct {
	Key      string
	Project  string
	Type     string
	Title    string
	Text     Reading
	Due      string
	Priority string
	Assignee string // as the API calls people
	Status   string
	Category string
	Labels   []string
	Creator  string
	Custom   map[string]json.RawMessage
	Parts    []string // components
	Parent   string
	Comments []Reading
	Authors  []string // of the comments
	Files    []string
	Deleted  bool
}

// must gives an issue that a test or a page names.
func (s *Server) must(key string) *issue {
	x := s.find(key)
	if x == nil {
		panic("there is no issue " + key)
	}
	return x
}

// Issue shows an issue.
func (s *Server) Issue(key string) Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.look(s.must(key))
}

func (s *Server) look(x *issue) Issue {
	out := Issue{
		Key: x.Key, Project: x.Project, Type: x.Type, Title: x.Summary, Text: s.reader(x.Description), Due: x.Due, Priority: x.Priority, Status: x.Status.Name, Category: x.Status.Category,
		Labels: slices.Clone(x.Labels), Creator: x.Creator, Custom: x.Custom, Parts: slices.Clone(x.Components), Parent: x.Parent, Deleted: x.Deleted,
	}
	if x.Assignee != "" {
		u := s.user(x.Assignee)
		out.Assignee = u.AccountID + u.Name
	}
	for i := range x.Comments {
		out.Comments = append(out.Comments, s.reader(x.Comments[i].Body))
		out.Authors = append(out.Authors, x.Comments[i].Author)
	}
	for _, f := range x.Files {
		out.Files = append(out.Files, f.Name)
	}
	return out
}

// Move moves an issue to a status. People find every way.
func (s *Server) Move(key, status, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.must(key)
	s.user(by)
	if to := s.projects[x.Project].status(status); to.ID != "" && to.ID != x.Status.ID {
		s.moveTo(x, to, by, nil, nil)
	}
}

// Edit sets a field as the API names it: summary, duedate, priority (by name), assignee (by
// account), labels (with spaces between). It gives what Jira says to a value that is wrong.
func (s *Server) Edit(key, field, value, by string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(by)
	x := s.must(key)
	var v any = value
	switch field {
	case "priority":
		v = map[string]string{"name": value}
	case "assignee":
		v = map[string]string{"name": value, "accountId": value}
		if value != "" {
			if name, ok := s.named(value); ok {
				u := s.user(name)
				v = map[string]string{"name": u.Name, "accountId": u.AccountID}
			}
		}
	case "labels":
		v = strings.Fields(value)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a value: %w", err)
	}
	items, no := s.apply(x, &update{Fields: map[string]json.RawMessage{field: raw}})
	if no != nil {
		return fmt.Errorf("editing %s: %v", key, no.Errors)
	}
	s.changed(x, by, items, nil)
	return nil
}

// Describe rewrites an issue's description, whatever language it is in.
func (s *Server) Describe(key, by string, fn func(raw json.RawMessage) json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(by)
	x := s.must(key)
	before := x.Description
	x.Description = fn(before)
	s.changed(x, by, []item{{Field: "description", FieldType: "jira", FromString: string(before), ToString: string(x.Description)}}, nil)
}

// Say comments.
func (s *Server) Say(key, text, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(by)
	s.saidBy(s.must(key), by, s.written(text), nil)
}

// written is a person's plain text, as the editor keeps it.
func (s *Server) written(text string) json.RawMessage {
	var v any = text
	if s.o.Mode == Cloud {
		doc := node{Type: "doc", Version: 1}
		for line := range strings.SplitSeq(text, "\n") {
			p := node{Type: "paragraph"}
			if line != "" {
				p.Content = []node{{Type: "text", Text: line}}
			}
			doc.Content = append(doc.Content, p)
		}
		v = doc
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // text and nodes marshal
	}
	return raw
}

// Delete deletes an issue.
func (s *Server) Delete(key, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.must(key)
	x.Deleted, x.Updated = true, s.now()
	s.index(x)
	s.user(by)
	s.tell("jira:issue_deleted", x, by, nil, nil)
}

// MoveTo moves an issue to another project and gives its new key. The former one still
// leads to it.
func (s *Server) MoveTo(key, project, by string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(by)
	x, p := s.must(key), s.projects[project]
	old, from := x.Key, x.Project
	x.Project, x.Key = project, fmt.Sprintf("%s-%d", project, p.next)
	p.next++
	s.keys[x.Key] = x.ID
	s.changed(x, by, []item{{Field: "project", FieldType: "jira", FromString: from, ToString: project}, {Field: "Key", FieldType: "jira", FromString: old, ToString: x.Key}}, nil)
	return x.Key
}

// Clone copies an issue as Jira does: its fields and labels, and neither its comments nor
// its properties. Apps that clone "deeply" take the properties along.
func (s *Server) Clone(key, by string, deeply bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(by)
	x := s.must(key)
	y := &issue{
		Project: x.Project, Type: x.Type, Summary: "CLONE - " + x.Summary, Description: x.Description, Priority: x.Priority, Due: x.Due, Assignee: x.Assignee,
		Labels: slices.Clone(x.Labels), Components: slices.Clone(x.Components), Custom: x.Custom, Properties: map[string]json.RawMessage{}, Creator: by,
	}
	if deeply {
		for k, v := range x.Properties {
			y.Properties[k] = v
		}
	}
	s.add(y)
	s.tell("jira:issue_created", y, by, nil, nil)
	return y.Key
}

// Raise makes an issue of a person's own.
func (s *Server) Raise(project, title, by string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(by)
	p := s.projects[project]
	x := s.add(&issue{Project: project, Type: p.Types[0], Summary: title, Description: s.written("by hand"), Priority: "Medium", Creator: by, Properties: map[string]json.RawMessage{}})
	s.tell("jira:issue_created", x, by, nil, nil)
	return x.Key
}

// Secure puts an issue on a security level that the API account isn't in, or takes it off.
func (s *Server) Secure(key string, hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(key).Hidden = hidden
}

// Deny takes permissions in a project from the API account; none gives all of them back.
func (s *Server) Deny(project string, permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.projects[project].Denied = permissions
}

// Set changes a project.
func (s *Server) Set(project string, fn func(p *Project)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(&s.projects[project].Project)
}

// Keys are all issues that there are, the oldest first.
func (s *Server) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, x := range s.issues {
		if !x.Deleted {
			out = append(out, x.Key)
		}
	}
	return out
}

// Statuses are the names of a project's statuses.
func (s *Server) Statuses(project string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.projects[project].Statuses)
}
