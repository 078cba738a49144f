package chaos

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// line is a network of its own, in memory: HTTP as it is, without the machine's sockets.
type line struct {
	transport *http.Transport
	listeners map[string]*listener // by host
	servers   []*http.Server
}

func newLine() *line {
	l := &line{listeners: map[string]*listener{}}
	l.transport = &http.Transport{MaxIdleConnsPerHost: 4, DisableCompression: true, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		host, _, _ := strings.Cut(address, ":")
		return l.listeners[host].dial(ctx)
	}}
	return l
}

// serve serves a vendor at a host, and gives its address.
func (l *line) serve(host string, h http.Handler) string {
	at := &listener{calls: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: h} //nolint:gosec // nobody is slow in memory
	l.listeners[host], l.servers = at, append(l.servers, s)
	go func() { _ = s.Serve(at) }() // it ends when it is closed
	return "http://" + host
}

func (l *line) close() {
	l.transport.CloseIdleConnections()
	for _, s := range l.servers {
		_ = s.Close() // nobody calls any more
	}
}

// listener accepts what is dialled in memory.
type listener struct {
	calls chan net.Conn
	done  chan struct{}
}

func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.calls <- there:
		return here, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // the client says the rest
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	close(l.done)
	return nil
}

// Addr implements net.Listener.
func (*listener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }
