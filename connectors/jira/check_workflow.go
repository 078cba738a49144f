package jira

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/quellsec/quell/connectors"
)

// workflow looks for a status to begin in and one to end in.
func (i *inspection) workflow(ctx context.Context, project string, kinds []string) {
	var all []struct {
		Name     string `json:"name"`
		Statuses []struct {
			Name     string `json:"name"`
			Category struct {
				Key string `json:"key"`
			} `json:"statusCategory"`
		} `json:"statuses"`
	}
	if i.failed(i.t.client.get(ctx, "project/"+segment(project)+"/statuses", nil, &all)) {
		return
	}
	for _, kind := range all {
		if !slices.Contains(kinds, kind.Name) {
			continue
		}
		names, done, open := map[string]string{}, false, false
		for _, s := range kind.Statuses {
			names[s.Name] = s.Category.Key
			done = done || s.Category.Key == categories["done"]
			open = open || s.Category.Key != categories["done"]
		}
		if !done || !open {
			i.add("project %s, %s: its workflow wants a status of the category Done and one that is not", project, kind.Name)
		}
		for status, preferred := range i.t.config.Statuses {
			for _, name := range preferred {
				if category, there := names[name]; !there || category != categories[status] {
					i.add("project %s, %s: statuses.%s names %q, which is no status of that category there; %s", project, kind.Name, status, name, choices(slices.Sorted(maps.Keys(names))))
				}
			}
		}
	}
}

// looked is how many issues of a type are looked at for what their transitions want.
const looked = 10

// transitions looks at what is offered to us on issues that are there: a workflow shows
// itself nowhere else to those who may not administer it. Where there are none yet, it
// shows at the first ticket.
func (i *inspection) transitions(ctx context.Context, project string, kinds []string) {
	for _, kind := range kinds {
		got, err := i.t.search(ctx, search{JQL: fmt.Sprintf("project = %q AND issuetype = %q ORDER BY created DESC", project, kind), MaxResults: looked})
		if i.failed(err) {
			return
		}
		said, offered := map[string]bool{}, false
		for n := range got.Issues {
			list, err := i.t.transitions(ctx, got.Issues[n].Key)
			if i.failed(err) {
				return
			}
			offered = offered || len(list) > 0
			for _, tr := range list {
				i.unfilled(project+", "+kind, tr, said)
			}
		}
		if len(got.Issues) > 0 && !offered {
			i.add("project %s, %s: quell's account is offered no transition on any of the latest issues; it needs the permission Transition Issues, and may not be kept out by conditions", project, kind)
		}
	}
}

// unfilled tells of the fields that a transition wants and nobody fills in, each once.
func (i *inspection) unfilled(where string, tr wireTransition, said map[string]bool) {
	for _, id := range slices.Sorted(maps.Keys(tr.Fields)) {
		field := tr.Fields[id]
		if _, configured := i.t.config.TransitionFields[id]; configured || !field.Required || field.HasDefault || said[tr.ID+id] {
			continue
		}
		said[tr.ID+id] = true
		i.add("%s: the transition %q wants the field %s (%s); give it a value in transition_fields", where,
			connectors.Title(tr.Name, 60), connectors.Title(id, 60), connectors.Title(field.Name, 60))
	}
}
