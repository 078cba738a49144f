package securityhub_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/securityhub"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, securityhub.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, securityhub.Registration(), nil)
	}
	connectortest.Counts(t, securityhub.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range securityhub.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, securityhub.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, securityhub.Registration(), "aws-securityhub") }

func decode(t *testing.T, body []byte) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, securityhub.Registration(), nil, body)
	require.NoError(t, err)
	return rec
}

func TestOnlyACheckOrAProductsOwnWordIsAFix(t *testing.T) {
	tests := []struct {
		name, fields string
		want         exposure.Status
	}{
		{"active", `"RecordState":"ACTIVE","Workflow":{"Status":"NEW"}`, exposure.StatusOpen},
		{"notified", `"RecordState":"ACTIVE","Workflow":{"Status":"NOTIFIED"}`, exposure.StatusOpen},
		{"archived", `"RecordState":"ARCHIVED","Workflow":{"Status":"NEW"}`, exposure.StatusArchived},
		{"archived though it failed", `"RecordState":"ARCHIVED","Compliance":{"Status":"FAILED"}`, exposure.StatusArchived},
		{"suppressed", `"RecordState":"ACTIVE","Workflow":{"Status":"SUPPRESSED"}`, exposure.StatusSuppressed},
		{"resolved by somebody", `"RecordState":"ACTIVE","Workflow":{"Status":"RESOLVED"}`, exposure.StatusArchived},
		{"resolved by somebody and archived by its product", `"RecordState":"ARCHIVED","Workflow":{"Status":"RESOLVED"}`, exposure.StatusFixed},
		{"resolved by somebody while the control fails", `"RecordState":"ACTIVE","Workflow":{"Status":"RESOLVED"},"Compliance":{"Status":"FAILED"}`, exposure.StatusOpen},
		{"resolved, archived, and failing", `"RecordState":"ARCHIVED","Workflow":{"Status":"RESOLVED"},"Compliance":{"Status":"FAILED"}`, exposure.StatusArchived},
		{"passed", `"RecordState":"ACTIVE","Compliance":{"Status":"PASSED"}`, exposure.StatusFixed},
		{"passed and archived", `"RecordState":"ARCHIVED","Compliance":{"Status":"PASSED"}`, exposure.StatusFixed},
		{"closed by Inspector", `"RecordState":"ARCHIVED","ProductFields":{"aws/inspector/FindingStatus":"CLOSED"}`, exposure.StatusFixed},
		{"a word that nobody knows", `"RecordState":"VANISHED","Workflow":{"Status":"GONE"}`, exposure.StatusOpen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, []byte(`[{"SchemaVersion":"2018-10-08","Id":"x","GeneratorId":"g","LastObservedAt":"2026-11-19T10:00:00Z","UpdatedAt":"2026-11-19T11:00:00Z","Resources":[{"Id":"arn:aws:s3:::b"}],`+tt.fields+`}]`))
			f := rec.Observed[0].Finding
			require.Equal(t, tt.want, f.Status)
			require.Equal(t, tt.want == exposure.StatusFixed, f.LastSeen.Hour() == 11, "a fix is later than the last sight")
		})
	}
}

// TestBothShapesOfAFindingMapToOne decodes the pairs of ASFF and OCSF of one finding.
func TestBothShapesOfAFindingMapToOne(t *testing.T) {
	for _, pair := range [][2]string{{"ocsf/sechub-pci.raw", "ocsf/sechub-pci.ocsf"}} {
		raw, err := os.ReadFile(connectortest.Shared(t, pair[0]))
		if err != nil {
			t.Skip("no samples at " + connectortest.Shared(t, pair[0]))
		}
		ocsf, err := os.ReadFile(connectortest.Shared(t, pair[1]))
		require.NoError(t, err)
		same(t, decode(t, raw), decode(t, ocsf))
	}
	one, err := os.ReadFile("testdata/event.json")
	require.NoError(t, err)
	two, err := os.ReadFile("testdata/event_v2.json")
	require.NoError(t, err)
	same(t, decode(t, one), decode(t, two))
}

func same(t *testing.T, one, two *connectortest.Recorder) {
	t.Helper()
	require.Len(t, two.Observed, len(one.Observed))
	for i := range one.Observed {
		a, b := one.Observed[i], two.Observed[i]
		require.Equal(t, a.Finding.UID, b.Finding.UID)
		require.Equal(t, a.Finding.Check, b.Finding.Check)
		require.Equal(t, a.Finding.Title, b.Finding.Title)
		require.Equal(t, a.Finding.Class, b.Finding.Class)
		require.Equal(t, a.Finding.Status, b.Finding.Status)
		require.Equal(t, a.Finding.Severity, b.Finding.Severity)
		require.Equal(t, a.Finding.LastSeen, b.Finding.LastSeen)
		require.Equal(t, a.Asset.Identifiers, b.Asset.Identifiers)
	}
}

