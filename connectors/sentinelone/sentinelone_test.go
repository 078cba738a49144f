package sentinelone_test

import (
	"flag"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/sentinelone"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func config() *sentinelone.Config {
	return &sentinelone.Config{URL: "https://example.sentinelone.net", Token: secret.New("hunter2hunter2"), Account: "4711"}
}

func TestConformance(t *testing.T) { connectortest.Conform(t, sentinelone.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, sentinelone.Registration(), nil)
	}
	connectortest.Counts(t, sentinelone.Registration(), nil)
}

func TestSamplesBecomeWhatTheyMean(t *testing.T) {
	for _, sample := range sentinelone.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, sentinelone.Registration(), nil, sample.File, *update)
		})
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, sentinelone.Registration(), "sentinelone") }

// console is an invented console with two pages of endpoints and one of risks.
func console(t *testing.T, last string) *connectortest.Replay {
	t.Helper()
	read := func(file string) []byte {
		body, err := os.ReadFile("testdata/" + file)
		require.NoError(t, err)
		return body
	}
	const base = "https://example.sentinelone.net/web/api/v2.1/"
	return connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: "GET", URL: base + "agents?limit=1000&accountIds=4711", Status: 200, Body: read("agents.json")},
		{Method: "GET", URL: base + "agents?limit=1000&accountIds=4711&cursor=YWdlbnQ%3D", Status: 200, Body: []byte(last)},
		{Method: "GET", URL: base + "application-management/risks?limit=1000&accountIds=4711", Status: 200, Body: read("risks.json")},
	})
}

const lastAgents = `{"data":[{"id":"225494730938493806","computerName":"PC8"}],"pagination":{"nextCursor":null,"totalItems":3}}`

func TestAConsoleIsPulledToItsLastPage(t *testing.T) {
	got := connectortest.ConformPuller(t, sentinelone.Registration(), config(), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return console(t, lastAgents)
	})
	require.Len(t, got.Covered, 3)
	require.Len(t, got.Observed, 5)
	require.Equal(t, exposure.RunFull, got.Run.Kind)
	require.True(t, got.Run.Complete, got.Run.Why)
	p := console(t, lastAgents)
	connectortest.Sync(t, sentinelone.Registration(), config(), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

func TestAConsoleThatGaveFewerThanItHasIsNotComplete(t *testing.T) {
	p := console(t, `{"data":[],"pagination":{"nextCursor":null,"totalItems":3}}`)
	require.False(t, connectortest.Sync(t, sentinelone.Registration(), config(), p.Client(), time.Time{}).Run.Complete)
}

func TestTheTokenIsSentAsSentinelOneWantsIt(t *testing.T) {
	p := console(t, lastAgents)
	asked := 0
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked++
		require.Equal(t, "ApiToken hunter2hunter2", r.Header.Get("Authorization"))
		return p.RoundTrip(r)
	})}
	connectortest.Sync(t, sentinelone.Registration(), config(), client, time.Time{})
	require.Equal(t, 3, asked)
}

type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOnlyAScanSaysThatSomethingIsFixed(t *testing.T) {
	statuses := sentinelone.Registration().Statuses
	for word, want := range map[string]exposure.Status{"active": exposure.StatusOpen, "patched": exposure.StatusFixed, "Resolved": exposure.StatusArchived, "false positive": exposure.StatusSuppressed, "mitigated": exposure.StatusSuppressed, "whatever": exposure.StatusOpen} {
		require.Equal(t, want, statuses.Of(word), word)
	}
	body, err := os.ReadFile("testdata/risks.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, sentinelone.Registration(), nil, body)
	require.NoError(t, err)
	for i, want := range []exposure.Status{exposure.StatusOpen, exposure.StatusFixed, exposure.StatusArchived, exposure.StatusSuppressed, exposure.StatusOpen} {
		require.Equal(t, want, rec.Observed[i].Finding.Status, rec.Observed[i].Finding.UID)
	}
	require.Equal(t, time.Date(2026, 4, 15, 9, 15, 0, 0, time.UTC), rec.Observed[1].Finding.LastSeen, "when the scan found it gone")
}

func TestIdentityOutlivesSeverityAndVersion(t *testing.T) {
	read := func(severity, version string) *exposure.Finding {
		rec, err := connectortest.Decode(t, sentinelone.Registration(), nil, []byte(`{"data":[{"cveId":"CVE-2026-0001","endpointId":"1","applicationVendor":"V","applicationName":"A","applicationVersion":"`+version+`","severity":"`+severity+`"}]}`))
		require.NoError(t, err)
		return rec.Observed[0].Finding
	}
	one, two := read("High", "1"), read("Low", "2")
	require.Equal(t, [3]string{one.UID, one.Check, one.Location}, [3]string{two.UID, two.Check, two.Location})
	require.Equal(t, "CVE-2026-0001|v|a", one.UID)
}
