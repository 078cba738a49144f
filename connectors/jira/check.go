package jira

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// wireField is a field of the creation screen.
type wireField struct {
	ID       string `json:"fieldId"`
	Key      string `json:"key"`
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Default  bool   `json:"hasDefaultValue"`
	Allowed  []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"allowedValues"`
}

// inspection gathers what is wrong.
type inspection struct {
	t        *Tracker
	problems []error
}

func (i *inspection) add(format string, args ...any) {
	i.problems = append(i.problems, fault.New(fault.Invalid, format, args...))
}

// failed notes what could not be looked at, and reports whether it was so.
func (i *inspection) failed(err error) bool {
	if err != nil {
		i.problems = append(i.problems, err)
	}
	return err != nil
}

// Check implements connectors.Checker: it looks at all that creating, moving and commenting
// will need, in every project that tickets go to, and changes nothing.
func (t *Tracker) Check(ctx context.Context) []error {
	i := &inspection{t: t}
	t.mu.Lock()
	t.me = nil // the credentials are tried anew
	t.mu.Unlock()
	if _, err := t.myself(ctx); err != nil {
		return []error{err}
	}
	projects := t.config.projects()
	for _, project := range slices.Sorted(maps.Keys(projects)) {
		if i.failed(t.visible(ctx, project)) {
			continue
		}
		i.permissions(ctx, project)
		i.components(ctx, project)
		i.types(ctx, project, projects[project])
		i.workflow(ctx, project, projects[project])
		i.transitions(ctx, project, projects[project])
	}
	return i.problems
}

// needed are the permissions, and what each is for.
func (t *Tracker) needed() map[string]string {
	out := map[string]string{
		"CREATE_ISSUES": "Create Issues", "EDIT_ISSUES": "Edit Issues", "TRANSITION_ISSUES": "Transition Issues", "ADD_COMMENTS": "Add Comments", "CREATE_ATTACHMENTS": "Create Attachments",
	}
	if t.config.DueDate {
		out["SCHEDULE_ISSUES"] = "Schedule Issues"
	}
	if t.config.Assignee != "" {
		out["ASSIGN_ISSUES"] = "Assign Issues"
	}
	return out
}

func (i *inspection) permissions(ctx context.Context, project string) {
	needed := i.t.needed()
	names := slices.Sorted(maps.Keys(needed))
	have, err := i.t.permissions(ctx, project, names...)
	if i.failed(err) {
		return
	}
	for _, name := range names {
		if !have[name] {
			i.add("project %s: quell's account lacks the permission %s; give it one of the roles that have it in the project's permission scheme", project, needed[name])
		}
	}
}

func (i *inspection) components(ctx context.Context, project string) {
	wanted := map[string]bool{}
	for _, name := range i.t.config.Components {
		wanted[name] = true
	}
	for n := range i.t.config.Routes {
		if r := &i.t.config.Routes[n]; or(r.Project, i.t.config.Project) == project {
			for _, name := range r.Components {
				wanted[name] = true
			}
		}
	}
	if len(wanted) == 0 {
		return
	}
	var p struct {
		Components []named `json:"components"`
	}
	if i.failed(i.t.client.get(ctx, "project/"+segment(project), nil, &p)) {
		return
	}
	var there []string
	for _, c := range p.Components {
		there = append(there, c.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if !slices.Contains(there, name) {
			i.add("project %s: there is no component %q; %s", project, name, choices(there))
		}
	}
}

// choices lists names of Jira's, which are foreign text.
func choices(names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	shown := make([]string, 0, len(names))
	for _, n := range names[:min(len(names), 20)] {
		shown = append(shown, connectors.Title(n, 60))
	}
	return "there are " + strings.Join(shown, ", ")
}

func (i *inspection) types(ctx context.Context, project string, wanted []string) {
	var answer struct {
		Cloud      []named `json:"issueTypes"`
		DataCenter []named `json:"values"`
	}
	path := "issue/createmeta/" + segment(project) + "/issuetypes"
	if i.failed(i.t.client.get(ctx, path, nil, &answer)) {
		return
	}
	all := slices.Concat(answer.Cloud, answer.DataCenter)
	var names []string
	for _, kind := range all {
		names = append(names, kind.Name)
	}
	for _, want := range wanted {
		at := slices.Index(names, want)
		if at < 0 {
			i.add("project %s: there is no issue type %q that quell may create; %s", project, want, choices(names))
			continue
		}
		var screen struct {
			Cloud      []wireField `json:"fields"`
			DataCenter []wireField `json:"values"`
		}
		if !i.failed(i.t.client.get(ctx, path+"/"+segment(all[at].ID), map[string][]string{"maxResults": {"200"}}, &screen)) {
			i.screen(project+", "+want, slices.Concat(screen.Cloud, screen.DataCenter))
		}
	}
}

// screen holds what we set against the fields of a creation screen.
func (i *inspection) screen(where string, fields []wireField) {
	c := &i.t.config
	sets := map[string]string{"summary": "", "description": "", "labels": "without it no ticket is found again"}
	if c.DueDate {
		sets["duedate"] = "or set due_date: false"
	}
	if len(c.Priorities) > 0 {
		sets["priority"] = "or set priorities: {}"
	}
	if len(c.Components) > 0 {
		sets["components"] = "or configure no components"
	}
	for id := range c.Fields {
		sets[id] = "or take it out of fields"
	}
	if c.ParentField != "" {
		sets[c.ParentField] = "or take parent_field away"
	}
	there := map[string]*wireField{}
	for n := range fields {
		f := &fields[n]
		id := or(f.ID, f.Key)
		there[id] = f
		_, ours := sets[id]
		if f.Required && !f.Default && !ours && !slices.Contains([]string{"project", "issuetype", "reporter"}, id) {
			i.add("%s: the field %s (%s) is required; give it a value in fields", where, connectors.Title(id, 60), connectors.Title(f.Name, 60))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(sets)) {
		if there[id] == nil {
			advice := ""
			if sets[id] != "" {
				advice = ", " + sets[id]
			}
			i.add("%s: the field %s is not on the screen on which issues are created; put it there%s", where, id, advice)
		}
	}
	if f := there["priority"]; f != nil && len(f.Allowed) > 0 {
		names := make([]string, 0, len(f.Allowed))
		for _, a := range f.Allowed {
			names = append(names, or(a.Name, a.Value))
		}
		for _, d := range decisions {
			if name := c.Priorities[d]; name != "" && !slices.Contains(names, name) {
				i.add("%s: there is no priority %q for %s; %s", where, name, d, choices(names))
			}
		}
	}
}
