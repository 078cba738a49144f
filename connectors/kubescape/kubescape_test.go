package kubescape_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/kubescape"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, kubescape.Registration(), nil) }

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range kubescape.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, kubescape.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, kubescape.Registration(), nil)
	}
	connectortest.Counts(t, kubescape.Registration(), nil)
}

func decode(t *testing.T, config *kubescape.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &kubescape.Config{}
	}
	rec, err := connectortest.Decode(t, kubescape.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func report(status, sub string) string {
	return `{"generationTime":"2026-11-20T12:00:00Z","summaryDetails":{"controls":{"C-1":{"scoreFactor":7}}},"resources":[{"resourceID":"r","object":{"kind":"Pod","metadata":{"name":"p","namespace":"web"}}},{"resourceID":"q","object":{"kind":"Pod","metadata":{"name":"q","namespace":"web"}}}],` +
		`"results":[{"resourceID":"r","controls":[{"controlID":"C-1","status":{"status":"` + status + `","subStatus":"` + sub + `"}}]},{"resourceID":"q","controls":[{"controlID":"C-2","status":{"status":"passed"}}]}]}`
}

func TestOnlyWhatWasEvaluatedIsCovered(t *testing.T) {
	for _, tt := range []struct {
		status, sub string
		want        exposure.Status
		checks      string
	}{
		{"failed", "", exposure.StatusOpen, "kubescape:C-1 kubescape:C-2"},
		{"passed", "", "", "kubescape:C-1 kubescape:C-2"},
		{"passed", "irrelevant", "", "kubescape:C-1 kubescape:C-2"},
		{"passed", "w/exceptions", exposure.StatusSuppressed, "kubescape:C-1 kubescape:C-2"},
		{"skipped", "requires review", "", "kubescape:C-2"},
		{"skipped", "configuration", "", "kubescape:C-2"},
		{"a new word", "", "", "kubescape:C-2"},
	} {
		rec := decode(t, nil, report(tt.status, tt.sub))
		require.Equal(t, tt.checks, strings.Join(rec.Last().Checks, " "), "%s %s", tt.status, tt.sub)
		require.True(t, rec.Last().Complete)
		if tt.want == "" {
			require.Empty(t, rec.Observed)
			continue
		}
		require.Equal(t, tt.want, rec.Observed[0].Finding.Status)
		require.Equal(t, exposure.SeverityHigh, rec.Observed[0].Finding.Severity)
	}
}

func TestAControlThatWasSkippedAnywhereCoversNothing(t *testing.T) {
	body := strings.Replace(report("skipped", "configuration"), `{"controlID":"C-2"`, `{"controlID":"C-1","status":{"status":"passed"}},{"controlID":"C-2"`, 1)
	require.Equal(t, []string{"kubescape:C-2"}, decode(t, nil, body).Last().Checks)
}

func TestAReportProvesItself(t *testing.T) {
	good := report("failed", "")
	for name, body := range map[string]string{
		"no time":               strings.Replace(good, "2026-11-20", "0001-01-01", 1),
		"a part of a series":    strings.Replace(good, `"results"`, `"paginationInfo":{"chunkNumber":2},"results"`, 1),
		"an unknown resource":   strings.Replace(good, `{"resourceID":"r","controls"`, `{"resourceID":"x","controls"`, 1),
		"nothing was evaluated": `{"generationTime":"2026-11-20T12:00:00Z","summaryDetails":{"controls":{"C-1":{}}},"results":[]}`,
	} {
		run := decode(t, nil, body).Last()
		require.False(t, run.Complete, name)
		require.NotEmpty(t, run.Why, name)
	}
}

func TestResourcesAreNamedAsInTheirCluster(t *testing.T) {
	rec := decode(t, &kubescape.Config{Cluster: "lab"}, report("failed", ""))
	require.Equal(t, asset.Identifier{Kind: asset.SourceAssetID, Scope: "kubernetes/lab", Value: "pod/web/p"}, rec.Observed[0].Asset.Identifiers[0])
	body, err := os.ReadFile("testdata/files.json")
	require.NoError(t, err)
	rec = decode(t, nil, string(body))
	require.Equal(t, asset.Identifier{Kind: asset.RepositoryName, Value: "github.com/quellsec/shop"}, rec.Observed[0].Asset.Identifiers[0])
	require.Equal(t, "k8s/nginx.yaml#Deployment/nginx", rec.Observed[0].Finding.Location)
	require.Equal(t, []string{"k8s/nginx.yaml#Deployment/nginx"}, rec.Covered[0].Locations, "what is in files that were not scanned is not covered")
	rec = decode(t, &kubescape.Config{Repository: "git.quell-lab.net/web/shop"}, string(body))
	require.Equal(t, "git.quell-lab.net/web/shop", rec.Observed[0].Asset.Identifiers[0].Value)
	require.Len(t, (&kubescape.Config{Cluster: "a|b", Repository: "shop"}).Validate(), 2)
}

func TestWhatIsNotOfKubescapeIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":2}`, `{"results":[]}`, `{"summaryDetails":{"controls":{"a":{}}}}`, `[]`, ``} {
		_, err := connectortest.Decode(t, kubescape.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, kubescape.Registration(), "kubescape") }
