package trivyoperator_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/trivyoperator"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, trivyoperator.Registration(), nil) }

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range trivyoperator.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, trivyoperator.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, trivyoperator.Registration(), nil)
	}
	connectortest.Counts(t, trivyoperator.Registration(), nil)
}

func decode(t *testing.T, config *trivyoperator.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &trivyoperator.Config{}
	}
	rec, err := connectortest.Decode(t, trivyoperator.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func report(kind, workload, name, fields string) string {
	return `{"apiVersion":"aquasecurity.github.io/v1alpha1","kind":"` + kind + `","metadata":{"labels":{"trivy-operator.resource.kind":"` + workload + `","trivy-operator.resource.name":"` + name + `","trivy-operator.resource.namespace":"web","trivy-operator.container.name":"c"}},"report":{"updateTimestamp":"2026-11-20T12:00:00Z","os":{"family":"debian"}` + fields + `}}`
}

func TestAWorkloadOutlivesItsParts(t *testing.T) {
	for _, tt := range []struct{ kind, name, want string }{
		{"ReplicaSet", "nginx-deployment-965685897", "web/Deployment/nginx-deployment/c"},
		{"ReplicaSet", "nginx-deployment-c868466d4", "web/Deployment/nginx-deployment/c"},
		{"ReplicaSet", "my-own-replicaset", "web/ReplicaSet/my-own-replicaset/c"},
		{"Job", "backup-28951680", "web/CronJob/backup/c"},
		{"Job", "migrate-7", "web/Job/migrate-7/c"},
		{"StatefulSet", "db-965685897", "web/StatefulSet/db-965685897/c"},
	} {
		rec := decode(t, nil, report("VulnerabilityReport", tt.kind, tt.name, ""))
		require.Equal(t, tt.want, rec.Covered[0].Asset.Name)
	}
}

func TestAClustersNameJoinsItsSources(t *testing.T) {
	rec := decode(t, &trivyoperator.Config{Cluster: "lab"}, report("VulnerabilityReport", "Pod", "p", `,"artifact":{"repository":"a","digest":"sha256:`+strings.Repeat("d1", 32)+`"}`))
	require.Equal(t, asset.Identifier{Kind: asset.SourceAssetID, Scope: "kubernetes/lab", Value: "pod/web/p/c"}, rec.Covered[0].Asset.Identifiers[0])
	edges := rec.Covered[0].Asset.Edges
	require.Equal(t, asset.EdgePartOf, edges[0].Kind)
	require.Equal(t, "pod/web/p", edges[0].To.Value)
	require.Equal(t, asset.EdgeInstanceOf, edges[1].Kind)
	require.NotEmpty(t, (&trivyoperator.Config{Cluster: "a|b"}).Validate())
}

func TestEachReportIsACompleteSmallScan(t *testing.T) {
	const one = `,"vulnerabilities":[{"vulnerabilityID":"CVE-2024-1000","resource":"a","severity":"HIGH"}]`
	for _, tt := range []struct {
		name, body string
		config     *trivyoperator.Config
		complete   bool
	}{
		{"a clean container", report("VulnerabilityReport", "Pod", "p", `,"summary":{"criticalCount":0},"vulnerabilities":[]`), nil, true},
		{"as many as claimed", report("VulnerabilityReport", "Pod", "p", `,"summary":{"criticalCount":0,"highCount":1}`+one), nil, true},
		{"fewer than claimed", report("VulnerabilityReport", "Pod", "p", `,"summary":{"criticalCount":1,"highCount":1}`+one), nil, false},
		{"no known system and nothing found", strings.Replace(report("VulnerabilityReport", "Pod", "p", ""), `"family":"debian"`, `"family":""`, 1), nil, false},
		{"no time", strings.Replace(report("VulnerabilityReport", "Pod", "p", ""), "updateTimestamp", "x", 1), nil, false},
		{"an operator that filters", report("VulnerabilityReport", "Pod", "p", ""), &trivyoperator.Config{Filtered: true}, false},
		{"one that can't be read", report("VulnerabilityReport", "Pod", "p", `,"vulnerabilities":[{}]`), nil, false},
		{"two of one kind", "[" + report("ExposedSecretReport", "Pod", "p", "") + "," + report("ExposedSecretReport", "Pod", "q", "") + "]", nil, true},
		{"two kinds", "[" + report("ExposedSecretReport", "Pod", "p", "") + "," + report("VulnerabilityReport", "Pod", "q", "") + "]", nil, false},
		{"a deleted one", `{"verb":"delete","operatorObject":` + report("VulnerabilityReport", "Pod", "p", one) + `}`, nil, false},
		{"an updated one", `{"verb":"update","operatorObject":` + report("VulnerabilityReport", "Pod", "p", one) + `}`, nil, true},
		{"no items", `{"apiVersion":"aquasecurity.github.io/v1alpha1","kind":"VulnerabilityReportList","items":[]}`, nil, false},
		{"an SBOM", report("SbomReport", "Pod", "p", ""), nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, tt.config, tt.body)
			require.Equal(t, tt.complete, rec.Last().Complete, rec.Last().Why)
			require.Equal(t, tt.complete, rec.Last().Why == "")
		})
	}
}

