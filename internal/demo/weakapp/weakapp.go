// Package weakapp is a small web application that is weak on purpose, for the demo and
// the end-to-end test to scan, probe, repair and probe again.
//
// It plays two hosts, which are two loopback addresses: a web portal with a plain and a
// TLS port, and a file store with an HTTP port and a debug console. Each weakness is a
// switch that can be turned at run time. Nothing in it is real: no secret, no user, no
// archive. It listens on loopback alone and refuses any other address.
package weakapp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// The fixed addresses. The kept reports were taken there, and a re-test goes to where a
// report says the weakness was, so the demo must listen on the same ones. The ports are
// uncommon ones below the range that systems hand out for outgoing connections. Linux
// answers on all of 127.0.0.0/8; elsewhere FilesHost may first need an alias.
const (
	PortalHost = "127.0.0.1"
	FilesHost  = "127.0.0.2"

	PortalPort    = 18081 // the portal, plain HTTP
	PortalTLSPort = 18443 // the portal's TLS port
	FilesPort     = 18082 // the file store, plain HTTP
	ConsolePort   = 18083 // the file store's debug console, plain TCP
)

// Options say where the app listens and how weak it starts.
type Options struct {
	// The four listeners, each as address:port. Port 0 takes a free one.
	Portal, PortalTLS, Files, Console string
	// Off lists what is switched off from the start; everything else is on.
	Off []Weakness
	// Log receives what the HTTP servers complain about; nil discards it.
	Log *slog.Logger
}

// Fixed gives the addresses that the kept reports name.
func Fixed() Options {
	at := func(host string, port uint16) string {
		return netip.AddrPortFrom(netip.MustParseAddr(host), port).String()
	}
	return Options{
		Portal:    at(PortalHost, PortalPort),
		PortalTLS: at(PortalHost, PortalTLSPort),
		Files:     at(FilesHost, FilesPort),
		Console:   at(FilesHost, ConsolePort),
	}
}

// Ephemeral gives free ports on the same two hosts, for tests.
func Ephemeral() Options {
	return Options{
		Portal: PortalHost + ":0", PortalTLS: PortalHost + ":0",
		Files: FilesHost + ":0", Console: FilesHost + ":0",
	}
}

// App is the running application. Its methods may be called from any goroutine.
type App struct {
	portal, portalTLS, files net.Addr
	console                  *console

	weak     *switches
	password string // what the administrator's password is once it is no default
	session  string // the only session cookie there is

	servers []*http.Server
	serving sync.WaitGroup
	close   func() error
	stop    func() bool // detaches the app from its context
}

// Start listens on all four ports and serves until ctx ends or Close is called. It
// fails, with nothing left listening, if an address is not a literal loopback address or
// a port is taken.
func Start(ctx context.Context, opts Options) (*App, error) {
	for _, address := range []string{opts.Portal, opts.PortalTLS, opts.Files, opts.Console} {
		if err := loopback(address); err != nil {
			return nil, err
		}
	}
	weak, err := newSwitches(opts.Off)
	if err != nil {
		return nil, err
	}
	a := &App{weak: weak, password: rand.Text(), session: rand.Text()}
	a.close = sync.OnceValue(a.shut)
	if err := a.listen(ctx, opts); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.stop = context.AfterFunc(ctx, func() { _ = a.close() })
	return a, nil
}

// loopback refuses everything but a literal loopback address. Names are refused too: a
// name can be made to resolve to an address that others can reach.
func loopback(address string) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("listening on %q: want a loopback address and a port: %w", address, err)
	}
	if !parsed.Addr().IsLoopback() {
		return fmt.Errorf("listening on %q: the weak app must not be reachable from elsewhere, want a loopback address", address)
	}
	return nil
}

func (a *App) listen(ctx context.Context, opts Options) error {
	logger := log.New(io.Discard, "", 0)
	if opts.Log != nil {
		logger = slog.NewLogLogger(opts.Log.Handler(), slog.LevelDebug)
	}
	certs, err := newCertificates(opts.PortalTLS)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	for _, part := range []struct {
		address string
		bound   *net.Addr
		handler http.Handler
		wrap    func(net.Listener) net.Listener
	}{
		{opts.Portal, &a.portal, a.portalHandler(), nil},
		{opts.PortalTLS, &a.portalTLS, gatewayHandler(), certs.listener(a.weak)},
		{opts.Files, &a.files, a.filesHandler(), nil},
	} {
		ln, err := config.Listen(ctx, "tcp", part.address)
		if err != nil {
			return fmt.Errorf("starting the weak app: %w", err)
		}
		*part.bound = ln.Addr()
		if part.wrap != nil {
			ln = part.wrap(ln)
		}
		server := &http.Server{Handler: part.handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: logger}
		a.servers = append(a.servers, server)
		a.serving.Go(func() { _ = server.Serve(ln) })
	}
	a.console, err = openConsole(ctx, opts.Console, a.weak.on(DebugConsole))
	return err
}

// Set switches a weakness on or off. It fails for a weakness that the app does not have,
// and when the console's port, closed before, has been taken meanwhile.
func (a *App) Set(w Weakness, on bool) error {
	if err := w.check(); err != nil {
		return err
	}
	if w == DebugConsole {
		if err := a.console.set(on); err != nil {
			return err
		}
	}
	a.weak.set(w, on)
	return nil
}

// On reports whether a weakness is switched on.
func (a *App) On(w Weakness) bool { return a.weak.on(w) }

// PortalURL is the portal's plain address, without a slash at the end.
func (a *App) PortalURL() string { return "http://" + a.portal.String() }

// PortalTLSURL is the address of the portal's TLS port, without a slash at the end.
func (a *App) PortalTLSURL() string { return "https://" + a.portalTLS.String() }

// FilesURL is the file store's address, without a slash at the end.
func (a *App) FilesURL() string { return "http://" + a.files.String() }

// ConsoleAddr is the address:port of the debug console, open or not.
func (a *App) ConsoleAddr() string { return a.console.address() }

// Close stops listening, drops open connections and waits for what was serving them.
// Closing twice is harmless.
func (a *App) Close() error {
	if a.stop != nil {
		a.stop()
	}
	return a.close()
}

func (a *App) shut() error {
	var errs []error
	for _, server := range a.servers {
		errs = append(errs, server.Close())
	}
	if a.console != nil {
		errs = append(errs, a.console.shut())
	}
	a.serving.Wait()
	return errors.Join(errs...)
}

// switches hold which weaknesses are on.
type switches struct {
	mu    sync.RWMutex
	state map[Weakness]bool
}

func newSwitches(off []Weakness) (*switches, error) {
	s := &switches{state: map[Weakness]bool{}}
	for _, w := range All() {
		s.state[w] = true
	}
	for _, w := range off {
		if err := w.check(); err != nil {
			return nil, err
		}
		s.state[w] = false
	}
	return s, nil
}

func (s *switches) on(w Weakness) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state[w]
}

func (s *switches) set(w Weakness, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state[w] = on
}
