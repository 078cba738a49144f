package cobalt_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/cobalt"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, cobalt.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, cobalt.Registration(), nil)
	}
	connectortest.Counts(t, cobalt.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range cobalt.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, cobalt.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, cobalt.Registration(), "cobalt-pentest") }

func decode(t *testing.T, changes ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/findings.json")
	require.NoError(t, err)
	changed := strings.NewReplacer(changes...).Replace(string(body))
	if len(changes) > 0 {
		require.NotEqual(t, string(body), changed)
	}
	rec, err := connectortest.Decode(t, cobalt.Registration(), nil, []byte(changed))
	require.NoError(t, err)
	return rec
}

func TestOnlyAFixThatWasTestedIsOne(t *testing.T) {
	for state, want := range map[string]exposure.Status{
		"new": exposure.StatusOpen, "triaging": exposure.StatusOpen, "need_fix": exposure.StatusOpen, "check_fix": exposure.StatusOpen, "wont_fix": exposure.StatusSuppressed,
		"carried_over": exposure.StatusArchived, "brand_new_state": exposure.StatusOpen,
	} {
		f := decode(t, "valid_fix", state).Observed[2].Finding
		require.Equal(t, want, f.Status, state)
	}
	f := decode(t).Observed[2].Finding
	require.Equal(t, exposure.StatusFixed, f.Status)
	require.Equal(t, time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), f.LastSeen, "when it was tested")
}

func TestAFindingIsOnEachOfItsTargets(t *testing.T) {
	rec := decode(t)
	require.Equal(t, "shop.quell-lab.net", rec.Observed[0].Asset.Name)
	require.Equal(t, "443/tcp/search", rec.Observed[0].Finding.Location)
	require.Equal(t, "api.quell-lab.net", rec.Observed[1].Asset.Name)
	require.Equal(t, rec.Observed[0].Finding.Check, rec.Observed[1].Finding.Check)
	require.Equal(t, asset.SourceAssetID, rec.Observed[3].Asset.Identifiers[0].Kind, "without a target it is on the asset")
	require.NotContains(t, rec.Observed[0].Finding.Evidence, "hunter2")
}

func TestIdentityOutlivesWhatIsEdited(t *testing.T) {
	a, b := decode(t).Observed[0].Finding, decode(t, `"medium"`, `"critical"`, "Invented weakness", "Renamed", "?q=1", "?q=2").Observed[0].Finding
	require.NotEqual(t, a, b)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
}
