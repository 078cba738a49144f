package cycognito_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/cycognito"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, cycognito.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, cycognito.Registration(), nil)
	}
	connectortest.Counts(t, cycognito.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range cycognito.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, cycognito.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, cycognito.Registration(), "cycognito") }

func decode(t *testing.T, config any, changes ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/issues.json")
	require.NoError(t, err)
	changed := strings.NewReplacer(changes...).Replace(string(body))
	if len(changes) > 0 {
		require.NotEqual(t, string(body), changed)
	}
	rec, err := connectortest.Decode(t, cycognito.Registration(), config, []byte(changed))
	require.NoError(t, err)
	return rec
}

func TestOnlyWhatIsResolvedAndNoLongerFoundIsFixed(t *testing.T) {
	rec := decode(t, nil)
	require.Equal(t, exposure.StatusFixed, rec.Observed[2].Finding.Status)
	require.Equal(t, time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC), rec.Observed[2].Finding.LastSeen)
	require.Equal(t, exposure.StatusSuppressed, rec.Observed[3].Finding.Status)
	for name, change := range map[string][]string{"removed, but not resolved": {`"resolved_at": "2026-01-06T00:00:00.000Z"`, `"resolved_at": null`}, "resolved, but still listed": {`"removed"`, `"normal"`}} {
		require.Equal(t, exposure.StatusArchived, decode(t, nil, change...).Observed[2].Finding.Status, name)
	}
	trusting := decode(t, &cycognito.Config{ResolvedFixed: true}, `"removed"`, `"normal"`)
	require.Equal(t, exposure.StatusFixed, trusting.Observed[2].Finding.Status)
	require.Equal(t, exposure.StatusOpen, decode(t, nil, `"new"`, `"unheard of"`).Observed[0].Finding.Status)
}

func TestAnIssueNamesItsAssetAndOwners(t *testing.T) {
	obs := decode(t, nil).Observed[0]
	require.Equal(t, []asset.Identifier{{Kind: asset.SourceAssetID, Value: "ip/203.0.113.7"}, {Kind: asset.IP, Value: "203.0.113.7"}}, obs.Asset.Identifiers)
	require.Equal(t, []asset.OwnerHint{{Value: "mira@example.org", From: "tech_owners"}, {Value: "payments", From: "business_units"}}, obs.Asset.OwnerHints)
	require.Equal(t, asset.InternetYes, obs.Asset.Internet)
	require.NotContains(t, obs.Finding.Evidence, "hunter2")
	require.Equal(t, "22/tcp", obs.Finding.Location)
}

func TestIdentityOutlivesSeverityAndTitle(t *testing.T) {
	a, b := decode(t, nil).Observed[0].Finding, decode(t, nil, `"medium"`, `"critical"`, "Invented weakness", "Renamed").Observed[0].Finding
	require.NotEqual(t, a, b)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
}
