package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store/engine"
)

//nolint:gochecknoglobals // constant declarations
var (
	remediations = engine.Collection{
		Name: "remediations",
		Fields: []engine.Field{{Name: "status"}, {Name: "owner"}, {Name: "due", Kind: engine.Int}, {Name: "wake", Kind: engine.Int},
			{Name: "ticket"}, {Name: "campaign"}},
		Indexes: []engine.Index{{Fields: []string{"status", "due"}}, {Fields: []string{"owner"}}, {Fields: []string{"wake"}, Sparse: true},
			{Fields: []string{"ticket"}, Sparse: true}, {Fields: []string{"campaign", "due"}, Sparse: true}},
	}
	intents = engine.Collection{
		Name:    "intents",
		Fields:  []engine.Field{{Name: "remediation"}},
		Indexes: []engine.Index{{Fields: []string{"remediation"}}},
	}
)

func (s *Store) remediations() of[lifecycle.Remediation] {
	return of[lifecycle.Remediation]{Collection: &remediations, e: s.engine,
		id: func(x *lifecycle.Remediation) string { return x.ID },
		at: func(x *lifecycle.Remediation) int64 { return x.Version },
		values: func(x *lifecycle.Remediation) []any {
			var wake any
			if x.Wake {
				wake = x.WakeAt.UnixMilli()
			}
			return []any{string(x.Status), x.Owner, due(x.Due), wake, optional(x.Ticket), optional(x.Campaign)}
		}}
}

// ClaimRemediation begins a remediation unless it is there already, by ID; it gives the
// one stored, and whether it is new.
func (s *Store) ClaimRemediation(ctx context.Context, r lifecycle.Remediation) (lifecycle.Remediation, bool, error) {
	return claimOne(ctx, s.remediations(), r)
}

// claimOne inserts a document unless it is there already, and gives the one stored.
func claimOne[T any](ctx context.Context, c of[T], x T) (T, bool, error) {
	inserted, err := c.insert(ctx, x)
	if err != nil || inserted[0] {
		return x, err == nil, err
	}
	known, err := c.one(ctx, c.id(&x))
	return known, false, err
}

// swapOne is a swap of one document.
func swapOne[T any](ctx context.Context, c of[T], x T) (bool, error) {
	swapped, err := c.swap(ctx, x)
	return err == nil && swapped[0], err
}

// Remediation gives one remediation; fault.NotFound.
func (s *Store) Remediation(ctx context.Context, id string) (lifecycle.Remediation, error) {
	return s.remediations().one(ctx, id)
}

// SwapRemediation writes it if the stored version is Version-1, and says whether.
func (s *Store) SwapRemediation(ctx context.Context, r lifecycle.Remediation) (bool, error) {
	return swapOne(ctx, s.remediations(), r)
}

// RemediationByTicket gives the remediation of a ticket's key; fault.NotFound.
func (s *Store) RemediationByTicket(ctx context.Context, key string) (lifecycle.Remediation, error) {
	return first(ctx, s.remediations(), "ticket", key)
}

// FindRemediations gives one page, by due date.
func (s *Store) FindRemediations(ctx context.Context, f lifecycle.RemediationFilter, l exposure.List) (exposure.Page[lifecycle.Remediation], error) {
	var w where
	w.equal("status", string(f.Status))
	w.equal("owner", f.Owner)
	w.equal("ticket", f.Ticket)
	w.equal("campaign", f.Campaign)
	w.before("due", f.DueBefore)
	w.before("wake", f.WakeBefore)
	return s.remediations().page(ctx, w, ordering{name: "remediations", fields: []string{"due"}}, l)
}

func (s *Store) intents() of[lifecycle.Intent] {
	return of[lifecycle.Intent]{Collection: &intents, e: s.engine,
		id:     func(x *lifecycle.Intent) string { return claimID(x.ID) },
		at:     func(x *lifecycle.Intent) int64 { return x.Version },
		values: func(x *lifecycle.Intent) []any { return []any{x.Remediation} }}
}

// PutIntent writes down what is about to be done outside, unless that was done already,
// by ID; it gives the intent stored, and whether it is new.
func (s *Store) PutIntent(ctx context.Context, i lifecycle.Intent) (lifecycle.Intent, bool, error) {
	return claimOne(ctx, s.intents(), i)
}

// BeginIntent is PutIntent for what is done again and again: one that was carried out
// before is open once more. It counts the attempts.
func (s *Store) BeginIntent(ctx context.Context, i lifecycle.Intent) error {
	i.Attempts = 1
	for {
		known, fresh, err := s.PutIntent(ctx, i)
		if err != nil || fresh {
			return err
		}
		known.Done, known.DoneAt, known.Result = false, time.Time{}, ""
		known.Attempts++
		known.Version++
		if ok, err := s.SwapIntent(ctx, known); ok || err != nil {
			return err
		}
	}
}

// SwapIntent writes it if the stored version is Version-1, and says whether.
func (s *Store) SwapIntent(ctx context.Context, i lifecycle.Intent) (bool, error) {
	return swapOne(ctx, s.intents(), i)
}

// Intent gives one intent; fault.NotFound.
func (s *Store) Intent(ctx context.Context, id string) (lifecycle.Intent, error) {
	return s.intents().one(ctx, claimID(id))
}

// DoneIntent notes that an intent was carried out, when, and what came of it. Doing it
// again changes nothing.
func (s *Store) DoneIntent(ctx context.Context, id, result string, at time.Time) error {
	for {
		i, err := s.Intent(ctx, id)
		if err != nil || i.Done {
			return err
		}
		i.Done, i.Result, i.DoneAt = true, result, whole(at)
		i.Version++
		if ok, err := s.SwapIntent(ctx, i); ok || err != nil {
			return err
		}
	}
}

// Intents gives the journal of a remediation, oldest first.
func (s *Store) Intents(ctx context.Context, remediation string) ([]lifecycle.Intent, error) {
	var w where
	w.add("remediation", engine.In, asText(remediation))
	xs, err := s.intents().all(ctx, w...)
	slices.SortStableFunc(xs, func(a, b lifecycle.Intent) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return xs, err
}
