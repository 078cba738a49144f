package upwind_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/upwind"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, upwind.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, upwind.Registration(), nil)
	}
	connectortest.Counts(t, upwind.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range upwind.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, upwind.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, upwind.Registration(), "upwind") }

func decode(t *testing.T, change ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/detections.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, upwind.Registration(), nil, []byte(strings.NewReplacer(change...).Replace(string(body))))
	require.NoError(t, err)
	return rec
}

func stati(rec *connectortest.Recorder) []exposure.Status {
	out := make([]exposure.Status, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		out = append(out, obs.Finding.Status)
	}
	return out
}

func TestNoWordOfADetectionIsAFix(t *testing.T) {
	rec := decode(t)
	require.Equal(t, []exposure.Status{exposure.StatusOpen, exposure.StatusOpen, exposure.StatusArchived, exposure.StatusSuppressed}, stati(rec))
	for _, word := range []string{"closed", "archived", "fixed", "mitigated", "vanished"} {
		require.NotContains(t, stati(decode(t, `"open"`, `"`+word+`"`)), exposure.StatusFixed, word)
	}
}

func TestADetectionIsNamedByItsCVEOrItsPolicy(t *testing.T) {
	rec := decode(t)
	require.Equal(t, "upwind:CVE-2026-1001", rec.Observed[0].Finding.Check)
	require.Equal(t, "upwind:api_threat:Broken login", rec.Observed[1].Finding.Check)
	require.Equal(t, "upwind:pol-1", rec.Observed[2].Finding.Check, "two CVEs name no one weakness")
	require.Equal(t, exposure.ClassDetection, rec.Observed[1].Finding.Class)
	require.Equal(t, "yes", rec.Observed[0].Asset.Internet)
	require.Equal(t, "pod", rec.Observed[0].Asset.Ephemeral)
	require.Equal(t, "source_asset||aws/111122223333/Pod/c-1/shop/web-1", rec.Observed[0].Asset.Identifiers[1].Key())
	later := decode(t, `"CRITICAL"`, `"LOW"`)
	require.Equal(t, rec.Observed[0].Finding.UID, later.Observed[0].Finding.UID)
}
