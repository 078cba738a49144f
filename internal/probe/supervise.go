package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// The exit codes of quell-probe. ExitRecycle is only ever the child's.
const (
	ExitOK      = 0
	ExitFailed  = 1
	ExitUsage   = 2
	ExitRecycle = 75 // enough probes made: start a fresh process
	ExitConfig  = 78 // the configuration is wrong: starting again won't help
)

// ExitCode is the code that a child ends with after Work or Child.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, ErrRecycle):
		return ExitRecycle
	case fault.Is(err, fault.Invalid):
		return ExitConfig
	}
	return ExitFailed
}

// Child runs the probing process: its configuration is one line of JSON on stdin, which
// the supervisor keeps open for as long as it lives. The end of stdin is the end of the
// supervisor, and ends the child as a signal does.
func Child(ctx context.Context, stdin io.Reader, log *slog.Logger) error {
	for _, variable := range os.Environ() {
		if !allowedVariable(variable) {
			return fault.New(fault.Invalid, "starting a probe: its environment is not empty; quell-probe starts it")
		}
	}
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "reading the configuration from the supervisor")
	}
	var c Config
	if err := json.Unmarshal(line, &c); err != nil {
		return fault.Wrap(fault.Invalid, err, "reading the configuration from the supervisor")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in) // however it ends, the supervisor is gone
		cancel()
	}()
	return Work(ctx, c, log)
}

// environment is all that a child sees: no PATH, and a home of its own.
func environment(home string) []string {
	return []string{"HOME=" + home, "TMPDIR=" + home, "PATH="}
}

func allowedVariable(variable string) bool {
	for _, name := range []string{"HOME=", "TMPDIR=", "PATH="} {
		if len(variable) >= len(name) && variable[:len(name)] == name {
			return name != "PATH=" || variable == name
		}
	}
	return false
}

// Supervisor keeps one child running: a fresh one when the last has made its probes, and
// after a growing pause when it failed.
type Supervisor struct {
	Config Config // validated
	Binary string
	Args   []string // that make the binary a child
	Stderr io.Writer
	Log    *slog.Logger

	leastPause, maxPause, healthy time.Duration // zero: a second, half a minute, a minute
}

// Run supervises until the context ends, and then gives the child Config.Drain to end.
// It returns nil then, and an error of kind invalid if the configuration is at fault.
func (s *Supervisor) Run(ctx context.Context) error {
	debug.FreeOSMemory() // the engine's packages fill tables as they load, which a supervisor has no use for
	const leastPause, maxPause, healthy = time.Second, 30 * time.Second, time.Minute
	least, longest := orElse(s.leastPause, leastPause), orElse(s.maxPause, maxPause)
	pause := least
	for ctx.Err() == nil {
		started := time.Now()
		code, err := s.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // told to stop: however the child ended, that was it
		case err != nil:
			return err
		case code == ExitConfig || code == ExitUsage:
			return fault.New(fault.Invalid, "running the probe: its configuration is wrong; see the messages above")
		case code == ExitRecycle:
			s.Log.InfoContext(ctx, "probe recycled", "after", time.Since(started).Round(time.Second).String())
			pause = least
			continue
		}
		if time.Since(started) > orElse(s.healthy, healthy) {
			pause = least
		}
		s.Log.ErrorContext(ctx, "probe ended", "code", code, "restarting_in", pause.String())
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, longest)
	}
	return nil
}

// once runs one child to its end and gives its exit code; -1 after a signal.
func (s *Supervisor) once(ctx context.Context) (int, error) {
	home, err := s.Config.home()
	if err != nil {
		return 0, err
	}
	line, err := json.Marshal(s.Config)
	if err != nil {
		return 0, fault.Wrap(fault.Internal, err, "writing the child's configuration")
	}
	// Not CommandContext with a kill: a child that is told to stop ends its probes first.
	cmd := exec.CommandContext(ctx, s.Binary, s.Args...) //nolint:gosec // the binary is this one
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	const slack = 15 * time.Second
	cmd.WaitDelay = s.Config.Drain + slack
	cmd.Env = environment(home)
	cmd.Dir = home
	cmd.Stdout, cmd.Stderr = s.Stderr, s.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the supervisor, which passes it on
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, fault.Wrap(fault.Internal, err, "starting the child")
	}
	if err := cmd.Start(); err != nil {
		return 0, fault.Wrap(fault.Internal, err, "starting the child")
	}
	if _, err := fmt.Fprintf(stdin, "%s\n", line); err != nil { // it has ended already, and its code says why
		s.Log.DebugContext(ctx, "child did not read its configuration", "error", err)
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		return 0, fault.Wrap(fault.Internal, err, "waiting for the child")
	}
	return cmd.ProcessState.ExitCode(), nil
}

// StopSignals is a context that ends with the first SIGTERM or SIGINT.
func StopSignals(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
}
