package jiratest

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// update is IssueUpdateDetails: the body of a creation, an edit and a transition.
type update struct {
	Fields     map[string]json.RawMessage              `json:"fields"`
	Update     map[string][]map[string]json.RawMessage `json:"update"`
	Properties []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
	Metadata   json.RawMessage `json:"historyMetadata"`
	Transition *struct {
		ID string `json:"id"`
	} `json:"transition"`
}

// seen gives an issue that the API account may see, or Jira's word for all others. Issues
// of an archived project are not shown (assumed; the documentation says that they are
// "hidden").
func (s *Server) seen(key string) (*issue, *refusal) {
	x := s.find(key)
	if x == nil || x.Deleted || x.Hidden {
		return nil, unseen()
	}
	if p := s.projects[x.Project]; p.Archived || slices.Contains(p.Denied, "BROWSE_PROJECTS") {
		return nil, unseen()
	}
	return x, nil
}

func (s *Server) allowed(x *issue, permission, message string) *refusal {
	if slices.Contains(s.projects[x.Project].Denied, permission) {
		return refuse(http.StatusForbidden, message)
	}
	return nil
}

func (s *Server) create(c *call) (answer, *refusal) {
	var u update
	if json.Unmarshal(c.body, &u) != nil {
		return answer{}, refuse(http.StatusBadRequest, "Unexpected character in the request body")
	}
	var in struct {
		Project struct{ Key, ID string }  `json:"project"`
		Type    struct{ Name, ID string } `json:"issuetype"`
	}
	text, err := json.Marshal(u.Fields)
	if err != nil || json.Unmarshal(text, &in) != nil {
		return answer{}, refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
	}
	p := s.projects[in.Project.Key]
	if p == nil || p.Archived || slices.Contains(p.Denied, "BROWSE_PROJECTS") {
		return answer{}, wrong(map[string]string{"project": "valid project is required"})
	}
	if slices.Contains(p.Denied, "CREATE_ISSUES") {
		return answer{}, wrong(map[string]string{"project": "You do not have permission to create issues in this project."})
	}
	if !slices.Contains(p.Types, in.Type.Name) {
		return answer{}, wrong(map[string]string{"issuetype": "Specify a valid issue type"})
	}
	x := &issue{Project: p.Key, Type: in.Type.Name, Creator: bot, Priority: "Medium", Properties: map[string]json.RawMessage{}, Custom: map[string]json.RawMessage{}}
	delete(u.Fields, "project")
	delete(u.Fields, "issuetype")
	if _, there := u.Fields["summary"]; !there {
		return answer{}, wrong(map[string]string{"summary": "You must specify a summary of the issue."})
	}
	for _, id := range p.Required {
		if _, there := u.Fields[id]; !there {
			return answer{}, wrong(map[string]string{id: id + " is required."})
		}
	}
	if _, no := s.apply(x, &u); no != nil {
		return answer{}, no
	}
	if x.Assignee == "" { // "Default assignee" of a project; it is in no changelog
		x.Assignee = p.Lead
	}
	s.add(x)
	s.made = append(s.made, x.ID)
	s.tell("jira:issue_created", x, bot, nil, nil)
	id := itoa(x.ID)
	return answer{http.StatusCreated, map[string]string{"id": id, "key": x.Key, "self": "/rest/api/latest/issue/" + id}}, nil
}