func TestIdentityHoldsNeitherVersionNorSeverity(t *testing.T) {
	body, err := os.ReadFile("testdata/findings.json")
	require.NoError(t, err)
	later := strings.NewReplacer("1.4.2", "1.4.3", "MEDIUM", "HIGH", "2026-11-19", "2026-11-20").Replace(string(body))
	one, two := decode(t, body), decode(t, []byte(later))
	for i := range one.Observed {
		a, b := one.Observed[i].Finding, two.Observed[i].Finding
		require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
	}
}

func config() *securityhub.Config {
	c, _ := securityhub.Registration().Config().(*securityhub.Config)
	c.Region, c.AccessKeyID, c.SecretKey = "eu-west-1", "AKIDEXAMPLE", secret.New("hunter2hunter2")
	return c
}

// replay answers GetFindings from hand-made pages: two with findings, one that is empty
// but has a successor, as the API gives where a filter leaves nothing of a page.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	body, err := os.ReadFile("testdata/list.json")
	require.NoError(t, err)
	var findings []json.RawMessage
	require.NoError(t, json.Unmarshal(body, &findings))
	page := func(token, next string, findings ...json.RawMessage) connectortest.Exchange {
		answer, err := json.Marshal(map[string]any{"Findings": append([]json.RawMessage{}, findings...), "NextToken": next})
		require.NoError(t, err)
		return connectortest.Exchange{Method: http.MethodPost, URL: "https://securityhub.eu-west-1.amazonaws.com/findings", RequestBody: token, Status: http.StatusOK, Body: answer}
	}
	p := connectortest.NewReplay(t, []connectortest.Exchange{page("", "t1", findings[0]), page("t1", "t2"), page("t2", "", findings[1])})
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		var q struct{ NextToken string }
		return json.Unmarshal(body, &q) == nil && q.NextToken == e.RequestBody && r.URL.String() == e.URL && r.Method == e.Method &&
			strings.Contains(r.Header.Get("Authorization"), "AKIDEXAMPLE")
	}
	return p
}

func TestPullFollowsTheTokensToTheEnd(t *testing.T) {
	var last *connectortest.Replay
	got := connectortest.ConformPuller(t, securityhub.Registration(), config(), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		last = replay(t)
		return last
	})
	require.Len(t, got.Observed, 2)
	require.Len(t, got.Pages, 2, "an empty page leaves none behind")
	require.Equal(t, exposure.RunFull, got.Run.Kind)
	require.False(t, got.Run.Complete)

	p := replay(t)
	var asked string
	inner := p.Same
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		asked = string(body)
		return inner(r, body, e)
	}
	got = connectortest.Sync(t, securityhub.Registration(), config(), p.Client(), time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC))
	require.Contains(t, asked, `"UpdatedAt":[{"Start":"2026-11-18T23:50:00Z"`)
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.Empty(t, p.Unasked())
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	require.Equal(t, []string{"securityhub.eu-west-1.amazonaws.com"}, securityhub.Registration().Reach(c))
	c.RoleARN, c.Topics = "arn:aws:iam::111122223333:role/quell", []string{"arn:aws:sns:us-east-1:111122223333:t"}
	require.Equal(t, []string{"securityhub.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com", "sns.us-east-1.amazonaws.com"}, securityhub.Registration().Reach(c))
	c.SecretKey, c.Topics, c.Header = secret.String{}, []string{"x"}, ""
	require.Len(t, c.Validate(), 3)
}

func TestAConfirmationOfASubscriptionHoldsNothing(t *testing.T) {
	rec := decode(t, []byte(`{"Type":"SubscriptionConfirmation","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"You have chosen to subscribe","SubscribeURL":"https://x"}`))
	require.Empty(t, rec.Observed)
	_, err := connectortest.Decode(t, securityhub.Registration(), nil, []byte(`{"Type":"Notification","Message":"hello"}`))
	var syntax *connectors.SyntaxError
	require.ErrorAs(t, err, &syntax)
}

