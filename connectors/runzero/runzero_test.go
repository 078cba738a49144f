package runzero_test

import (
	"flag"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/runzero"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, runzero.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, runzero.Registration(), nil)
	}
	connectortest.Counts(t, runzero.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"assets.jsonl", "vulnerabilities.json"} {
		connectortest.Golden(t, runzero.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, runzero.Registration(), "runzero/har-sites") }

func sample(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return body
}

func configured(t *testing.T, vulnerabilities bool) *runzero.Config {
	t.Helper()
	config, ok := runzero.Registration().Config().(*runzero.Config)
	require.True(t, ok)
	config.URL, config.Token, config.Search, config.Vulnerabilities = "https://console.runzero.com", secret.New("hunter2hunter2"), "alive:t", vulnerabilities
	require.Empty(t, config.Validate())
	return config
}

const api = "https://console.runzero.com/api/v1.0/export/org/"

func export(t *testing.T, path, search string, body []byte) connectortest.Exchange {
	t.Helper()
	return connectortest.Exchange{Method: "GET", URL: api + path + "?" + url.Values{"search": {search}}.Encode(), Status: 200, Body: body}
}

// The recording asked the account for its sites, which an export token may not: the same
// list comes from the export. The exports themselves are written by hand.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	sites := connectortest.Recording(t, "runzero/har-sites")
	sites[0].URL = api + "sites.json"
	first := []string{"54443f81-e3ba-464d-9572-1ad64614d6dd", "944ddf60-5378-4e78-b700-2a6d1339cbd8", "db5e723c-16b6-49d1-9fb9-3733f5f39ae8"}
	exchanges := sites
	for i, id := range append(first, others(string(sites[0].Body), first)...) {
		assets, vulns := []byte("\n"), []byte("")
		if i == 0 {
			assets, vulns = sample(t, "assets.jsonl"), sample(t, "vulnerabilities.json")
		}
		exchanges = append(exchanges, export(t, "assets.jsonl", "site:"+id+" and (alive:t)", assets), export(t, "vulnerabilities.jsonl", "site:"+id, vulns))
	}
	return connectortest.NewReplay(t, exchanges)
}

// others are the sites of a list beside the named ones.
func others(list string, named []string) []string {
	var out []string
	for _, part := range strings.Split(list, `{"id":"`)[1:] {
		id := part[:strings.IndexByte(part, '"')]
		if !strings.Contains(strings.Join(named, " "), id) {
			out = append(out, id)
		}
	}
	return out
}

func TestASyncExportsSiteBySite(t *testing.T) {
	got := connectortest.ConformPuller(t, runzero.Registration(), configured(t, true), replay)
	require.Len(t, got.Covered, 2)
	require.Len(t, got.Observed, 3)
	require.Len(t, got.Pages, 2, "an empty site leaves no page")
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Equal(t, map[string]int{"sites": 5}, got.Run.Counts)
	require.Empty(t, got.Run.Checks, "nothing is fixed by not being there")
	p := replay(t)
	connectortest.Sync(t, runzero.Registration(), configured(t, true), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

func TestWithoutVulnerabilitiesItIsAnInventory(t *testing.T) {
	p := replay(t)
	got := connectortest.Sync(t, runzero.Registration(), configured(t, false), p.Client(), time.Time{})
	require.Empty(t, got.Observed)
	require.Len(t, p.Unasked(), 5)
}

func TestAPageOfHTMLIsNoExport(t *testing.T) {
	p := replay(t)
	for i := range p.Exchanges {
		if strings.Contains(p.Exchanges[i].URL, "assets.jsonl") {
			p.Exchanges[i].Body = []byte("<html>sign in</html>")
		}
	}
	in, err := runzero.Registration().Open(connectors.Env{Source: "x", HTTP: p.Client()}, configured(t, false))
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	var page strings.Builder
	_, err = puller.Pull(t.Context(), connectors.PullRequest{}, &page)
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Empty(t, page.String())
}

func TestJSONAndJSONLinesAreTheSame(t *testing.T) {
	one, err := connectortest.Decode(t, runzero.Registration(), nil, sample(t, "assets.json"))
	require.NoError(t, err)
	two, err := connectortest.Decode(t, runzero.Registration(), nil, sample(t, "assets.jsonl"))
	require.NoError(t, err)
	require.Equal(t, one.Covered, two.Covered)
	host := one.Covered[0].Asset
	require.Equal(t, []asset.OwnerHint{{Value: "web", From: "tag team"}, {Value: "ann@example.org", From: "owner Business Owner"}, {Value: "bob@example.org", From: "owner Business Owner 2"}}, host.OwnerHints)
	require.Equal(t, "Lab", host.Zone, "a site is a zone")
	require.Equal(t, []asset.Service{{Port: 22, Protocol: "tcp"}, {Port: 443, Protocol: "tcp"}, {Port: 161, Protocol: "udp"}}, host.Services)
}

func TestAVulnerabilityIsTheSameUnderAnotherRowSeverityAndVersion(t *testing.T) {
	finding := func(row, severity string) *exposure.Finding {
		rec, err := connectortest.Decode(t, runzero.Registration(), nil, []byte(`{"id":"`+row+`","vulnerability_id":"`+row+`","vulnerability_asset_id":"a1","vulnerability_vuln_id":"v-1","vulnerability_name":"x","vulnerability_severity":"`+severity+`","vulnerability_service_port":"443","vulnerability_service_transport":"tcp","addresses":["192.0.2.1"]}`))
		require.NoError(t, err)
		require.Equal(t, "a1", rec.Observed[0].Asset.Identifiers[0].Value)
		return rec.Observed[0].Finding
	}
	one, two := finding("r1", "high"), finding("r2", "low")
	require.Equal(t, one.UID, two.UID)
	require.Equal(t, "443/tcp", one.Location)
	require.NotEqual(t, one.Severity, two.Severity)
}

func TestOnlySuppressionIsAStatus(t *testing.T) {
	rec, err := connectortest.Decode(t, runzero.Registration(), nil, sample(t, "vulnerabilities.json"))
	require.NoError(t, err)
	require.Equal(t, exposure.StatusOpen, rec.Observed[0].Finding.Status)
	require.Equal(t, exposure.StatusSuppressed, rec.Observed[2].Finding.Status)
	for _, status := range runzero.Registration().Statuses {
		require.NotEqual(t, exposure.StatusFixed, status)
	}
}
