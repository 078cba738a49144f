package workflows_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/workflows"
)

const namespace = "quell"

// clock is the machine's: on a real server, time is real.
func clock() time.Time { return time.Now() } //nolint:forbidigo // see above

// server is a Temporal dev server of a test's own, on ports of its own.
type server struct {
	address string
	cmd     *exec.Cmd
}

// root is the repository's root.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, parent, dir, "there is no go.mod above the test")
		dir = parent
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

// startServer starts a dev server with an empty store, and more arguments if need be.
func startServer(t *testing.T, more ...string) *server {
	t.Helper()
	bin := filepath.Join(root(t), "bin", "temporal")
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("there is no Temporal server for this test: run make tools (%v)", err)
	}
	port := freePort(t)
	args := make([]string, 0, 64)
	args = append(args, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", port, "--http-port", freePort(t), "--metrics-port", freePort(t),
		"--namespace", namespace, "--log-level", "never", "--db-filename", filepath.Join(t.TempDir(), "temporal.db"),
		"--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=OFF")
	for name, kind := range lifecycle.SearchAttributeTypes() {
		args = append(args, "--search-attribute", name+"="+kind.String())
	}
	args = append(args, more...)
	cmd := exec.Command(bin, args...) //nolint:noctx // it outlives the contexts of the calls that use it, and is stopped below
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	require.NoError(t, cmd.Start())
	s := &server{address: "127.0.0.1:" + port, cmd: cmd}
	t.Cleanup(s.stop)
	return s
}

// stop kills the server, as a crash would.
func (s *server) stop() {
	_ = s.cmd.Process.Kill() // it may be gone already
	_ = s.cmd.Wait()         // killed is what it is
}

// dial connects to the server, waiting until it is up.
func (s *server) dial(t *testing.T, codec converter.PayloadCodec) client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		attempt, stop := context.WithTimeout(ctx, 2*time.Second)
		c, err := lifecycle.Dial(attempt, lifecycle.Options{Address: s.address, Namespace: namespace, Codec: codec, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			_, err = c.DescribeWorkflowExecution(attempt, "none", "") // the namespace is there when this is merely not found
			if err == nil || lifecycle.IsNotFound(err) {
				stop()
				t.Cleanup(c.Close)
				return c
			}
			c.Close()
		}
		stop()
		require.NoError(t, ctx.Err(), "the server does not come up: %v", err)
	}
}

// living is a house on a real server, with workers.
type living struct {
	*house
	temporal client.Client
	client   *lifecycle.Client
	mu       sync.Mutex
	workers  []worker.Worker
	extra    []interceptor.WorkerInterceptor
}

// wakes hands wakes to a client that is made later, and may be changed.
type wakes struct {
	mu sync.Mutex
	to *lifecycle.Client
}

func (w *wakes) client() *lifecycle.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to
}

func (w *wakes) Wake(ctx context.Context, e *exposure.Exposure, why string) error {
	return w.client().Wake(ctx, e, why)
}

func (w *wakes) WakeRemediation(ctx context.Context, id, why string) error {
	return w.client().WakeRemediation(ctx, id, why)
}

func (w *wakes) WakeSource(ctx context.Context, source string) error {
	return w.client().WakeSource(ctx, source)
}

func (w *wakes) StartSource(ctx context.Context, source string) error {
	return w.client().StartSource(ctx, source)
}

func (w *wakes) WakeCampaign(ctx context.Context, id, reason string) error {
	return w.client().WakeCampaign(ctx, id, reason)
}

func (w *wakes) WakeRun(ctx context.Context, run, reason string) error {
	return w.client().WakeRun(ctx, run, reason)
}

// live makes a house on a server.
func live(t *testing.T, s *server, codec converter.PayloadCodec, extra ...interceptor.WorkerInterceptor) *living {
	t.Helper()
	w := &wakes{}
	l := &living{house: newHouse(t, clock, w), extra: extra}
	l.connect(s, w, codec)
	t.Cleanup(l.stopWorkers)
	return l
}

