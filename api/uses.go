package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// usesEvery is how often the last uses of tokens are written: a write per request would
// cost more than most requests.
const usesEvery = time.Minute

// uses gathers when tokens were used, and writes them down once in a while.
type uses struct {
	tokens Tokens
	log    *slog.Logger

	mu      sync.Mutex
	pending map[string]time.Time
	flushed time.Time
	running sync.WaitGroup
}

func newUses(tokens Tokens, log *slog.Logger) *uses {
	return &uses{tokens: tokens, log: log, pending: map[string]time.Time{}}
}

// touch notes a use. The request that has the notes written doesn't wait for it; ctx lends
// its values alone.
func (u *uses) touch(ctx context.Context, t Token, now time.Time) {
	if now.Sub(t.LastUsed) < usesEvery {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.flushed.IsZero() {
		u.flushed = now
	}
	u.pending[t.ID] = now
	if now.Sub(u.flushed) < usesEvery {
		return
	}
	u.flushed = now
	u.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stallTimeout)
		defer cancel()
		if err := u.write(ctx); err != nil {
			u.log.Warn("writing the last uses of tokens", "error", err)
		}
	})
}

// flush writes what is owed, after whatever is being written.
func (u *uses) flush(ctx context.Context) error {
	u.running.Wait()
	return u.write(ctx)
}

func (u *uses) write(ctx context.Context) error {
	u.mu.Lock()
	owed := u.pending
	u.pending = map[string]time.Time{}
	u.mu.Unlock()
	var errs []error
	for id, at := range owed {
		if err := u.tokens.TouchToken(ctx, id, ms(at)); err != nil && !fault.Is(err, fault.NotFound) {
			errs = append(errs, fault.Wrap(fault.KindOf(err), err, "touching token "+id))
		}
	}
	return errors.Join(errs...)
}
