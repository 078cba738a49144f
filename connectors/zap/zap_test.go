package zap_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/zap"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, zap.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, zap.Registration(), nil)
	}
	connectortest.Counts(t, zap.Registration(), nil)
}

func TestReports(t *testing.T) {
	for _, file := range []string{"report.xml", "report.json"} {
		connectortest.Golden(t, zap.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, zap.Registration(), "zap") }

func decode(t *testing.T, c *zap.Config, body string) *connectortest.Recorder {
	t.Helper()
	if c == nil {
		c = &zap.Config{}
	}
	rec, err := connectortest.Decode(t, zap.Registration(), c, []byte(body))
	require.NoError(t, err)
	return rec
}

func read(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(body)
}

func TestBothFormatsSayTheSame(t *testing.T) {
	x, j := decode(t, nil, read(t, "testdata/report.xml")), decode(t, nil, read(t, "testdata/report.json"))
	require.Equal(t, x.Observed, j.Observed)
	require.Equal(t, x.Covered, j.Covered)
	require.Equal(t, x.Last(), j.Last())
}

func TestConfidenceZeroIsAFalsePositive(t *testing.T) {
	body := read(t, "testdata/report.json")
	for confidence, want := range map[string]exposure.Status{
		"0": exposure.StatusSuppressed, "1": exposure.StatusOpen, "2": exposure.StatusOpen, "3": exposure.StatusOpen, "4": exposure.StatusOpen, "7": exposure.StatusOpen, "": exposure.StatusOpen,
	} {
		rec := decode(t, nil, strings.Replace(body, `"confidence": "3"`, `"confidence": "`+confidence+`"`, 1))
		require.Equal(t, want, rec.Observed[0].Finding.Status, confidence)
	}
}

func TestAReportProvesAbsenceOnlyWhereTheSourceIsSaidToBeWhole(t *testing.T) {
	body := read(t, "testdata/report.json")
	require.False(t, decode(t, nil, body).Last().Complete)
	whole := &zap.Config{Complete: true, Checks: []string{"zap:*"}}
	rec := decode(t, whole, body)
	require.True(t, rec.Last().Complete, rec.Last().Why)
	require.True(t, rec.Last().Covers(rec.Covered[0], "zap:40012", "443/tcp/x"))
	require.False(t, rec.Last().Covers(rec.Covered[0], "zap:40012", "8443/tcp/x"), "another port is another site")
	require.False(t, rec.Last().Covers(rec.Covered[1], "zap:40012", "8080/tcp"), "a site without an alert may be dead")
	require.False(t, decode(t, whole, strings.Replace(body, `"count": "2"`, `"count": "70"`, 1)).Last().Complete, "not all instances are listed")
	require.False(t, decode(t, whole, `{"@version":"2.16.1","@generated":"","site":[]}`).Last().Complete, "nothing was looked at")
	require.Len(t, (&zap.Config{Complete: true, Checks: []string{"burp:x"}}).Validate(), 1)
	require.Len(t, (&zap.Config{Complete: true}).Validate(), 1)
}

func TestAnIdentityOutlivesWhatChanges(t *testing.T) {
	body := read(t, "testdata/report.json")
	changed := strings.NewReplacer(`"riskcode": "2"`, `"riskcode": "3"`, "2.16.1", "2.17.0", "id=7", "id=8", "default-src *", "script-src *", "Wildcard", "Joker").Replace(body)
	one, two := decode(t, nil, body), decode(t, nil, changed)
	for i := range one.Observed {
		require.Equal(t, one.Observed[i].Finding.UID, two.Observed[i].Finding.UID)
	}
	require.Equal(t, exposure.SeverityHigh, two.Observed[0].Finding.Severity)
}

func TestCredentialsAndResponsesStayOut(t *testing.T) {
	for _, file := range []string{"testdata/report.xml", "testdata/report.json"} {
		vendor := string(decode(t, nil, read(t, file)).Observed[0].Finding.Vendor)
		require.Contains(t, vendor, "authorization: [redacted]")
		require.NotContains(t, vendor, "sid=secret")
	}
}

// keys are what two scans of a real site are compared by.
func keys(t *testing.T, file string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, o := range decode(t, nil, read(t, connectortest.Shared(t, file))).Observed {
		out[o.Finding.UID] = true
	}
	return out
}

func TestScansOfOneSiteMeet(t *testing.T) {
	if _, err := os.Stat(connectortest.Shared(t, "zap")); err != nil {
		t.Skip("no shared samples")
	}
	absent, endpoint, severities := keys(t, "zap/1_zap_sample_0_and_new_absent.xml"), keys(t, "zap/2_zap_sample_0_and_new_endpoint.xml"), keys(t, "zap/3_zap_sampl_0_and_different_severities.xml")
	missing := 0
	for uid := range severities {
		if !endpoint[uid] {
			missing++
		}
	}
	require.Zero(t, missing, "another severity is the same finding")
	require.NotEqual(t, absent, endpoint)
	first, second := keys(t, "zap/zap-results-first-scan.xml"), keys(t, "zap/zap-results-second-scan.xml")
	both := 0
	for uid := range first {
		if second[uid] {
			both++
		}
	}
	require.Greater(t, both, len(first)/2, "most of a site is found again")
}

func TestReferencesWithoutSpaceBetweenAreTakenApart(t *testing.T) {
	rec := decode(t, nil, strings.Replace(read(t, "testdata/report.json"), "<p>https://lab.example.org/csp</p><p>https://lab.example.org/csp2</p>", "http://a.example.org/httpd/xhttps://b.example.org/?u=1 <p>http://c.example.org</p>", 1))
	require.Equal(t, []string{"http://a.example.org/httpd/x", "https://b.example.org/?u=1", "http://c.example.org"}, rec.Observed[0].Finding.References)
}
