package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// wall keeps one probe's connections on one address. Every socket that the probe or the
// engine opens passes admit just before it connects, when its real address is known: no
// name, redirect or template can lead elsewhere. It also keeps the rate.
type wall struct {
	addr   netip.Addr
	allows func(port int) error // the rules of engagement for a port of addr
	pace   *pacer

	mu      sync.Mutex
	shut    bool
	dialled []string // addresses that were dialled, in order
	strays  []string // addresses and names that something wanted to reach and must not
}

func (w *wall) dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAlive: -1, ControlContext: w.admit}
}

// dial connects to a port of the pinned address, whatever host the caller names.
func (w *wall) dial(ctx context.Context, hostport string, timeout time.Duration) (net.Conn, error) {
	_, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	return w.dialer(timeout).DialContext(ctx, "tcp", net.JoinHostPort(w.addr.String(), port))
}

// admit implements net.Dialer.ControlContext.
func (w *wall) admit(ctx context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dialling %s: %w", address, err)
	}
	if (network != "tcp4" && network != "tcp6") || to.Addr().Unmap() != w.addr {
		w.stray(address)
		return fmt.Errorf("dialling %s: off target, this probe is pinned to %s", address, w.addr)
	}
	if err := w.allows(int(to.Port())); err != nil {
		w.stray(address)
		return err
	}
	if err := w.pace.wait(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut {
		return fmt.Errorf("dialling %s: the probe is over", address)
	}
	if !slices.Contains(w.dialled, to.String()) {
		w.dialled = append(w.dialled, to.String())
	}
	return nil
}

// stray notes what was refused: it makes an answer that rests on it inconclusive.
func (w *wall) stray(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const enough = 16
	if !slices.Contains(w.strays, what) && len(w.strays) < enough {
		w.strays = append(w.strays, what)
	}
}

// strayed lists what was refused so far.
func (w *wall) strayed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.strays)
}

// reached is the last address that was dialled.
func (w *wall) reached() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dialled) == 0 {
		return ""
	}
	return w.dialled[len(w.dialled)-1]
}

// close lets no further connection through: an engine that outlives its probe is mute.
func (w *wall) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut = true
}

// host is what the probe remembers of an address: one probe at a time, at a rate.
type host struct {
	turn chan struct{} // holds one token
	pace *pacer
}

// hosts finds the host of an address.
type hosts struct {
	mu  sync.Mutex
	all map[netip.Addr]*host
}

func (h *hosts) of(addr netip.Addr) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[netip.Addr]*host{}
	}
	found := h.all[addr]
	if found == nil {
		found = &host{turn: make(chan struct{}, 1), pace: &pacer{}}
		h.all[addr] = found
	}
	return found
}

// take waits for the host's turn; release gives it back.
func (h *host) take(ctx context.Context) error {
	select {
	case h.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *host) release() { <-h.turn }

// pacer spaces requests evenly: no bursts.
type pacer struct {
	mu   sync.Mutex
	gap  time.Duration
	next time.Time
}

// setRate sets the rate for the probe that has the turn, in requests a second.
func (p *pacer) setRate(rate float64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gap = time.Duration(float64(time.Second) / rate)
	return p.gap
}

func (p *pacer) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	at := now
	if p.next.After(at) {
		at = p.next
	}
	p.next = at.Add(p.gap)
	p.mu.Unlock()
	if !at.After(now) {
		return ctx.Err()
	}
	timer := time.NewTimer(at.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
