package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/quellsec/quell/internal/lifecycle"
)

// devServer is a Temporal dev server of the benchmark's own, as `quell dev` starts it.
type devServer struct {
	cmd                *exec.Cmd
	address, namespace string
}

// findTemporal looks where make has put it, then on PATH.
func findTemporal() (string, error) {
	if path, err := filepath.Abs(filepath.Join("bin", "temporal")); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("temporal")
	if err != nil {
		return "", fmt.Errorf("finding the temporal command (run make tools): %w", err)
	}
	return path, nil
}

func startTemporal(ctx context.Context, dir string) (*devServer, error) {
	program, err := findTemporal()
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("looking for a free port: %w", err)
	}
	address := l.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err := errors.Join(err, l.Close()); err != nil {
		return nil, fmt.Errorf("looking for a free port: %w", err)
	}
	args := []string{"server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", port, "--namespace", "quell", "--log-level", "error",
		"--db-filename", filepath.Join(dir, "temporal.db"), "--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"}
	for name, kind := range lifecycle.SearchAttributeTypes() {
		args = append(args, "--search-attribute", name+"="+kind.String())
	}
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // our own pinned tool; ended by stop
	cmd.Env = []string{"HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting temporal on port %s: %w", strconv.Quote(port), err)
	}
	s := &devServer{cmd: cmd, address: address, namespace: "quell"}
	if err := s.wait(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// wait returns once the namespace answers.
func (s *devServer) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		c, err := client.NewNamespaceClient(client.Options{HostPort: s.address})
		if err == nil {
			_, err = c.Describe(ctx, s.namespace)
			c.Close()
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for temporal: %w", errors.Join(err, ctx.Err()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stop ends the server. It holds nothing that anybody needs.
func (s *devServer) stop() error {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending temporal: %w", err)
	}
	_ = s.cmd.Wait() // it was killed, and says so
	return nil
}
