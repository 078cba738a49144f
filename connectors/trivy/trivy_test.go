package trivy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/trivy"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files")

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range trivy.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, trivy.Registration(), nil, sample.File, *update)
		})
	}
}

func decode(t *testing.T, config *trivy.Config, body string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &trivy.Config{}
	}
	rec, err := connectortest.Decode(t, trivy.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

// report makes a report with one result.
func report(header, result string) string {
	return `{"SchemaVersion":2,"CreatedAt":"2026-11-20T12:00:00Z",` + header + `,"Results":[` + result + `]}`
}

const repository = `"ArtifactName":"shop","ArtifactType":"repository"`

func TestLocationsHoldNoVersion(t *testing.T) {
	tests := []struct{ name, result, want string }{
		{"a system's package", `{"Target":"x (debian 12)","Class":"os-pkgs","Type":"debian","Vulnerabilities":[{"VulnerabilityID":"CVE-2024-1000","PkgName":"bash","InstalledVersion":"5.0-4","PkgIdentifier":{"PURL":"pkg:deb/debian/bash@5.0-4?arch=amd64"}}]}`, "pkg:deb/debian/bash"},
		{"a lock file's package", `{"Target":"app/package-lock.json","Class":"lang-pkgs","Type":"npm","Vulnerabilities":[{"VulnerabilityID":"CVE-2024-1000","PkgName":"lodash","InstalledVersion":"1.2.3","PkgIdentifier":{"PURL":"pkg:npm/lodash@1.2.3"}}]}`, "pkg:npm/lodash#app/package-lock.json"},
		{"a scoped package", `{"Target":"yarn.lock","Class":"lang-pkgs","Type":"yarn","Vulnerabilities":[{"VulnerabilityID":"CVE-2024-1000","PkgIdentifier":{"PURL":"pkg:npm/%40a/b@1"}}]}`, "pkg:npm/%40a/b#yarn.lock"},
		{"a version in a file name", `{"Target":"Java","Class":"lang-pkgs","Type":"jar","Vulnerabilities":[{"VulnerabilityID":"CVE-2024-1000","PkgName":"g:a","PkgPath":"libs/a-1.14.jar","InstalledVersion":"1.14"}]}`, "pkg:maven/g/a#libs/a-{version}.jar"},
		{"an old report without purl", `{"Target":"shop (alpine 3.9)","Type":"alpine","Vulnerabilities":[{"VulnerabilityID":"CVE-2024-1000","PkgName":"musl","InstalledVersion":"1.1"}]}`, "pkg:apk/alpine/musl"},
		{"a type we don't know", `{"Target":"f","Class":"lang-pkgs","Type":"cobol","Vulnerabilities":[{"VulnerabilityID":"CVE-2024-1000","PkgName":"@x/y","InstalledVersion":"1"}]}`, "pkg:generic/%40x/y#f"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, nil, report(repository, tt.result))
			require.Equal(t, tt.want, rec.Observed[0].Finding.Location)
		})
	}
}

