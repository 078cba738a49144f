package store

import (
	"context"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/store/engine"
)

// pruneBatch is how many documents are removed together.
const pruneBatch = 500

// PruneMessages removes what was told, or folded, before a time, and says how many. What
// still has to be told stays, however old it is.
func (s *Store) PruneMessages(ctx context.Context, olderThan time.Time) (int, error) {
	open := map[string]int64{} // the generation of each box in which messages still wait
	return s.prune(ctx, s.messages().Collection, before("at", olderThan), func(d engine.Doc) (bool, error) {
		m, err := s.messages().decode(d.Body)
		if err != nil || m.Settled() || m.Gen == 0 {
			return err == nil && m.Settled(), err
		}
		key := outbox.Key(m.Notifier, m.Address)
		if _, known := open[key]; !known {
			box, err := s.Box(ctx, m.Notifier, m.Address)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return false, err
			}
			open[key] = box.Gen
			if box.Seal != nil {
				open[key] = box.Seal.Gen
			}
		}
		return m.Gen < open[key], nil
	})
}

// PruneThreads forgets where threads are that nothing was said in since a time, and says
// how many. What is said later heads a new one.
func (s *Store) PruneThreads(ctx context.Context, olderThan time.Time) (int, error) {
	return s.prune(ctx, s.threads().Collection, before("at", olderThan), func(engine.Doc) (bool, error) { return true, nil })
}

// PruneInbox removes messages of the built-in inbox that came before a time and were read,
// and says how many.
func (s *Store) PruneInbox(ctx context.Context, olderThan time.Time) (int, error) {
	return s.prune(ctx, s.inbox().Collection, before("at", olderThan), func(d engine.Doc) (bool, error) {
		m, err := s.inbox().decode(d.Body)
		return err == nil && m.Read, err
	})
}

// PrunePresses removes presses that were answered before a time, and says how many. What
// still has to be answered stays, however old it is. A chat repeats a call for an hour at
// most: whoever keeps presses for longer takes none for new.
func (s *Store) PrunePresses(ctx context.Context, olderThan time.Time) (int, error) {
	return s.prune(ctx, s.chatPresses().Collection, nil, func(d engine.Doc) (bool, error) { // people press too seldom for an index
		p, err := s.chatPresses().decode(d.Body)
		return err == nil && p.NextAt.IsZero() && !p.AnsweredAt.IsZero() && p.AnsweredAt.Before(olderThan), err
	})
}

// before holds for documents with a time before another.
func before(field string, t time.Time) (w where) {
	w.before(field, t)
	return w
}

// prune removes the documents for which a filter holds, and of which may says so.
func (s *Store) prune(ctx context.Context, c *engine.Collection, w where, may func(engine.Doc) (bool, error)) (int, error) {
	removed := 0
	var ids []string
	flush := func() error {
		if len(ids) == 0 {
			return nil
		}
		if err := s.engine.Delete(ctx, c, ids); err != nil {
			return err
		}
		removed += len(ids)
		ids = ids[:0]
		return nil
	}
	err := s.engine.Each(ctx, c, w, func(d engine.Doc) error {
		ok, err := may(d)
		if err != nil || !ok {
			return err
		}
		if ids = append(ids, d.ID); len(ids) < pruneBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return removed, err
}
