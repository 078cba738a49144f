package mdvm_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/mdvm"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

const base = "https://api.securitycenter.microsoft.com"

func config() *mdvm.Config {
	return &mdvm.Config{URL: base, TenantID: "t", ClientID: "c", ClientSecret: secret.New("hunter2hunter2"), Login: "https://login.microsoftonline.com", Scope: base + "/.default", Rows: 20_000}
}

func TestConformance(t *testing.T) { connectortest.Conform(t, mdvm.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, mdvm.Registration(), nil)
	}
	connectortest.Counts(t, mdvm.Registration(), nil)
}

func TestSamplesBecomeWhatTheyMean(t *testing.T) {
	for _, sample := range mdvm.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, mdvm.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, mdvm.Registration(), "ms-defender-vm") }

// TestARecordedTenantIsPulledByMachine asks each recorded machine, as the recording did.
// It asked for all machines at once; we ask for pages until one is empty.
func TestARecordedTenantIsPulledByMachine(t *testing.T) {
	replay := func(t *testing.T) *connectortest.Replay {
		t.Helper()
		recorded := connectortest.Recording(t, "ms-defender-vm/har-vulns")
		exchanges := make([]connectortest.Exchange, 0, 1+len(recorded))
		for _, e := range recorded {
			switch {
			case e.URL == base+"/api/machines":
				e.URL += "?%24top=20&%24skip=0"
			case !strings.HasPrefix(e.URL, base):
				continue // of the tenant itself, at another API
			}
			exchanges = append(exchanges, e)
		}
		exchanges = append(exchanges, connectortest.Exchange{Method: "GET", URL: base + "/api/machines?%24top=20&%24skip=9", Status: 200, Body: []byte(`{"value":[]}`)})
		p := connectortest.NewReplay(t, exchanges)
		p.Token = connectortest.TokenAnswer("/oauth2/v2.0/token") //nolint:bodyclose // a function that makes answers
		return p
	}
	c := config()
	c.ByMachine = true
	got := connectortest.ConformPuller(t, mdvm.Registration(), c, replay)
	require.Len(t, got.Covered, 9)
	require.Len(t, got.Observed, 51)
	require.True(t, got.Run.Complete)
	active := 0
	for _, cov := range got.Covered {
		if cov.Outcome == exposure.TargetOK {
			active++
		}
		for _, id := range cov.Asset.Identifiers {
			require.NotContains(t, []string{"127.0.0.1", "::1", "00:00:00:00:00:00"}, id.Value)
		}
	}
	require.Equal(t, 2, active, "the other seven are inactive")
	p := replay(t)
	connectortest.Sync(t, mdvm.Registration(), c, p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

func TestRecordedPagesOfMachinesEndWithAnEmptyOne(t *testing.T) {
	exchanges := connectortest.Recording(t, "ms-defender-vm/har-machines-pages")
	exchanges = append(exchanges, connectortest.Exchange{Method: "GET", URL: base + "/SoftwareVulnerabilitiesByMachine", Status: 200, Body: []byte(`{"value":[]}`)})
	p := connectortest.NewReplay(t, exchanges)
	p.Token = connectortest.TokenAnswer("/oauth2/v2.0/token") //nolint:bodyclose // a function that makes answers
	p.Same = func(r *http.Request, _ []byte, e *connectortest.Exchange) bool {
		// recorded with one machine a page, which is what we are given for what we ask
		return r.URL.Path == "/api/machines" && strings.HasSuffix(e.URL, "skip="+r.URL.Query().Get("$skip")) ||
			strings.HasSuffix(r.URL.Path, "ByMachine") && strings.HasSuffix(e.URL, "ByMachine")
	}
	got := connectortest.Sync(t, mdvm.Registration(), config(), p.Client(), time.Time{})
	require.Len(t, got.Covered, 9)
	require.Empty(t, p.Unasked())
}

// defender is a tenant with one machine and pages of rows.
type defender struct {
	t       *testing.T
	export  []string
	changes []string
	asked   []string
}

func (d *defender) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"value":[]}`
	page := func(pages []string) {
		at := 0
		if token := r.URL.Query().Get("$skiptoken"); token != "" {
			_, err := fmt.Sscan(token, &at)
			require.NoError(d.t, err)
		}
		next := ""
		if at+1 < len(pages) {
			next = fmt.Sprintf(`,"@odata.nextLink":"https://elsewhere.example.org%s?$skiptoken=%d"`, r.URL.Path, at+1)
		}
		body = `{"value":[` + pages[at] + `]` + next + `}`
	}
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/token"):
		require.Equal(d.t, "/t/oauth2/v2.0/token", path)
		body = `{"access_token":"t","token_type":"Bearer","expires_in":3599}`
	case path == "/api/machines" && r.URL.Query().Get("$skip") == "0":
		body = `{"value":[{"id":"abc","computerDnsName":"pc1","healthStatus":"Active","lastSeen":"2026-05-04T18:45:56Z"}]}`
	case path == "/api/machines/SoftwareVulnerabilitiesByMachine":
		page(d.export)
	case path == "/api/machines/SoftwareVulnerabilityChangesByMachine":
		page(d.changes)
	}
	d.asked = append(d.asked, r.URL.Path+"?"+r.URL.RawQuery)
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func row(cve, status string) string {
	text := fmt.Sprintf(`{"deviceId":"abc","cveId":%q,"softwareVendor":"v","softwareName":"s","softwareVersion":"1","lastSeenTimestamp":"2026-05-04T10:00:00Z"`, cve)
	if status != "" {
		text += fmt.Sprintf(`,"status":%q,"eventTimestamp":"2026-05-05T10:00:00Z"`, status)
	}
	return text + "}"
}

func sync(t *testing.T, d *defender, since time.Time) *connectortest.Synced {
	t.Helper()
	d.t = t
	return connectortest.Sync(t, mdvm.Registration(), config(), &http.Client{Transport: d}, since)
}

func TestAFullExportIsReadToItsLastPage(t *testing.T) {
	d := &defender{export: []string{row("CVE-2026-0001", "") + "," + row("CVE-2026-0002", ""), row("CVE-2026-0003", "")}}
	got := sync(t, d, time.Time{})
	require.Len(t, got.Observed, 3)
	require.True(t, got.Run.Complete)
	require.Equal(t, exposure.RunFull, got.Run.Kind)
	require.Equal(t, exposure.TargetOK, got.Covered[0].Outcome)
	require.Equal(t, time.Date(2026, 5, 4, 6, 45, 56, 0, time.UTC), got.Covered[0].CheckedAt, "an export may be hours old")
	for _, obs := range got.Observed {
		require.Equal(t, time.Unix(1_700_000_000, 0).UTC().Add(-6*time.Hour), obs.Finding.LastSeen, "all rows of an export were seen at once")
	}
}

// recent is a day before the clock of the suite.
var recent = time.Unix(1_700_000_000, 0).Add(-24 * time.Hour)

func TestChangesOnSeveralPagesAreJudgedTogether(t *testing.T) {
	d := &defender{changes: []string{row("CVE-2026-0001", "Fixed") + "," + row("CVE-2026-0002", "Fixed"), row("CVE-2026-0001", "New")}}
	got := sync(t, d, recent)
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	status := map[string]exposure.Status{}
	for _, obs := range got.Observed {
		status[obs.Finding.CVEs[0]] = obs.Finding.Status
	}
	require.Equal(t, map[string]exposure.Status{"CVE-2026-0001": exposure.StatusOpen, "CVE-2026-0002": exposure.StatusFixed}, status)
	require.Equal(t, map[string]int{"fix_that_is_open_elsewhere": 1}, got.Skipped)
	require.Contains(t, strings.Join(d.asked, "\n"), "sinceTime=2023-11-13T22%3A13%3A20Z")
}

func TestAfterALongPauseAllIsAskedForAgain(t *testing.T) {
	got := sync(t, &defender{export: []string{row("CVE-2026-0001", "")}}, recent.AddDate(0, 0, -20))
	require.Equal(t, exposure.RunFull, got.Run.Kind)
	require.True(t, got.Run.Complete)
}

func TestAPartOfTheChangesFixesNothing(t *testing.T) {
	body, err := os.ReadFile("testdata/changes.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, mdvm.Registration(), nil, []byte(strings.Replace(string(body), `"whole":true`, `"whole":false`, 1)))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		require.NotEqual(t, exposure.StatusFixed, obs.Finding.Status)
	}
	require.Equal(t, 2, rec.Skipped["fix_among_too_many_changes"])
}

func TestAFixedFindingWasSeenWhenItWasFoundFixed(t *testing.T) {
	body, err := os.ReadFile("testdata/changes.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, mdvm.Registration(), nil, body)
	require.NoError(t, err)
	f := rec.Observed[len(rec.Observed)-1].Finding
	require.Equal(t, exposure.StatusFixed, f.Status)
	require.Equal(t, time.Date(2026, 5, 5, 11, 0, 0, 0, time.UTC), f.LastSeen)
}

func TestAMergedMachineIsTheOtherOne(t *testing.T) {
	body, err := os.ReadFile("testdata/machines.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, mdvm.Registration(), nil, body)
	require.NoError(t, err)
	require.Equal(t, []asset.Identifier{{Kind: asset.AgentID, Value: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"}}, rec.Covered[1].Asset.SameAs)
	for i, outcome := range []exposure.Outcome{exposure.TargetOK, exposure.TargetPartial, exposure.TargetPartial, exposure.TargetPartial} {
		require.Equal(t, outcome, rec.Covered[i].Outcome, rec.Covered[i].Asset.Name)
	}
}

func TestInactiveIsNoStatusOfAFinding(t *testing.T) {
	for word, want := range map[string]exposure.Status{"New": exposure.StatusOpen, "Updated": exposure.StatusOpen, "Fixed": exposure.StatusFixed, "Inactive": exposure.StatusOpen, "Mitigated": exposure.StatusOpen} {
		require.Equal(t, want, mdvm.Registration().Statuses.Of(word), word)
	}
}

func TestIdentityOutlivesVersionAndSeverity(t *testing.T) {
	read := func(version, severity string) *exposure.Finding {
		rec, err := connectortest.Decode(t, mdvm.Registration(), nil, []byte(`{"value":[{"deviceId":"abc","cveId":"CVE-2026-0001","softwareVendor":"V","softwareName":"S","softwareVersion":"`+version+`","vulnerabilitySeverityLevel":"`+severity+`"}]}`))
		require.NoError(t, err)
		return rec.Observed[0].Finding
	}
	one, two := read("1.0", "High"), read("1.1", "Low")
	require.Equal(t, [3]string{one.UID, one.Check, one.Location}, [3]string{two.UID, two.Check, two.Location})
}
