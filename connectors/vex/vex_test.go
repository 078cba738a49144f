package vex_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/vex"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, vex.Registration(), nil) }

func TestDocumentsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range vex.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, vex.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, vex.Registration(), nil)
	}
	connectortest.Counts(t, vex.Registration(), nil)
}

func decode(t *testing.T, config *vex.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &vex.Config{}
	}
	rec, err := connectortest.Decode(t, vex.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func sample(t *testing.T, file string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return decode(t, nil, string(body))
}

func bom(fields string) string {
	return `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"timestamp":"2026-11-20T12:00:00Z","component":{"bom-ref":"root","type":"application","name":"shop","version":"2.0"}},"components":[{"bom-ref":"c","name":"lib","version":"1.0","purl":"pkg:npm/lib@1.0"}]` + fields + `}`
}

func TestAnAnalysisIsAStatementAndNeverAFix(t *testing.T) {
	for state, want := range map[string]struct {
		says exposure.StatementStatus
		is   exposure.Status
	}{
		"exploitable":            {exposure.StatementAffected, exposure.StatusOpen},
		"in_triage":              {exposure.StatementUnderInvestigation, exposure.StatusOpen},
		"not_affected":           {exposure.StatementNotAffected, exposure.StatusNotAffected},
		"false_positive":         {exposure.StatementNotAffected, exposure.StatusSuppressed},
		"resolved":               {exposure.StatementFixed, exposure.StatusSuppressed},
		"resolved_with_pedigree": {exposure.StatementFixed, exposure.StatusSuppressed},
	} {
		vulnerability := `,"vulnerabilities":[{"id":"CVE-2024-1000","analysis":{"state":"` + state + `"},"affects":[{"ref":"%s"}]}]`
		rec := decode(t, nil, bom(fmt.Sprintf(vulnerability, "root")))
		require.Len(t, rec.Stated, 1)
		require.Equal(t, want.says, rec.Stated[0].Status, state)
		require.Empty(t, rec.Observed, "what is said of the product is an opinion, not a sight")

		rec = decode(t, nil, bom(fmt.Sprintf(vulnerability, "c")))
		require.Equal(t, []string{"pkg:npm/lib@1.0"}, rec.Stated[0].Components)
		require.Equal(t, want.is, rec.Observed[0].Finding.Status, state)
	}
	rec := decode(t, nil, bom(`,"vulnerabilities":[{"id":"CVE-2024-1000","analysis":{"state":"who knows"},"affects":[{"ref":"root"}]}]`))
	require.Empty(t, rec.Stated)
	require.Equal(t, 1, rec.Skips())
}

func TestVersionsHaveTheirOwnStatus(t *testing.T) {
	rec := decode(t, nil, bom(`,"vulnerabilities":[{"id":"CVE-2024-1000","analysis":{"state":"exploitable"},"affects":[{"ref":"urn:cdx:x/1#shop","versions":[{"version":"1"},{"version":"2","status":"affected"},{"range":"vers:npm/>=3","status":"unaffected"},{"version":"9","status":"unknown"}]}]}]`))
	got := map[string]exposure.StatementStatus{}
	for _, st := range rec.Stated {
		got[st.Product] = st.Status
	}
	require.Equal(t, map[string]exposure.StatementStatus{"shop 1, 2": exposure.StatementAffected, "shop vers:npm/>=3": exposure.StatementNotAffected, "shop 9": exposure.StatementUnderInvestigation}, got)
	require.Len(t, ids(rec), 3)
}

func ids(rec *connectortest.Recorder) map[string]bool {
	out := map[string]bool{}
	for _, st := range rec.Stated {
		out[st.ID] = true
	}
	return out
}

func TestStatementsSayWhoWhenAndWhy(t *testing.T) {
	st := sample(t, "openvex.json").Stated
	require.Equal(t, "Quell Lab", st[0].Author)
	require.Equal(t, time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC), st[0].At, "its own time")
	require.Equal(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), st[2].At, "else the document's")
	require.Equal(t, "vulnerable_code_not_in_execute_path", st[0].Justification)
	require.Equal(t, []string{"pkg:deb/debian/bash@5.2.15-2"}, st[0].Components)
	require.Equal(t, "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd22", st[0].Identifiers[0].Value)
	require.Equal(t, []string{"pkg:github/quellsec/shop@2.0"}, st[1].PURLs)
	require.Len(t, ids(sample(t, "openvex.json")), 4)

	st = sample(t, "csaf.json").Stated
	byProduct := map[string]exposure.Statement{}
	for _, s := range st {
		byProduct[s.Vulnerability+" "+s.Product] = s
	}
	bash := byProduct["CVE-2026-41001 bash in Shop 2.0"]
	require.Equal(t, exposure.StatementNotAffected, bash.Status)
	require.Equal(t, "vulnerable_code_not_in_execute_path", bash.Justification)
	require.Equal(t, []string{"pkg:deb/debian/bash@5.2.15-2"}, bash.Components)
	require.NotEmpty(t, bash.Identifiers)
	old := byProduct["CVE-2026-41001 Shop 1.0"]
	require.Equal(t, exposure.StatementAffected, old.Status, "one that is in two lists is affected")
	require.Equal(t, "vendor_fix: Update to 2.0.", old.Action)
	require.Equal(t, "Never started.", old.Impact, "said of its group")
	require.Equal(t, exposure.StatementFixed, byProduct["QL-8 NOWHERE"].Status)
}

