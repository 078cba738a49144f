package fake_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/fake"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

func open(t *testing.T, client *http.Client, set func(*fake.Config)) *fake.Instance {
	t.Helper()
	reg := fake.Registration()
	config, ok := reg.Config().(*fake.Config)
	require.True(t, ok)
	set(config)
	in, err := reg.Open(connectors.Env{Source: "fake-lab", HTTP: client}, config)
	require.NoError(t, err)
	opened, ok := in.(*fake.Instance)
	require.True(t, ok)
	return opened
}

// recorder keeps what a decoder emits.
type recorder struct {
	run      exposure.Run
	covered  []exposure.Coverage
	observed []exposure.Observation
	skipped  []string
}

func (r *recorder) Run(run exposure.Run) error      { r.run = run; return nil }
func (r *recorder) Cover(c exposure.Coverage) error { r.covered = append(r.covered, c); return nil }
func (r *recorder) Observe(o exposure.Observation) error {
	r.observed = append(r.observed, o)
	return nil
}
func (r *recorder) Statement(exposure.Statement) error     { return nil }
func (r *recorder) Skip(why string, _ connectors.Position) { r.skipped = append(r.skipped, why) }

func decode(t *testing.T, body string) (recorder, error) {
	t.Helper()
	var rec recorder
	err := open(t, nil, func(c *fake.Config) { c.Zone = "lab" }).Decode(t.Context(), strings.NewReader(body), &rec)
	return rec, err
}

func TestAReportBecomesFindingsCoverageAndARun(t *testing.T) {
	body, err := os.ReadFile("testdata/complete.json")
	require.NoError(t, err)
	rec, err := decode(t, string(body))
	require.NoError(t, err)

	finished := time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)
	require.Equal(t, exposure.Run{ID: "lab-0042", Source: "fake-lab", Connector: "fake", Kind: exposure.RunFull, Complete: true,
		Started: finished.Add(-30 * time.Minute), Finished: finished, Checks: []string{"fake:*"}, Targets: 3, Tool: "fake"}, rec.run)
	require.Equal(t, []string{"finding_without_check"}, rec.skipped)
	require.Len(t, rec.covered, 3)
	require.Equal(t, exposure.TargetUnreachable, rec.covered[2].Outcome)
	require.Len(t, rec.observed, 3)
	f := rec.observed[1].Finding
	require.Equal(t, []string{"CVE-2024-10976", "CVE-2024-10979"}, f.CVEs)
	require.Equal(t, "5432/tcp", f.Location)
	require.Equal(t, exposure.SeverityHigh, f.Severity)
	require.Equal(t, exposure.StatusFixed, rec.observed[2].Finding.Status)
	require.Same(t, rec.observed[0].Asset, rec.observed[1].Asset, "consecutive findings of a host share its description")
	require.Equal(t, "fqdn||db1.quell-lab.net", rec.observed[0].Asset.Identifiers[0].Key())
}

func TestARunIsOnlyCompleteWhenTheReportIs(t *testing.T) {
	const run = `"run":{"complete":true,"checks":["fake:*"]}`
	tests := []struct {
		name, body string
		complete   bool
		why        string
	}{
		{"whole", `{"fake_report":1,` + run + `,"targets":[{"host":"a","outcome":"ok"}]}`, true, ""},
		{"no target", `{"fake_report":1,` + run + `}`, false, "names no target"},
		{"cut off", `{"fake_report":1,` + run + `,"targets":[{"host":"a","outcome":"ok"}],"find`, false, "could not be read"},
		{"says so itself", `{"fake_report":1,"run":{"id":"r"},"targets":[{"host":"a","outcome":"ok"}]}`, false, "not complete"},
		{"a page of the API", `{"fake_report":1,"targets":[{"host":"a","outcome":"ok"}]}`, false, connectors.OnePage},
		{"of another version", `{"fake_report":2,` + run + `,"targets":[{"host":"a"}]}`, false, "could not be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, _ := decode(t, tt.body)
			require.Equal(t, tt.complete, rec.run.Complete)
			require.Contains(t, rec.run.Why, tt.why)
		})
	}
}

func TestPullFollowsTheCursorToTheLastPage(t *testing.T) {
	pages := map[string]string{"": "p2", "p2": "p3", "p3": ""}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		cursor := r.URL.Query().Get("cursor")
		w.Header().Set(fake.HeaderNext, pages[cursor])
		_, _ = w.Write([]byte("page " + cursor)) // a lost answer shows in the test
	}))
	t.Cleanup(server.Close)
	in := open(t, server.Client(), func(c *fake.Config) { c.URL, c.Token = server.URL, secret.New("hunter2") })
	var seen []string
	for cursor := ""; ; {
		var page bytes.Buffer
		pulled, err := in.Pull(t.Context(), connectors.PullRequest{Cursor: cursor}, &page)
		require.NoError(t, err)
		seen = append(seen, page.String())
		if cursor = pulled.Next; cursor == "" {
			break
		}
	}
	require.Equal(t, []string{"page ", "page p2", "page p3"}, seen)
}

