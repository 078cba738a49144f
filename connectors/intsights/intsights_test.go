package intsights_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/intsights"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, intsights.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, intsights.Registration(), nil)
	}
	connectortest.Counts(t, intsights.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range intsights.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, intsights.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, intsights.Registration(), "intsights") }

func decode(t *testing.T, file string, changes ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	changed := strings.NewReplacer(changes...).Replace(string(body))
	if len(changes) > 0 {
		require.NotEqual(t, string(body), changed)
	}
	rec, err := connectortest.Decode(t, intsights.Registration(), nil, []byte(changed))
	require.NoError(t, err)
	return rec
}

func TestAPersonsWordIsNoFix(t *testing.T) {
	rec := decode(t, "alerts.json")
	closed := rec.Observed[3].Finding
	require.Equal(t, exposure.StatusArchived, closed.Status)
	require.Equal(t, "closed ProblemSolved", closed.StatusNote)
	require.Equal(t, exposure.StatusSuppressed, decode(t, "alerts.json", "ProblemSolved", "FalsePositive").Observed[3].Finding.Status)
	require.Equal(t, exposure.StatusArchived, decode(t, "alerts.json", "ProblemSolved", "Whatever").Observed[3].Finding.Status)
	require.Equal(t, exposure.StatusSuppressed, decode(t, "alerts.csv").Observed[1].Finding.Status)
}

func TestAnAlertIsOnEachOfItsAssets(t *testing.T) {
	rec := decode(t, "alerts.json")
	require.Equal(t, asset.Domain, rec.Observed[0].Asset.Kind)
	require.Equal(t, asset.IP, rec.Observed[1].Asset.Identifiers[0].Kind)
	require.Equal(t, asset.Label, rec.Observed[2].Asset.Identifiers[0].Kind, "a company is nothing that a scanner knows")
	require.Equal(t, exposure.ClassVulnerability, rec.Observed[0].Finding.Class)
	require.Equal(t, exposure.ClassDetection, rec.Observed[2].Finding.Class)
}

func TestAnExportSpeaksOfTheAlertsOfTheAPI(t *testing.T) {
	api, row := decode(t, "alerts.json").Observed[0], decode(t, "alerts.csv").Observed[0]
	require.Equal(t, api.Finding.UID, row.Finding.UID)
	require.Equal(t, api.Asset.Identifiers, row.Asset.Identifiers)
	a, b := api.Finding, decode(t, "alerts.json", `"Medium"`, `"High"`, "Invented weakness", "Renamed").Observed[0].Finding
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
}
