package weakapp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// ClusterEnvPath is where the object store of CVE-2023-28432 checked, without asking who
// was calling, that its nodes agree. It answers POST.
const ClusterEnvPath = "/minio/bootstrap/v1/verify"

// clusterEnv has the shape of that store's answer, with values that say they are fake.
const clusterEnv = `{"MinioEndpoints":[{"Legacy":false,"SetCount":1,"DrivesPerSet":4}],` +
	`"MinioEnv":{"MINIO_ROOT_USER":"fake-root","MINIO_ROOT_PASSWORD":"not-a-real-password",` +
	`"MINIO_VOLUMES":"/srv/files{1...4}"}}` + "\n"

func (a *App) filesHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		page(w, http.StatusOK, "File store", `<p>The store is up.</p>`)
	})
	mux.HandleFunc("POST "+ClusterEnvPath, func(w http.ResponseWriter, r *http.Request) {
		if !a.weak.on(ClusterEnv) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, clusterEnv)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", serverName)
		protect(w)
		mux.ServeHTTP(w, r)
	})
}

// ConsoleBanner is the first line that the debug console sends to whoever connects.
const ConsoleBanner = "filestore debug console, no password set"

// consoleIdle ends a console connection that says nothing.
const consoleIdle = 15 * time.Second

// console is a TCP listener that can be closed and opened again on the same port.
type console struct {
	mu      sync.Mutex
	addr    net.Addr
	ln      net.Listener // nil while the port is closed
	conns   map[net.Conn]struct{}
	serving sync.WaitGroup
	shutOff bool // for good
}

// openConsole binds the port even when the console starts switched off, to learn which
// port it is when any free one will do, and closes it again then.
func openConsole(ctx context.Context, address string, on bool) (*console, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("starting the debug console: %w", err)
	}
	c := &console{addr: ln.Addr(), conns: map[net.Conn]struct{}{}}
	if !on {
		return c, ln.Close()
	}
	c.serve(ln)
	return c, nil
}

func (c *console) address() string { return c.addr.String() }

func (c *console) set(on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shutOff {
		return errors.New("switching the debug console: the app is closed")
	}
	if on == (c.ln != nil) {
		return nil
	}
	if !on {
		return c.closeLocked()
	}
	// Listening on a literal address does not wait, so there is nothing for a context to end.
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", c.addr.String())
	if err != nil {
		return fmt.Errorf("reopening the debug console: %w", err)
	}
	c.serve(ln)
	return nil
}

// serve is called with the lock held, or before anyone else knows the console.
func (c *console) serve(ln net.Listener) {
	c.ln = ln
	c.serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if !c.add(ln, conn) {
				_ = conn.Close()
				return
			}
			c.serving.Go(func() { c.talk(conn) })
		}
	})
}

// add remembers a connection, unless its listener was closed while it was accepted.
func (c *console) add(ln net.Listener, conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ln != ln {
		return false
	}
	c.conns[conn] = struct{}{}
	return true
}

func (c *console) talk(conn net.Conn) {
	defer func() {
		c.mu.Lock()
		delete(c.conns, conn)
		c.mu.Unlock()
		_ = conn.Close()
	}()
	if _, err := io.WriteString(conn, ConsoleBanner+"\r\n"); err != nil {
		return
	}
	lines := bufio.NewScanner(conn)
	for conn.SetReadDeadline(time.Now().Add(consoleIdle)) == nil && lines.Scan() {
		reply := "unknown command; try status"
		if lines.Text() == "status" {
			reply = "4 drives online"
		}
		if _, err := io.WriteString(conn, reply+"\r\n"); err != nil {
			return
		}
	}
}

// closeLocked closes the port and what is connected to it.
func (c *console) closeLocked() error {
	if c.ln == nil {
		return nil
	}
	err := c.ln.Close()
	c.ln = nil
	for conn := range c.conns {
		_ = conn.Close()
	}
	return err
}

// shut closes the console for good and waits for its goroutines.
func (c *console) shut() error {
	c.mu.Lock()
	c.shutOff = true
	err := c.closeLocked()
	c.mu.Unlock()
	c.serving.Wait()
	return err
}
