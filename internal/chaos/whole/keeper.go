package whole

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/daemon"
	"github.com/quellsec/quell/internal/fault"
)

// keeper starts the daemon again whenever it has ended, as a service manager would.
type keeper struct {
	options daemon.Options
	mu      sync.Mutex
	now     *daemon.Daemon // nil between two lives
	lives   int
}

// alive is the daemon of now; nil while there is none.
func (k *keeper) alive() *daemon.Daemon {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *keeper) set(d *daemon.Daemon) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = d
	if d != nil {
		k.lives++
	}
}

// startFailures is how often a daemon may fail to start one time after the other: while
// its processes are being killed, some don't get as far as an answer.
const startFailures = 20

// run keeps a daemon alive until ctx ends, then stops it.
func (k *keeper) run(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		d, err := daemon.Start(context.WithoutCancel(ctx), k.options)
		if err != nil {
			if failures++; failures >= startFailures {
				return fault.New(fault.Unavailable, "keeping the daemon alive: it failed to start %d times, the last time so: %w", failures, err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second): // the ports of the dead one are still theirs for a moment
			}
			continue
		}
		failures = 0
		k.set(d)
		if err := d.Wait(ctx); err != nil {
			break
		}
		k.set(nil)
	}
	d := k.alive()
	if d == nil {
		return nil
	}
	k.set(nil)
	if err := d.Stop(); err != nil && !errors.Is(err, context.Canceled) {
		return fault.New(fault.Unavailable, "stopping the daemon at the end: %w", err)
	}
	return nil
}
