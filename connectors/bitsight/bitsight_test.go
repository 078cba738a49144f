package bitsight_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/bitsight"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, bitsight.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, bitsight.Registration(), nil)
	}
	connectortest.Counts(t, bitsight.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range bitsight.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, bitsight.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, bitsight.Registration(), "external-ratings") }

func decode(t *testing.T, config any, changes ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/findings.json")
	require.NoError(t, err)
	changed := strings.NewReplacer(changes...).Replace(string(body))
	if len(changes) > 0 {
		require.NotEqual(t, string(body), changed)
	}
	rec, err := connectortest.Decode(t, bitsight.Registration(), config, []byte(changed))
	require.NoError(t, err)
	return rec
}

func TestNothingIsFixedUnlessTheOperatorSaysSo(t *testing.T) {
	require.Equal(t, exposure.StatusArchived, decode(t, nil).Observed[3].Finding.Status)
	trusted := decode(t, &bitsight.Config{RemediatedFixed: true}).Observed[3].Finding
	require.Equal(t, exposure.StatusFixed, trusted.Status)
	require.Equal(t, time.Date(2026, 1, 4, 10, 0, 0, 0, time.UTC), trusted.LastSeen)
	for _, dated := range []string{"null", "false"} {
		require.Equal(t, exposure.StatusOpen, decode(t, nil, `"remediated": true`, `"remediated": `+dated).Observed[3].Finding.Status)
	}
}

func TestAFindingIsOnEachOfItsAssetsAtItsPort(t *testing.T) {
	rec := decode(t, nil)
	require.Equal(t, asset.IP, rec.Observed[0].Asset.Identifiers[0].Kind)
	require.Equal(t, asset.FQDN, rec.Observed[1].Asset.Identifiers[0].Kind)
	f := rec.Observed[0].Finding
	require.Equal(t, "853/tcp", f.Location)
	require.Equal(t, []string{"CVE-2026-90001"}, f.CVEs)
	require.Equal(t, exposure.ClassVulnerability, f.Class)
	require.Equal(t, "bitsight:web_appsec:cookie_same_site_attribute", rec.Observed[2].Finding.Check)
	require.Equal(t, exposure.SeverityHigh, rec.Observed[2].Finding.Severity)
	require.Equal(t, map[string]int{"what_is_good": 1}, rec.Skipped)
	require.NotContains(t, f.Target+f.Evidence+string(f.Vendor), "hunter2")
}

func TestAPageIsNotTheWhole(t *testing.T) {
	run := decode(t, nil).Last()
	require.False(t, run.Complete)
	require.Equal(t, 5, run.Counts["claimed"])
}

func TestIdentityOutlivesSeverityAndTitle(t *testing.T) {
	a, b := decode(t, nil).Observed[0].Finding, decode(t, nil, `"moderate"`, `"severe"`, "ROBOTISH", "Renamed").Observed[0].Finding
	require.NotEqual(t, a, b)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
}
