package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// noon is when the tests take place.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// daemon is a fake one: canned answers by method and path, and what it was asked.
type daemon struct {
	*httptest.Server
	mux   *http.ServeMux
	mu    sync.Mutex
	asked []string // "METHOD path?query body"
}

const testToken = "quell_test_token"

func newDaemon(t *testing.T) *daemon {
	t.Helper()
	d := &daemon{mux: http.NewServeMux()}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		d.mu.Lock()
		line := r.Method + " " + r.URL.RequestURI()
		for _, name := range []string{"Idempotency-Key", "If-Match"} {
			if value := r.Header.Get(name); value != "" && len(value) < len(rand.Text()) { // not one that was made up
				line += " " + name + "=" + value
			}
		}
		d.asked = append(d.asked, strings.TrimSpace(line+" "+string(body)))
		d.mu.Unlock()
		if r.URL.Path != "/readyz" && r.Header.Get("Authorization") != "Bearer "+testToken {
			problem(w, http.StatusUnauthorized, "denied", "send a valid token")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		d.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

// answer makes the daemon answer a pattern of http.ServeMux with JSON.
func (d *daemon) answer(pattern, body string) {
	d.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		_, _ = io.WriteString(w, body) // the client sees what is missing
	})
}

func (d *daemon) refuse(pattern string, status int, code, detail string) {
	d.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { problem(w, status, code, detail) })
}

// questions are what the daemon was asked so far.
func (d *daemon) questions() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client sees what is missing
		"type": "urn:quell:problem:" + code, "title": "Refused", "status": status, "code": code, "detail": detail, "instance": "urn:quell:request:r1",
	})
}

// shell is where a command line is run.
type shell struct {
	dir string
	env map[string]string
	in  io.Reader
}

// result is what came of it.
type result struct {
	out, err string
	code     int
}

func newShell(t *testing.T, d *daemon) *shell {
	t.Helper()
	s := &shell{dir: t.TempDir(), env: map[string]string{}}
	if d != nil {
		s.env["QUELL_URL"], s.env["QUELL_TOKEN"] = d.URL, testToken
	}
	return s
}

func (s *shell) run(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	in := s.in
	if in == nil {
		in = strings.NewReader("")
	}
	code := Run(t.Context(), Deps{
		Version: "v1.2.3", In: in, Out: &out, Err: &errs, Dir: s.dir, Now: func() time.Time { return noon },
		Environ: func(name string) (string, bool) {
			v, ok := s.env[name]
			return v, ok
		},
	}, args)
	return result{out: out.String(), err: errs.String(), code: code}
}

// file writes a file into the shell's directory.
func (s *shell) file(t *testing.T, name, body string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(body), 0o600))
}

// golden compares with a file under testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	require.Equal(t, string(want), got)
}
