package defendercloud_test

import (
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/defendercloud"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, defendercloud.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, defendercloud.Registration(), nil)
	}
	connectortest.Counts(t, defendercloud.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range defendercloud.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, defendercloud.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) {
	connectortest.Fuzz(f, defendercloud.Registration(), "azure-defender-cloud")
}

func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return string(body)
}

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, defendercloud.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestOnlyHealthyIsAFix(t *testing.T) {
	rec := decode(t, sample(t, "assessments.json"))
	require.Equal(t, []exposure.Status{exposure.StatusOpen, exposure.StatusFixed, exposure.StatusSuppressed, exposure.StatusOpen}, stati(rec))
	require.Equal(t, map[string]int{"assessment_that_does_not_apply": 1}, rec.Skipped)
	require.Equal(t, exposure.SeverityLow, rec.Observed[0].Finding.Severity, "by its metadata")
	rec = decode(t, sample(t, "alerts.json"))
	require.Equal(t, []exposure.Status{exposure.StatusOpen, exposure.StatusArchived, exposure.StatusSuppressed}, stati(rec))
	require.Equal(t, "/subscriptions/aaaa1111-0000-0000-0000-000000000001/resourcegroups/shop/providers/microsoft.compute/virtualmachines/web1", rec.Observed[0].Asset.Identifiers[0].Value)
	require.Equal(t, rec.Observed[0].Asset.Identifiers, rec.Observed[2].Asset.Identifiers, "whatever the case of its ID")
}

func stati(rec *connectortest.Recorder) []exposure.Status {
	out := make([]exposure.Status, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		out = append(out, obs.Finding.Status)
	}
	return out
}

func TestTheTableAndTheAPINameOneFinding(t *testing.T) {
	api, csv := decode(t, sample(t, "assessments.json")), decode(t, sample(t, "recommendations.csv"))
	for i := range csv.Observed {
		a, b := api.Observed[i], csv.Observed[i]
		require.Equal(t, []string{a.Finding.UID, a.Finding.Check, string(a.Finding.Status), string(a.Finding.Severity)}, []string{b.Finding.UID, b.Finding.Check, string(b.Finding.Status), string(b.Finding.Severity)})
		require.Equal(t, a.Asset.Identifiers, b.Asset.Identifiers)
	}
}

func TestAMachineIsCoveredWhereItWasEvaluated(t *testing.T) {
	body := sample(t, "assessments.json")
	require.Equal(t, exposure.TargetOK, decode(t, body).Covered[0].Outcome)
	at := strings.LastIndex(body, `"Unhealthy"`)
	require.Empty(t, decode(t, body[:at]+`"NotApplicable"`+body[at+len(`"Unhealthy"`):]).Covered)
}

func config() *defendercloud.Config {
	c, _ := defendercloud.Registration().Config().(*defendercloud.Config)
	c.Tenant, c.ClientID, c.ClientSecret = "quell-lab.net", "id", secret.New("hunter2hunter2")
	return c
}

func get(address, body string) connectortest.Exchange {
	return connectortest.Exchange{Method: http.MethodGet, URL: "https://management.azure.com" + address, Status: http.StatusOK, Body: []byte(body)}
}

