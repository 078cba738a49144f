package sarif_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/sarif"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, sarif.Registration(), nil) }

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range sarif.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, sarif.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, sarif.Registration(), nil)
	}
	connectortest.Counts(t, sarif.Registration(), nil)
}

func decode(t *testing.T, config *sarif.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &sarif.Config{}
	}
	rec, err := connectortest.Decode(t, sarif.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

// doc makes a report of one run with the given fields beside its tool's.
func doc(tool, fields string) string {
	return `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Q"` + tool + `}},` + fields + `}]}`
}

func one(t *testing.T, tool, result string) *exposure.Finding {
	t.Helper()
	rec := decode(t, nil, doc(tool, `"results":[`+result+`]`))
	require.Len(t, rec.Observed, 1)
	return rec.Observed[0].Finding
}

func TestWhatIsNoFailureIsNoFinding(t *testing.T) {
	for kind, want := range map[string]int{"fail": 1, "pass": 0, "notApplicable": 0, "informational": 0, "review": 0, "open": 0} {
		rec := decode(t, nil, doc("", `"results":[{"ruleId":"a","kind":"`+kind+`","message":{"text":"m"}}]`))
		require.Len(t, rec.Observed, want, kind)
		require.Equal(t, 1-want, rec.Skips(), kind)
	}
}

func TestRulesAreFoundHoweverTheyAreNamed(t *testing.T) {
	const tool = `,"rules":[{"id":"D0","shortDescription":{"text":"zero"}},{"id":"D1","guid":"g1","shortDescription":{"text":"one"}}]},"extensions":[{"name":"pack","guid":"gp","rules":[{"id":"D0","shortDescription":{"text":"of the pack"}},{"id":"P1","shortDescription":{"text":"pack one"}}]}],"x":{"y":1`
	for ref, want := range map[string]string{
		`"ruleId":"D1"`:                                    "one",
		`"ruleId":"D1/deep/er"`:                            "one",
		`"ruleIndex":1`:                                    "one",
		`"rule":{"index":1}`:                               "one",
		`"rule":{"guid":"g1"}`:                             "g1 has no ID",
		`"ruleId":"D0"`:                                    "zero",
		`"ruleId":"D1","ruleIndex":0`:                      "one", // an index that leads elsewhere is not believed
		`"rule":{"index":0,"toolComponent":{"index":0}}`:   "of the pack",
		`"rule":{"id":"D0","toolComponent":{"guid":"gp"}}`: "of the pack",
		`"rule":{"id":"P1/x","index":1,"toolComponent":{"name":"pack"}}`: "pack one",
		`"ruleId":"P1"`:      "pack one",
		`"ruleId":"nowhere"`: "m",
	} {
		if strings.Contains(want, "no ID") {
			want = "one"
		}
		require.Equal(t, want, one(t, tool, `{`+ref+`,"message":{"text":"m"}}`).Title, ref)
	}
}

func TestAResultWithoutARuleIsNotLost(t *testing.T) {
	const tool = `,"rules":[{"id":"AWS","name":"AWS"},{"id":"AWS Access Key","name":"AWS Access Key"}]`
	require.Equal(t, "sarif:q:AWS Access Key", one(t, tool, `{"message":{"text":"AWS Access Key secret detected"}}`).Check)
	require.Equal(t, "sarif:q:Overflow at line N", one(t, tool, `{"message":{"text":"Overflow at line 17\nmore"}}`).Check)
	require.Equal(t, 1, decode(t, nil, doc("", `"results":[{}]`)).Skips())
}

func TestAPackageInPlaceOfAFileLosesItsVersion(t *testing.T) {
	for uri, want := range map[string]string{"npm/lib@1.0.0": "pkg:npm/lib", "pkg:maven/g/a@v1.2": "pkg:maven/g/a", "img/logo@2x.png": "img/logo@2x.png"} {
		f := one(t, "", `{"ruleId":"a","message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"`+uri+`"}}}]}`)
		require.Equal(t, want, f.Location)
	}
}

func TestTemplatesAreFilledIn(t *testing.T) {
	const tool = `,"globalMessageStrings":{"g":{"text":"global {0}"}},"rules":[{"id":"a","messageStrings":{"x":{"text":"{1} before {0}, {{kept}} {9}"}}}]`
	for message, want := range map[string]string{
		`{"id":"x","arguments":["A","B"]}`:        "B before A, {kept} {9}",
		`{"id":"g","arguments":["A"]}`:            "global A",
		`{"text":"{0} by {0}","arguments":["A"]}`: "A by A",
		`{"text":"if (a) { b }"}`:                 "if (a) { b }",
		`{"markdown":"**m**"}`:                    "**m**",
	} {
		require.Equal(t, want, one(t, tool, `{"ruleId":"a","message":`+message+`}`).Description, message)
	}
}

func TestSeverityIsTheNumberElseTheWordElseTheLevel(t *testing.T) {
	for _, tt := range []struct {
		rule, result string
		want         exposure.Severity
	}{
		{`"properties":{"security-severity":"9.8"}`, `"level":"note"`, exposure.SeverityCritical},
		{`"properties":{"security-severity":7.0}`, ``, exposure.SeverityHigh},
		{`"properties":{"security-severity":"MEDIUM"}`, `"level":"error"`, exposure.SeverityMedium},
		{`"properties":{"security-severity":"1"}`, ``, exposure.SeverityLow},
		{`"properties":{"security-severity":"0.0"}`, `"level":"error"`, exposure.SeverityHigh},
		{`"defaultConfiguration":{"level":"error"}`, ``, exposure.SeverityHigh},
		{`"defaultConfiguration":{"level":"error"}`, `"level":"note"`, exposure.SeverityInfo},
		{``, ``, exposure.SeverityMedium},
	} {
		rule := `,"rules":[{"id":"a"` + comma(tt.rule) + `}]`
		require.Equal(t, tt.want, one(t, rule, `{"ruleId":"a","message":{"text":"m"}`+comma(tt.result)+`}`).Severity, "%s %s", tt.rule, tt.result)
	}
}

func comma(text string) string {
	if text == "" {
		return ""
	}
	return "," + text
}

func TestIdentityDoesNotMoveWithLineSeverityOrWords(t *testing.T) {
	at := func(line, column int, more string) *exposure.Finding {
		return one(t, "", fmt.Sprintf(`{"ruleId":"a","message":{"text":"at line %d"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"f.c"},"region":{"startLine":%d,"snippet":{"text":"x  =  %d"}}}}]%s}`, line, line, column, more))
	}
	for name, more := range map[string]string{
		"fingerprint":         `,"fingerprints":{"h/v1":"abc"},"level":"note"`,
		"nested fingerprint":  `,"fingerprints":{"h/v1":{"value":"abc"}}`,
		"partial fingerprint": `,"partialFingerprints":{"lineHash":"abc:1"}`,
	} {
		a, b := at(31, 1, more), at(24, 1, strings.Replace(more, "note", "error", 1))
		require.Equal(t, a.UID, b.UID, name)
		require.Equal(t, a.Location, b.Location)
		require.Contains(t, a.UID, "abc")
	}
	require.Equal(t, at(1, 5, "").UID, at(2, 5, "").UID, "the snippet stands for the place")
	require.NotEqual(t, at(1, 5, "").UID, at(1, 6, "").UID)
	require.Equal(t, at(1, 5, `,"partialFingerprints":{"scanFileHash":"a","startColumn":"1"}`).UID, at(9, 5, `,"partialFingerprints":{"scanFileHash":"b","startColumn":"2"}`).UID,
		"a hash of the whole file is no fingerprint of a result in it")
}

func TestPathsAreFromTheRootOfWhatWasScanned(t *testing.T) {
	const run = `"originalUriBaseIds":{"ROOT":{"uri":"file:///b/s/"},"OUT":{"uri":"out/","uriBaseId":"ROOT"},"LOOP":{"uri":"l","uriBaseId":"LOOP"}},"invocations":[{"executionSuccessful":true,"workingDirectory":{"uri":"file:///home/ci"}}],`
	for location, want := range map[string]string{
		`{"uri":"a/b.c"}`:                    "a/b.c",
		`{"uri":"./a/../b.c"}`:               "b.c",
		`{"uri":"b.c","uriBaseId":"ROOT"}`:   "b.c",
		`{"uri":"b.c","uriBaseId":"OUT"}`:    "out/b.c",
		`{"uri":"file:///b/s/d/e.c"}`:        "d/e.c",
		`{"uri":"file:///home/ci/my%20f.c"}`: "my f.c",
		`{"uri":"file:///else/where.c"}`:     "/else/where.c",
		`{"uri":"win\\dows.c"}`:              "win/dows.c",
	} {
		rec := decode(t, nil, doc("", run+`"results":[{"ruleId":"a","message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":`+location+`}}]}]`))
		require.Equal(t, want, rec.Observed[0].Finding.Location, location)
	}
	decode(t, nil, doc("", run+`"results":[{"ruleId":"a","message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a","uriBaseId":"LOOP"}}}]}]`))
}

func TestAbsentIsFixedOnlyAfterAGoodRun(t *testing.T) {
	const absent = `"results":[{"ruleId":"a","message":{"text":"m"},"baselineState":"absent"}]`
	rec := decode(t, nil, doc("", `"invocations":[{"executionSuccessful":true,"endTimeUtc":"2026-11-20T12:00:00Z"}],`+absent))
	require.Equal(t, exposure.StatusFixed, rec.Observed[0].Finding.Status)
	require.Equal(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), rec.Observed[0].Finding.LastSeen, "when it was seen to be gone")
	for _, bad := range []string{`[{"executionSuccessful":false}]`, `[{}]`, `[{"executionSuccessful":true,"toolExecutionNotifications":[{"level":"error"}]}]`} {
		rec = decode(t, nil, doc("", absent+`,"invocations":`+bad))
		require.Equal(t, exposure.StatusExpired, rec.Observed[0].Finding.Status, bad)
		require.NotEmpty(t, rec.Observed[0].Finding.StatusNote)
	}
	for state, want := range map[string]exposure.Status{"new": exposure.StatusOpen, "unchanged": exposure.StatusOpen, "updated": exposure.StatusOpen, "lost": exposure.StatusOpen} {
		require.Equal(t, want, one(t, "", `{"ruleId":"a","message":{"text":"m"},"baselineState":"`+state+`"}`).Status, state)
	}
}