var dueText = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// apply sets fields and properties on an issue, all or nothing, and gives what changed.
func (s *Server) apply(x *issue, u *update) ([]item, *refusal) {
	y, errs, items := *x, map[string]string{}, []item(nil)
	note := func(field, from, to string) {
		if from != to {
			items = append(items, item{Field: field, FieldType: "jira", From: orNull(from), FromString: orNull(from), To: orNull(to), ToString: orNull(to)})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(u.Fields)) {
		raw := u.Fields[id]
		if message := s.set(&y, id, raw, note); message != "" {
			errs[id] = message
		}
	}
	for id, operations := range u.Update {
		if id != "labels" {
			errs[id] = "Field '" + id + "' cannot be set. It is not on the appropriate screen, or unknown."
			continue
		}
		for _, operation := range operations {
			var l string
			if json.Unmarshal(operation["add"], &l) != nil || strings.ContainsAny(l, " \t") {
				errs[id] = "The label contains spaces which is invalid."
				continue
			}
			if !slices.Contains(y.Labels, l) {
				before := strings.Join(y.Labels, " ")
				y.Labels = append(slices.Clone(y.Labels), l)
				note("labels", before, strings.Join(y.Labels, " "))
			}
		}
	}
	if len(errs) > 0 {
		return nil, wrong(errs)
	}
	y.Properties = maps.Clone(x.Properties)
	if y.Properties == nil {
		y.Properties = map[string]json.RawMessage{}
	}
	for _, p := range u.Properties {
		const largestProperty = 32768
		if p.Key == "" || len(p.Key) > 255 || len(p.Value) > largestProperty {
			return nil, refuse(http.StatusBadRequest, "The property value is too long.")
		}
		y.Properties[p.Key] = p.Value
	}
	*x = y
	return items, nil
}

// set sets one field and gives what is wrong with its value.
func (s *Server) set(y *issue, id string, raw json.RawMessage, note func(field, from, to string)) string {
	p := s.projects[y.Project]
	var text string
	var object struct{ Name, Key, AccountID, ID string }
	_ = json.Unmarshal(raw, &text)   // what is no text is looked at below
	_ = json.Unmarshal(raw, &object) // likewise
	switch id {
	case "summary":
		if message := summaryProblem(text); message != "" {
			return message
		}
		text = strings.TrimSpace(text)
		note("summary", y.Summary, text)
		y.Summary = text
	case "description":
		kept, message := s.keep(raw)
		if message != "" {
			return message
		}
		note("description", string(y.Description), string(kept))
		y.Description = kept
	case "priority":
		if !slices.Contains(p.Priorities, object.Name) {
			return "The priority selected is invalid."
		}
		note("priority", y.Priority, object.Name)
		y.Priority = object.Name
	case "duedate":
		return p.schedule(y, text, note)
	case "assignee":
		return s.assign(y, object.AccountID+object.Name, note)
	case "labels":
		return y.label(raw, note)
	case "components":
		return p.components(y, raw)
	case "parent":
		if s.find(object.Key) == nil {
			return "Could not find issue by id or key."
		}
		y.Parent = object.Key
	case "resolution":
		y.Resolution = object.Name
	default:
		return p.custom(y, id, raw)
	}
	return ""
}

func (p *project) schedule(y *issue, due string, note func(field, from, to string)) string {
	if due != "" && !dueText.MatchString(due) {
		return "Error parsing date string: " + due
	}
	if slices.Contains(p.Denied, "SCHEDULE_ISSUES") {
		return "Field 'duedate' cannot be set. It is not on the appropriate screen, or unknown."
	}
	note("duedate", y.Due, due)
	y.Due = due
	return ""
}

func (s *Server) assign(y *issue, to string, note func(field, from, to string)) string {
	name, known := s.named(to)
	if !known && to != "" {
		return "User '" + to + "' cannot be assigned issues."
	}
	note("assignee", y.Assignee, name)
	y.Assignee = name
	return ""
}

func (x *issue) label(raw json.RawMessage, note func(field, from, to string)) string {
	var list []string
	if json.Unmarshal(raw, &list) != nil || slices.ContainsFunc(list, func(l string) bool { return strings.ContainsAny(l, " \t\n") || l == "" }) {
		return "The label contains spaces which is invalid."
	}
	note("labels", strings.Join(x.Labels, " "), strings.Join(list, " "))
	x.Labels = list
	return ""
}

func (p *project) components(y *issue, raw json.RawMessage) string {
	var list []struct{ Name string }
	if json.Unmarshal(raw, &list) != nil {
		return "data was not an array"
	}
	y.Components = nil
	for _, component := range list {
		if !slices.Contains(p.Components, component.Name) {
			return "Component name '" + component.Name + "' is not valid"
		}
		y.Components = append(y.Components, component.Name)
	}
	return ""
}

func (p *project) custom(y *issue, id string, raw json.RawMessage) string {
	if !slices.Contains(p.Fields, id) && !slices.Contains(p.Required, id) {
		return "Field '" + id + "' cannot be set. It is not on the appropriate screen, or unknown."
	}
	y.Custom = maps.Clone(y.Custom)
	if y.Custom == nil {
		y.Custom = map[string]json.RawMessage{}
	}
	y.Custom[id] = raw
	return ""
}

func summaryProblem(text string) string {
	switch {
	case strings.TrimSpace(text) == "":
		return "You must specify a summary of the issue."
	case strings.ContainsAny(text, "\r\n"):
		return "The summary is invalid because it contains newline characters."
	case utf8.RuneCountInString(text) > 255:
		return "Summary can't exceed 255 characters."
	}
	return ""
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *Server) get(c *call) (answer, *refusal) {
	x, no := s.seen(c.path("key"))
	if no != nil {
		return answer{}, no
	}
	return answer{http.StatusOK, s.show(x, strings.Contains(c.query("expand"), "changelog"), strings.Split(c.query("properties"), ","))}, nil
}

// show is an issue as the API gives it.
func (s *Server) show(x *issue, changelog bool, properties []string) map[string]any {
	fields := map[string]any{
		"summary": x.Summary, "description": s.give(x.Description), "labels": slices.Concat([]string{}, x.Labels),
		"priority": map[string]string{"name": x.Priority}, "duedate": orNull(x.Due), "assignee": nil,
		"status": statusJSON(x.Status), "updated": stamp(x.Updated), "created": stamp(x.Created), "creator": s.user(x.Creator),
		"project": map[string]any{"key": x.Project}, "issuetype": map[string]any{"name": x.Type}, "resolution": nil,
	}
	if x.Assignee != "" {
		fields["assignee"] = s.user(x.Assignee)
	}
	if x.Parent != "" {
		fields["parent"] = map[string]string{"key": x.Parent}
	}
	if x.Resolution != "" {
		fields["resolution"] = map[string]string{"name": x.Resolution}
	}
	files := make([]map[string]any, 0, len(x.Files))
	for _, f := range x.Files {
		files = append(files, map[string]any{"id": itoa(f.ID), "filename": f.Name, "mimeType": f.Type, "size": f.Size, "author": s.user(bot)})
	}
	fields["attachment"] = files
	out := map[string]any{"id": itoa(x.ID), "key": x.Key, "fields": fields}
	kept := map[string]json.RawMessage{}
	for _, name := range properties {
		if v, there := x.Properties[name]; there {
			kept[name] = v
		}
	}
	out["properties"] = kept
	if changelog {
		out["changelog"] = s.histories(x)
	}
	return out
}

// histories are an issue's changes: in Cloud the newest hundred, the newest first; in Data
// Center all, the oldest first.
func (s *Server) histories(x *issue) map[string]any {
	list := slices.Concat([]entry{}, x.History)
	if s.o.Mode == Cloud {
		slices.Reverse(list)
		list = list[:min(len(list), 100)]
	}
	return map[string]any{"startAt": 0, "maxResults": len(list), "total": len(x.History), "histories": list}
}

func (s *Server) changelog(c *call) (answer, *refusal) {
	x, no := s.seen(c.path("key"))
	if no != nil {
		return answer{}, no
	}
	from := min(c.number("startAt", 0), len(x.History))
	to := min(from+min(c.number("maxResults", 100), 100), len(x.History))
	return answer{http.StatusOK, map[string]any{"startAt": from, "total": len(x.History), "isLast": to == len(x.History), "values": slices.Concat([]entry{}, x.History[from:to])}}, nil
}

func (s *Server) edit(c *call) (answer, *refusal) {
	x, no := s.seen(c.path("key"))
	if no == nil {
		no = s.allowed(x, "EDIT_ISSUES", "You do not have permission to edit issues in this project.")
	}
	if no != nil {
		return answer{}, no
	}
	var u update
	if json.Unmarshal(c.body, &u) != nil {
		return answer{}, refuse(http.StatusBadRequest, "Unexpected character in the request body")
	}
	items, no := s.apply(x, &u)
	if no != nil {
		return answer{}, no
	}
	s.changed(x, bot, items, u.Metadata)
	return answer{http.StatusNoContent, nil}, nil
}
