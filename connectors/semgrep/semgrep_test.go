package semgrep_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/semgrep"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, semgrep.Registration(), nil) }

func TestBodiesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range semgrep.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, semgrep.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, semgrep.Registration(), nil)
	}
	connectortest.Counts(t, semgrep.Registration(), nil)
}

func decode(t *testing.T, config *semgrep.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &semgrep.Config{}
	}
	rec, err := connectortest.Decode(t, semgrep.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func scan(results, more string) string {
	return `{"version":"1.140.0","results":[` + results + `],"errors":[],"paths":{"scanned":["a.py","b.py"]}` + more + `}`
}

func TestIdentityDoesNotMoveWithLineSeverityOrWords(t *testing.T) {
	at := func(line int, severity, fingerprint, lines string) *exposure.Finding {
		return decode(t, nil, scan(fmt.Sprintf(`{"check_id":"r","path":"a.py","start":{"line":%d},"extra":{"severity":%q,"fingerprint":%q,"lines":%q}}`, line, severity, fingerprint, lines), "")).Observed[0].Finding
	}
	require.Equal(t, at(31, "ERROR", "f", "x=1").UID, at(24, "LOW", "f", "x = 2").UID, "the fingerprint is the same")
	require.Equal(t, at(31, "ERROR", "requires login", "x = 1").UID, at(24, "ERROR", "", "  x  =  1").UID, "without one, the code is")
	require.NotEqual(t, at(31, "ERROR", "requires login", "x = 1").UID, at(31, "ERROR", "requires login", "x = 2").UID)
	require.Equal(t, at(31, "ERROR", "requires login", "requires login").UID, at(24, "ERROR", "requires login", "requires login").UID)
}

func TestALifecycleOfTheSharedReportsIsOneExposure(t *testing.T) {
	first, err := os.ReadFile(connectortest.Shared(t, "semgrep/close_old_findings_report_line31.json"))
	if os.IsNotExist(err) {
		t.Skip("no samples")
	}
	require.NoError(t, err)
	third, err := os.ReadFile(connectortest.Shared(t, "semgrep/close_old_findings_report_third_run_different_unique_id.json"))
	require.NoError(t, err)
	a, b := decode(t, nil, string(first)).Observed[0], decode(t, nil, string(third)).Observed[0]
	require.Equal(t, exposure.WeaknessOf(*a.Finding)+a.Finding.Location, exposure.WeaknessOf(*b.Finding)+b.Finding.Location)
	require.NotEqual(t, a.Finding.UID, b.Finding.UID)
}

func TestOnlyAWholeScanWithoutErrorsIsComplete(t *testing.T) {
	full := &semgrep.Config{FullScan: true, Repository: "git.quell-lab.net/web/shop"}
	for _, tt := range []struct {
		name     string
		config   *semgrep.Config
		body     string
		complete bool
		covered  string
	}{
		{"a clean one", full, scan("", ""), true, ""},
		{"by default", nil, scan("", ""), false, ""},
		{"a file that failed", full, strings.Replace(scan("", ""), `"errors":[]`, `"errors":[{"level":"warn","path":"b.py"}]`, 1), true, "a.py"},
		{"a file that was passed over", full, strings.Replace(scan("", ""), `"b.py"]`, `"b.py"],"skipped":[{"path":"c.py","reason":"exceeded_size_limit"}]`, 1), true, "a.py b.py"},
		{"a scan that failed", full, strings.Replace(scan("", ""), `"errors":[]`, `"errors":[{"level":"error","type":"FatalError"}]`, 1), false, ""},
		{"rules that were skipped", full, scan("", `,"skipped_rules":[{"rule_id":"x"}]`), false, ""},
		{"no files", full, strings.Replace(scan("", ""), `"a.py","b.py"`, ``, 1), false, ""},
		{"an old version that names no files", full, `{"results":[],"errors":[]}`, false, ""},
		{"a result that can't be read", full, scan("{}", ""), false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, tt.config, tt.body)
			require.Equal(t, tt.complete, rec.Last().Complete, rec.Last().Why)
			require.Equal(t, tt.covered, strings.Join(rec.Covered[0].Locations, " "))
		})
	}
}