func TestOnlySuppressionsThatStandSuppress(t *testing.T) {
	for suppressions, want := range map[string]exposure.Status{
		`[]`:                      exposure.StatusOpen,
		`[{"kind":"inSource"}]`:   exposure.StatusSuppressed,
		`[{"status":"accepted"}]`: exposure.StatusSuppressed,
		`[{"status":"underReview","justification":"wait"}]`: exposure.StatusOpen,
		`[{"status":"accepted"},{"status":"rejected"}]`:     exposure.StatusOpen,
	} {
		f := one(t, "", `{"ruleId":"a","message":{"text":"m"},"suppressions":`+suppressions+`}`)
		require.Equal(t, want, f.Status, suppressions)
	}
}

func TestOnlyAWholeScanThatEndedWellIsComplete(t *testing.T) {
	const good = `"invocations":[{"executionSuccessful":true,"endTimeUtc":"2026-11-20T12:00:00Z"}]`
	full := &sarif.Config{FullScan: true, Repository: "git.quell-lab.net/web/shop"}
	tests := []struct {
		name     string
		config   *sarif.Config
		body     string
		complete bool
	}{
		{"no results are a result", full, doc("", good+`,"results":[]`), true},
		{"by default nothing is", nil, doc("", good+`,"results":[]`), false},
		{"no list of results", full, doc("", good), false},
		{"results that are null", full, doc("", good+`,"results":null`), false},
		{"no runs", full, `{"version":"2.1.0","runs":[]}`, false},
		{"a failed invocation", full, doc("", `"results":[],"invocations":[{"executionSuccessful":false,"endTimeUtc":"2026-11-20T12:00:00Z"}]`), false},
		{"an error on the way", full, doc("", `"results":[],"invocations":[{"executionSuccessful":true,"endTimeUtc":"2026-11-20T12:00:00Z","toolExecutionNotifications":[{"level":"error"}]}]`), false},
		{"a warning on the way", full, doc("", `"results":[],"invocations":[{"executionSuccessful":true,"endTimeUtc":"2026-11-20T12:00:00Z","toolExecutionNotifications":[{"level":"warning"}]}]`), true},
		{"a result that can't be read", full, doc("", good+`,"results":[7]`), false},
		{"a result without a rule", full, doc("", good+`,"results":[{}]`), false},
		{"a null", full, doc("", good+`,"results":[null]`), false},
		{"no time, of which full_scan says that it is that of its arrival", full, doc("", `"results":[]`), true},
		{"results in another file", full, doc("", good+`,"results":[],"externalPropertyFileReferences":{"results":[{"location":{"uri":"x"}}]}`), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := decode(t, tt.config, tt.body).Last()
			require.Equal(t, tt.complete, run.Complete, run.Why)
			require.Equal(t, tt.complete, run.Why == "")
			if tt.complete {
				require.Equal(t, []string{"sarif:q:*"}, run.Checks)
			}
		})
	}
	two := `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Q"}},` + good + `,"results":[],"versionControlProvenance":[{"repositoryUri":"https://git.quell-lab.net/a/b"}]},{"tool":{"driver":{"name":"R"}},` + good + `,"results":[],"versionControlProvenance":[{"repositoryUri":"https://git.quell-lab.net/a/c"}]}]}`
	require.False(t, decode(t, &sarif.Config{FullScan: true}, two).Last().Complete)
}

