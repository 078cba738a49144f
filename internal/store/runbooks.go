package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/runbook"
	"github.com/quellsec/quell/internal/store/engine"
)

// Runs of runbooks: what was asked for, agreed to, called and heard.
//
//nolint:gochecknoglobals // a constant declaration
var runbookRuns = engine.Collection{
	Name:    "runbook_runs",
	Fields:  []engine.Field{{Name: "remediation"}, {Name: "runbook"}, {Name: "state"}, {Name: "at", Kind: engine.Int}, {Name: "next", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"remediation"}}, {Fields: []string{"state", "at"}}, {Fields: []string{"at"}}, {Fields: []string{"next"}, Sparse: true}},
}

func (s *Store) runbookRuns() of[runbook.Run] {
	return of[runbook.Run]{Collection: &runbookRuns, e: s.engine,
		id: func(x *runbook.Run) string { return x.ID },
		at: func(x *runbook.Run) int64 { return x.Version },
		values: func(x *runbook.Run) []any {
			return []any{x.Remediation, x.Runbook, string(x.State), x.At.UnixMilli(), ms(x.Next)}
		}}
}

// ClaimRun begins a run of a runbook unless it is there already, by ID; it gives the one
// stored, and whether it is new.
func (s *Store) ClaimRun(ctx context.Context, r runbook.Run) (runbook.Run, bool, error) {
	return claimOne(ctx, s.runbookRuns(), r)
}

// RunbookRun gives one run; fault.NotFound.
func (s *Store) RunbookRun(ctx context.Context, id string) (runbook.Run, error) {
	return s.runbookRuns().one(ctx, id)
}

// SwapRun writes it if the stored version is Version-1, and says whether.
func (s *Store) SwapRun(ctx context.Context, r runbook.Run) (bool, error) {
	return swapOne(ctx, s.runbookRuns(), r)
}

// RunsOf gives the runs for a remediation, oldest first.
func (s *Store) RunsOf(ctx context.Context, remediation string) ([]runbook.Run, error) {
	var w where
	w.add("remediation", engine.In, asText(remediation))
	xs, err := s.runbookRuns().all(ctx, w...)
	slices.SortStableFunc(xs, func(a, b runbook.Run) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return xs, err
}

// FindRuns gives one page of the runs of a runbook in a state, newest first; an empty word
// means any.
func (s *Store) FindRuns(ctx context.Context, book string, state runbook.State, l exposure.List) (exposure.Page[runbook.Run], error) {
	var w where
	w.equal("runbook", book)
	w.equal("state", string(state))
	return s.runbookRuns().page(ctx, w, ordering{name: "runbook_runs", fields: []string{"at"}, desc: true}, l)
}

// DueRuns gives runs with something to do since before a time, the longest waiting first,
// so many at most.
func (s *Store) DueRuns(ctx context.Context, before time.Time, most int) ([]runbook.Run, error) {
	var w where
	w.before("next", before)
	page, err := s.runbookRuns().page(ctx, w, ordering{name: "runbook_due", fields: []string{"next"}}, exposure.List{Limit: most})
	return page.Items, err
}
