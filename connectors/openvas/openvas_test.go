package openvas_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/openvas"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, openvas.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, openvas.Registration(), nil)
	}
	connectortest.Counts(t, openvas.Registration(), nil)
}

func TestReports(t *testing.T) {
	for _, s := range openvas.Registration().Samples {
		connectortest.Golden(t, openvas.Registration(), nil, s.File, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, openvas.Registration(), "openvas") }

func read(t *testing.T) string {
	t.Helper()
	body, err := os.ReadFile("testdata/report.xml")
	require.NoError(t, err)
	return string(body)
}

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, openvas.Registration(), &openvas.Config{Checks: []string{"openvas:*"}}, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestOnlyAWholeReportOfADoneScanIsComplete(t *testing.T) {
	body := read(t)
	require.True(t, decode(t, body).Last().Complete, decode(t, body).Last().Why)
	for name, edit := range map[string][2]string{
		"stopped":               {"<scan_run_status>Done", "<scan_run_status>Stopped"},
		"interrupted":           {"<scan_run_status>Done", "<scan_run_status>Interrupted"},
		"of no status":          {"<scan_run_status>Done", "<scan_run_status>"},
		"without end":           {"<scan_end>2026-11-21T22:31:00Z", "<scan_end>"},
		"filtered":              {"<full>4", "<full>9"},
		"counted as empty":      {"<full>4</full><filtered>4", "<full>0</full><filtered>0"},
		"without count":         {"<full>4</full><filtered>4</filtered>", ""},
		"with results left out": {"<full>4</full><filtered>4", "<full>5</full><filtered>5"},
		"of no host":            {"<host><ip>", "<other><ip>"},
	} {
		edited := strings.ReplaceAll(body, edit[0], edit[1])
		if name == "of no host" {
			edited = strings.ReplaceAll(edited, "</host>\n    ", "</other>\n    ")
		}
		rec, err := connectortest.Decode(t, openvas.Registration(), &openvas.Config{Checks: []string{"openvas:*"}}, []byte(edited))
		if err == nil {
			require.False(t, rec.Last().Complete, name)
		}
	}
}

func TestAFilteredReportSaysSo(t *testing.T) {
	rec := decode(t, strings.ReplaceAll(read(t), "<full>4", "<full>9"))
	require.Equal(t, "the report is filtered: 4 of 9 results", rec.Last().Why)
}

func TestOnlyHostsWithAnEndAndWithoutErrorsAreCovered(t *testing.T) {
	rec := decode(t, read(t))
	run := rec.Last()
	require.True(t, run.Covers(rec.Covered[0], "openvas:1.3.6.1.4.1.25623.1.0.7", "22/tcp"))
	require.True(t, rec.Covered[0].Authenticated)
	require.Equal(t, "Debian 12", rec.Covered[0].Asset.OS)
	require.Equal(t, exposure.TargetPartial, rec.Covered[1].Outcome, "a test timed out there")
	require.Equal(t, exposure.TargetPartial, rec.Covered[2].Outcome, "it has no end")

	byItself, err := connectortest.Decode(t, openvas.Registration(), nil, []byte(read(t)))
	require.NoError(t, err)
	require.False(t, byItself.Last().Covers(byItself.Covered[0], "openvas:1.3.6.1.4.1.25623.1.0.7", "22/tcp"), "a report doesn't say which tests ran")
	dead := decode(t, strings.Replace(read(t), "<detail><name>MAC</name><value>00:50:56:ab:cd:ef", "<detail><name>Host dead</name><value>1", 1))
	require.Equal(t, exposure.TargetUnreachable, dead.Covered[0].Outcome)
}

func TestAnOverrideIsAnOpinion(t *testing.T) {
	rec := decode(t, read(t))
	require.Equal(t, exposure.StatusSuppressed, rec.Observed[1].Finding.Status)
	require.Contains(t, string(rec.Observed[1].Finding.Vendor), "we checked")
	for verdict, want := range map[string]exposure.Status{"yes": exposure.StatusFixed, "no": exposure.StatusOpen, "incomplete": exposure.StatusOpen, "new word": exposure.StatusOpen} {
		rec = decode(t, strings.Replace(read(t), "<threat>Log</threat>", "<threat>Log</threat><compliance>"+verdict+"</compliance>", 1))
		require.Equal(t, want, rec.Observed[2].Finding.Status, verdict)
		require.Equal(t, exposure.ClassCompliance, rec.Observed[2].Finding.Class)
	}
}

func TestAnAddressThatIsNoneDoesNotCostTheFinding(t *testing.T) {
	rec := decode(t, read(t))
	require.Equal(t, "label|test-source|192.0.2.500", rec.Observed[2].Asset.Identifiers[0].Key())
	require.Equal(t, exposure.SeverityInfo, rec.Observed[2].Finding.Severity)
	require.Empty(t, rec.Observed[2].Finding.Location)
}

func TestAnIdentityOutlivesWhatChanges(t *testing.T) {
	body := read(t)
	changed := strings.NewReplacer(`result id="r`, `result id="x`, "<severity>9.8", "<severity>7.1", "2026-11-21", "2026-11-28", "Old database", "An old database", "16.1", "16.2").Replace(body)
	one, two := decode(t, body), decode(t, changed)
	for i := range one.Observed {
		require.Equal(t, one.Observed[i].Finding.UID, two.Observed[i].Finding.UID)
	}
	csv, err := os.ReadFile("testdata/report.csv")
	require.NoError(t, err)
	require.Equal(t, one.Observed[0].Finding.UID, decode(t, string(csv)).Observed[0].Finding.UID, "both formats meet")
}

func TestTheRealReportWithAWrongCountIsNotComplete(t *testing.T) {
	body, err := os.ReadFile(connectortest.Shared(t, "openvas/many_vuln.xml"))
	if err != nil {
		t.Skip("no shared samples")
	}
	rec := decode(t, string(body))
	require.Equal(t, "0 results were announced and 44 came", rec.Last().Why)
}