func TestArtifactsAreKnownByWhatIsUniqueAboutThem(t *testing.T) {
	const one = `{"Target":"f","Class":"secret","Secrets":[{"RuleID":"r"}]}`
	digest, id := "sha256:"+strings.Repeat("d", 64), "sha256:"+strings.Repeat("c", 64)
	tests := []struct {
		name, header string
		config       *trivy.Config
		kind         asset.Kind
		want         string
	}{
		{"an image from a registry", `"ArtifactName":"r/shop:1","ArtifactType":"container_image","Metadata":{"ImageID":"` + id + `","RepoDigests":["r/shop@` + digest + `"]}`, nil, asset.ContainerImage, "image_digest||" + digest + " image_digest|config|" + id},
		{"an image without digest", `"ArtifactName":"shop:1","ArtifactType":"container_image","Metadata":{"ImageID":"none"}`, nil, asset.ContainerImage, "label|test-source|shop:1"},
		{"a repository by URL", `"ArtifactName":"https://token@GitHub.com/Lab/Shop.git","ArtifactType":"repository"`, nil, asset.Repository, "repository||github.com/lab/shop"},
		{"a repository by its SSH address", `"ArtifactName":"git@gitlab.com:lab/shop.git","ArtifactType":"repository"`, nil, asset.Repository, "repository||gitlab.com/lab/shop"},
		{"a repository by path", `"ArtifactName":"src/shop","ArtifactType":"repository"`, nil, asset.Repository, "label|test-source|src/shop"},
		{"a directory", `"ArtifactName":".","ArtifactType":"filesystem"`, nil, asset.Repository, "label|test-source|."},
		{"a directory with a name", `"ArtifactName":".","ArtifactType":"filesystem"`, &trivy.Config{Artifact: "shop"}, asset.Repository, "label|test-source|shop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := decode(t, tt.config, report(tt.header, one)).Observed[0].Asset
			require.Equal(t, tt.kind, a.Kind)
			keys := make([]string, 0, len(a.Identifiers))
			for _, id := range a.Identifiers {
				keys = append(keys, id.Key())
			}
			require.Equal(t, tt.want, strings.Join(keys, " "))
		})
	}
}

func TestAbsenceProvesNothingUnlessTheSourceNeverFilters(t *testing.T) {
	const packages = `{"Target":"l","Class":"lang-pkgs","Type":"npm"}`
	const config = `{"Target":"Dockerfile","Class":"config"}`
	full := &trivy.Config{FullScan: true, Scanners: []string{"vuln", "misconfig", "secret", "license"}}
	tests := []struct {
		name     string
		config   *trivy.Config
		body     string
		complete bool
		covered  string
	}{
		{"by default", &trivy.Config{}, report(repository, packages), false, ""},
		{"packages were looked at", full, report(repository, packages), true, "trivy:vuln:* trivy:secret:*"},
		{"only a Dockerfile was looked at", full, report(repository, config), true, "trivy:misconfig:* trivy:secret:*"},
		{"a system without packages", full, report(`"ArtifactName":"i","ArtifactType":"container_image","Metadata":{"OS":{"Family":"debian","Name":"12"}}`, packages), true, "trivy:secret:*"},
		{"no results", full, `{"SchemaVersion":2,"CreatedAt":"2026-11-20T12:00:00Z",` + repository + `}`, false, "trivy:secret:*"},
		{"no date", full, `{"SchemaVersion":2,` + repository + `,"Results":[` + packages + `]}`, false, "trivy:vuln:* trivy:secret:*"},
		{"the legacy format", full, `[` + packages + `]`, false, "trivy:vuln:* trivy:secret:*"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := decode(t, tt.config, tt.body).Last()
			require.Equal(t, tt.complete, run.Complete)
			require.Equal(t, tt.complete, run.Why == "")
			require.Equal(t, tt.covered, strings.Join(run.Checks, " "))
		})
	}
	rec, err := connectortest.Decode(t, trivy.Registration(), full, []byte(strings.TrimSuffix(report(repository, packages), "}")))
	var syntax *connectors.SyntaxError
	require.ErrorAs(t, err, &syntax)
	require.False(t, rec.Last().Complete)
	require.Empty(t, rec.Covered)
}

func TestFieldsSortedBySomebodyElseAreReadToo(t *testing.T) {
	for _, file := range []string{"image.json", "repository.json"} {
		body, err := os.ReadFile("testdata/" + file)
		require.NoError(t, err)
		var v any
		require.NoError(t, json.Unmarshal(body, &v))
		sorted, err := json.Marshal(v) // maps marshal in the order of their keys
		require.NoError(t, err)
		want, got := decode(t, &trivy.Config{}, string(body)), decode(t, &trivy.Config{}, string(sorted))
		for _, rec := range []*connectortest.Recorder{want, got} {
			for _, obs := range rec.Observed {
				obs.Finding.Vendor = nil // kept as it stands
			}
		}
		require.ElementsMatch(t, want.Observed, got.Observed)
	}
	_, err := connectortest.Decode(t, trivy.Registration(), nil, []byte(`{"Results":[{"Target":"a"}],"ArtifactName":"b"}`))
	require.ErrorContains(t, err, "results come before ArtifactName")
}

