package govulncheck_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/govulncheck"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, govulncheck.Registration(), nil) }

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range govulncheck.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, govulncheck.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, govulncheck.Registration(), nil)
	}
	connectortest.Counts(t, govulncheck.Registration(), nil)
}

func decode(t *testing.T, config *govulncheck.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &govulncheck.Config{File: "go.mod"}
	}
	rec, err := connectortest.Decode(t, govulncheck.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

const (
	symbols = `{"config":{"protocol_version":"v1.0.0","scan_level":"symbol"}}`
	module  = `{"finding":{"osv":"GO-1","trace":[{"module":"a.b/c","version":"v1.0.0"}]}}`
	pkg     = `{"finding":{"osv":"GO-1","trace":[{"module":"a.b/c","version":"v1.0.0","package":"a.b/c/d"}]}}`
	symbol  = `{"finding":{"osv":"GO-1","trace":[{"module":"a.b/c","version":"v1.0.0","package":"a.b/c/d","function":"F"}]}}`
)

func TestOneVulnerabilityIsAsBadAsItsWorstWay(t *testing.T) {
	for body, want := range map[string]exposure.Status{
		symbols + module:                exposure.StatusNotAffected,
		symbols + module + pkg:          exposure.StatusNotAffected,
		symbols + module + pkg + symbol: exposure.StatusOpen,
		symbols + symbol + pkg + module: exposure.StatusOpen,
		strings.Replace(symbols, "symbol", "package", 1) + module + pkg: exposure.StatusOpen,
		strings.Replace(symbols, "symbol", "module", 1) + module:        exposure.StatusOpen,
	} {
		rec := decode(t, nil, body)
		require.Len(t, rec.Observed, 1)
		require.Equal(t, want, rec.Observed[0].Finding.Status, body)
		require.Equal(t, want == exposure.StatusOpen, rec.Observed[0].Finding.StatusNote == "")
	}
}

func TestAListOfMessagesIsReadAsAStream(t *testing.T) {
	stream := decode(t, nil, symbols+"\n"+symbol)
	list := decode(t, nil, "["+symbols+","+symbol+"]")
	require.Equal(t, stream.Observed, list.Observed)
}

func TestLocationsAreThoseOfTrivy(t *testing.T) {
	require.Equal(t, "pkg:golang/a.b/c#go.mod", decode(t, nil, symbols+symbol).Observed[0].Finding.Location)
	require.Equal(t, "pkg:golang/a.b/c", decode(t, nil, strings.Replace(symbols, `"scan_level"`, `"scan_mode":"binary","scan_level"`, 1)+symbol).Observed[0].Finding.Location)
	later := strings.ReplaceAll(symbol, "v1.0.0", "v2.0.0")
	require.Equal(t, decode(t, nil, symbols+symbol).Observed[0].Finding.UID, decode(t, nil, symbols+later).Observed[0].Finding.UID)
}

func TestTheTargetIsTheMainModulesRepository(t *testing.T) {
	body, err := os.ReadFile("testdata/messages.jsonl")
	require.NoError(t, err)
	require.Equal(t, asset.Identifier{Kind: asset.RepositoryName, Value: "github.com/quellsec/shop"}, decode(t, nil, string(body)).Covered[0].Asset.Identifiers[0])
	require.Equal(t, "git.quell-lab.net/web/shop", decode(t, &govulncheck.Config{Repository: "git.quell-lab.net/web/shop"}, string(body)).Covered[0].Asset.Identifiers[0].Value)
	require.Equal(t, asset.Label, decode(t, &govulncheck.Config{Artifact: "shopd"}, string(body)).Covered[0].Asset.Identifiers[0].Kind)
	require.Equal(t, "test-source", decode(t, nil, symbols).Covered[0].Asset.Identifiers[0].Value)
}

func TestOnlyWhatTheSourceSaysIsWholeIsComplete(t *testing.T) {
	full := &govulncheck.Config{FullScan: true}
	require.True(t, decode(t, full, symbols).Last().Complete)
	require.False(t, decode(t, nil, symbols).Last().Complete)
	require.False(t, decode(t, full, symbols+`{"progress":{"message":"Scanning your code and 0 packages across 0 dependent modules"}}`).Last().Complete, "nothing was looked at")
	require.False(t, decode(t, full, symbols+`{"finding":{}}`).Last().Complete)
	require.Len(t, (&govulncheck.Config{Repository: "shop"}).Validate(), 1)
}

func TestWhatIsNotOfGovulncheckIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":2}`, symbol, `[]`, `7`, ``, symbols + "{"} {
		rec, err := connectortest.Decode(t, govulncheck.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
		require.Empty(t, rec.Observed)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, govulncheck.Registration(), "govulncheck") }
