package apiclient_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/fault"
)

func serve(t *testing.T, handle http.HandlerFunc) *apiclient.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	client, err := apiclient.New(apiclient.Options{URL: server.URL + "/", Token: "quell_t_secret", Agent: "quell/test"})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func TestListsAreWalkedPageByPage(t *testing.T) {
	const there = 2500
	var limits []string
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		limits = append(limits, q.Get("limit"))
		start, _ := strconv.Atoi(q.Get("cursor")) // the first has none
		limit, err := strconv.Atoi(q.Get("limit"))
		if err != nil || q.Get("state") != "open" || r.Header.Get("Authorization") != "Bearer quell_t_secret" || r.Header.Get("User-Agent") != "quell/test" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		type page struct {
			Items []map[string]string `json:"items"`
			Next  string              `json:"next,omitempty"`
		}
		var out page
		for i := start; i < min(start+limit, there); i++ {
			out.Items = append(out.Items, map[string]string{"id": strconv.Itoa(i), "unknown": "kept"})
		}
		if start+limit < there {
			out.Next = strconv.Itoa(start + limit)
		}
		_ = json.NewEncoder(w).Encode(out) // the client sees what is missing
	})
	for _, tt := range []struct {
		limit, want int
		limits      []string
	}{
		{0, there, []string{"1000", "1000", "1000"}},
		{7, 7, []string{"7"}},
		{1500, 1500, []string{"1000", "500"}},
		{there, there, []string{"1000", "1000", "500"}},
	} {
		limits = nil
		query := url.Values{"state": {"open"}}
		got := 0
		for item, err := range client.Exposures(t.Context(), query, tt.limit) {
			require.NoError(t, err)
			require.Equal(t, strconv.Itoa(got), string(item.Value.ID))
			require.Contains(t, string(item.JSON), `"unknown":"kept"`, "programs get every field")
			got++
		}
		require.Equal(t, tt.want, got)
		require.Equal(t, tt.limits, limits)
		require.Equal(t, url.Values{"state": {"open"}}, query, "the caller's query is left alone")
	}
}

func TestAServerThatGoesInCirclesIsNotFollowed(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"items":[{"id":"a"}],"next":"same"}`) // the client sees what is missing
	})
	n, last := 0, error(nil)
	for _, err := range client.Exposures(t.Context(), nil, 0) {
		n++
		last = err
	}
	require.Equal(t, 3, n, "two pages and the error")
	require.ErrorContains(t, last, "same page")
}

func TestRefusalsKeepTheirKindAndWords(t *testing.T) {
	tests := []struct {
		name    string
		answer  http.HandlerFunc
		kind    fault.Kind
		says    string
		retry   time.Duration
		problem int
	}{
		{"a problem", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"status":429,"code":"throttled","title":"Too many requests","detail":"wait a little"}`)
		}, fault.Throttled, "wait a little", 3 * time.Second, 429},
		{"several fields", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"code":"invalid","title":"The request is not valid","detail":"a: x (and 1 more)","errors":[{"field":"a","detail":"x"},{"field":"b","detail":"y"}]}`)
		}, fault.Invalid, "The request is not valid\n  a: x\n  b: y", 0, 400},
		{"a proxy", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>bad gateway")
		}, fault.Unavailable, "not as quell does", 0, 502},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/login", http.StatusFound)
		}, fault.Invalid, `redirects to "https://elsewhere.example/login"`, 0, 302},
		{"another server", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>hello")
		}, fault.Unavailable, "is this a quell daemon", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := serve(t, tt.answer).Exposure(t.Context(), "x1")
			require.Equal(t, tt.kind, fault.KindOf(err))
			require.ErrorContains(t, err, tt.says)
			require.Equal(t, tt.retry, fault.RetryAfter(err))
			require.NotContains(t, err.Error(), "secret")
			var problem *apiclient.ProblemError
			require.Equal(t, tt.problem != 0, errors.As(err, &problem))
			if problem != nil {
				require.Equal(t, tt.problem, problem.Status)
			}
		})
	}
}

func TestNoDaemonIsUnavailable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := apiclient.New(apiclient.Options{URL: server.URL, Token: "quell_t_secret"})
	require.NoError(t, err)
	_, err = client.Stats(t.Context(), nil)
	var unreachable *apiclient.UnreachableError
	require.ErrorAs(t, err, &unreachable)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	_, err = client.Ready(t.Context())
	require.ErrorAs(t, err, &unreachable)
}

func TestNamesFromDataStayOneSegmentOfThePath(t *testing.T) {
	var asked string
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.RequestURI
		w.WriteHeader(http.StatusNoContent)
	})
	require.NoError(t, client.Replay(t.Context(), "src|../../tokens?x#y"))
	require.Equal(t, "POST /api/v1/deliveries/src%7C..%2F..%2Ftokens%3Fx%23y/replay", asked)
}

func TestAnExportThatIsCutIsAnError(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("whole") {
			_, _ = io.WriteString(w, "{}\n{}\n")
			return
		}
		_, _ = io.WriteString(w, "{}\n")
		_ = http.NewResponseController(w).Flush() // without it the client sees no line
		panic(http.ErrAbortHandler)
	})
	var out bytes.Buffer
	require.NoError(t, client.Export(t.Context(), url.Values{"whole": {"1"}}, &out))
	require.Equal(t, "{}\n{}\n", out.String())
	require.ErrorContains(t, client.Export(t.Context(), nil, &out), "not all")
}

func TestUploadsAreStreamed(t *testing.T) {
	first := make(chan string, 1)
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		start := make([]byte, 5)
		if _, err := io.ReadFull(r.Body, start); err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		first <- string(start)
		rest, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"delivery":"`+r.URL.Query().Get("name")+string(rest)+`"}`)
	})
	body, writer := io.Pipe()
	go func() {
		_, _ = io.WriteString(writer, "begin") // a broken pipe shows below
		if got := <-first; got == "begin" {    // the server has it while the rest isn't there yet
			_, _ = io.Copy(writer, strings.NewReader("-end"))
		}
		_ = writer.Close()
	}()
	item, err := client.Upload(t.Context(), "s", "r.json", body, "")
	require.NoError(t, err)
	require.Equal(t, "r.json-end", item.Value.Delivery)
}

func TestAddressesAreChecked(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8088", "ftp://x", "http://", "http://u:p@x", "http://x?y=1"} {
		_, err := apiclient.New(apiclient.Options{URL: address})
		require.Equal(t, fault.Invalid, fault.KindOf(err), address)
		require.NotContains(t, err.Error(), "u:p")
	}
}
