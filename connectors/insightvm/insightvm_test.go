package insightvm_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/insightvm"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func config(url string, assets int) *insightvm.Config {
	return &insightvm.Config{URL: url, Username: "quell", Password: secret.New("hunter2hunter2"), Assets: assets, NoTags: true}
}

func TestConformance(t *testing.T) { connectortest.Conform(t, insightvm.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, insightvm.Registration(), nil)
	}
	connectortest.Counts(t, insightvm.Registration(), nil)
}

func TestSamplesBecomeWhatTheyMean(t *testing.T) {
	for _, sample := range insightvm.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, insightvm.Registration(), nil, sample.File, *update)
		})
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, insightvm.Registration(), "rapid7-insightvm") }

func TestARecordedConsoleIsPulled(t *testing.T) {
	replay := func(t *testing.T) *connectortest.Replay {
		t.Helper()
		exchanges := connectortest.Recording(t, "rapid7-insightvm/har-asset-vulns")
		// the scan was recorded in a list of scans; we ask for it alone
		var list struct {
			Resources []json.RawMessage `json:"resources"`
		}
		for _, e := range connectortest.Recording(t, "rapid7-insightvm/har-scans") {
			if strings.Contains(e.URL, "/scans") {
				require.NoError(t, json.Unmarshal(e.Body, &list))
				exchanges = append(exchanges, connectortest.Exchange{Method: "GET", URL: "https://localhost:3780/api/3/scans/1", Status: 200, Body: list.Resources[0]})
			}
		}
		return connectortest.NewReplay(t, exchanges)
	}
	got := connectortest.ConformPuller(t, insightvm.Registration(), config("https://localhost:3780", 500), replay)
	require.Len(t, got.Covered, 1)
	require.Equal(t, exposure.TargetOK, got.Covered[0].Outcome)
	require.Equal(t, time.Date(2023, 8, 9, 17, 33, 45, 998e6, time.UTC), got.Covered[0].CheckedAt)
	require.Len(t, got.Observed, 52)
	for _, obs := range got.Observed {
		require.NotEmpty(t, obs.Finding.CVEs, obs.Finding.Check)
	}
	require.True(t, got.Run.Complete, got.Run.Why)
	p := replay(t)
	connectortest.Sync(t, insightvm.Registration(), config("https://localhost:3780", 500), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
	require.Equal(t, 55, p.Requests(), "each vulnerability is looked up once")
}

func TestAnAssetCountsAsLookedAtOnlyAfterAScanThatFinished(t *testing.T) {
	body, err := os.ReadFile("testdata/page.json")
	require.NoError(t, err)
	outcome := func(replace ...string) exposure.Outcome {
		rec, err := connectortest.Decode(t, insightvm.Registration(), nil, []byte(strings.NewReplacer(replace...).Replace(string(body))))
		require.NoError(t, err)
		return rec.Covered[0].Outcome
	}
	require.Equal(t, exposure.TargetOK, outcome())
	for _, status := range []string{"stopped", "running", "aborted", "error", "paused", "unknown", ""} {
		require.Equal(t, exposure.TargetPartial, outcome(`"status":"finished"`, `"status":"`+status+`"`), status)
	}
	require.Equal(t, exposure.TargetPartial, outcome(`"scans":{"7"`, `"scans":{"9"`), "a scan that the console forgot")
	require.Equal(t, exposure.TargetPartial, outcome(`"whole":true`, `"whole":false`), "not all findings were got")
	require.Equal(t, exposure.TargetPartial, outcome(`"assessedForVulnerabilities":true`, `"assessedForVulnerabilities":false`))
	require.Equal(t, exposure.TargetPartial, outcome(`"type":"SCAN"`, `"type":"ASSET-IMPORT"`), "an import looks at nothing")
	rec, err := connectortest.Decode(t, insightvm.Registration(), nil, body)
	require.NoError(t, err)
	require.Equal(t, exposure.TargetPartial, rec.Covered[1].Outcome, "its scan was stopped")
	require.Equal(t, exposure.TargetOK, rec.Covered[2].Outcome, "an agent's look has no scan")
}

func TestNoStatusIsAFix(t *testing.T) {
	statuses := insightvm.Registration().Statuses
	for word, status := range statuses {
		require.NotEqual(t, exposure.StatusFixed, status, word)
	}
	require.Equal(t, exposure.StatusSuppressed, statuses.Of("vulnerable-version-with-exception-applied"))
	require.Equal(t, exposure.StatusOpen, statuses.Of("vulnerable-potential"))
}

// console is a console with so many assets, of which each has one finding of its own and
// one of all.
type console struct {
	assets, claimed int
	asked           map[string]int
}

func (c *console) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.asked == nil {
		c.asked = map[string]int{}
	}
	c.asked[r.URL.Path]++
	body := "{}"
	parts := strings.Split(r.URL.Path, "/")
	switch {
	case strings.HasSuffix(r.URL.Path, "/assets"):
		var page, size int
		_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page) // zero is the first page
		_, _ = fmt.Sscan(r.URL.Query().Get("size"), &size)
		var list []string
		for i := page * size; i < min((page+1)*size, c.assets); i++ {
			list = append(list, fmt.Sprintf(`{"id":%d,"ip":"192.0.2.%d","addresses":[],"history":[{"date":"2026-04-09T17:33:45.998Z","type":"AGENT-IMPORT"}]}`, i+1, i+1))
		}
		body = fmt.Sprintf(`{"resources":[%s],"page":{"number":%d,"totalResources":%d,"totalPages":%d}}`, strings.Join(list, ","), page, c.claimed, (c.assets+size-1)/size)
	case strings.HasSuffix(r.URL.Path, "/vulnerabilities"):
		body = fmt.Sprintf(`{"resources":[{"id":"of-all","since":"2026-04-09T17:33:45.998Z","instances":1,"status":"vulnerable"},{"id":"of-%s","since":"2026-04-09T17:33:45.998Z","instances":1,"status":"vulnerable"}],"page":{"totalResources":2,"totalPages":1}}`, parts[4])
	}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestPagingEndsWithTheLastPageAndCountsWhatItGot(t *testing.T) {
	got := connectortest.Sync(t, insightvm.Registration(), config("https://console.example.org", 2), &http.Client{Transport: &console{assets: 5, claimed: 5}}, time.Time{})
	require.Len(t, got.Pages, 3)
	require.Len(t, got.Covered, 5)
	require.Len(t, got.Observed, 10)
	require.True(t, got.Run.Complete)
	got = connectortest.Sync(t, insightvm.Registration(), config("https://console.example.org", 2), &http.Client{Transport: &console{assets: 5, claimed: 6}}, time.Time{})
	require.False(t, got.Run.Complete, "one asset was not got")
	got = connectortest.Sync(t, insightvm.Registration(), config("https://console.example.org", 2), &http.Client{Transport: &console{}}, time.Time{})
	require.True(t, got.Run.Complete, "a console without assets")
}

func TestAVulnerabilityIsLookedUpOnceASync(t *testing.T) {
	c := &console{assets: 5, claimed: 5}
	now := time.Unix(1_700_000_000, 0)
	in, err := insightvm.Registration().Open(connectors.Env{Source: "x", HTTP: &http.Client{Transport: c}, Now: func() time.Time { return now }}, config("https://console.example.org", 1))
	require.NoError(t, err)
	p, ok := in.(connectors.Puller)
	require.True(t, ok)
	for cursor := ""; ; {
		step, err := p.Pull(t.Context(), connectors.PullRequest{Cursor: cursor}, io.Discard)
		require.NoError(t, err)
		if cursor = step.Next; cursor == "" {
			break
		}
	}
	require.Equal(t, 1, c.asked["/api/3/vulnerabilities/of-all"])
	now = now.Add(25 * time.Hour)
	_, err = p.Pull(t.Context(), connectors.PullRequest{}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, 2, c.asked["/api/3/vulnerabilities/of-all"], "after a day it is asked for again")
}
