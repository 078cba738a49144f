package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// Waker tells workflows that there is something in the store for them.
type Waker interface {
	WakeSource(ctx context.Context, source string) error
	WakeRemediation(ctx context.Context, id, reason string) error
}

const (
	wakeTimeout = 10 * time.Second
	wakeLinger  = 100 * time.Millisecond // the least time between two wakes of one source
)

// wakes tells sources' Ingest in the background: one wake for however many deliveries
// came while the last one was being sent. A wake that fails is only logged, since the
// delivery is stored and the sweep will find it.
type wakes struct {
	waker Waker
	log   *slog.Logger

	mu      sync.Mutex
	again   map[string]bool // of the sources being woken, those that want another one
	running sync.WaitGroup
	done    chan struct{} // closed when draining: nobody lingers any more
	once    sync.Once
}

func newWakes(waker Waker, log *slog.Logger) *wakes {
	return &wakes{waker: waker, log: log, again: map[string]bool{}, done: make(chan struct{})}
}

// source has a source woken, without keeping its caller. ctx lends its values alone: the
// request is answered before the wake is sent.
func (w *wakes) source(ctx context.Context, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, running := w.again[name]; running {
		w.again[name] = true
		return
	}
	w.again[name] = false
	w.running.Go(func() { w.send(context.WithoutCancel(ctx), name) })
}

func (w *wakes) send(ctx context.Context, name string) {
	for {
		once, cancel := context.WithTimeout(ctx, wakeTimeout)
		err := w.waker.WakeSource(once, name)
		cancel()
		if err != nil {
			w.log.Warn("waking the ingest of a source; the sweep will", "source", name, "error", err)
		}
		linger := time.NewTimer(wakeLinger)
		select {
		case <-linger.C:
		case <-w.done:
			linger.Stop()
		}
		w.mu.Lock()
		if !w.again[name] {
			delete(w.again, name)
			w.mu.Unlock()
			return
		}
		w.again[name] = false
		w.mu.Unlock()
	}
}

// drain waits until every wake that is owed has been sent, or ctx ends.
func (w *wakes) drain(ctx context.Context) error {
	w.once.Do(func() { close(w.done) })
	all := make(chan struct{})
	go func() { w.running.Wait(); close(all) }()
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "sending the wakes that are owed")
	}
}