func TestAWebhookCoversNothing(t *testing.T) {
	rec := decode(t, &semgrep.Config{Host: "github.com"}, `[{"semgrep_finding":{"id":"x","check_id":"a","path":"p","severity":1,"repo_name":"Web/Shop"}}]`)
	require.Equal(t, exposure.RunEvent, rec.Last().Kind)
	require.Empty(t, rec.Covered)
	require.Equal(t, exposure.SeverityMedium, rec.Observed[0].Finding.Severity)
	require.Equal(t, asset.Identifier{Kind: asset.RepositoryName, Value: "github.com/web/shop"}, rec.Observed[0].Asset.Identifiers[0])
	rec = decode(t, nil, `{"semgrep_finding":{"id":"x","check_id":"a","path":"p","severity":1,"repo_name":"web/shop","commit_url":"https://git.quell-lab.net/web/shop/-/commit/1b"}}`)
	require.Equal(t, "git.quell-lab.net/web/shop", rec.Observed[0].Asset.Identifiers[0].Value)
	rec = decode(t, nil, `{"semgrep_scan":{"id":1}}`)
	require.Equal(t, 1, rec.Skips())
}

func TestIgnoredIsAnOpinion(t *testing.T) {
	for ignored, want := range map[string]exposure.Status{"true": exposure.StatusSuppressed, "false": exposure.StatusOpen} {
		require.Equal(t, want, decode(t, nil, scan(`{"check_id":"r","path":"p","extra":{"is_ignored":`+ignored+`}}`, "")).Observed[0].Finding.Status)
	}
}

func TestSecretsStayWhereTheyAre(t *testing.T) {
	golden, err := os.ReadFile("testdata/scan.json.golden")
	require.NoError(t, err)
	require.NotContains(t, string(golden), "QUELLexample")
	f := decode(t, nil, scan(`{"check_id":"generic.secrets.x","path":"p","extra":{"message":"m","lines":"key: QUELLSECRET0123","metavars":{"$S":{"abstract_content":"QUELLSECRET0123"}}}}`, "")).Observed[0].Finding
	require.NotContains(t, fmt.Sprintf("%+v %s", *f, f.Vendor), "QUELLSECRET")
}

// TestSignaturesAreOfTheBodyOrOfItAsPythonWritesIt holds against signatures that Python
// made of json.dumps(json.loads(body), separators=(",", ":")).
func TestSignaturesAreOfTheBodyOrOfItAsPythonWritesIt(t *testing.T) {
	const spaced = "[\n  {\"semgrep_finding\": {\"message\": \"Tainted \\u2014 é \U0001F600 \\\"q\\\" \\\\ / <b>\\u007f\", \"n\": 1.5, \"list\": [1, [], {}, null, true], \"nested\": {\"a\": {\"b\": []}, \"c\": \"\\n\\t\"}}}\n]"
	const compact = "c533f466ad5430e1a11239a5bce174493722a870f605dc44c8ce82766905969a"
	const raw = "c797c965678d2fc11e8265db0f0ac5493ab8ee61b838846dde3822c5b994e132"
	in, err := semgrep.Registration().Open(connectors.Env{Source: "x"}, &semgrep.Config{Secret: secret.New("a-secret-of-15-chars"), PreviousSecret: secret.New("the one before it")})
	require.NoError(t, err)
	verifier, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	verify := func(signature, body string) error {
		_, err := verifier.VerifyWebhook(http.Header{"X-Semgrep-Signature-256": {signature}}, []byte(body), time.Unix(1_700_000_000, 0))
		return err
	}
	require.NoError(t, verify(compact, spaced))
	require.NoError(t, verify(raw, spaced))
	require.NoError(t, verify("e7448b532eaad3ab74e8a2eedd706e040cfa27e376c7a0a6cc6ea039ab8ba2b5", spaced))
	require.True(t, fault.Is(verify(compact, strings.Replace(spaced, "Tainted", "Tainter", 1)), fault.Denied))
	require.True(t, fault.Is(verify("", spaced), fault.Denied))
	require.True(t, fault.Is(verify(compact, spaced+"]"), fault.Denied))
	require.True(t, fault.Is(verify(compact, "no JSON"), fault.Denied))
}

func TestWhatIsNotOfSemgrepIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":2}`, `[{"a":1}]`, `{"results":7}`, `7`, ``, scan("", "") + "{}"} {
		_, err := connectortest.Decode(t, semgrep.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
	require.Len(t, (&semgrep.Config{Repository: "shop", Host: "a/b"}).Validate(), 2)
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, semgrep.Registration(), "semgrep") }