func TestTrivyVouchesForTheScannersThatLeftATrace(t *testing.T) {
	body, err := os.ReadFile("testdata/trivy-image.sarif")
	require.NoError(t, err)
	run := decode(t, &sarif.Config{FullScan: true}, string(body)).Last()
	require.True(t, run.Complete)
	require.Equal(t, []string{"trivy:vuln:*", "trivy:secret:*"}, run.Checks)
}

func TestTheTargetIsWhatTheReportOrTheSourceSaysItIs(t *testing.T) {
	const results = `"results":[{"ruleId":"a","message":{"text":"m"}}]`
	for _, tt := range []struct {
		config *sarif.Config
		run    string
		want   asset.Identifier
	}{
		{nil, `"versionControlProvenance":[{"repositoryUri":"git@git.quell-lab.net:web/Shop.git"}],`, asset.Identifier{Kind: asset.RepositoryName, Value: "git.quell-lab.net/web/shop"}},
		{nil, `"versionControlProvenance":[{"repositoryUri":"https://user:pass@git.quell-lab.net/web/shop"}],`, asset.Identifier{Kind: asset.RepositoryName, Value: "git.quell-lab.net/web/shop"}},
		{&sarif.Config{Repository: "git.quell-lab.net/web/api"}, `"versionControlProvenance":[{"repositoryUri":"https://git.quell-lab.net/web/shop"}],`, asset.Identifier{Kind: asset.RepositoryName, Value: "git.quell-lab.net/web/api"}},
		{&sarif.Config{Artifact: "firmware"}, "", asset.Identifier{Kind: asset.Label, Scope: "test-source", Value: "firmware"}},
		{nil, "", asset.Identifier{Kind: asset.Label, Scope: "test-source", Value: "test-source"}},
	} {
		rec := decode(t, tt.config, doc("", tt.run+results))
		require.Equal(t, []asset.Identifier{tt.want}, rec.Observed[0].Asset.Identifiers)
	}
}

