package store

import (
	"context"
	"math"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store/engine"
)

// turns notes when each group of work was last let in.
//
//nolint:gochecknoglobals // a constant declaration
var turns = engine.Collection{
	Name:    "turns",
	Fields:  []engine.Field{{Name: "team"}, {Name: "at", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"team", "at"}}},
}

func (s *Store) turns() of[lifecycle.Turn] {
	return of[lifecycle.Turn]{Collection: &turns, e: s.engine,
		id:     func(x *lifecycle.Turn) string { return claimID(x.Group) },
		at:     func(x *lifecycle.Turn) int64 { return x.Version },
		values: func(x *lifecycle.Turn) []any { return []any{x.Team, x.At.UnixMilli()} }}
}

// noTeam is the line of what nobody owns: an empty text would be no line.
const noTeam = "-"

// line is the team in whose line an exposure waits; nil: it doesn't wait.
func line(x *exposure.Exposure) any {
	switch {
	case !x.Waiting():
		return nil
	case x.Owner.Team == "":
		return noTeam
	}
	return x.Owner.Team
}

func lineOf(team string) string {
	if team == "" {
		return noTeam
	}
	return team
}

func turn(x *exposure.Exposure) any {
	if !x.Waiting() {
		return nil
	}
	return x.Turn().UnixMilli()
}

// work is the group of work that an exposure is part of, while it waits for it or is in it.
func work(x *exposure.Exposure) any {
	if !x.Waiting() && (x.Mode != exposure.ModeWorkflow || !x.State.Live()) {
		return nil
	}
	return optional(lifecycle.Group(x))
}

// pressing says from when on what waits is urgent: what is decided as act, always, by due
// date; what is known to be exploited, so long before its due date as policy says.
func pressing(x *exposure.Exposure) any {
	switch {
	case !x.Waiting():
		return nil
	case x.Decision.Outcome == exposure.Act && x.Due.IsZero():
		return int64(math.MinInt32)
	case x.Decision.Outcome == exposure.Act:
		return x.Due.Add(-long).UnixMilli()
	case x.KEV() && !x.Due.IsZero():
		return x.Due.UnixMilli()
	}
	return nil
}

// long before any due date that policy gives.
const long = 20 * 365 * 24 * time.Hour

// Lines counts the exposures that wait, by team; "" are those that nobody owns.
func (s *Store) Lines(ctx context.Context) (map[string]int64, error) {
	counts, err := s.engine.Count(ctx, &exposures, where{{Field: "line", Op: engine.Has}}, "line")
	if n, ok := counts[noTeam]; ok {
		delete(counts, noTeam)
		counts[""] = n
	}
	return counts, err
}

// Urgent gives those that wait and are urgent, where what is known to be exploited is so
// when due before the given time: the most pressing first.
func (s *Store) Urgent(ctx context.Context, before time.Time, limit int) ([]exposure.Exposure, error) {
	return s.inOrder(ctx, where{{Field: "presses", Op: engine.Below, Values: []any{before.UnixMilli()}}}, []string{"presses"}, limit)
}

// NextInLine gives those whose turn comes next in a team's line, but those of some groups.
func (s *Store) NextInLine(ctx context.Context, team string, without []string, limit int) ([]exposure.Exposure, error) {
	var w where
	w.add("line", engine.In, asText(lineOf(team)))
	if len(without) > 0 {
		w.add("work", engine.NotIn, values(without)...)
	}
	return s.inOrder(ctx, w, []string{"turn", "work"}, limit)
}

// WaitingFor gives those that wait for any of the groups.
func (s *Store) WaitingFor(ctx context.Context, groups []string, limit int) ([]exposure.Exposure, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	var w where
	w.add("work", engine.In, values(groups)...)
	w.add("line", engine.Has)
	return s.inOrder(ctx, w, []string{"turn"}, limit)
}

// Groups counts the exposures that wait in a team's line, by group: all, or those whose
// turn comes before the given time.
func (s *Store) Groups(ctx context.Context, team string, before time.Time) (map[string]int64, error) {
	var w where
	w.add("line", engine.In, asText(lineOf(team)))
	w.before("turn", before)
	return s.engine.Count(ctx, &exposures, w, "work")
}

// Working counts the live exposures that workflows have in hand, by group.
func (s *Store) Working(ctx context.Context) (map[string]int64, error) {
	var w where
	w.add("workflow", engine.In, int64(1))
	w.add("work", engine.Has)
	return s.engine.Count(ctx, &exposures, w, "work")
}

// WorkingOn gives the live exposures of a group that workflows have in hand.
func (s *Store) WorkingOn(ctx context.Context, group string, limit int) ([]exposure.Exposure, error) {
	var w where
	w.add("work", engine.In, asText(group))
	w.add("workflow", engine.In, int64(1))
	return s.inOrder(ctx, w, []string{engine.ID}, limit)
}

func (s *Store) inOrder(ctx context.Context, w where, sort []string, limit int) ([]exposure.Exposure, error) {
	page, err := s.exposures().page(ctx, w, ordering{name: "line", fields: sort}, exposure.List{Limit: max(1, min(limit, maxLimit))})
	return page.Items, err
}

func values(texts []string) []any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = asText(s)
	}
	return out
}

// PutTurns notes groups that are let in, whatever was noted of them before.
func (s *Store) PutTurns(ctx context.Context, list []lifecycle.Turn) error {
	return s.turns().put(ctx, list...)
}

// Turns gives the groups of a team that were let in at or after a time.
func (s *Store) Turns(ctx context.Context, team string, since time.Time) ([]lifecycle.Turn, error) {
	var w where
	w.add("team", engine.In, asText(team))
	w.add("at", engine.From, since.UnixMilli())
	return s.turns().all(ctx, w...)
}

// formLines writes again what waits and what is worked on, so that it is found by its
// place in the line. Whoever writes one meanwhile has done so.
func (s *Store) formLines(ctx context.Context) error {
	for _, f := range []exposure.Filter{{Queued: true}, {Mode: exposure.ModeWorkflow}} {
		var batch []exposure.Exposure
		flush := func() error {
			_, err := s.SwapExposures(ctx, batch)
			batch = batch[:0]
			return err
		}
		err := s.EachExposure(ctx, f, func(x exposure.Exposure) error {
			x.Version++
			if batch = append(batch, x); len(batch) < maxLimit {
				return nil
			}
			return flush()
		})
		if err == nil {
			err = flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Ahead counts the exposures of a line whose turn comes before a time.
func (s *Store) Ahead(ctx context.Context, team string, before time.Time) (int64, error) {
	var w where
	w.add("line", engine.In, asText(lineOf(team)))
	w.before("turn", before)
	counts, err := s.engine.Count(ctx, &exposures, w, "")
	return counts[""], err
}