func TestPullGivesEachRefusalItsKind(t *testing.T) {
	tests := []struct {
		name   string
		answer func(http.ResponseWriter)
		kind   fault.Kind
		after  time.Duration
	}{
		{"a wrong token", func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, fault.Denied, 0},
		{"a wrong path", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, fault.NotFound, 0},
		{"too many requests", func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(http.StatusTooManyRequests)
		}, fault.Throttled, 17 * time.Second},
		{"a broken scanner", func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, fault.Unavailable, 0},
		{"a cursor that leads nowhere", func(w http.ResponseWriter) { w.Header().Set(fake.HeaderNext, "here") }, fault.Invalid, 0},
		{"a cursor without end", func(w http.ResponseWriter) { w.Header().Set(fake.HeaderNext, strings.Repeat("x", 2000)) }, fault.Invalid, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.answer(w) }))
			t.Cleanup(server.Close)
			in := open(t, server.Client(), func(c *fake.Config) { c.URL, c.Token = server.URL, secret.New("hunter2") })
			_, err := in.Pull(t.Context(), connectors.PullRequest{Cursor: "here"}, &bytes.Buffer{})
			require.Equal(t, tt.kind, fault.KindOf(err))
			require.Equal(t, tt.after, fault.RetryAfter(err))
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestWebhooksNeedASignatureOfNow(t *testing.T) {
	const key = "s3cret-key"
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	body := []byte(`{"fake_report":1}`)
	header := func(at time.Time, signature string) http.Header {
		stamp := strconv.FormatInt(at.Unix(), 10)
		if signature == "" {
			signature = fake.Sign(key, stamp, body)
		}
		h := http.Header{}
		h.Set(fake.HeaderTimestamp, stamp)
		h.Set(fake.HeaderSignature, signature)
		h.Set(fake.HeaderDelivery, "d-1")
		return h
	}
	in := open(t, nil, func(c *fake.Config) { c.Secret = secret.New(key) })

	id, err := in.VerifyWebhook(header(now.Add(-time.Minute), ""), body, now)
	require.NoError(t, err)
	require.Equal(t, "d-1", id)

	for name, call := range map[string]func() error{
		"replayed later": func() error { _, err := in.VerifyWebhook(header(now.Add(-time.Hour), ""), body, now); return err },
		"another body":   func() error { _, err := in.VerifyWebhook(header(now, ""), []byte(`{}`), now); return err },
		"another key": func() error {
			_, err := in.VerifyWebhook(header(now, fake.Sign("x", "1", body)), body, now)
			return err
		},
		"no signature": func() error { _, err := in.VerifyWebhook(http.Header{}, body, now); return err },
		"no secret configured": func() error {
			_, err := open(t, nil, func(*fake.Config) {}).VerifyWebhook(header(now, fake.Sign("", strconv.FormatInt(now.Unix(), 10), body)), body, now)
			return err
		},
	} {
		err := call()
		require.Equal(t, fault.Denied, fault.KindOf(err), name)
		require.NotContains(t, err.Error(), key, name)
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := fake.Config{URL: "ftp://scanner.example.org"}
	require.Len(t, c.Validate(), 3)
	c = fake.Config{URL: "https://admin:hunter2@scanner.example.org", Token: secret.New("x"), Page: 1}
	require.Len(t, c.Validate(), 1)
	require.NotContains(t, errors.Join(c.Validate()...).Error(), "hunter2")
}

func FuzzDecode(f *testing.F) {
	for _, file := range []string{"complete.json", "unfinished.json"} {
		seed, err := os.ReadFile("testdata/" + file)
		require.NoError(f, err)
		f.Add(seed)
	}
	in, err := fake.Registration().Open(connectors.Env{Source: "fuzz"}, fake.Registration().Config())
	require.NoError(f, err)
	decoder, ok := in.(connectors.Decoder)
	require.True(f, ok)
	f.Fuzz(func(t *testing.T, body []byte) {
		var rec recorder
		if decoder.Decode(t.Context(), bytes.NewReader(body), &rec) != nil {
			require.False(t, rec.run.Complete, "what could not be read to its end is not complete")
		}
	})
}
