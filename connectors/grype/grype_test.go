package grype_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/grype"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, grype.Registration(), nil) }

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range grype.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, grype.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, grype.Registration(), nil)
	}
	connectortest.Counts(t, grype.Registration(), nil)
}

func decode(t *testing.T, config *grype.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &grype.Config{}
	}
	rec, err := connectortest.Decode(t, grype.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

const (
	image = `"source":{"type":"image","target":{"userInput":"shop:1","imageID":"sha256:abc"}},"distro":{"name":"debian"}`
	good  = `"descriptor":{"name":"grype","version":"0.104.0","timestamp":"2026-11-20T12:00:00Z","configuration":{}}`
)

func one(t *testing.T, match string) *exposure.Finding {
	t.Helper()
	rec := decode(t, nil, `{"matches":[`+match+`],`+image+`,`+good+`}`)
	require.Len(t, rec.Observed, 1)
	return rec.Observed[0].Finding
}

func TestLocationsAreThoseOfTrivy(t *testing.T) {
	for artifact, want := range map[string]string{
		`{"name":"libc6","version":"2.28-10","type":"deb","locations":[{"path":"/usr/lib/libc.so.6"}],"purl":"pkg:deb/debian/libc6@2.28-10?arch=amd64"}`: "pkg:deb/debian/libc6",
		`{"name":"lodash","version":"4.17.4","type":"npm","locations":[{"path":"app/package-lock.json"}],"purl":"pkg:npm/lodash@4.17.4"}`:                "pkg:npm/lodash#app/package-lock.json",
		`{"name":"@a/b","version":"1","type":"npm","locations":[{"path":"/yarn.lock"}],"purl":"pkg:npm/%40a/b@1"}`:                                       "pkg:npm/%40a/b#yarn.lock",
		`{"name":"a","version":"1.14","type":"java-archive","locations":[{"path":"/libs/a-1.14.jar"}],"purl":"pkg:maven/g/a@1.14"}`:                      "pkg:maven/g/a#libs/a-{version}.jar",
		`{"name":"lodash","version":"4.17.4","type":"npm"}`:                                                                                              "pkg:npm/lodash",
		`{"name":"strange","version":"1","type":"no-such-thing"}`:                                                                                        "pkg:generic/strange",
	} {
		require.Equal(t, want, one(t, `{"vulnerability":{"id":"CVE-2024-1000"},"artifact":`+artifact+`}`).Location)
	}
}

func TestIdentityDoesNotMoveWithVersionOrSeverity(t *testing.T) {
	match := func(version, severity string) *exposure.Finding {
		return one(t, `{"vulnerability":{"id":"CVE-2024-1000","severity":"`+severity+`"},"artifact":{"name":"a","version":"`+version+`","type":"java-archive","locations":[{"path":"/libs/a-`+version+`.jar"}],"purl":"pkg:maven/g/a@`+version+`"}}`)
	}
	require.Equal(t, match("1.14", "Low").UID, match("1.15.2", "Critical").UID)
}

func TestAnAdvisoryIsTheCVEThatItIsAbout(t *testing.T) {
	f := one(t, `{"vulnerability":{"id":"GHSA-x"},"relatedVulnerabilities":[{"id":"CVE-2024-1000"},{"id":"GHSA-x"}],"artifact":{"name":"a"}}`)
	require.Equal(t, "CVE-2024-1000", exposure.WeaknessOf(*f))
	require.Equal(t, []string{"GHSA-x"}, f.Advisories)
	f = one(t, `{"vulnerability":{"id":"CVE-2024-1000"},"relatedVulnerabilities":[{"id":"CVE-2024-2000"}],"artifact":{"name":"a"}}`)
	require.Equal(t, "CVE-2024-1000", exposure.WeaknessOf(*f), "its own name is surer than those related to it")
	f = one(t, `{"vulnerability":{"id":"ALAS-1"},"relatedVulnerabilities":[{"id":"CVE-2024-1000"},{"id":"CVE-2024-2000"}],"artifact":{"name":"a"}}`)
	require.Equal(t, "grype:ALAS-1", exposure.WeaknessOf(*f))
}

func TestIgnoredMatchesAreOpinions(t *testing.T) {
	for rule, want := range map[string]exposure.Status{
		`{"vex-status":"not_affected","vex-justification":"code_not_reachable"}`: exposure.StatusNotAffected,
		`{"vex-status":"fixed"}`:         exposure.StatusSuppressed,
		`{"fix-state":"not-fixed"}`:      exposure.StatusSuppressed,
		`{"vulnerability":"CVE-2024-1"}`: exposure.StatusSuppressed,
		`{}`:                             exposure.StatusSuppressed,
	} {
		rec := decode(t, nil, `{"matches":[],"ignoredMatches":[{"appliedIgnoreRules":[`+rule+`],"vulnerability":{"id":"CVE-2024-1000"},"artifact":{"name":"a"}}],`+image+`,`+good+`}`)
		require.Equal(t, want, rec.Observed[0].Finding.Status, rule)
		require.NotEmpty(t, rec.Observed[0].Finding.StatusNote)
	}
}

func TestAReportProvesItself(t *testing.T) {
	tests := []struct {
		name, body string
		complete   bool
	}{
		{"a clean image", `{"matches":[],` + image + `,` + good + `}`, true},
		{"no time", `{"matches":[],` + image + `,"descriptor":{"name":"grype","configuration":{}}}`, false},
		{"no configuration", `{"matches":[],` + image + `,"descriptor":{"name":"grype","timestamp":"2026-11-20T12:00:00Z"}}`, false},
		{"paths were left out", `{"matches":[],` + image + `,` + strings.Replace(good, "{}", `{"exclude":["/opt"]}`, 1) + `}`, false},
		{"a broken database", `{"matches":[],` + image + `,` + strings.Replace(good, `"configuration"`, `"db":{"status":{"error":"expired"}},"configuration"`, 1) + `}`, false},
		{"a match that can't be read", `{"matches":[{"vulnerability":{}}],` + image + `,` + good + `}`, false},
		{"an image that couldn't be taken apart", `{"matches":[],"source":{"type":"image","target":{"userInput":"a"}},"distro":{},` + good + `}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, nil, tt.body)
			require.Equal(t, tt.complete, rec.Last().Complete, rec.Last().Why)
			require.Equal(t, []string{"grype:*"}, rec.Last().Checks)
			require.Len(t, rec.Covered, 1)
		})
	}
}

func TestArtifactsAreKnownByWhatIsUniqueAboutThem(t *testing.T) {
	id, manifest, repo := "sha256:"+strings.Repeat("c1", 32), "sha256:"+strings.Repeat("e2", 32), "sha256:"+strings.Repeat("d3", 32)
	for _, tt := range []struct {
		config       *grype.Config
		source, want string
	}{
		{nil, `{"type":"image","target":{"userInput":"s","imageID":"` + id + `","manifestDigest":"` + manifest + `","repoDigests":["r/s@` + repo + `"]}}`, "image_digest||" + repo + " image_digest|config|" + id},
		{nil, `{"type":"image","target":{"userInput":"s","imageID":"` + id + `","manifestDigest":"` + manifest + `"}}`, "image_digest|config|" + id},
		{nil, `{"type":"image","target":{"userInput":"s","manifestDigest":"` + manifest + `"}}`, "image_digest||" + manifest},
		{nil, `{"type":"image","target":{"userInput":"s:1","imageID":"sha256:test"}}`, "label|test-source|s:1"},
		{nil, `{"type":"directory","target":"./app"}`, "label|test-source|./app"},
		{&grype.Config{Artifact: "shop"}, `{"type":"directory","target":"."}`, "label|test-source|shop"},
	} {
		rec := decode(t, tt.config, `{"matches":[],"source":`+tt.source+`,"distro":{"name":"debian"},`+good+`}`)
		keys := make([]string, 0, len(rec.Covered[0].Asset.Identifiers))
		for _, id := range rec.Covered[0].Asset.Identifiers {
			keys = append(keys, id.Key())
		}
		require.Equal(t, tt.want, strings.Join(keys, " "))
		require.Equal(t, strings.Contains(tt.source, "image"), rec.Covered[0].Asset.Kind == asset.ContainerImage)
	}
}

func TestWhatIsNoReportOfGrypesIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":2}`, `{"matches":[]}`, `{"matches":7,"source":{"type":"image"}}`, `[]`, ``} {
		_, err := connectortest.Decode(t, grype.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, grype.Registration(), "grype") }
