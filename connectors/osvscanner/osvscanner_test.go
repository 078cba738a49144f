package osvscanner_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/osvscanner"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, osvscanner.Registration(), nil) }

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range osvscanner.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, osvscanner.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, osvscanner.Registration(), nil)
	}
	connectortest.Counts(t, osvscanner.Registration(), nil)
}

func decode(t *testing.T, config *osvscanner.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &osvscanner.Config{}
	}
	rec, err := connectortest.Decode(t, osvscanner.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func report(path, pkg, rest string) string {
	return `{"results":[{"source":{"path":"` + path + `","type":"lockfile"},"packages":[{"package":` + pkg + `,` + rest + `}]}]}`
}

const lodash = `{"name":"lodash","version":"1.0","ecosystem":"npm"}`

func TestAGroupIsOneWeaknessUnderSeveralNames(t *testing.T) {
	for groups, want := range map[string]string{
		`"groups":[{"ids":["PYSEC-1","GHSA-x"],"aliases":["CVE-2024-1000","GHSA-x","PYSEC-1"]}]`: "CVE-2024-1000",
		`"groups":[{"ids":["PYSEC-1","GHSA-x"]}]`:                                                "osvscanner:GHSA-x",
		`"groups":[{"ids":["MAL-1"]}]`:                                                           "osvscanner:MAL-1",
		`"vulnerabilities":[{"id":"GHSA-x","aliases":["CVE-2024-1000"]}]`:                        "CVE-2024-1000",
	} {
		rec := decode(t, nil, report("yarn.lock", lodash, groups))
		require.Len(t, rec.Observed, 1)
		require.Equal(t, want, exposure.WeaknessOf(*rec.Observed[0].Finding), groups)
	}
}

func TestIdentityDoesNotMoveWithVersionOrSeverity(t *testing.T) {
	a := decode(t, nil, report("yarn.lock", lodash, `"groups":[{"ids":["GHSA-x"],"max_severity":"5"}]`))
	b := decode(t, nil, report("yarn.lock", `{"name":"lodash","version":"2.0","ecosystem":"npm"}`, `"groups":[{"ids":["GHSA-x"],"max_severity":"9"}]`))
	require.Equal(t, a.Observed[0].Finding.UID, b.Observed[0].Finding.UID)
}

func TestLocationsAreThoseOfTrivy(t *testing.T) {
	for _, tt := range []struct{ root, path, pkg, want string }{
		{"/builds/web/shop", "/builds/web/shop/app/yarn.lock", lodash, "pkg:npm/lodash#app/yarn.lock"},
		{"/builds/web/shop/", "/builds/web/shop/app/yarn.lock", lodash, "pkg:npm/lodash#app/yarn.lock"},
		{"", "./go.mod", `{"name":"golang.org/x/net","version":"0.1.0","ecosystem":"Go"}`, "pkg:golang/golang.org/x/net#go.mod"},
		{"", "pom.xml", `{"name":"g:a","version":"1","ecosystem":"Maven"}`, "pkg:maven/g/a#pom.xml"},
		{"", "/var/lib/dpkg/status", `{"name":"bash","version":"5","ecosystem":"Debian:12"}`, "pkg:deb/debian/bash"},
		{"", "x.lock", `{"name":"strange","version":"1","ecosystem":"Nowhere"}`, "pkg:generic/strange#x.lock"},
	} {
		rec := decode(t, &osvscanner.Config{Root: tt.root}, report(tt.path, tt.pkg, `"groups":[{"ids":["GHSA-x"]}]`))
		require.Equal(t, tt.want, rec.Observed[0].Finding.Location)
	}
}

func TestWhatIsNotCalledIsTheScannersOpinion(t *testing.T) {
	for analysis, want := range map[string]exposure.Status{
		`{}`: exposure.StatusOpen, `{"a":{"called":true}}`: exposure.StatusOpen, `{"a":{"called":false}}`: exposure.StatusNotAffected,
		`{"a":{"called":false},"b":{"called":true}}`: exposure.StatusOpen, `{"a":{}}`: exposure.StatusOpen,
	} {
		rec := decode(t, nil, report("go.mod", lodash, `"groups":[{"ids":["a","b"],"experimentalAnalysis":`+analysis+`}]`))
		require.Equal(t, want, rec.Observed[0].Finding.Status, analysis)
	}
}

func TestSeverityIsTheDatabasesElseOfTheScore(t *testing.T) {
	for rest, want := range map[string]exposure.Severity{
		`"vulnerabilities":[{"id":"a","database_specific":{"severity":"MODERATE"}}],"groups":[{"ids":["a"],"max_severity":"9.8"}]`: exposure.SeverityMedium,
		`"groups":[{"ids":["a"],"max_severity":"9.8"}]`:   exposure.SeverityCritical,
		`"groups":[{"ids":["a"],"max_severity":"7"}]`:     exposure.SeverityHigh,
		`"groups":[{"ids":["a"],"max_severity":""}]`:      exposure.SeverityUnknown,
		`"groups":[{"ids":["MAL-1"],"max_severity":"1"}]`: exposure.SeverityCritical,
	} {
		require.Equal(t, want, decode(t, nil, report("go.mod", lodash, rest)).Observed[0].Finding.Severity, rest)
	}
}

func TestOnlyWhatTheSourceSaysIsWholeIsComplete(t *testing.T) {
	full := &osvscanner.Config{FullScan: true}
	require.True(t, decode(t, full, `{"results":[]}`).Last().Complete)
	require.False(t, decode(t, nil, `{"results":[]}`).Last().Complete)
	require.False(t, decode(t, full, report("a", lodash, `"groups":[{}]`)).Last().Complete)
	require.Len(t, (&osvscanner.Config{Repository: "shop"}).Validate(), 1)
}

func TestWhatIsNotOfOSVScannerIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":2}`, `{"results":[{"a":1}]}`, `{"results":7}`, `[]`, ``} {
		_, err := connectortest.Decode(t, osvscanner.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, osvscanner.Registration(), "osv-scanner") }
