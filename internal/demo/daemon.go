package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/fault"
)

// daemon is a `quell dev` of the demo's own: the real binary, with a configuration made
// for the story.
type daemon struct {
	cmd    *exec.Cmd
	exited chan error
	client *apiclient.Client
	URL    string `json:"url"`
	Token  string `json:"token"`
	UI     string `json:"ui"`
}

// prepare writes the configuration, the webhook token and the templates into dir.
func prepare(dir string) error {
	templates := filepath.Join(dir, "templates")
	if err := os.MkdirAll(templates, 0o700); err != nil {
		return fault.New(fault.Internal, "making the demo's folders: %w", err)
	}
	err := fs.WalkDir(files, "templates", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(templates, filepath.Base(path)), body, 0o600)
	})
	if err != nil {
		return fault.New(fault.Internal, "writing the demo's templates: %w", err)
	}
	token := filepath.Join(dir, "webhook.token")
	for path, text := range map[string]string{filepath.Join(dir, "demo.yaml"): configuration(token), token: hookToken} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return fault.New(fault.Internal, "writing the demo's configuration: %w", err)
		}
	}
	return nil
}

// startDaemon runs the binary and waits until it answers.
func startDaemon(ctx context.Context, binary, dir string, log io.Writer) (*daemon, error) {
	d := &daemon{exited: make(chan error, 1)}
	d.cmd = exec.CommandContext(ctx, binary, "dev", "--dir", dir, "--config", filepath.Join(dir, "demo.yaml")) //nolint:gosec // our own binary
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.Cancel = func() error { return d.cmd.Process.Signal(syscall.SIGTERM) }
	d.cmd.WaitDelay = 30 * time.Second
	info := filepath.Join(dir, "dev.json")
	if err := os.Remove(info); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Internal, "preparing the demo: %w", err)
	}
	if err := d.cmd.Start(); err != nil {
		return nil, fault.New(fault.Internal, "starting quell dev: %w", err)
	}
	go func() { d.exited <- d.cmd.Wait() }()
	err := until(ctx, time.Minute, "quell dev to start", func(context.Context) (bool, error) {
		select {
		case err := <-d.exited:
			return false, fault.New(fault.Unavailable, "quell dev ended at once: %w", err)
		default:
		}
		raw, err := os.ReadFile(info)
		if err != nil {
			return false, nil //nolint:nilerr // it isn't there yet
		}
		return true, json.Unmarshal(raw, d)
	})
	if err != nil {
		return nil, errors.Join(err, d.stop())
	}
	d.client, err = apiclient.New(apiclient.Options{URL: d.URL, Token: d.Token, Agent: "quell-demo"})
	return d, err
}

// stop ends the daemon as Ctrl-C would.
func (d *daemon) stop() error {
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		return nil //nolint:nilerr // it has ended already
	}
	select {
	case err := <-d.exited:
		return err
	case <-time.After(time.Minute):
		return errors.Join(fault.New(fault.Unavailable, "quell dev does not end"), d.cmd.Process.Kill())
	}
}

// until asks again and again whether something has come about. It is how the story waits
// for what others do; an error ends the wait.
func until(ctx context.Context, patience time.Duration, what string, ask func(ctx context.Context) (bool, error)) error {
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
