package aikido_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/aikido"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, aikido.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, aikido.Registration(), nil)
	}
	connectortest.Counts(t, aikido.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range aikido.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, aikido.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, aikido.Registration(), "aikido") }

func decode(t *testing.T, config any, file string, changes ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	changed := strings.NewReplacer(changes...).Replace(string(body))
	if len(changes) > 0 {
		require.NotEqual(t, string(body), changed)
	}
	rec, err := connectortest.Decode(t, aikido.Registration(), config, []byte(changed))
	require.NoError(t, err)
	return rec
}

func TestClosedIsNoFixUnlessTheOperatorSaysSo(t *testing.T) {
	want := []exposure.Status{exposure.StatusOpen, exposure.StatusArchived, exposure.StatusSuppressed, exposure.StatusOpen, exposure.StatusSuppressed}
	for i, obs := range decode(t, nil, "issues.json").Observed {
		require.Equal(t, want[i], obs.Finding.Status)
	}
	trusted := decode(t, &aikido.Config{ClosedFixed: true}, "issues.json").Observed[1].Finding
	require.Equal(t, exposure.StatusFixed, trusted.Status)
	require.Equal(t, time.Unix(1767600000, 0).UTC(), trusted.LastSeen)
	require.Equal(t, exposure.StatusOpen, decode(t, nil, "issues.json", `"snoozed"`, `"dreaming"`).Observed[4].Finding.Status)
}

func TestAnIssueIsOnWhatItIsIn(t *testing.T) {
	rec := decode(t, &aikido.Config{Host: "github.com/acme"}, "issues.json")
	require.Equal(t, []asset.Identifier{{Kind: asset.SourceAssetID, Value: "code_repo 41"}, {Kind: asset.RepositoryName, Value: "github.com/acme/billing"}}, rec.Observed[0].Asset.Identifiers)
	require.Equal(t, "pkg:npm/left-padder#web/package-lock.json", rec.Observed[0].Finding.Location, "as trivy says it")
	require.Equal(t, asset.Identifier{Kind: asset.CloudResourceID, Value: "arn:aws:s3:::acme-logs"}, rec.Observed[3].Asset.Identifiers[0])
	require.Equal(t, asset.Identifier{Kind: asset.FQDN, Value: "shop.quell-lab.net"}, rec.Observed[4].Asset.Identifiers[1])
	require.Equal(t, exposure.ClassSecret, rec.Observed[2].Finding.Class)
}

func TestAnUpdateThatStaysWeakIsTheSameFinding(t *testing.T) {
	a, b := decode(t, nil, "issue.json").Observed[0].Finding, decode(t, nil, "issue.json", `"1.0.0"`, `"1.5.0"`, "critical", "low").Observed[0].Finding
	require.NotEqual(t, a, b)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
}
