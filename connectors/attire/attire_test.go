package attire_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/attire"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, attire.Registration(), nil) }

func TestALog(t *testing.T) {
	connectortest.Golden(t, attire.Registration(), nil, "attire.json", *update)
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, attire.Registration(), "attire") }

func decode(t *testing.T, edit ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/attire.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, attire.Registration(), nil, []byte(strings.NewReplacer(edit...).Replace(string(body))))
	require.NoError(t, err)
	return rec
}

func TestOnlyWhatSucceededIsAGap(t *testing.T) {
	rec := decode(t)
	require.Equal(t, map[string]int{"procedure_failed": 1, "procedure_timed_out": 1}, rec.Skipped)
	f := rec.Observed[0].Finding
	require.Equal(t, "attack:T1033", f.Check)
	require.Equal(t, exposure.ClassDetection, f.Class)
	require.Equal(t, exposure.StatusOpen, f.Status)
	require.Contains(t, f.Evidence, "token=[redacted]")
	require.Equal(t, "fqdn||ws1.quell-lab.net", rec.Observed[0].Asset.Identifiers[0].Key())
	require.Len(t, decode(t, `"exit-code": 0`, `"exit-code": "0"`).Observed, 2)
	require.Equal(t, 2, decode(t, `"exit-code": 0`, `"exit-code": null`).Skipped["procedure_without_exit_code"]-1, "silence is no success")
}

func TestALogProvesNoAbsence(t *testing.T) {
	run := decode(t).Last()
	require.Equal(t, exposure.RunPartial, run.Kind)
	require.False(t, run.Complete)
	require.Equal(t, "e-1", run.ID)
}

func TestATargetBehindTheProceduresIsWaitedFor(t *testing.T) {
	body, err := os.ReadFile("testdata/attire.json")
	require.NoError(t, err)
	text := string(body)
	at, procedures := strings.Index(text, `"execution-data"`), strings.Index(text, `"procedures"`)
	swapped := text[:at] + strings.TrimRight(text[procedures:], "}\n ") + ", " + strings.TrimRight(text[at:procedures], ", \n") + "}"
	rec, err := connectortest.Decode(t, attire.Registration(), nil, []byte(swapped))
	require.NoError(t, err)
	require.Equal(t, decode(t).Observed, rec.Observed)
}

func TestAnIdentityOutlivesWhatChanges(t *testing.T) {
	one, two := decode(t), decode(t, "e-1", "e-2", "2026-11-12", "2026-11-19", "whoami /all", "whoami /user")
	require.Equal(t, one.Observed[0].Finding.UID, two.Observed[0].Finding.UID)
}
