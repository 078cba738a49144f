package caldera_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/caldera"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, caldera.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, caldera.Registration(), nil)
	}
	connectortest.Counts(t, caldera.Registration(), nil)
}

func TestDocuments(t *testing.T) {
	for _, s := range caldera.Registration().Samples {
		connectortest.Golden(t, caldera.Registration(), nil, s.File, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, caldera.Registration(), "caldera") }

func decode(t *testing.T, file string, edit ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, caldera.Registration(), nil, []byte(strings.NewReplacer(edit...).Replace(string(body))))
	require.NoError(t, err)
	return rec
}

func TestOnlyWhatSucceededIsAGap(t *testing.T) {
	rec := decode(t, "report.json")
	require.Equal(t, map[string]int{"step_failed": 1, "step_not_collected": 1, "step_timed_out": 1}, rec.Skipped)
	f := rec.Observed[0].Finding
	require.Equal(t, "attack:T1005", f.Check)
	require.Equal(t, exposure.ClassDetection, f.Class)
	require.Equal(t, "find / -name secrets\n/srv/x password=[redacted]", f.Evidence)
	require.Equal(t, "caldera:a4", rec.Observed[1].Finding.Check, "an ability without a technique is known by itself")
	require.Contains(t, rec.Observed[1].Finding.Evidence, "done", "older versions encode the output")
	for status, reason := range map[string]string{"1": "step_failed", "-2": "step_discarded", "-4": "step_untrusted", "77": "step_of_unknown_outcome"} {
		require.Equal(t, 2, decode(t, "events.json", `"status": 0`, `"status": `+status, `"status": 1`, `"status": 124`).Skipped[reason], status)
	}
}

func TestAnOperationProvesNoAbsence(t *testing.T) {
	for _, file := range []string{"report.json", "events.json"} {
		run := decode(t, file).Last()
		require.Equal(t, exposure.RunPartial, run.Kind)
		require.False(t, run.Complete)
	}
	require.Equal(t, "the operation has not finished", decode(t, "report.json", `"finish": "2026-11-10T10:05:00Z"`, `"finish": null`).Last().Why)
}

func TestAHostOutlivesItsAgent(t *testing.T) {
	one, two := decode(t, "report.json"), decode(t, "report.json", "abcdef", "ghijkl", "l-a1", "l-b9", "2026-11-10", "2026-11-17")
	require.Equal(t, one.Observed[0].Asset.Identifiers, two.Observed[0].Asset.Identifiers)
	require.Equal(t, one.Observed[0].Finding.UID, two.Observed[0].Finding.UID)
	require.Equal(t, "label|test-source|paw abcdef", decode(t, "report.json", `"host_group"`, `"other"`).Observed[0].Asset.Identifiers[0].Key())
}
