// Package daemon runs a real quell dev, with its probe and its Temporal, for whoever lives
// through something with it: the demo, and the chaos that kills its processes.
package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/fault"
)

// Options say what to run.
type Options struct {
	Binary string    // path of quell
	Dir    string    // data directory
	Config string    // path of its quell.yaml; empty: the one in Dir
	Args   []string  // more of quell dev's flags
	Env    []string  // of the process; nil: ours
	Log    io.Writer // what it prints
	Agent  string    // how our calls of its API call themselves
}

// Daemon is one life of a quell dev.
type Daemon struct {
	cmd    *exec.Cmd
	ending sync.Once // the signal that asks it to end
	exited chan struct{}
	end    error // how it ended; read after exited
	Client *apiclient.Client
	Info
}

// Info is what quell dev says of itself in its data directory.
type Info struct {
	URL      string `json:"url"`
	Token    string `json:"token"`
	UI       string `json:"ui"`
	Temporal string `json:"temporal"`
	Jira     string `json:"jira"`  // of the sandbox; empty: there is none
	Slack    string `json:"slack"` // likewise
	PID      int    `json:"pid"`
}

const (
	startPatience = time.Minute
	stopPatience  = time.Minute
)

// Start runs the binary and waits until it answers.
func Start(ctx context.Context, o Options) (*Daemon, error) {
	d := &Daemon{exited: make(chan struct{})}
	args := []string{"dev", "--dir", o.Dir}
	if o.Config != "" {
		args = append(args, "--config", o.Config)
	}
	d.cmd = exec.CommandContext(ctx, o.Binary, append(args, o.Args...)...) //nolint:gosec // our own binary
	d.cmd.Stdout, d.cmd.Stderr, d.cmd.Env = o.Log, o.Log, o.Env
	info := filepath.Join(o.Dir, "dev.json")
	if err := os.Remove(info); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Internal, "preparing quell dev: %w", err)
	}
	if err := d.launch(); err != nil {
		return nil, fault.New(fault.Internal, "starting quell dev: %w", err)
	}
	err := Until(ctx, startPatience, "quell dev to start", func(context.Context) (bool, error) {
		if d.Ended() {
			return false, fault.New(fault.Conflict, "quell dev ended at once: %w", d.end)
		}
		raw, err := os.ReadFile(info)
		if err != nil {
			return false, nil //nolint:nilerr // it isn't there yet
		}
		return true, json.Unmarshal(raw, &d.Info)
	})
	if err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	d.Client, err = apiclient.New(apiclient.Options{URL: d.URL, Token: d.Token, Agent: o.Agent})
	return d, err
}

// Ended reports whether the process is gone.
func (d *Daemon) Ended() bool {
	select {
	case <-d.exited:
		return true
	default:
		return false
	}
}

// Wait waits until the process is gone, or ctx ends.
func (d *Daemon) Wait(ctx context.Context) error {
	select {
	case <-d.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// launch starts the process in a group of its own: a Ctrl-C is for us, who pass it on.
func (d *Daemon) launch() error {
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	d.cmd.Cancel, d.cmd.WaitDelay = d.interrupt, 30*time.Second
	if err := d.cmd.Start(); err != nil {
		return err
	}
	go func() {
		d.end = d.cmd.Wait()
		close(d.exited)
	}()
	return nil
}

// interrupt asks the process to end, once, whoever wants it to: a second signal would kill
// it while it is ending what it has started itself.
func (d *Daemon) interrupt() (err error) {
	d.ending.Do(func() { err = d.cmd.Process.Signal(os.Interrupt) })
	return err
}

// Stop ends it as Ctrl-C would.
func (d *Daemon) Stop() error {
	if err := d.interrupt(); err != nil {
		return nil //nolint:nilerr // it has ended already
	}
	select {
	case <-d.exited:
		return d.end
	case <-time.After(stopPatience):
		return errors.Join(fault.New(fault.Unavailable, "quell dev does not end"), d.cmd.Process.Kill())
	}
}

// Until asks again and again whether something has come about, ten times a second. An
// error ends the wait, unless it is of kind unavailable.
func Until(ctx context.Context, patience time.Duration, what string, ask func(ctx context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ask(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !fault.Is(err, fault.Unavailable):
			return err
		case done && err == nil:
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}
