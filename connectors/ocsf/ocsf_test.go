package ocsf_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/ocsf"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, ocsf.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, ocsf.Registration(), nil)
	}
	connectortest.Counts(t, ocsf.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range ocsf.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, ocsf.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, ocsf.Registration(), "ocsf") }

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, ocsf.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestOnlyACheckThatPassedOrAScannersWordIsAFix(t *testing.T) {
	const rest = `"finding_info":{"uid":"u","title":"t"},"metadata":{"event_code":"c"},"resources":[{"uid":"r"}]`
	tests := []struct {
		name, fields string
		want         exposure.Status
		class        exposure.Class
	}{
		{"new", `"class_uid":2004,"status":"New"`, exposure.StatusOpen, exposure.ClassDetection},
		{"a word that nobody knows", `"class_uid":2004,"status":"Vanquished","status_id":99`, exposure.StatusOpen, exposure.ClassDetection},
		{"a detection that somebody resolved", `"class_uid":2004,"status_id":4`, exposure.StatusArchived, exposure.ClassDetection},
		{"an archived one", `"class_uid":2002,"status_id":5`, exposure.StatusArchived, exposure.ClassVulnerability},
		{"a deleted one", `"class_uid":2002,"status_id":6`, exposure.StatusArchived, exposure.ClassVulnerability},
		{"a resolved vulnerability", `"class_uid":2002,"status_id":4`, exposure.StatusFixed, exposure.ClassVulnerability},
		{"a suppressed vulnerability", `"class_uid":2002,"status":"Suppressed"`, exposure.StatusSuppressed, exposure.ClassVulnerability},
		{"a failed check", `"class_uid":2004,"status_code":"FAIL"`, exposure.StatusOpen, exposure.ClassCompliance},
		{"a passed check", `"class_uid":2004,"status_code":"PASS"`, exposure.StatusFixed, exposure.ClassCompliance},
		{"a failed check that is muted", `"class_uid":2004,"status_code":"FAIL","status":"Suppressed"`, exposure.StatusSuppressed, exposure.ClassCompliance},
		{"the text against the number", `"class_uid":2004,"status_code":"FAIL","status":"New","status_id":3`, exposure.StatusOpen, exposure.ClassCompliance},
		{"a failed check that somebody resolved", `"class_uid":2003,"status":"Resolved","compliance":{"status":"FAILED"}`, exposure.StatusOpen, exposure.ClassCompliance},
		{"a rule that is kept", `"class_uid":2003,"compliance":{"status_id":1}`, exposure.StatusFixed, exposure.ClassCompliance},
		{"a rule with a warning", `"class_uid":2003,"compliance":{"status":"WARNING"}`, exposure.StatusOpen, exposure.ClassCompliance},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, `{`+tt.fields+`,`+rest+`}`)
			require.Len(t, rec.Observed, 1)
			require.Equal(t, tt.want, rec.Observed[0].Finding.Status)
			require.Equal(t, tt.class, rec.Observed[0].Finding.Class)
		})
	}
	rec := decode(t, `{"class_uid":2003,"compliance":{"status":"NOT_AVAILABLE"},`+rest+`}`)
	require.Equal(t, map[string]int{"check_that_did_not_run": 1}, rec.Skipped)
}

func TestAFixIsLaterThanTheLastSight(t *testing.T) {
	f := decode(t, `{"class_uid":2002,"status_id":4,"time":1795100000000,"metadata":{"event_code":"c"},"finding_info":{"uid":"u","title":"t","last_seen_time":1794000000000},"resources":[{"uid":"r"}]}`).Observed[0].Finding
	require.Equal(t, int64(1795100000000), f.LastSeen.UnixMilli())
}

func TestIdentityHoldsNeitherVersionNorSeverity(t *testing.T) {
	body := func(severity, version string) string {
		return `{"class_uid":2002,"severity":"` + severity + `","metadata":{"product":{"name":"P"}},"finding_info":{"title":"t ` + version + `"},"resources":[{"uid":"r"}],
			"vulnerabilities":[{"cve":{"uid":"CVE-2026-1001"},"affected_packages":[{"name":"a","version":"` + version + `","purl":"pkg:npm/a@` + version + `","path":"x-` + version + `.js"}]}]}`
	}
	one, two := decode(t, body("High", "1.0.1")).Observed[0].Finding, decode(t, body("Low", "1.0.2")).Observed[0].Finding
	require.Equal(t, one.UID, two.UID)
	require.Equal(t, one.Check, two.Check)
	require.Equal(t, "pkg:npm/a#x-{version}.js", two.Location)
	require.Equal(t, one.Location, two.Location)
}

func TestABodyOfSomethingElseIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":"2018-10-08"}`, `[{"x":1}]`, `"text"`} {
		_, err := connectortest.Decode(t, ocsf.Registration(), nil, []byte(body))
		require.Error(t, err, body)
	}
	require.Empty(t, decode(t, `[]`).Observed)
}
