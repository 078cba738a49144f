package app

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// devServer is a Temporal dev server with its Web UI, as a child.
type devServer struct {
	*child
	address string
	ui      string
}

// Retention of the dev namespace: the dev server's own default of one day would empty the
// audit view overnight.
const devRetention = 90 * 24 * time.Hour

const devNamespace = "quell"

// findProgram looks for a program beside this one, then on PATH.
func findProgram(name, help string) (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	if found, err := exec.LookPath(name); err == nil {
		return filepath.Abs(found)
	}
	return "", fault.New(fault.NotFound, "finding %s beside quell or on PATH: %s", name, help)
}

// startTemporal starts the dev server on a database file in dir and waits until its
// namespace is ready.
func startTemporal(ctx context.Context, dir string, askedPort, askedUIPort int, log *slog.Logger) (*devServer, error) {
	program, err := findProgram("temporal", "install it with `go install github.com/temporalio/cli/cmd/temporal@v1.5.1`, or run `make tools`")
	if err != nil {
		return nil, err
	}
	port, err := choosePort(askedPort, usualTemporalPort)
	if err != nil {
		return nil, err
	}
	uiPort, err := choosePort(askedUIPort, usualUIPort)
	if err != nil {
		return nil, err
	}
	args := []string{"server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(port), "--ui-ip", "127.0.0.1", "--ui-port", strconv.Itoa(uiPort),
		"--db-filename", filepath.Join(dir, "temporal.db"), "--namespace", devNamespace, "--log-level", "warn",
		"--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"}
	for name, kind := range lifecycle.SearchAttributeTypes() {
		args = append(args, "--search-attribute", name+"="+kind.String())
	}
	// HOME inside dir: the CLI looks for its own configuration there, and nowhere else.
	c, err := startChild("temporal", dir, []string{"HOME=" + dir}, program, args...)
	if err != nil {
		return nil, err
	}
	s := &devServer{child: c, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), ui: "http://127.0.0.1:" + strconv.Itoa(uiPort)}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	if err := c.waitFor(ctx, dir, s.prepare); err != nil {
		c.stop(time.Second, log)
		return nil, err
	}
	return s, nil
}

// prepare succeeds once the namespace answers, and sets its retention.
func (s *devServer) prepare(ctx context.Context) error {
	c, err := client.NewNamespaceClient(client.Options{HostPort: s.address})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := c.Describe(ctx, devNamespace); err != nil {
		return err
	}
	return c.Update(ctx, &workflowservice.UpdateNamespaceRequest{Namespace: devNamespace, Config: &namespace.NamespaceConfig{
		WorkflowExecutionRetentionTtl: durationpb.New(devRetention)}})
}

// choosePort gives the port that was asked for, which must be free; where none was, the
// usual one, or any that is free.
func choosePort(asked, usual int) (int, error) {
	if asked != 0 {
		port, err := tryPort(asked)
		if err != nil {
			return 0, fault.New(fault.Unavailable, "taking port %d, which was asked for: %w", asked, err)
		}
		return port, nil
	}
	if port, err := tryPort(usual); err == nil {
		return port, nil
	}
	port, err := tryPort(0)
	if err != nil {
		return 0, fault.New(fault.Unavailable, "looking for a free port: %w", err)
	}
	return port, nil
}

// tryPort listens for a moment; port zero finds a free one.
func tryPort(port int) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // closed on the next line
	if err != nil {
		return 0, err
	}
	free := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener has a TCP address
	return free, l.Close()
}
