package dependencytrack_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/dependencytrack"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, dependencytrack.Registration(), nil) }

func TestBodiesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range dependencytrack.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, dependencytrack.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, dependencytrack.Registration(), nil)
	}
	connectortest.Counts(t, dependencytrack.Registration(), nil)
}

func decode(t *testing.T, config *dependencytrack.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &dependencytrack.Config{}
	}
	rec, err := connectortest.Decode(t, dependencytrack.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func file(findings string) string {
	return `{"version":"1.3","meta":{"application":"Dependency-Track","timestamp":"2026-11-20T12:00:00Z"},"findings":[` + findings + `],"project":{"uuid":"p1","name":"shop"}}`
}

func one(version, severity, analysis string) string {
	return `{"component":{"uuid":"c` + version + `","name":"lodash","version":"` + version + `","purl":"pkg:npm/lodash@` + version + `"},"vulnerability":{"vulnId":"CVE-2024-1000","severity":"` + severity + `"},"analysis":` + analysis + `}`
}

func TestAnAnalysisIsAnOpinion(t *testing.T) {
	for analysis, want := range map[string]exposure.Status{
		`{"isSuppressed":false}`:                       exposure.StatusOpen,
		`{"isSuppressed":true}`:                        exposure.StatusSuppressed,
		`{"state":"NOT_SET"}`:                          exposure.StatusOpen,
		`{"state":"IN_TRIAGE"}`:                        exposure.StatusOpen,
		`{"state":"EXPLOITABLE"}`:                      exposure.StatusOpen,
		`{"state":"FALSE_POSITIVE"}`:                   exposure.StatusSuppressed,
		`{"state":"RESOLVED"}`:                         exposure.StatusSuppressed,
		`{"state":"NOT_AFFECTED"}`:                     exposure.StatusNotAffected,
		`{"state":"NOT_AFFECTED","isSuppressed":true}`: exposure.StatusNotAffected,
		`{"state":"A_NEW_WORD"}`:                       exposure.StatusOpen,
	} {
		require.Equal(t, want, decode(t, nil, file(one("1", "LOW", analysis))).Observed[0].Finding.Status, analysis)
	}
	for word, status := range dependencytrack.Registration().Statuses {
		require.NotEqual(t, exposure.StatusFixed, status, word)
	}
}

func TestIdentityDoesNotMoveWithVersionOrSeverity(t *testing.T) {
	a, b := decode(t, nil, file(one("4.17.20", "LOW", "{}"))), decode(t, nil, file(one("4.17.21", "HIGH", "{}")))
	require.Equal(t, a.Observed[0].Finding.UID, b.Observed[0].Finding.UID)
	require.Equal(t, "pkg:npm/lodash", a.Observed[0].Finding.Location)
}

func TestAFileAndAMessageNameTheSameFinding(t *testing.T) {
	message := decode(t, nil, `{"notification":{"group":"NEW_VULNERABLE_DEPENDENCY","timestamp":"2026-11-20T12:00:00.1","subject":{"project":{"uuid":"p1","name":"shop"},"component":{"name":"lodash","version":"1","purl":"pkg:npm/lodash@1"},"vulnerabilities":[{"vulnId":"CVE-2024-1000","severity":"LOW"},{"vulnId":"CVE-2024-1001"}]}}}`)
	require.Len(t, message.Observed, 2)
	fromFile := decode(t, nil, file(one("1", "LOW", "{}"))).Observed[0]
	require.Equal(t, fromFile.Finding.UID, message.Observed[0].Finding.UID)
	require.Equal(t, fromFile.Asset.Identifiers, message.Observed[0].Asset.Identifiers)
	require.Equal(t, exposure.RunEvent, message.Last().Kind)
	require.Empty(t, message.Covered)
}

func TestARetractedVulnerabilityIsNoFix(t *testing.T) {
	rec := decode(t, nil, `{"notification":{"group":"VULNERABILITY_RETRACTED","timestamp":"2026-11-20T12:00:00Z","subject":{"project":{"uuid":"p1"},"component":{"name":"a"},"vulnerability":{"vulnId":"CVE-2024-1000"}}}}`)
	require.Equal(t, exposure.StatusArchived, rec.Observed[0].Finding.Status)
}

func TestAnAdvisoryIsTheCVEThatItIsAnAliasOf(t *testing.T) {
	body, err := os.ReadFile("testdata/findings.json")
	require.NoError(t, err)
	rec := decode(t, nil, string(body))
	require.Equal(t, "CVE-2026-41002", exposure.WeaknessOf(*rec.Observed[1].Finding))
	require.Equal(t, asset.Identifier{Kind: asset.RepositoryName, Value: "github.com/quellsec/shop"}, rec.Covered[0].Asset.Identifiers[0])
	rec = decode(t, &dependencytrack.Config{Repositories: map[string]string{"acme-shop": "git.quell-lab.net/web/shop"}}, string(body))
	require.Equal(t, "git.quell-lab.net/web/shop", rec.Covered[0].Asset.Identifiers[0].Value)
}

func TestOnlyAFileWithoutSuppressionIsComplete(t *testing.T) {
	full := &dependencytrack.Config{FullScan: true}
	for _, tt := range []struct {
		name     string
		config   *dependencytrack.Config
		body     string
		complete bool
	}{
		{"by default", nil, file(one("1", "LOW", "{}")), false},
		{"nobody suppresses", full, file(one("1", "LOW", "{}")), true},
		{"no findings", full, file(""), false},
		{"no list of findings", full, strings.Replace(file(""), `[]`, `null`, 1), false},
		{"one that can't be read", full, file(one("1", "LOW", "{}") + ",7"), false},
		{"no time", full, strings.Replace(file(one("1", "LOW", "{}")), "timestamp", "time", 1), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.complete, decode(t, tt.config, tt.body).Last().Complete)
		})
	}
	require.Len(t, (&dependencytrack.Config{Repositories: map[string]string{"a": "shop"}}).Validate(), 1)
}

func TestWhatIsNotOfDependencyTrackIsRefused(t *testing.T) {
	for _, body := range []string{`{"findings":[]}`, `{"meta":{"application":"Dependency-Track"}}`, `{"project":{"name":"a"}}`, `{"findings":7,"project":{"name":"a"}}`, `{"notification":7}`, `[]`, ``} {
		_, err := connectortest.Decode(t, dependencytrack.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) {
	connectortest.Fuzz(f, dependencytrack.Registration(), "dependency-track")
}