// TestTrivysOwnDetailsSayWhatIsWeakWhere reads the details that trivy's template puts
// beside a resource.
func TestTrivysOwnDetailsSayWhatIsWeakWhere(t *testing.T) {
	one := func(target, pkg, installed string) string {
		return `{"SchemaVersion":"2018-10-08","Id":"` + target + `/CVE-2026-1000","GeneratorId":"Trivy","Title":"Trivy found a vulnerability","Types":["Software and Configuration Checks/Vulnerabilities/CVE"],
			"UpdatedAt":"2026-11-20T12:00:00Z","ProductFields":{"Product Name":"Trivy"},"Resources":[{"Type":"Container","Id":"` + target + `","Details":{"Other":{"CVE ID":"CVE-2026-1000","CVE Title":"a hole",
			"PkgName":"` + pkg + `","Installed Package":"` + installed + `","Patched Package":"9.9","NvdCvssScoreV3":7.5,"NvdCvssVectorV3":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}}}]}`
	}
	for _, tt := range []struct{ name, target, pkg, installed, want string }{
		{"of the system", "registry.quell-lab.net/shop:3.20 (alpine 3.20)", "libssl3", "3.3.1-r0", "pkg:apk/alpine/libssl3"},
		{"of a system with brackets in its name", "shop (amazon 2 (Karoo))", "bash", "4.2", "pkg:rpm/amazon/bash"},
		{"of a lock file", "app/package-lock.json", "@babel/core", "7.1.0", "pkg:npm/%40babel/core#app/package-lock.json"},
		{"a jar whose name holds the version", "lib/b-8.1.14.jar", "org.a:b", "8.1.14", "pkg:maven/org.a/b#lib/b-{version}.jar"},
		{"of an aggregate, whose files are not told", "Java", "org.a:b", "8.1.14", "pkg:maven/org.a/b"},
		{"of an aggregate with a dot in its name", "Node.js", "lodash", "4.17.20", "pkg:npm/lodash"},
		{"of a binary of Go", "usr/bin/tool", "github.com/Acme/lib", "v1.2.3", "pkg:golang/github.com/acme/lib#usr/bin/tool"},
		{"of nobody knows what", "usr/bin/other", "thing", "1", "pkg:generic/thing#usr/bin/other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, []byte("["+one(tt.target, tt.pkg, tt.installed)+"]"))
			f := rec.Observed[0].Finding
			require.Equal(t, "CVE-2026-1000", exposure.WeaknessOf(*f))
			require.Equal(t, tt.want, f.Location)
			require.Equal(t, "a hole", f.Title)
			require.Equal(t, []exposure.CVSS{{Version: "3.1", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", Score: 7.5, By: "nvd"}}, f.CVSS)
			require.Equal(t, exposure.Package{Name: tt.pkg, Version: tt.installed, FixedIn: "9.9", PURL: f.Package.PURL, Path: f.Package.Path}, *f.Package)
			later := decode(t, []byte("["+strings.Replace(one(tt.target, tt.pkg, tt.installed), `"Installed Package":"`+tt.installed, `"Installed Package":"`+tt.installed+`-r7`, 1)+"]"))
			if !strings.Contains(tt.target, tt.installed) {
				require.Equal(t, f.UID, later.Observed[0].Finding.UID, "an update that stays weak moves nothing")
			}
		})
	}
	t.Run("the image stays when its system is updated", func(t *testing.T) {
		before, after := decode(t, []byte("["+one("shop:1 (alpine 3.20)", "a", "1")+"]")), decode(t, []byte("["+one("shop:1 (alpine 3.21)", "a", "1")+"]"))
		require.Equal(t, before.Observed[0].Asset.Identifiers, after.Observed[0].Asset.Identifiers)
		require.Equal(t, asset.ContainerImage, before.Observed[0].Asset.Kind)
		require.Equal(t, "alpine 3.21", after.Observed[0].Asset.OS)
		require.Equal(t, before.Observed[0].Finding.UID, after.Observed[0].Finding.UID)
	})
	t.Run("two packages of one CVE are two findings", func(t *testing.T) {
		rec := decode(t, []byte("["+one("x (alpine 3.20)", "libssl3", "1")+","+one("x (alpine 3.20)", "libcrypto3", "1")+"]"))
		require.NotEqual(t, rec.Observed[0].Finding.UID, rec.Observed[1].Finding.UID)
	})
	t.Run("a setting is at its file, and secrets of two rules are two", func(t *testing.T) {
		rec := decode(t, []byte(`[{"SchemaVersion":"2018-10-08","Id":"Dockerfile/DS-0002","GeneratorId":"Trivy/DS-0002","Title":"Trivy found a misconfiguration in Dockerfile: root","Types":["Software and Configuration Checks"],"ProductFields":{"Product Name":"Trivy"},
			"Resources":[{"Type":"Other","Id":"Dockerfile","Details":{"Other":{"Message":"USER is missing","Filename":"Dockerfile","StartLine":"3"}}}]},`+
			leak("AWS Access Key ID")+","+leak("GitHub token")+"]"))
		require.Equal(t, exposure.ClassCompliance, rec.Observed[0].Finding.Class)
		require.Equal(t, "Dockerfile", rec.Observed[0].Finding.Location)
		require.Equal(t, "USER is missing", rec.Observed[0].Finding.Evidence)
		require.Equal(t, exposure.ClassSecret, rec.Observed[1].Finding.Class)
		require.NotEqual(t, exposure.WeaknessOf(*rec.Observed[1].Finding), exposure.WeaknessOf(*rec.Observed[2].Finding))
		require.NotEqual(t, rec.Observed[1].Finding.UID, rec.Observed[2].Finding.UID)
	})
}

// leak is a secret as trivy's template writes it.
func leak(rule string) string {
	return `{"SchemaVersion":"2018-10-08","Id":"app/.env","GeneratorId":"Trivy","Title":"Trivy found a secret in app/.env: ` + rule + `","Types":["Sensitive Data Identifications"],"ProductFields":{"Product Name":"Trivy"},
		"Resources":[{"Type":"Other","Id":"app/.env","Details":{"Other":{"Filename":"app/.env"}}}]}`
}
