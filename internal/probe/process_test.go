package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	updateutils "github.com/projectdiscovery/utils/update"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/secret"
)

// The test binary is also the child of the supervisor's tests: what it does is its
// argument.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		os.Exit(child(os.Args[2], os.Args[3]))
	}
	os.Exit(test(m))
}

// test runs the tests with a place of their own for what the engine leaves behind.
func test(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "quell-probe-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Setenv("TMPDIR", dir); err != nil {
		panic(err)
	}
	stop, err := startFakeDNS()
	if err != nil {
		panic(err)
	}
	defer stop()
	return m.Run()
}

// child appends what it sees to a log and behaves as told.
func child(role, logFile string) int {
	home, _ := os.UserHomeDir()
	info, err := os.Stat(home)
	if err != nil {
		return ExitFailed
	}
	line, _ := json.Marshal(map[string]any{"env": os.Environ(), "mode": info.Mode().Perm().String(), "home": home})
	file, err := os.OpenFile(logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return ExitFailed
	}
	_, _ = file.Write(append(line, '\n'))
	count, _ := os.ReadFile(logFile)
	starts := bytes.Count(count, []byte("\n"))
	switch {
	case role == "recycle" && starts < 3:
		return ExitRecycle
	case role == "fail" && starts < 3:
		return ExitFailed
	case role == "config", role == "recycle", role == "fail":
		return ExitConfig
	}
	ctx, stop := StopSignals(context.Background())
	defer stop()
	_, _ = file.WriteString("waiting\n")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	<-ctx.Done()
	_, _ = file.WriteString("drained\n")
	return ExitOK
}

func supervisor(t *testing.T, role string) (*Supervisor, string) {
	t.Helper()
	logFile := filepath.Join(t.TempDir(), "log")
	c := DefaultConfig()
	c.StateDir = filepath.Join(t.TempDir(), "state")
	c.Drain = time.Minute
	return &Supervisor{Config: c, Binary: os.Args[0], Args: []string{"child", role, logFile}, Stderr: io.Discard,
		Log: slog.New(slog.DiscardHandler), leastPause: time.Millisecond, maxPause: time.Millisecond}, logFile
}

func TestAChildIsReplacedWhenItIsSpentAndWhenItFails(t *testing.T) {
	for _, role := range []string{"recycle", "fail"} {
		s, logFile := supervisor(t, role)
		err := s.Run(t.Context())
		require.True(t, fault.Is(err, fault.Invalid), "the third child ends it: %v", err)
		text, err := os.ReadFile(logFile)
		require.NoError(t, err)
		require.Equal(t, 3, bytes.Count(text, []byte("\n")), role)
	}
}

func TestAChildStartsWithAnEmptyEnvironmentAndAPrivateHome(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "leaked")
	t.Setenv("HTTP_PROXY", "http://leaked")
	s, logFile := supervisor(t, "config")
	require.Error(t, s.Run(t.Context()))
	text, err := os.ReadFile(logFile)
	require.NoError(t, err)
	var saw struct {
		Env  []string
		Mode string
		Home string
	}
	require.NoError(t, json.Unmarshal(text, &saw))
	home := filepath.Join(s.Config.StateDir, "home")
	require.ElementsMatch(t, []string{"HOME=" + home, "TMPDIR=" + home, "PATH="}, saw.Env)
	require.Equal(t, "-rwx------", saw.Mode)
}

func TestASignalDrainsTheChild(t *testing.T) {
	s, logFile := supervisor(t, "wait")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(logFile)
		return strings.Contains(string(text), "waiting")
	}, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	text, err := os.ReadFile(logFile)
	require.NoError(t, err)
	require.Contains(t, string(text), "drained")
}

func TestAChildRefusesAnEnvironmentThatIsNotEmpty(t *testing.T) {
	t.Setenv("SOMETHING", "x")
	err := Child(t.Context(), strings.NewReader("{}\n"), slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "environment")
	require.Equal(t, ExitConfig, ExitCode(err))
}

func TestExitCodesSayWhatToDo(t *testing.T) {
	require.Equal(t, ExitOK, ExitCode(nil))
	require.Equal(t, ExitRecycle, ExitCode(ErrRecycle))
	require.Equal(t, ExitConfig, ExitCode(fault.New(fault.Invalid, "x")))
	require.Equal(t, ExitFailed, ExitCode(fault.New(fault.Unavailable, "x")))
}

type prober func(lifecycle.ProbeRequest) (lifecycle.ProbeResult, error)

func (p prober) Probe(_ context.Context, req lifecycle.ProbeRequest) (lifecycle.ProbeResult, error) {
	return p(req)
}

func TestTheActivityCountsAndOnlyWhatIsInvalidIsNotTriedAgain(t *testing.T) {
	result, failure := lifecycle.ProbeResult{Refused: "no"}, error(nil)
	tasks := &tasks{left: 2, spent: make(chan struct{}), log: slog.New(slog.DiscardHandler),
		prober: prober(func(lifecycle.ProbeRequest) (lifecycle.ProbeResult, error) { return result, failure })}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(tasks.Probe, activity.RegisterOptions{Name: lifecycle.ActivityProbe})
	value, err := env.ExecuteActivity(lifecycle.ActivityProbe, lifecycle.ProbeRequest{})
	require.NoError(t, err)
	var got lifecycle.ProbeResult
	require.NoError(t, value.Get(&got))
	require.Equal(t, "no", got.Refused)
	require.NotPanics(t, func() {
		select {
		case <-tasks.spent:
			t.Fatal("spent too early")
		default:
		}
	})
	var application *temporal.ApplicationError
	failure = fault.New(fault.Invalid, "bad target")
	_, err = env.ExecuteActivity(lifecycle.ActivityProbe, lifecycle.ProbeRequest{})
	require.ErrorAs(t, err, &application)
	require.True(t, application.NonRetryable())
	<-tasks.spent
	failure = fault.New(fault.Unavailable, "down")
	_, err = env.ExecuteActivity(lifecycle.ActivityProbe, lifecycle.ProbeRequest{})
	require.ErrorAs(t, err, &application)
	require.False(t, application.NonRetryable())
}

func TestTheSigningKeyIsMadeOnceForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vantage.key")
	keys := make([]string, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := LoadKey(path)
			if err == nil {
				keys[i] = string(key)
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		require.Equal(t, keys[0], key)
		require.NotEmpty(t, key)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)

	require.NoError(t, os.Chmod(path, 0o604))
	_, err = LoadKey(path)
	require.ErrorContains(t, err, "anybody can read")
	require.NoError(t, os.WriteFile(path, []byte("nonsense"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = LoadKey(path)
	require.True(t, fault.Is(err, fault.Invalid))
}

func TestEvidenceIsPutByItsHashWithTheTokenAndTriedAgain(t *testing.T) {
	var mu sync.Mutex
	var paths []string
	answers := []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusCreated}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		paths = append(paths, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
		w.WriteHeader(answers[0])
		answers = answers[1:]
	}))
	t.Cleanup(server.Close)
	u, err := NewUploader(server.URL+"/base", secret.New("tok"), false)
	require.NoError(t, err)
	u.pause = time.Microsecond
	require.NoError(t, u.Put(t.Context(), "abc", []byte("{}")))
	require.Len(t, paths, 3)
	require.Equal(t, "PUT /base/api/v1/evidence/abc Bearer tok {}", paths[2])

	answers = []int{http.StatusUnauthorized}
	err = u.Put(t.Context(), "abc", nil)
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	require.Empty(t, answers, "a wrong token is not tried again")
	answers = []int{http.StatusFound}
	require.Error(t, u.Put(t.Context(), "abc", nil), "a redirect would take the token elsewhere")
	server.Close()
	err = u.Put(t.Context(), "abc", nil)
	require.True(t, fault.Is(err, fault.Unavailable))
	require.NotContains(t, err.Error(), "tok")
}

func TestATokenIsNotSentInTheClear(t *testing.T) {
	for base, plain := range map[string]bool{"http://quell.example": false, "ftp://quell.example": true, "https://u:p@quell.example": true, "nonsense": true, "": true} {
		_, err := NewUploader(base, secret.New("tok"), plain)
		require.Error(t, err, base)
	}
	for base, plain := range map[string]bool{"http://quell.example": true, "https://quell.example": false, "http://127.0.0.1:8080": false, "http://[::1]:1": false} {
		_, err := NewUploader(base, secret.New("tok"), plain)
		require.NoError(t, err, base)
	}
	_, err := NewUploader("https://quell.example", secret.String{}, false)
	require.Error(t, err)
}

func TestAConfigurationIsReadStrictlyAndEveryProblemIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "probe.yaml")
	require.NoError(t, os.WriteFile(path, []byte("vantage: dc1\ntemplates: [a]\nstate_dir: s\ntimeout: 30s\ntemporal: {address: t:7233}\nevidence: {url: https://q, token_file: t}\n"), 0o600))
	c, err := ReadConfig(path)
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	require.Equal(t, 30*time.Second, c.Timeout)
	require.Equal(t, 200, c.MaxProbes)
	require.True(t, filepath.IsAbs(c.Templates[0]))
	require.Equal(t, filepath.Join(c.StateDir, "vantage.key"), c.KeyFile)

	require.NoError(t, os.WriteFile(path, []byte("vantage: dc1\ntemplate: [a]\n"), 0o600))
	_, err = ReadConfig(path)
	require.ErrorContains(t, err, "template")

	err = (&Config{Vantage: "a b", NameServers: []string{"example"}, Temporal: TemporalConfig{CertFile: "x"}}).Validate()
	require.True(t, fault.Is(err, fault.Invalid))
	for _, problem := range []string{"vantage", "templates", "state_dir", "temporal.address", "evidence.url", "token_file", "go together", "memory_limit", "max_probes", "concurrency", "timeout", "drain", "name_servers"} {
		require.ErrorContains(t, err, problem)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("vantage: dc1\ntemplates: [a]\n"))
	f.Add([]byte("timeout: 1x\n"))
	f.Fuzz(func(_ *testing.T, body []byte) {
		c := DefaultConfig()
		if decodeConfig(body, &c) == nil {
			_ = c.Validate() // must not panic; most are invalid
		}
	})
}

func TestNameServersOfTheSystemAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, os.WriteFile(path, []byte("# x\nsearch a\nnameserver 10.0.0.2\nnameserver ::1\nnameserver fe80::1%eth0\nnameserver x\n"), 0o600))
	require.Equal(t, []string{"10.0.0.2:53", "[::1]:53"}, systemNameServers(path))
	require.Empty(t, systemNameServers(path+".absent"))
}

func TestTheEnginesVersionCheckIsAnsweredFromHere(t *testing.T) {
	newRig(t, nil, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://updates.invalid/", http.NoBody)
	require.NoError(t, err)
	response, err := updateutils.DefaultHttpClient.Do(request)
	require.NoError(t, err, "the name cannot be resolved, so only an answer from here can come back")
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}
