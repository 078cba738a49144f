package orca_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/orca"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, orca.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, orca.Registration(), nil)
	}
	connectortest.Counts(t, orca.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range orca.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, orca.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, orca.Registration(), "orca") }

func decode(t *testing.T, file string, change ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, orca.Registration(), nil, []byte(strings.NewReplacer(change...).Replace(string(body))))
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

func TestClosedIsAFixOnceItIsVerified(t *testing.T) {
	rec := decode(t, "alerts.json")
	require.Equal(t, []exposure.Status{exposure.StatusOpen, exposure.StatusFixed, exposure.StatusOpen, exposure.StatusGone, exposure.StatusSuppressed}, stati(rec))
	require.Equal(t, 19, rec.Observed[1].Finding.LastSeen.Day(), "a fix is later than the last sight")
	require.Equal(t, map[string]int{"element_that_is_no_alert": 1}, rec.Skipped)
	require.Equal(t, exposure.StatusOpen, stati(decode(t, "alerts.json", `"open"`, `"vanished"`))[0])
}

func TestIdentityHoldsNeitherLineNorScore(t *testing.T) {
	one, two := decode(t, "alerts.json"), decode(t, "alerts.json", ".java:55", ".java:91", `"medium"`, `"high"`, "7.4", "9.9")
	a, b := one.Observed[4].Finding, two.Observed[4].Finding
	require.Equal(t, "src/Hash.java", a.Location)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
	require.Equal(t, []string{"CWE-327"}, a.CWEs)
	require.Equal(t, "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0", one.Observed[0].Asset.Identifiers[0].Value)
}

func TestBothExportsAgree(t *testing.T) {
	one, two := decode(t, "export.json"), decode(t, "export.csv")
	for i := range one.Observed {
		a, b := one.Observed[i], two.Observed[i]
		require.Equal(t, []string{a.Finding.UID, a.Finding.Check, string(a.Finding.Status), string(a.Finding.Severity), string(a.Finding.Class)},
			[]string{b.Finding.UID, b.Finding.Check, string(b.Finding.Status), string(b.Finding.Severity), string(b.Finding.Class)})
		require.Equal(t, a.Asset.Identifiers, b.Asset.Identifiers)
		require.Equal(t, a.Finding.CVEs, b.Finding.CVEs)
	}
}
