package checkov_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/checkov"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, checkov.Registration(), nil) }

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range checkov.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, checkov.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, checkov.Registration(), nil)
	}
	connectortest.Counts(t, checkov.Registration(), nil)
}

func decode(t *testing.T, config *checkov.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &checkov.Config{}
	}
	rec, err := connectortest.Decode(t, checkov.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func framework(kind, failed, summary string) string {
	return `{"check_type":"` + kind + `","results":{"failed_checks":[` + failed + `]},"summary":{` + summary + `,"checkov_version":"3.2"}}`
}

func TestIdentityDoesNotMoveWithLineOrSeverity(t *testing.T) {
	at := func(line int, severity string) string {
		return decode(t, nil, framework("terraform", fmt.Sprintf(`{"check_id":"C","file_path":"/a.tf","file_line_range":[%d,9],"resource":"r.x","severity":%q}`, line, severity), `"failed":1`)).Observed[0].Finding.UID
	}
	require.Equal(t, at(1, "LOW"), at(5, "HIGH"))
	require.Equal(t, "checkov:C|a.tf#r.x", at(1, ""))
}

func TestPlacesAreFileAndResource(t *testing.T) {
	for check, want := range map[string]string{
		`"file_path":"/aws/db.tf","resource":"aws_db_instance.default"`: "aws/db.tf#aws_db_instance.default",
		`"file_path":"/aws/Dockerfile","resource":"/aws/Dockerfile."`:   "aws/Dockerfile",
		`"file_path":"/Dockerfile","resource":"/Dockerfile.RUN"`:        "Dockerfile#RUN",
		`"file_path":"k8s\\a.yaml","resource":"Pod.default.a"`:          "k8s/a.yaml#Pod.default.a",
		`"file_path":"/a.tf"`: "a.tf",
	} {
		rec := decode(t, nil, framework("x", `{"check_id":"C",`+check+`}`, `"failed":1`))
		require.Equal(t, want, rec.Observed[0].Finding.Location, check)
	}
}

func TestOnlyAWholeScanOfEverythingIsComplete(t *testing.T) {
	full := &checkov.Config{FullScan: true}
	for _, tt := range []struct {
		name     string
		config   *checkov.Config
		body     string
		complete bool
	}{
		{"all passed", full, framework("terraform", "", `"passed":3,"failed":0`), true},
		{"by default", nil, framework("terraform", "", `"passed":3,"failed":0`), false},
		{"fewer than claimed", full, framework("terraform", "", `"passed":3,"failed":1`), false},
		{"a file that can't be parsed", full, framework("terraform", "", `"passed":3,"failed":0,"parsing_errors":1`), false},
		{"nothing to check", full, `{"passed":0,"failed":0,"checkov_version":"3.2"}`, false},
		{"one that can't be read", full, framework("terraform", "{}", `"passed":3,"failed":0`), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := decode(t, tt.config, tt.body).Last()
			require.Equal(t, tt.complete, run.Complete, run.Why)
			require.Equal(t, tt.complete, run.Why == "")
		})
	}
	require.Len(t, (&checkov.Config{Repository: "infra"}).Validate(), 1)
}

func TestWhatACommentSkipsIsSuppressed(t *testing.T) {
	rec := decode(t, nil, `{"check_type":"x","results":{"skipped_checks":[{"check_id":"C","check_result":{"result":"SKIPPED","suppress_comment":"why"}}]}}`)
	require.Equal(t, exposure.StatusSuppressed, rec.Observed[0].Finding.Status)
	require.Equal(t, "why", rec.Observed[0].Finding.StatusNote)
}

func TestSecretsStayWhereTheyAre(t *testing.T) {
	golden, err := os.ReadFile("testdata/several.json.golden")
	require.NoError(t, err)
	require.NotContains(t, string(golden), "QUELLSECRET")
	require.NotContains(t, string(golden), "hunter2x")
}

func TestWhatIsNotOfCheckovIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":2}`, `[{"a":1}]`, `[]`, `7`, ``} {
		_, err := connectortest.Decode(t, checkov.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, checkov.Registration(), "checkov") }
