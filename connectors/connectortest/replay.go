package connectortest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Exchange is one recorded request with its answer.
type Exchange struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	RequestBody string            `json:"request_body"`
	Status      int               `json:"status"`
	Headers     map[string]string `json:"headers"`
	File        string            `json:"file"`
	Body        []byte            `json:"-"` // of the answer, read from File by Recording
}

// Recording reads the recorded exchanges of a folder of the shared samples, such as
// "tenable-vm/har-vulns"; the test is skipped, by name, where it isn't there.
func Recording(tb testing.TB, folder string) []Exchange {
	tb.Helper()
	dir := Shared(tb, folder)
	text, err := os.ReadFile(filepath.Join(dir, "exchanges.json"))
	if errors.Is(err, os.ErrNotExist) {
		tb.Skip("no recording at " + dir)
	}
	require.NoError(tb, err)
	var out []Exchange
	require.NoError(tb, json.Unmarshal(text, &out))
	for i := range out {
		if out[i].File != "" {
			out[i].Body, err = os.ReadFile(filepath.Join(dir, out[i].File))
			require.NoError(tb, err)
		}
	}
	return out
}

// Fault is what goes wrong with one request instead of, or with, its answer.
type Fault int

// The faults.
const (
	NoFault      Fault = iota
	Throttle           // 429 with Retry-After: 7
	ServerError        // 500
	ShortRead          // the connection breaks in the middle of the body
	Refuse             // the connection is refused
	Unauthorized       // 401
	Forbidden          // 403
	Missing            // 404
	Unready            // 503
)

// Replay answers requests from recorded exchanges, strictly: a request that was not
// recorded, by method, path, query and the parts of the body that matter, fails the test.
// It is an http.RoundTripper, so the connector's own addresses are used and nothing
// leaves the process.
type Replay struct {
	Exchanges []Exchange
	// Ignore names query and form parameters whose values may differ, such as times.
	Ignore []string
	// Same, if set, says whether a request is that of an exchange in place of the strict
	// comparison of method, scheme, host, path and query.
	Same func(r *http.Request, body []byte, e *Exchange) bool
	// FaultAt gives what goes wrong with the n-th request, from 0; nil: nothing.
	FaultAt func(n int) Fault
	// Token answers requests for a token, which no recording should hold; nil: they are
	// looked for like all others.
	Token func(r *http.Request) *http.Response

	tb       testing.TB
	mu       sync.Mutex
	requests int
	used     []int // how often each exchange was asked for
}

// NewReplay makes a replay of exchanges.
func NewReplay(tb testing.TB, exchanges []Exchange) *Replay {
	tb.Helper()
	return &Replay{Exchanges: exchanges, tb: tb, used: make([]int, len(exchanges))}
}

// Client gives a client whose requests are answered by the replay.
func (p *Replay) Client() *http.Client { return &http.Client{Transport: p, Timeout: time.Minute} }

// Requests is how many were made.
func (p *Replay) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// Unasked are the exchanges that nobody asked for, by method and URL.
func (p *Replay) Unasked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for i, n := range p.used {
		if n == 0 {
			out = append(out, p.Exchanges[i].Method+" "+p.Exchanges[i].URL)
		}
	}
	return out
}

// RoundTrip implements http.RoundTripper.
func (p *Replay) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		_ = r.Body.Close() // it was read
	}
	if p.Token != nil {
		if response := p.Token(r); response != nil {
			response.Request = r
			return response, nil
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.requests
	p.requests++
	fault := NoFault
	if p.FaultAt != nil {
		fault = p.FaultAt(n)
	}
	if fault == Refuse {
		return nil, errors.New("connection refused")
	}
	if response := fault.answer(r); response != nil {
		return response, nil
	}
	at := p.find(r, body)
	if at < 0 {
		p.tb.Errorf("a request that was not recorded: %s %s %s", r.Method, r.URL, body)
		return answer(r, http.StatusTeapot, nil, nil), nil
	}
	p.used[at]++
	e := &p.Exchanges[at]
	header := http.Header{}
	for k, v := range e.Headers {
		if !strings.EqualFold(k, "Content-Encoding") && !strings.EqualFold(k, "Content-Length") {
			header.Set(k, v)
		}
	}
	response := answer(r, e.Status, header, e.Body)
	if fault == ShortRead {
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(e.Body[:len(e.Body)/2]), broken{}))
	}
	return response, nil
}

// answer is what a vendor says in the place of what was recorded; nil where he says that,
// or nothing at all.
func (f Fault) answer(r *http.Request) *http.Response {
	switch f {
	case Throttle:
		return answer(r, http.StatusTooManyRequests, http.Header{"Retry-After": {"7"}}, nil)
	case ServerError:
		return answer(r, http.StatusInternalServerError, nil, []byte("an error, with hunter2hunter2 in it"))
	case Unready:
		return answer(r, http.StatusServiceUnavailable, nil, nil)
	case Unauthorized:
		return answer(r, http.StatusUnauthorized, nil, nil)
	case Forbidden:
		return answer(r, http.StatusForbidden, nil, nil)
	case Missing:
		return answer(r, http.StatusNotFound, nil, nil)
	case NoFault, Refuse, ShortRead:
	}
	return nil
}

// find gives the exchange for a request: of several equal ones the first that was asked
// for least, so that a poll sees its answers in their order.
func (p *Replay) find(r *http.Request, body []byte) int {
	best := -1
	for i := range p.Exchanges {
		e := &p.Exchanges[i]
		same := p.same
		if p.Same != nil {
			same = p.Same
		}
		if same(r, body, e) && (best < 0 || p.used[i] < p.used[best]) {
			best = i
		}
	}
	return best
}

func (p *Replay) same(r *http.Request, _ []byte, e *Exchange) bool {
	recorded, err := url.Parse(e.URL)
	return err == nil && e.Method == r.Method && recorded.Scheme == r.URL.Scheme && recorded.Host == r.URL.Host &&
		recorded.EscapedPath() == r.URL.EscapedPath() && SameValues(recorded.Query(), r.URL.Query(), p.Ignore...)
}

// SameValues compares queries or forms, apart from the values of the ignored names.
func SameValues(a, b url.Values, ignore ...string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		w, ok := b[k]
		if !ok || !slices.Contains(ignore, k) && !slices.Equal(v, w) {
			return false
		}
	}
	return true
}

func answer(r *http.Request, status int, header http.Header, body []byte) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1, Request: r}
}

// TokenAnswer answers an OAuth 2.0 token request to a path that ends so.
func TokenAnswer(suffix string) func(r *http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			return nil
		}
		return answer(r, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(`{"access_token":"t","token_type":"bearer","expires_in":3600}`))
	}
}

// broken is a connection that breaks.
type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
