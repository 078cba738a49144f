package atomicredteam_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/atomicredteam"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, atomicredteam.Registration(), nil) }

func TestALog(t *testing.T) {
	connectortest.Golden(t, atomicredteam.Registration(), nil, "log.csv", *update)
}

func FuzzDecode(f *testing.F) {
	connectortest.Fuzz(f, atomicredteam.Registration(), "atomicredteam")
}

func decode(t *testing.T, c *atomicredteam.Config, edit ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/log.csv")
	require.NoError(t, err)
	if c == nil {
		c = &atomicredteam.Config{}
	}
	rec, err := connectortest.Decode(t, atomicredteam.Registration(), c, []byte(strings.NewReplacer(edit...).Replace(string(body))))
	require.NoError(t, err)
	return rec
}

func TestOnlyWhatSucceededIsAGap(t *testing.T) {
	rec := decode(t, nil)
	require.Equal(t, map[string]int{"test_failed": 1, "test_without_exit_code": 1}, rec.Skipped)
	f := rec.Observed[0].Finding
	require.Equal(t, "attack:T1033", f.Check)
	require.Equal(t, exposure.ClassDetection, f.Class)
	require.Equal(t, "System Owner/User Discovery", f.Title)
	require.Len(t, decode(t, &atomicredteam.Config{Executed: true}).Observed, 3, "where the source says so, a test without exit code counts")
	require.Len(t, decode(t, &atomicredteam.Config{Executed: true}, `,"ExitCode"`, `,"Other"`).Observed, 4, "of old versions every test does")
	require.Empty(t, decode(t, nil, `,"ExitCode"`, `,"Other"`).Observed)
}

func TestALogProvesNoAbsence(t *testing.T) {
	run := decode(t, nil).Last()
	require.Equal(t, exposure.RunPartial, run.Kind)
	require.False(t, run.Complete)
}

func TestAnIdentityOutlivesWhatChanges(t *testing.T) {
	one, two := decode(t, nil), decode(t, nil, "2026-11-12", "2026-11-19", `"4711"`, `"1"`, "Discovery", "Search")
	require.Equal(t, one.Observed[0].Finding.UID, two.Observed[0].Finding.UID)
}
