package nexpose_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/nexpose"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, nexpose.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, nexpose.Registration(), nil)
	}
	connectortest.Counts(t, nexpose.Registration(), nil)
}

func TestSamplesBecomeWhatTheyMean(t *testing.T) {
	for _, sample := range nexpose.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, nexpose.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, nexpose.Registration(), "rapid7-nexpose-xml") }

func decode(t *testing.T, replace ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/finished.xml")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, nexpose.Registration(), nil, []byte(strings.NewReplacer(replace...).Replace(string(body))))
	require.NoError(t, err)
	return rec
}

func TestOnlyAReportWhoseScansFinishedIsComplete(t *testing.T) {
	require.True(t, decode(t).Last().Complete)
	for _, status := range []string{"stopped", "aborted", "failed", "running", "paused", ""} {
		rec := decode(t, `status="finished"`, `status="`+status+`"`)
		require.False(t, rec.Last().Complete, status)
		for _, cov := range rec.Covered {
			require.NotEqual(t, exposure.TargetOK, cov.Outcome, "a scan that did not finish looked at nothing well")
		}
	}
	require.False(t, decode(t, `<scans>`, `<x>`, `</scans>`, `</x>`).Last().Complete, "it names no scan")
	require.False(t, decode(t, `</scans>`, `<scan id="2" status="aborted"/></scans>`).Last().Complete, "one of two did not finish")
}

func TestATestThatCouldNotTellSpoilsItsNode(t *testing.T) {
	rec := decode(t)
	require.Equal(t, []exposure.Outcome{exposure.TargetOK, exposure.TargetPartial, exposure.TargetUnreachable},
		[]exposure.Outcome{rec.Covered[0].Outcome, rec.Covered[1].Outcome, rec.Covered[2].Outcome})
	require.Equal(t, exposure.TargetOK, decode(t, `status="error"`, `status="not-vulnerable"`).Covered[1].Outcome)
	require.Equal(t, exposure.TargetPartial, decode(t, `</scans>`, `<scan id="2" status="finished"/></scans>`, ` scan-id="27992"`, ``).Covered[0].Outcome, "of several scans none is known to have looked")
}

func TestNoStatusIsAFix(t *testing.T) {
	for word, status := range nexpose.Registration().Statuses {
		require.NotEqual(t, exposure.StatusFixed, status, word)
	}
	require.NotContains(t, nexpose.Registration().Statuses, "not-vulnerable", "a test that found nothing is no finding")
}

func TestIdentityOutlivesSeverityTitleAndProof(t *testing.T) {
	one := decode(t).Observed[1].Finding
	two := decode(t, `severity="10"`, `severity="3"`, `title="ProFTPD backdoor"`, `title="x"`, `uid=0`, `uid=1`).Observed[1].Finding
	require.Equal(t, [3]string{one.UID, one.Check, one.Location}, [3]string{two.UID, two.Check, two.Location})
	require.Equal(t, "nexpose:ftp-proftpd-backdoor", one.Check, "case doesn't tell checks apart")
	require.NotEqual(t, one.Severity, two.Severity)
}