func TestADeletedReportFixesNothing(t *testing.T) {
	rec := decode(t, nil, `{"verb":"delete","operatorObject":`+report("VulnerabilityReport", "Pod", "p", `,"vulnerabilities":[{"vulnerabilityID":"CVE-2024-1000","resource":"a","severity":"HIGH"}]`)+`}`)
	require.Equal(t, exposure.StatusExpired, rec.Observed[0].Finding.Status)
	require.Empty(t, rec.Covered)
}

func TestReportsOfDifferentKindsDontSpeakForEachOther(t *testing.T) {
	got := map[string]bool{}
	for kind, want := range map[string]string{
		"VulnerabilityReport": "trivy:vuln:*", "ExposedSecretReport": "trivy:secret:*", "ConfigAuditReport": "trivy:misconfig:*", "ClusterConfigAuditReport": "trivy:misconfig:*",
		"RbacAssessmentReport": "trivy:rbac:*", "ClusterRbacAssessmentReport": "trivy:rbac:*", "InfraAssessmentReport": "trivy:infra:*", "ClusterInfraAssessmentReport": "trivy:infra:*",
	} {
		run := decode(t, nil, report(kind, "Pod", "p", "")).Last()
		require.True(t, run.Complete, kind)
		require.Equal(t, []string{want}, run.Checks, kind)
		got[want] = true
	}
	require.Len(t, got, 5)
}

func TestChecksHaveOneNameInAllVersions(t *testing.T) {
	for _, id := range []string{"KSV014", "AVD-KSV-0014", "KSV-0014"} {
		rec := decode(t, nil, report("ConfigAuditReport", "Pod", "p", `,"checks":[{"checkID":"`+id+`","severity":"LOW","success":false}]`))
		require.Equal(t, "trivy:misconfig:KSV-0014", rec.Observed[0].Finding.Check)
	}
}

func TestLocationsAreThoseOfTrivy(t *testing.T) {
	for vulnerability, want := range map[string]string{
		`"class":"os-pkgs","packagePURL":"pkg:deb/debian/bash@5.0-4?arch=amd64","target":"img (debian 12)"`:        "pkg:deb/debian/bash",
		`"class":"os-pkgs","target":"img (debian 12)"`:                                                             "pkg:deb/debian/bash",
		`"class":"lang-pkgs","packageType":"npm","target":"app/package-lock.json"`:                                 "pkg:npm/bash#app/package-lock.json",
		`"class":"lang-pkgs","packagePURL":"pkg:maven/g/a@5.0-4","packagePath":"libs/a-5.0-4.jar","target":"Java"`: "pkg:maven/g/a#libs/a-{version}.jar",
		`"target":""`:           "pkg:deb/debian/bash",
		`"target":"app/go.mod"`: "pkg:generic/bash#app/go.mod",
	} {
		rec := decode(t, nil, report("VulnerabilityReport", "Pod", "p", `,"vulnerabilities":[{"vulnerabilityID":"CVE-2024-1000","resource":"bash","installedVersion":"5.0-4","severity":"LOW",`+vulnerability+`}]`))
		require.Equal(t, want, rec.Observed[0].Finding.Location, vulnerability)
	}
}

func TestControlsAreCoveredAsFarAsTheyWereAssessed(t *testing.T) {
	compliance := func(status string) string {
		return `{"apiVersion":"aquasecurity.github.io/v1alpha1","kind":"ClusterComplianceReport","metadata":{"name":"nsa"},"spec":{"compliance":{"id":"nsa"}},"status":{"updateTimestamp":"2026-11-20T12:00:00Z",` + status + `}}`
	}
	rec := decode(t, nil, compliance(`"summaryReport":{"controlCheck":[{"id":"1","totalFail":0},{"id":"2","totalFail":3},{"id":"3"}]}`))
	require.Equal(t, []string{"trivy:compliance:nsa:1", "trivy:compliance:nsa:2"}, rec.Last().Checks)
	require.True(t, rec.Last().Complete)
	require.Len(t, rec.Observed, 1)
	rec = decode(t, nil, compliance(`"detailReport":{"results":[{"id":"1","checks":[{"success":true}]},{"id":"2","severity":"HIGH","checks":[{"checkID":"x","target":"t","messages":["m"],"success":false}]},{"id":"3","checks":[]}]}`))
	require.Equal(t, []string{"trivy:compliance:nsa:1", "trivy:compliance:nsa:2"}, rec.Last().Checks)
	require.Equal(t, "t: m", rec.Observed[0].Finding.Evidence)
	require.False(t, decode(t, nil, compliance(`"summary":{}`)).Last().Complete, "it has not run yet")
}

func TestSecretsStayWhereTheyAre(t *testing.T) {
	rec := decode(t, nil, report("ExposedSecretReport", "Pod", "p", `,"secrets":[{"ruleID":"a","severity":"HIGH","match":"export T=ghp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}]`))
	require.NotContains(t, fmt.Sprintf("%+v %s", *rec.Observed[0].Finding, rec.Observed[0].Finding.Vendor), "0123456789")
}

func TestWhatIsNoReportOfTheOperatorsIsRefused(t *testing.T) {
	for _, body := range []string{`{"kind":"Pod"}`, `[{"kind":"Pod"}]`, `{"verb":"update","operatorObject":7}`, `"x"`, ``} {
		_, err := connectortest.Decode(t, trivyoperator.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, trivyoperator.Registration(), "trivy-operator") }