func TestWhatIsNotAReportOfTrivysIsRefused(t *testing.T) {
	for _, body := range []string{`{"version":"2.1.0","runs":[]}`, `[{"template-id":"a"}]`, `[1]`, `"x"`, ``, `{"SchemaVersion":3}`, `{"SchemaVersion":2}{}`} {
		_, err := connectortest.Decode(t, trivy.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func TestSecretsStayWhereTheyAre(t *testing.T) {
	const token = "ghp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	rec := decode(t, nil, report(repository, `{"Target":"f","Class":"secret","Secrets":[{"RuleID":"a","Match":"export T=`+token+`","Code":{"Lines":[{"Content":"`+token+`"}]}},{"RuleID":"b","Match":"x=**** `+token+`"}]}`))
	for _, obs := range rec.Observed {
		require.NotContains(t, fmt.Sprintf("%+v", *obs.Finding), "0123456789")
		require.Equal(t, exposure.ClassSecret, obs.Finding.Class)
	}
}

func TestSuppressedFindingsAreOpinions(t *testing.T) {
	for status, want := range map[string]exposure.Status{"ignored": exposure.StatusSuppressed, "not_affected": exposure.StatusNotAffected, "fixed": exposure.StatusSuppressed} {
		rec := decode(t, nil, report(repository, `{"Target":"l","Class":"lang-pkgs","Type":"npm","ExperimentalModifiedFindings":[{"Type":"vulnerability","Status":"`+status+`","Statement":"why","Source":"vex","Finding":{"VulnerabilityID":"CVE-2024-1000","PkgName":"a"}},{"Type":"ghost","Finding":{}}]}`))
		require.Equal(t, want, rec.Observed[0].Finding.Status)
		require.Equal(t, status+": why: vex", rec.Observed[0].Finding.StatusNote)
		require.Equal(t, 1, rec.Skips())
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	require.Len(t, (&trivy.Config{FullScan: true}).Validate(), 1)
	require.Len(t, (&trivy.Config{Scanners: []string{"vuln", "secrets", "licence"}}).Validate(), 2)
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, trivy.Registration(), "trivy") }

func BenchmarkDecode(b *testing.B) {
	body, err := os.ReadFile("testdata/image.json")
	require.NoError(b, err)
	var img struct {
		Results []struct{ Vulnerabilities []json.RawMessage }
	}
	require.NoError(b, json.Unmarshal(body, &img))
	const packages = 200
	vulns := make([][]byte, 0, packages*len(img.Results[0].Vulnerabilities))
	for pkg := range packages {
		for _, v := range img.Results[0].Vulnerabilities {
			v = bytes.ReplaceAll(v, []byte("CVE-2024-99"), fmt.Appendf(nil, "CVE-2024-%02d", 10+pkg%80))
			vulns = append(vulns, append(v, ','))
		}
	}
	head := `{"SchemaVersion":2,"CreatedAt":"2026-11-20T12:00:00Z","ArtifactName":"shop","ArtifactType":"container_image","Results":[{"Target":"shop (debian 12)","Class":"os-pkgs","Type":"debian","Vulnerabilities":[`
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(len(bytes.Join(vulns, nil)) / len(vulns) * n))
			connectortest.Benchmark(b, trivy.Registration(), n, func() io.Reader {
				last := bytes.TrimSuffix(vulns[0], []byte(","))
				return &connectortest.Repeat{Head: head, Tail: string(last) + `]}]}`, N: n - 1, Part: func(i int) []byte { return vulns[i%len(vulns)] }}
			})
		})
	}
}