func TestAnOpenVEXDocumentInAnAttestationIsRead(t *testing.T) {
	rec := decode(t, nil, `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://openvex.dev/ns/v0.2.0","predicate":{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","statements":[{"vulnerability":"CVE-2024-1000","products":["pkg:npm/a@1"],"status":"fixed"}]}}`)
	require.Equal(t, exposure.StatementFixed, rec.Stated[0].Status)
	require.Equal(t, "a", rec.Stated[0].Author)
}

func TestFindingsOfABOMAreThoseOfTheToolThatWroteIt(t *testing.T) {
	rec := sample(t, "trivy.cdx.json")
	got := make([]string, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		got = append(got, obs.Finding.Check+" "+obs.Finding.Location)
	}
	require.Equal(t, []string{
		"trivy:vuln:CVE-2024-99001 pkg:deb/debian/bash",
		"trivy:vuln:GHSA-aaaa-bbbb-cccc pkg:npm/%40shop/lodash#app/package-lock.json",
		"trivy:vuln:GHSA-aaaa-bbbb-cccc pkg:maven/g/a#libs/a-{version}.jar",
		"trivy:vuln:CVE-2024-99002 pkg:npm/%40shop/lodash#app/package-lock.json",
	}, got)
	require.Equal(t, exposure.SeverityLow, rec.Observed[0].Finding.Severity, "as the source of the vulnerability says")
	require.Equal(t, "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:L", rec.Observed[0].Finding.CVSS[1].Vector, "a vector without its version has the method's")

	f := sample(t, "bom.cdx.xml").Observed[1].Finding
	require.Equal(t, "CVE-2026-41002", exposure.WeaknessOf(*f), "an advisory is the CVE that it is another name of")
}

func TestOnlyAWholeBOMIsComplete(t *testing.T) {
	full := &vex.Config{FullScan: true}
	for _, tt := range []struct {
		name     string
		config   *vex.Config
		body     string
		complete bool
	}{
		{"no vulnerabilities", full, bom(`,"vulnerabilities":[]`), true},
		{"by default", nil, bom(`,"vulnerabilities":[]`), false},
		{"no list", full, bom(``), false},
		{"statements", full, bom(`,"vulnerabilities":[{"id":"CVE-2024-1000","analysis":{"state":"resolved"},"affects":[{"ref":"root"}]}]`), false},
		{"one that can't be read", full, bom(`,"vulnerabilities":[{}]`), false},
		{"no time", full, strings.Replace(bom(`,"vulnerabilities":[]`), "timestamp", "time", 1), false},
		{"no product", full, strings.Replace(bom(`,"vulnerabilities":[]`), `"name":"shop"`, `"nom":"shop"`, 1), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := decode(t, tt.config, tt.body).Last()
			require.Equal(t, tt.complete, run.Complete, run.Why)
			require.Equal(t, tt.complete, run.Why == "")
			if tt.complete {
				require.Equal(t, []string{"vex:*"}, run.Checks)
			}
		})
	}
}

func TestDependenciesInACircleEnd(t *testing.T) {
	decode(t, nil, `{"bomFormat":"CycloneDX","components":[{"bom-ref":"a","type":"application","name":"go.sum","properties":[{"name":"aquasecurity:trivy:Class","value":"lang-pkgs"}]},{"bom-ref":"b","name":"b"},{"bom-ref":"c","name":"c"}],"dependencies":[{"ref":"a","dependsOn":["b","a"]},{"ref":"b","dependsOn":["c"]},{"ref":"c","dependsOn":["b","a"]}]}`)
}

func TestWhatIsNoneOfTheFormatsIsRefused(t *testing.T) {
	for _, body := range []string{`{"SchemaVersion":2}`, `{"bomFormat":"SPDX","x":"CycloneDX"}`, `{"a":"https://openvex.dev/ns"}`, `{"document":{},"csaf_version":1}`, `<a xmlns="http://cyclonedx.org/schema/bom/1.5"/>`, bom("") + "{}", ``} {
		_, err := connectortest.Decode(t, vex.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, vex.Registration(), "cyclonedx-vex") }