func TestSecretsStayWhereTheyAre(t *testing.T) {
	for _, body := range []string{
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Gitleaks"}},"results":[{"ruleId":"aws","message":{"text":"found QUELLSECRET0123456789 there"},"properties":{"offender":"QUELLSECRET0123456789","commit":"c"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"f"},"region":{"snippet":{"text":"QUELLSECRET0123456789"}}}}]}]}]}`,
	} {
		rec := decode(t, nil, body)
		require.Equal(t, exposure.ClassSecret, rec.Observed[0].Finding.Class)
		require.NotContains(t, fmt.Sprintf("%+v %s", *rec.Observed[0].Finding, rec.Observed[0].Finding.Vendor), "QUELLSECRET")
	}
	for _, file := range []string{"code.sarif", "trivy-image.sarif"} {
		golden, err := os.ReadFile("testdata/" + file + ".golden")
		require.NoError(t, err)
		require.NotContains(t, string(golden), "QUELLSECRET")
		require.NotContains(t, string(golden), "glpat-QUELL")
	}
}

func TestTrivysPackagesAreThoseOfItsJSON(t *testing.T) {
	report := func(class, pkg, version, uri, image string) string {
		return `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Trivy","rules":[{"id":"CVE-2024-1000","name":"` + class + `"}]}},"results":[{"ruleId":"CVE-2024-1000","ruleIndex":0,"message":{"text":"Package: ` + pkg + `\nInstalled Version: ` + version + `\nSeverity: LOW"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"` + uri + `","uriBaseId":"ROOTPATH"}}}]}],"properties":{"imageName":"` + image + `"}}]}`
	}
	const system, lang = "OsPackageVulnerability", "LanguageSpecificPackageVulnerability"
	for _, tt := range []struct{ class, pkg, version, uri, image, want string }{
		{system, "musl", "1.1.22-r3", "img", "shop:1", "pkg:apk/alpine/musl"},
		{system, "musl", "1.1.22-r3", "img", "cgr.dev/chainguard/static", "pkg:apk/chainguard/musl"},
		{system, "bash", "5.0-4", "img", "shop:1", "pkg:deb/debian/bash"},
		{system, "bash", "5.0-4ubuntu1.1", "img", "shop:1", "pkg:deb/ubuntu/bash"},
		{system, "bash", "4.4.19-14.el8", "img", "rockylinux:8", "pkg:rpm/rocky/bash"},
		{system, "bash", "4.4.19-14.el8", "img", "ubi8", "pkg:rpm/redhat/bash"},
		{system, "bash", "4.2.46-34.amzn2", "img", "x", "pkg:rpm/amazon/bash"},
		{lang, "lodash", "4.17.4", "app/package-lock.json", "", "pkg:npm/lodash#app/package-lock.json"},
		{lang, "@a/b", "1.0.0", "yarn.lock", "", "pkg:npm/%40a/b#yarn.lock"},
		{lang, "g:a", "1.14", "libs/a-1.14.jar", "", "pkg:maven/g/a#libs/a-{version}.jar"},
		{lang, "Ruamel_Yaml", "1.0", "usr/lib/python3/r.dist-info/METADATA", "", "pkg:pypi/ruamel-yaml#usr/lib/python3/r.dist-info/METADATA"},
		{lang, "golang.org/x/net", "v0.1.0", "usr/bin/tool", "", "pkg:golang/golang.org/x/net#usr/bin/tool"},
		{lang, "Newtonsoft.Json", "9.0.1", "app/shop.deps.json", "", "pkg:nuget/Newtonsoft.Json#app/shop.deps.json"},
	} {
		f := decode(t, nil, report(tt.class, tt.pkg, tt.version, tt.uri, tt.image)).Observed[0].Finding
		require.Equal(t, tt.want, f.Location)
		require.Equal(t, "trivy:vuln:CVE-2024-1000", f.Check)
		require.Equal(t, exposure.SeverityLow, f.Severity)
	}
	f := decode(t, &sarif.Config{System: "oracle"}, report(system, "bash", "4.4.19-14.el8", "i", "x")).Observed[0].Finding
	require.Equal(t, "pkg:rpm/oracle/bash", f.Location)
	for id, want := range map[string]string{"DS002": "DS-0002", "AVD-AWS-0086": "AWS-0086", "DS-0002": "DS-0002", "KSV014": "KSV-0014", "custom": "custom"} {
		f := decode(t, nil, strings.NewReplacer("CVE-2024-1000", id).Replace(report("Misconfiguration", "", "", "Dockerfile", ""))).Observed[0].Finding
		require.Equal(t, "trivy:misconfig:"+want, f.Check)
		require.Equal(t, "Dockerfile", f.Location)
		require.Equal(t, exposure.ClassCompliance, f.Class)
	}
	f = decode(t, nil, strings.NewReplacer("CVE-2024-1000", "readline:GPL-3.0").Replace(report("License", "", "", "OS Packages", ""))).Observed[0].Finding
	require.Equal(t, "trivy:license:GPL-3.0", f.Check)
	require.Equal(t, "readline", f.Location)
}

func TestWhatIsNoSARIFIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":2}`, `{"version":"1.0.0","runs":[]}`, `{"version":"2.1.0"}`, `{"runs":[]}`, `{"version":"2.1.0","runs":[{"results":[]}]}`, `{"version":"2.1.0","runs":[]}{}`, `[]`, ``} {
		_, err := connectortest.Decode(t, sarif.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func TestMemoryDoesNotGrowAsTheReportDoes(t *testing.T) {
	const results = 60_000 // 30 MB
	body := &connectortest.Repeat{Head: `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Q"}},"results":[{"ruleId":"a","message":{"text":"m"}}`, Tail: `]}]}`, N: results,
		Part: func(i int) []byte {
			return fmt.Appendf(nil, `,{"ruleId":"r","message":{"text":"%d %s"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/%d.c"}}}]}`, i, bytes.Repeat([]byte("x"), 400), i)
		}}
	var sink connectortest.Count
	require.NoError(t, connectortest.Open(t, sarif.Registration(), nil).Decode(t.Context(), body, &sink))
	require.Equal(t, results+1, sink.Observed)
}

func TestConfigNamesEveryProblem(t *testing.T) {
	require.Len(t, (&sarif.Config{Repository: "shop", Artifact: "a", System: "plan9"}).Validate(), 3)
	require.Empty(t, (&sarif.Config{Repository: "git.quell-lab.net/web/shop", System: "alpine"}).Validate())
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, sarif.Registration(), "sarif") }