// connect gives the house a connection to a server, and workers there.
func (l *living) connect(s *server, w *wakes, codec converter.PayloadCodec) {
	l.t.Helper()
	l.temporal = s.dial(l.t, codec)
	l.client = lifecycle.NewClient(l.temporal, l.ledger, l.store, l.now, slog.New(slog.DiscardHandler))
	w.mu.Lock()
	w.to = l.client
	w.mu.Unlock()
	l.startWorkers()
}

func (l *living) startWorkers() {
	l.t.Helper()
	main := worker.New(l.temporal, lifecycle.TaskQueue, worker.Options{Interceptors: l.extra})
	workflows.Register(main)
	activities.Register(main, l.acts)
	probe := worker.New(l.temporal, lifecycle.ProbeQueue("here"), worker.Options{DisableWorkflowWorker: true})
	probe.RegisterActivityWithOptions(l.world.Probe, activity.RegisterOptions{Name: lifecycle.ActivityProbe})
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range []worker.Worker{main, probe} {
		require.NoError(l.t, w.Start())
		l.workers = append(l.workers, w)
	}
}

func (l *living) stopWorkers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.workers {
		w.Stop()
	}
	l.workers = nil
}

// until waits for something to come true.
func (l *living) until(what string, is func() bool) {
	l.t.Helper()
	require.Eventually(l.t, is, 150*time.Second, 50*time.Millisecond, what)
}

func (l *living) isIn(id exposure.ID, want exposure.State) func() bool {
	return func() bool { return l.exposure(id).State == want }
}

// personDone has a person move the ticket to done.
func (l *living) personDone(id exposure.ID) {
	l.t.Helper()
	x := l.ticket(id)
	_, err := l.tracker.Move(l.t.Context(), x.ID, connectors.IssueDone, "bob")
	require.NoError(l.t, err)
	require.NoError(l.t, l.client.WakeRemediation(l.t.Context(), x.Marker, "ticket"))
}

func (l *living) begin(id exposure.ID) {
	l.t.Helper()
	require.NoError(l.t, l.client.WakeExposure(l.t.Context(), id, "admitted"))
}

// stillThereThenFixed is a full lifecycle: validated, ticketed, closed by a person while
// the weakness is still there, reopened with evidence, fixed, closed again, proven.
func (l *living) stillThereThenFixed(id exposure.ID) {
	l.t.Helper()
	l.begin(id)
	l.until("the ticket", func() bool { return l.exposure(id).Ticket != "" })
	l.personDone(id)
	l.until("the ticket reopened with the evidence", func() bool {
		x := l.ticket(id)
		return x.Status == "todo" && len(x.Comments) == 1 && l.exposure(id).State == exposure.Open
	})
	l.world.fix(id)
	l.personDone(id)
	l.until("the proof", l.isIn(id, exposure.Closed))
	l.until("the ticket done", func() bool { return l.remediation(id).Status == lifecycle.RemediationDone })
}

// fullStory is what that lifecycle leaves in the chain.
func fullStory() []string {
	return []string{"discovered>tracked", "admit>validating", "confirmed>open", "ticketed", "claim>fix_claimed", "verify>verifying",
		"confirmed>open", "claim>fix_claimed", "verify>verifying", "refuted>closed"}
}

// requireFullEnd holds the end of that lifecycle to each effect having come once.
func (l *living) requireFullEnd(id exposure.ID, team string) {
	l.t.Helper()
	require.Equal(l.t, fullStory(), l.story(id))
	require.False(l.t, l.exposure(id).Wake)
	x := l.ticket(id)
	require.Equal(l.t, "done", x.Status)
	require.Equal(l.t, x.ID, l.exposure(id).Ticket)
	require.Len(l.t, x.Comments, 2, commentsOf(x))
	of := slices.DeleteFunc(l.tickets(), func(x lifecycle.Ticket) bool { return x.Team != team })
	require.Len(l.t, of, 1)
	require.Equal(l.t, []string{"ticket", "reopened"}, l.messages(team))
}
