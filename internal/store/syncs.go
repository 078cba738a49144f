package store

import (
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

//nolint:gochecknoglobals // constant declarations
var (
	syncs = engine.Collection{
		Name:    "syncs",
		Fields:  []engine.Field{{Name: "source"}, {Name: "started", Kind: engine.Int}},
		Indexes: []engine.Index{{Fields: []string{"source", "started"}}},
	}
	steps = engine.Collection{
		Name:    "steps",
		Fields:  []engine.Field{{Name: "sync"}, {Name: "step", Kind: engine.Int}},
		Indexes: []engine.Index{{Fields: []string{"sync", "step"}}},
	}
)

func (s *Store) syncs() of[exposure.Sync] {
	return of[exposure.Sync]{Collection: &syncs, e: s.engine,
		id:     func(x *exposure.Sync) string { return claimID(x.Source + "|" + x.Name) },
		at:     func(*exposure.Sync) int64 { return 1 },
		values: func(x *exposure.Sync) []any { return []any{x.Source, x.Started.UnixMilli()} }}
}

func (s *Store) steps() of[exposure.SyncStep] {
	return of[exposure.SyncStep]{Collection: &steps, e: s.engine,
		id:     func(x *exposure.SyncStep) string { return stepID(x.Source, x.Sync, x.Attempt, x.N) },
		at:     func(*exposure.SyncStep) int64 { return 1 },
		values: func(x *exposure.SyncStep) []any { return []any{stepsOf(x.Source, x.Sync, x.Attempt), int64(x.N)} }}
}

func stepsOf(source, sync string, attempt int) string {
	return claimID(fmt.Sprintf("%s|%s|%d", source, sync, attempt))
}

func stepID(source, sync string, attempt, n int) string {
	return fmt.Sprintf("%s|%d", stepsOf(source, sync, attempt), n)
}

// BeginSync writes a sync that is new, and gives it as it is stored.
func (s *Store) BeginSync(ctx context.Context, x exposure.Sync) (exposure.Sync, error) {
	inserted, err := s.syncs().insert(ctx, x)
	if err != nil || inserted[0] {
		return x, err
	}
	return s.Sync(ctx, x.Source, x.Name)
}

// Sync gives one sync; fault.NotFound.
func (s *Store) Sync(ctx context.Context, source, name string) (exposure.Sync, error) {
	return s.syncs().one(ctx, claimID(source+"|"+name))
}

// PutSync writes a sync, whatever was there. Only its own workflow does so.
func (s *Store) PutSync(ctx context.Context, x exposure.Sync) error { return s.syncs().put(ctx, x) }

// Syncs gives one page of a source's syncs, newest first.
func (s *Store) Syncs(ctx context.Context, source string, l exposure.List) (exposure.Page[exposure.Sync], error) {
	var w where
	w.equal("source", source)
	return s.syncs().page(ctx, w, ordering{name: "syncs", fields: []string{"started"}, desc: true}, l)
}

// AddStep records a step of a sync with its page, which nil stands for none of. The page
// is on disk before the step. One that is recorded already stays, and is given. An error
// of the page's reader is returned as it is, with nothing kept.
func (s *Store) AddStep(ctx context.Context, x exposure.SyncStep, page io.Reader, limit int64) (exposure.SyncStep, error) {
	var err error
	if page != nil {
		if x.Body, x.Size, err = s.PutBlob(ctx, page, limit); err != nil {
			return x, err
		}
	}
	inserted, err := s.steps().insert(ctx, x)
	if err != nil || inserted[0] {
		return x, err
	}
	return s.steps().one(ctx, stepID(x.Source, x.Sync, x.Attempt, x.N))
}

// LastStep gives the last step of a sync's attempt, and whether there is one.
func (s *Store) LastStep(ctx context.Context, x exposure.Sync) (exposure.SyncStep, bool, error) {
	page, err := s.steps().page(ctx, stepsWhere(x), ordering{name: "steps", fields: []string{"step"}, desc: true}, exposure.List{Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return exposure.SyncStep{}, false, err
	}
	return page.Items[0], true, nil
}

// EachStep gives the steps of a sync's attempt in order.
func (s *Store) EachStep(ctx context.Context, x exposure.Sync, fn func(exposure.SyncStep) error) error {
	list := exposure.List{Limit: maxLimit}
	for {
		page, err := s.steps().page(ctx, stepsWhere(x), ordering{name: "steps", fields: []string{"step"}}, list)
		if err != nil {
			return err
		}
		for _, step := range page.Items {
			if err := fn(step); err != nil {
				return err
			}
		}
		if list.Cursor = page.Next; list.Cursor == "" {
			return nil
		}
	}
}

func stepsWhere(x exposure.Sync) where {
	var w where
	w.add("sync", engine.In, stepsOf(x.Source, x.Name, x.Attempt))
	return w
}

// DropSteps forgets the steps of a sync's attempt, but for the pages, which its delivery
// names.
func (s *Store) DropSteps(ctx context.Context, x exposure.Sync) error {
	var ids []string
	err := s.EachStep(ctx, x, func(step exposure.SyncStep) error {
		ids = append(ids, stepID(step.Source, step.Sync, step.Attempt, step.N))
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	err = s.engine.Delete(ctx, &steps, ids)
	return fault.Wrap(fault.KindOf(err), err, "forgetting the steps of a sync")
}
