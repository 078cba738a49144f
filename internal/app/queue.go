package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/admission"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// queueStore is what the queue reads of the store.
type queueStore interface { //nolint:interfacebloat // one look at the line asks all of them
	Lines(ctx context.Context) (map[string]int64, error)
	NextInLine(ctx context.Context, team string, without []string, limit int) ([]exposure.Exposure, error)
	WaitingFor(ctx context.Context, groups []string, limit int) ([]exposure.Exposure, error)
	Groups(ctx context.Context, team string, before time.Time) (map[string]int64, error)
	Ahead(ctx context.Context, team string, before time.Time) (int64, error)
	Working(ctx context.Context) (map[string]int64, error)
	Turns(ctx context.Context, team string, since time.Time) ([]lifecycle.Turn, error)
}

// queue shows who waits, and where in the line.
type queue struct {
	store  queueStore
	budget func(team string) admission.Budget
	teams  func() []string
	urgent time.Duration // what is known to be exploited is so, when due within
	now    func() time.Time
}

func (a *app) queue() queue {
	return queue{store: a.store, budget: a.budget, urgent: a.cfg.Policy.UrgentWithin.Std(), now: now, teams: func() []string {
		all := a.judge.Owners().Teams()
		names := make([]string, 0, len(all))
		for _, t := range all {
			names = append(names, t.Name)
		}
		return names
	}}
}

// Waiting implements api.Queue.
func (q queue) Waiting(ctx context.Context) (map[string]int64, error) { return q.store.Lines(ctx) }

// Queue implements api.Queue.
func (q queue) Queue(ctx context.Context, team string, first int) ([]lifecycle.TeamQueue, error) {
	lines, err := q.store.Lines(ctx)
	if err != nil {
		return nil, err
	}
	working, err := q.inProgress(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	if team != "" {
		names = []string{team}
	} else {
		names = q.teams()
		for name := range lines {
			names = append(names, name)
		}
		for name := range working {
			names = append(names, name)
		}
		slices.Sort(names)
		names = slices.Compact(names)
	}
	out := make([]lifecycle.TeamQueue, 0, len(names))
	for _, name := range names {
		line, err := q.line(ctx, name, first, len(working[name]), lines[name])
		if err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	return out, nil
}

// inProgress are the groups that each team has in hand.
func (q queue) inProgress(ctx context.Context) (map[string]map[string]bool, error) {
	counts, err := q.store.Working(ctx)
	out := map[string]map[string]bool{}
	for group := range counts {
		team := lifecycle.GroupTeam(group)
		if out[team] == nil {
			out[team] = map[string]bool{}
		}
		out[team][group] = true
	}
	return out, err
}

func (q queue) line(ctx context.Context, team string, first, inProgress int, exposures int64) (lifecycle.TeamQueue, error) {
	b, at := q.budget(team), q.now()
	out := lifecycle.TeamQueue{Team: team, WIP: b.WIP, Intake: b.Intake, InProgress: inProgress, Exposures: exposures, First: []lifecycle.QueueEntry{}}
	begun, err := q.begun(ctx, team, b, at)
	if err != nil {
		return out, err
	}
	out.Begun = begun
	if exposures == 0 {
		return out, nil
	}
	groups, err := q.store.Groups(ctx, team, time.Time{})
	if err != nil {
		return out, err
	}
	out.Waiting = len(groups)
	var seen []string
	for len(out.First) < first {
		next, err := q.store.NextInLine(ctx, team, seen, first-len(out.First))
		if err != nil || len(next) == 0 {
			return out, err
		}
		for i := range next {
			e := &next[i]
			group := lifecycle.Group(e)
			if slices.Contains(seen, group) {
				continue
			}
			entry := q.entry(e, b, len(out.First)+1, begun, at)
			if entry.Exposures = max(groups[group], 1); group != "" {
				seen = append(seen, group)
			}
			out.First = append(out.First, entry)
		}
		if team == "" { // each for itself: there are no groups to pass over
			out.Waiting = int(exposures)
			return out, nil
		}
	}
	return out, nil
}

func (q queue) begun(ctx context.Context, team string, b admission.Budget, at time.Time) (int, error) {
	if b.Intake <= 0 {
		return 0, nil
	}
	turns, err := q.store.Turns(ctx, team, at.Add(-admission.Day))
	return len(turns), err
}

func (q queue) entry(e *exposure.Exposure, b admission.Budget, place, begun int, at time.Time) lifecycle.QueueEntry {
	out := lifecycle.QueueEntry{Place: place, Group: lifecycle.Group(e), Fix: e.Fix, Exposure: e.ID, Title: e.Title, Decision: e.Decision.Outcome, Severity: e.Severity,
		Due: e.Due, Since: e.Queued, Expected: admission.Expected(b, place, begun, at), Urgent: e.Urgent(at.Add(q.urgent))}
	if out.Urgent {
		out.Expected = at
	}
	out.Late = !out.Expected.IsZero() && !e.Due.IsZero() && out.Expected.After(e.Due)
	return out
}

// PlaceOf implements api.Queue.
func (q queue) PlaceOf(ctx context.Context, e *exposure.Exposure) (*lifecycle.Place, error) {
	if !e.Waiting() {
		return nil, nil //nolint:nilnil // it stands in no line
	}
	at, team, group := q.now(), e.Owner.Team, lifecycle.Group(e)
	out := &lifecycle.Place{Team: team}
	if group == "" {
		ahead, err := q.store.Ahead(ctx, "", e.Turn())
		if err != nil {
			return nil, err
		}
		of, err := q.store.Ahead(ctx, "", time.Time{})
		out.Place, out.Of, out.Why = int(ahead)+1, int(of), "its admission, which is under way; nobody owns it yet"
		return out, err
	}
	b := q.budget(team)
	working, err := q.inProgress(ctx)
	if err != nil {
		return nil, err
	}
	begun, err := q.begun(ctx, team, b, at)
	if err != nil {
		return nil, err
	}
	if out.Place, out.Of, err = q.position(ctx, team, group); err != nil {
		return nil, err
	}
	switch {
	case e.Urgent(at.Add(q.urgent)):
		out.Expected, out.Why = at, "its admission, which is under way: it is urgent, and waits for no budget"
	case working[team][group]:
		out.Expected, out.Why = at, "its admission, which is under way: its team works on its fix already"
	default:
		out.Expected, out.Why = admission.Expected(b, out.Place, begun, at), admission.WaitsFor(b, len(working[team]), begun)
	}
	return out, nil
}

// position is a group's place in the line, by the turn of its first exposure; of those with
// the same turn the name decides, as it does when they are admitted.
func (q queue) position(ctx context.Context, team, group string) (place, of int, err error) {
	first, err := q.store.WaitingFor(ctx, []string{group}, 1)
	if err != nil || len(first) == 0 {
		return 0, 0, err
	}
	turn := first[0].Turn()
	before, err := q.store.Groups(ctx, team, turn)
	if err != nil {
		return 0, 0, err
	}
	until, err := q.store.Groups(ctx, team, turn.Add(time.Millisecond))
	if err != nil {
		return 0, 0, err
	}
	place = len(before) + 1
	for other := range until {
		if _, earlier := before[other]; !earlier && strings.Compare(other, group) < 0 {
			place++
		}
	}
	all, err := q.store.Groups(ctx, team, time.Time{})
	return place, len(all), err
}
