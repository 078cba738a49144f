package jira

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// mostSteps bounds the transitions of one move.
const mostSteps = 8

// wireTransition is a transition that is offered; a field's own type of go-jira says less.
type wireTransition struct {
	ID     string        `json:"id"`
	Name   string        `json:"name"`
	To     gojira.Status `json:"to"`
	Fields map[string]struct {
		Name       string `json:"name"`
		Required   bool   `json:"required"`
		HasDefault bool   `json:"hasDefaultValue"`
	} `json:"fields"`
}

// walk is a move from status to status. Jira offers only what leads on from where an issue
// is, so the workflow is learned step by step.
type walk struct {
	want    string // category
	prefer  []string
	offered map[string][]wireTransition // by status ID, where we have been
}

// move brings an issue to a status of the wanted category, by the shortest way that is
// known at each step. Conditions may hide transitions from us: then it says what is offered.
func (t *Tracker) move(ctx context.Context, is *wireIssue, p *property, want *connectors.Issue, cause string) error {
	w := &walk{want: categories[string(want.Status)], prefer: t.config.Statuses[string(want.Status)], offered: map[string][]wireTransition{}}
	all, err := t.moves(ctx, is)
	if err != nil {
		return err
	}
	after := ""
	if len(all) > 0 {
		after = all[len(all)-1].id
	}
	at := is.Fields.Status
	for range mostSteps {
		if at.StatusCategory.Key == w.want {
			return nil
		}
		if w.offered[at.ID] == nil {
			if w.offered[at.ID], err = t.transitions(ctx, is.Key); err != nil {
				return err
			}
		}
		next, found := w.next(at.ID)
		if !found && want.Status == connectors.IssueTodo && at.StatusCategory.Key != categories["done"] {
			return nil // no way leads back to the beginning, but it is open again
		}
		if !found {
			return t.stuck(w, at, is.Key)
		}
		p.Moved, p.Cause = &movement{To: next.To.ID, After: after}, cause
		if err := t.step(ctx, is.Key, next, p, want, cause); err != nil {
			return err
		}
		if next.To.StatusCategory.Key == w.want {
			return nil
		}
		if at, after, err = t.standing(ctx, is.Key); err != nil {
			return err
		}
	}
	return fault.New(fault.Conflict, "moving issue %s: after %d transitions it is still not %s", is.Key, mostSteps, words(want.Status))
}

func words(s connectors.IssueStatus) string { return strings.ReplaceAll(string(s), "_", " ") }

// standing is where an issue is after a transition, and the ID of its changelog's last
// entry about that.
func (t *Tracker) standing(ctx context.Context, key string) (gojira.Status, string, error) {
	is, err := t.fetch(ctx, key)
	if err != nil {
		return gojira.Status{}, "", err
	}
	all, err := t.moves(ctx, is)
	if err != nil || len(all) == 0 {
		return is.Fields.Status, "", err
	}
	return is.Fields.Status, all[len(all)-1].id, nil
}

func (t *Tracker) transitions(ctx context.Context, key string) ([]wireTransition, error) {
	var answer struct {
		Transitions []wireTransition `json:"transitions"`
	}
	err := t.client.get(ctx, "issue/"+segment(key)+"/transitions", url.Values{"expand": {"transitions.fields"}}, &answer)
	if fault.Is(err, fault.NotFound) {
		return nil, t.missing(ctx, key)
	}
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "asking for the transitions of issue "+key)
	}
	if answer.Transitions == nil {
		answer.Transitions = []wireTransition{}
	}
	return answer.Transitions, nil
}

// next is the first step of the shortest known way from a status to the goal; else to the
// nearest status from which we don't know yet what is offered.
func (w *walk) next(from string) (*wireTransition, bool) {
	type way struct {
		at    string
		first *wireTransition
	}
	var fallback *wireTransition
	seen := map[string]bool{from: true}
	for queue := []way{{at: from}}; len(queue) > 0; queue = queue[1:] {
		here := queue[0]
		list := w.offered[here.at]
		for _, i := range w.order(list) {
			first := here.first
			if first == nil {
				first = &list[i]
			}
			to := &list[i].To
			if to.StatusCategory.Key == w.want {
				return first, true
			}
			if seen[to.ID] {
				continue
			}
			seen[to.ID] = true
			if _, known := w.offered[to.ID]; !known && fallback == nil {
				fallback = first
			}
			queue = append(queue, way{to.ID, first})
		}
	}
	return fallback, fallback != nil
}

// order looks at preferred statuses first, and on the way rather at those in progress.
func (w *walk) order(list []wireTransition) []int {
	rank := func(tr *wireTransition) int {
		if at := slices.IndexFunc(w.prefer, func(name string) bool { return strings.EqualFold(name, tr.To.Name) }); at >= 0 {
			return at - len(w.prefer)
		}
		if tr.To.StatusCategory.Key == categories["in_progress"] {
			return 0
		}
		return 1
	}
	out := make([]int, len(list))
	for i := range out {
		out[i] = i
	}
	sort.SliceStable(out, func(a, b int) bool { return rank(&list[out[a]]) < rank(&list[out[b]]) })
	return out
}

// step makes one transition, with the fields that it requires.
func (t *Tracker) step(ctx context.Context, key string, tr *wireTransition, p *property, issue *connectors.Issue, cause string) error {
	fields := map[string]any{}
	for id, field := range tr.Fields {
		program, configured := t.rules.transitions[id]
		switch {
		case configured:
			value, err := evaluate("transition_fields."+id, program, issue)
			if err != nil {
				return err
			}
			fields[id] = value
		case field.Required && !field.HasDefault:
			return fault.New(fault.Invalid, "moving issue %s: the transition %q wants the field %s (%s); give it a value in transition_fields", key,
				connectors.Title(tr.Name, 60), connectors.Title(id, 60), connectors.Title(field.Name, 60))
		}
	}
	body := &write{Transition: &idOnly{tr.ID}, Fields: fields, Properties: ownProperty(p), History: note(p.Marker, cause)}
	err := t.client.call(ctx, http.MethodPost, "issue/"+segment(key)+"/transitions", nil, body, nil)
	if fault.Is(err, fault.NotFound) {
		return t.missing(ctx, key)
	}
	return fault.Wrap(fault.KindOf(err), err, "moving issue "+key)
}

// stuck says what is offered where nothing leads on.
func (t *Tracker) stuck(w *walk, at gojira.Status, key string) error {
	offers := make([]string, 0, len(w.offered[at.ID]))
	for _, tr := range w.offered[at.ID] {
		offers = append(offers, fmt.Sprintf("%q to %q", connectors.Title(tr.Name, 40), connectors.Title(tr.To.Name, 40)))
	}
	offered := "none is offered there"
	if len(offers) > 0 {
		offered = "offered there are " + strings.Join(offers, ", ")
	}
	return fault.New(fault.Conflict, "moving issue %s: from %q no transition that quell's account may make leads to a status of the category %s; %s. A condition may hide others, or the permission Transition Issues is missing",
		key, connectors.Title(at.Name, 40), w.want, offered)
}
