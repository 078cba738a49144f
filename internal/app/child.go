package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// child is a process that belongs to this one and ends with it, however this one ends.
type child struct {
	name   string
	cmd    *exec.Cmd
	record string // file that remembers its process ID for the next start
	done   chan struct{}
	err    error // how it ended; read after done is closed
}

// startChild runs a program whose output goes to a log file. Its environment is given
// whole: nothing of ours is inherited.
func startChild(name string, dir string, env []string, program string, args ...string) (*child, error) {
	record := filepath.Join(dir, name+".pid")
	endOrphan(record, program)
	out, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fault.New(fault.Internal, "opening the log of %s: %w", name, err)
	}
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // a program of ours, found by us; ended by stop, not by a context
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, dir
	cmd.Env = append([]string{}, env...) // never nil, which would mean ours
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fault.New(fault.Internal, "starting %s: %w", name, err), out.Close())
	}
	c := &child{name: name, cmd: cmd, record: record, done: make(chan struct{})}
	if err := os.WriteFile(record, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return nil, errors.Join(fault.New(fault.Internal, "remembering the process of %s: %w", name, err), c.kill())
	}
	go func() {
		c.err = errors.Join(cmd.Wait(), out.Close())
		close(c.done)
	}()
	return c, nil
}

// stop asks the child to end, and makes it after a while.
func (c *child) stop(patience time.Duration, log *slog.Logger) {
	if err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		log.Warn("asking a child to end failed", "child", c.name, "error", err)
	}
	select {
	case <-c.done:
	case <-time.After(patience):
		log.Warn("a child did not end in time and is killed", "child", c.name)
		if err := c.kill(); err != nil {
			log.Warn("killing a child failed", "child", c.name, "error", err)
		}
		<-c.done
	}
	if err := os.Remove(c.record); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn("forgetting a child failed", "child", c.name, "error", err)
	}
}

func (c *child) kill() error {
	err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// endOrphan ends a child that outlived a quell that was killed: where the system can't tie
// a child's life to its parent's, its port and files would be taken. Only a process that
// still runs the same program is touched.
func endOrphan(record, program string) {
	text, err := os.ReadFile(record) // our own file
	if err != nil {
		return // there is none
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return // it is gone, or this system doesn't tell
	}
	if wanted, err := filepath.EvalSymlinks(program); err != nil || exe != wanted {
		return
	}
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil {
		return // gone in between
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 100 { // it was killed: the system needs a moment, not long
		if syscall.Kill(pid, 0) != nil {
			return
		}
		<-tick.C
	}
}

// lastLines gives the end of a child's log, to show why it died.
func (c *child) lastLines(dir string) string {
	f, err := os.Open(filepath.Join(dir, c.name+".log"))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // it was only read
	const tail = 2 << 10
	if size, err := f.Seek(0, io.SeekEnd); err == nil && size > tail {
		if _, err := f.Seek(-tail, io.SeekEnd); err != nil {
			return ""
		}
	} else if _, err := f.Seek(0, io.SeekStart); err != nil {
		return ""
	}
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// waitFor polls until ready, the child's death, or the context's end.
func (c *child) waitFor(ctx context.Context, dir string, ready func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.done:
			return fault.New(fault.Unavailable, "starting %s: it ended at once: %w\n%s", c.name, errors.Join(c.err, err), c.lastLines(dir))
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "waiting for %s: %w", c.name, errors.Join(err, ctx.Err()))
		case <-tick.C:
		}
	}
}
