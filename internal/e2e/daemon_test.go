package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/apiclient"
)

// patience bounds each wait. On an idle machine what is waited for takes a second or two;
// it is less than the minute after which Temporal itself misses a dead worker.
const patience = 45 * time.Second

// binary finds quell, with the programs that it starts beside it, or says how to build them.
func binary(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"quell", "quell-probe", "temporal"} {
		if _, err := os.Stat(filepath.Join(root(t), "bin", program)); err != nil {
			t.Fatalf("bin/%s is missing: run make build bin/temporal", program)
		}
	}
	return filepath.Join(root(t), "bin", "quell")
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "there is no go.mod above the test")
		dir = filepath.Dir(dir)
	}
}

// daemon is a `quell dev` with a data directory of its own. It may live several times.
type daemon struct {
	t      *testing.T
	dir    string // data directory
	out    string // file with the standard output of all its lives
	log    string // file with the standard error of all its lives
	cmd    *exec.Cmd
	exited chan struct{}
	info   devInfo
	api    *apiclient.Client
}

// devInfo is what quell dev leaves in its data directory.
type devInfo struct {
	URL      string `json:"url"`
	Token    string `json:"token"`
	Temporal string `json:"temporal"`
	PID      int    `json:"pid"`
}

// newDaemon starts a daemon in a new directory, with the demo's templates. Whatever the
// test does, none of its processes outlives it.
func newDaemon(t *testing.T) *daemon {
	t.Helper()
	return newDaemonWith(t, func(dir string) string {
		token := filepath.Join(dir, "webhook.token")
		require.NoError(t, os.WriteFile(token, []byte(hookToken), 0o600))
		return configuration(token)
	})
}

// newDaemonWith starts a daemon with a configuration that is made in its directory.
func newDaemonWith(t *testing.T, configured func(dir string) string) *daemon {
	t.Helper()
	logs := t.TempDir()
	d := &daemon{t: t, dir: t.TempDir(), out: filepath.Join(logs, "stdout"), log: filepath.Join(logs, "stderr")}
	templates := filepath.Join(d.dir, "templates")
	require.NoError(t, os.CopyFS(templates, os.DirFS(filepath.Join(root(t), "internal", "demo", "templates"))))
	require.NoError(t, os.WriteFile(filepath.Join(d.dir, "quell.yaml"), []byte(configured(d.dir)), 0o600))
	t.Cleanup(d.end)
	d.start()
	return d
}

// in is the same daemon for a test within the test.
func (d *daemon) in(t *testing.T) *daemon {
	t.Helper()
	inner := *d
	inner.t = t
	return &inner
}

// start begins a life and waits until it answers.
func (d *daemon) start() {
	d.t.Helper()
	info := filepath.Join(d.dir, "dev.json")
	if err := os.Remove(info); !errors.Is(err, os.ErrNotExist) {
		require.NoError(d.t, err)
	}
	port := func() string { return strconv.Itoa(freePort(d.t)) }
	d.cmd = exec.Command(binary(d.t), "dev", "--dir", d.dir, "--port", port(), "--temporal-port", port(), "--ui-port", port()) //nolint:noctx // ended by stop, kill or end
	d.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir}
	d.cmd.Stdout, d.cmd.Stderr = d.appendTo(d.out), d.appendTo(d.log)
	require.NoError(d.t, d.cmd.Start())
	exited := make(chan struct{})
	d.exited = exited
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // how it ended is read from its state
		close(exited)
	}(d.cmd)
	d.until("quell dev to start", func() bool {
		select {
		case <-d.exited:
			d.t.Fatalf("quell dev ended at once: %s\n%s", d.cmd.ProcessState, d.tail())
		default:
		}
		raw, err := os.ReadFile(info)
		return err == nil && json.Unmarshal(raw, &d.info) == nil && d.info.PID == d.cmd.Process.Pid
	})
	var err error
	d.api, err = apiclient.New(apiclient.Options{URL: d.info.URL, Token: d.info.Token, Agent: "quell-e2e"})
	require.NoError(d.t, err)
}

func (d *daemon) appendTo(path string) *os.File {
	d.t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = f.Close() }) // the daemon has written it
	return f
}

// stop ends a life as Ctrl-C does, and wants it to end well.
func (d *daemon) stop() {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Signal(os.Interrupt))
	select {
	case <-d.exited:
	case <-time.After(patience):
		d.t.Fatalf("quell dev does not end\n%s", d.tail())
	}
	require.Zero(d.t, d.cmd.ProcessState.ExitCode(), "quell dev ended with %s\n%s", d.cmd.ProcessState, d.tail())
	d.api.Close()
}

// kill ends a life as a power cut would, as far as the daemon's own process goes.
func (d *daemon) kill() {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Kill())
	<-d.exited
	d.api.Close()
}

// end leaves nothing behind, however the test went.
func (d *daemon) end() {
	if d.cmd == nil || d.cmd.Process == nil {
		return
	}
	_ = d.cmd.Process.Signal(os.Interrupt) // it may have ended
	select {
	case <-d.exited:
	case <-time.After(20 * time.Second):
		_ = d.cmd.Process.Kill() // it had its chance
		<-d.exited
	}
	for _, p := range processesOf(d.t, d.dir) {
		_ = syscall.Kill(p.pid, syscall.SIGKILL) // it may end by itself in between
	}
	if d.t.Failed() {
		d.t.Logf("the daemon's log ends so:\n%s", d.tail())
	}
}

// tail is the end of the daemon's log.
func (d *daemon) tail() string {
	raw, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-30):], []byte("\n")))
}

// until asks again and again, and fails the test when what it waits for doesn't come.
func (d *daemon) until(what string, ask func() bool) {
	d.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ask() {
		select {
		case <-deadline:
			d.t.Fatalf("waited %s for %s", patience, what)
		case <-tick.C:
		}
	}
}

// freePort finds a port below those that systems hand out for outgoing connections, so
// that none of the daemon's own takes it before the daemon does.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)) //nolint:noctx // closed on the next line
		if err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("there is no free port")
	return 0
}

// request is a plain HTTP request, as a scanner makes it that knows nothing of quell.
func (d *daemon) request(method, path string, header map[string]string, body []byte) *http.Request {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.info.URL+path, bytes.NewReader(body))
	require.NoError(d.t, err)
	for name, value := range header {
		req.Header.Set(name, value)
	}
	return req
}

// answer is what a request was answered with.
type answer struct {
	status int
	kind   string // media type
	body   []byte
}

// call makes a request and reads its answer. It may be called from any goroutine.
func call(req *http.Request) (answer, error) {
	res, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, kind: res.Header.Get("Content-Type"), body: body}, errors.Join(err, res.Body.Close())
}

// send makes a request and wants an answer, be it a refusal.
func (d *daemon) send(method, path string, header map[string]string, body []byte) answer {
	d.t.Helper()
	got, err := call(d.request(method, path, header, body))
	require.NoError(d.t, err)
	return got
}