// replay rewrites the recordings to what is asked today: the version of the API, and a
// path that was recorded with its slashes escaped. Metadata and sub-assessments, which
// neither has, are written by hand.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	const one, two = "/subscriptions/d3803fd6-2ba4-4286-80aa-f3d613ad59a7", "/subscriptions/subscription-id"
	assessments, alerts := connectortest.Recording(t, "azure-defender-cloud/har-assessments"), connectortest.Recording(t, "azure-defender-cloud/har-alerts")
	at := func(list []connectortest.Exchange, part string) string {
		i := slices.IndexFunc(list, func(e connectortest.Exchange) bool { return strings.Contains(e.URL, part) })
		require.GreaterOrEqual(t, i, 0)
		return string(list[i].Body)
	}
	both := strings.Replace(at(assessments, "com/subscriptions?"), `"value":[`, `"value":[`+strings.TrimSuffix(strings.TrimPrefix(at(alerts, "com/subscriptions?"), `{"value":[`), `]}`)+",", 1)
	const security = "/providers/Microsoft.Security/"
	p := connectortest.NewReplay(t, []connectortest.Exchange{
		get("/subscriptions?api-version=2022-12-01", both),
		get(one+security+"assessments?api-version=2021-06-01", at(assessments, "assess")),
		get(one+security+"assessmentMetadata?api-version=2021-06-01", `{"value":[{"name":"88bbc99c-e5af-ddd7-6105-6150b2bfa519","properties":{"severity":"Low"}}],"nextLink":"https://management.azure.com`+one+security+`assessmentMetadata?api-version=2021-06-01&$skip=1"}`),
		get(one+security+"assessmentMetadata?api-version=2021-06-01&$skip=1", `{"value":[]}`),
		get(one+security+"subAssessments?api-version=2019-01-01-preview", strings.Replace(sample(t, "subassessments.json"), `"value"`, `"nextLink":"https://management.azure.com/next?$skiptoken=x","value"`, 1)),
		get("/next?$skiptoken=x", `{"value":[]}`),
		get(one+security+"alerts?api-version=2022-01-01", `{"value":[]}`),
		get(two+security+"assessments?api-version=2021-06-01", `{"value":[]}`),
		get(two+security+"subAssessments?api-version=2019-01-01-preview", `{"value":[]}`),
		get(two+security+"alerts?api-version=2022-01-01", at(alerts, "alerts")),
	})
	p.Token = connectortest.TokenAnswer("/oauth2/v2.0/token") //nolint:bodyclose // a function that makes answers
	return p
}

func TestPullReadsEveryListOfEverySubscription(t *testing.T) {
	got := connectortest.ConformPuller(t, defendercloud.Registration(), config(), replay)
	require.Len(t, got.Pages, 3, "empty lists leave no page behind")
	kinds := map[string]int{}
	for _, obs := range got.Observed {
		kinds[string(obs.Finding.Class)]++
	}
	require.Equal(t, map[string]int{"compliance": 20 - got.Skipped["assessment_that_does_not_apply"], "vulnerability": 3, "detection": 84}, kinds)
	require.True(t, got.Run.Complete)
	require.Equal(t, []string{"defendercloud:vulnerability:*"}, got.Run.Checks)

	p := replay(t)
	connectortest.Sync(t, defendercloud.Registration(), config(), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())

	c := config()
	c.Alerts, c.Subscriptions = false, []string{"d3803fd6-2ba4-4286-80aa-f3d613ad59a7"}
	p = replay(t)
	connectortest.Sync(t, defendercloud.Registration(), c, p.Client(), time.Time{})
	require.Len(t, p.Unasked(), 5, "the list of subscriptions, the alerts, and all of the other one")
}

func TestANextPageElsewhereIsRefused(t *testing.T) {
	p := replay(t)
	for i := range p.Exchanges {
		p.Exchanges[i].Body = []byte(strings.Replace(string(p.Exchanges[i].Body), "https://management.azure.com/next", "https://evil.example.org/next", 1))
	}
	require.Panics(t, func() {
		probe := &failing{TB: t}
		connectortest.Sync(probe, defendercloud.Registration(), config(), p.Client(), time.Time{})
	})
}

// failing is a test that is expected to fail.
type failing struct{ testing.TB }

func (*failing) Errorf(string, ...any) {}
func (*failing) FailNow()              { panic("failed") }

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	require.Equal(t, []string{"login.microsoftonline.com", "management.azure.com"}, defendercloud.Registration().Reach(c))
	c.Tenant, c.ClientSecret, c.Cloud, c.Subscriptions = "a/b", secret.String{}, "mars", []string{"../x"}
	require.Len(t, c.Validate(), 4)
}
