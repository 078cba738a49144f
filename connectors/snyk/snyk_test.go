package snyk_test

import (
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/connectors/snyk"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, snyk.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, snyk.Registration(), nil)
	}
	connectortest.Counts(t, snyk.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range snyk.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, snyk.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, snyk.Registration(), "snyk") }

func decode(t *testing.T, config any, file string, changes ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	changed := strings.NewReplacer(changes...).Replace(string(body))
	if len(changes) > 0 {
		require.NotEqual(t, string(body), changed)
	}
	rec, err := connectortest.Decode(t, snyk.Registration(), config, []byte(changed))
	require.NoError(t, err)
	return rec
}

func TestWhatDisappearedIsNotFixedUnlessTheOperatorSaysSo(t *testing.T) {
	want := []exposure.Status{exposure.StatusOpen, exposure.StatusFixed, exposure.StatusArchived, exposure.StatusOpen, exposure.StatusSuppressed}
	for i, obs := range decode(t, nil, "issues.json").Observed {
		require.Equal(t, want[i], obs.Finding.Status)
	}
	trusting := decode(t, &snyk.Config{DisappearedFixed: true}, "issues.json")
	require.Equal(t, exposure.StatusFixed, trusting.Observed[2].Finding.Status)
	require.Equal(t, time.Date(2026, 2, 5, 10, 0, 0, 0, time.UTC), trusting.Observed[2].Finding.LastSeen)
	unknown := decode(t, &snyk.Config{DisappearedFixed: true}, "issues.json", `"type": "fixed"`, `"type": "evaporated"`)
	require.Equal(t, exposure.StatusArchived, unknown.Observed[1].Finding.Status, "a resolution that nobody knows proves nothing")
}

func TestAWebhookSpeaksOfTheFindingsOfTheAPI(t *testing.T) {
	api, hook := decode(t, nil, "issues.json").Observed, decode(t, nil, "webhook.json")
	for i := range hook.Observed {
		a, h := api[i], hook.Observed[i]
		require.Equal(t, a.Asset.Identifiers, h.Asset.Identifiers)
		require.Equal(t, []string{a.Finding.UID, a.Finding.Check, a.Finding.Location}, []string{h.Finding.UID, h.Finding.Check, h.Finding.Location})
	}
	require.Equal(t, exposure.StatusOpen, hook.Observed[0].Finding.Status)
	require.Equal(t, exposure.StatusFixed, hook.Observed[1].Finding.Status)
	require.Equal(t, exposure.RunEvent, hook.Last().Kind)
}

func TestIdentityOutlivesSeverityVersionAndLine(t *testing.T) {
	for file, changes := range map[string][]string{
		"issues.json": {`"package_version": "1.0.0"`, `"package_version": "1.9.0"`, `"line": 65`, `"line": 99`, `"effective_severity_level": "high"`, `"effective_severity_level": "low"`},
		"cli.json":    {`"version": "1.7"`, `"version": "1.8"`, `"severity": "medium"`, `"severity": "low"`, "Invented", "Other"},
	} {
		a, b := decode(t, nil, file), decode(t, nil, file, changes...)
		for i := range a.Observed {
			x, y := a.Observed[i].Finding, b.Observed[i].Finding
			require.Equal(t, []string{x.UID, x.Check, x.Location}, []string{y.UID, y.Check, y.Location})
		}
	}
}

func TestPathsToOnePackageAreOneFinding(t *testing.T) {
	rec := decode(t, nil, "cli.json")
	require.Equal(t, rec.Observed[0].Finding.UID, rec.Observed[1].Finding.UID)
	require.Equal(t, exposure.StatusSuppressed, rec.Observed[2].Finding.Status)
	require.Equal(t, "pkg:maven/org.example/parser#pom.xml", rec.Observed[0].Finding.Location)
}

func TestAProjectThatCouldNotBeTestedIsTold(t *testing.T) {
	rec := decode(t, nil, "cli_projects.json")
	require.Equal(t, map[string]int{"project_that_could_not_be_tested": 1}, rec.Skipped)
	require.Contains(t, rec.Last().Why, "1 projects could not be tested")
}

const base = "https://api.eu.snyk.io/rest/orgs/abcd1234-5678-90ef-ghij-klmnopqrstuv/"

// recorded is the recording as it would be asked for today: with this version of the API,
// full pages and without a window of time. The recording ends with its first page of
// issues, though Snyk names a next one: that is answered as Snyk does, by an empty page,
// as one is among the samples. What is asked for in between are the issues' projects.
func recorded(t *testing.T) *connectortest.Replay {
	t.Helper()
	path := connectortest.Shared(t, "snyk/")
	read := func(file string) []byte {
		body, err := os.ReadFile(path + "/" + file)
		if os.IsNotExist(err) {
			t.Skip("no recording at " + path)
		}
		require.NoError(t, err)
		return body
	}
	get := func(url, file string) connectortest.Exchange {
		return connectortest.Exchange{Method: http.MethodGet, URL: url, Status: http.StatusOK, Body: read(file)}
	}
	issues := read("vcr_snyk_v2_task_run_01.json")
	_, next, ok := strings.Cut(string(issues), `"next":"`)
	require.True(t, ok)
	next, _, _ = strings.Cut(next, `"`)
	return connectortest.NewReplay(t, []connectortest.Exchange{
		get(base+"projects?limit=100&version=2024-10-15", "vcr_snyk_v2_task_run_00.json"),
		get(base+"issues?limit=100&version=2024-10-15", "vcr_snyk_v2_task_run_01.json"),
		get(base+"projects?limit=100&version=2024-10-15&ids=d1d1d1d1-ABCD-49b6-FFFF-8b0528afbe5b%2Ccecdbd27-0d35-467d-bac8-19c96d9e5c88", "vcr_snyk_v2_task_run_00.json"),
		get("https://api.eu.snyk.io"+next, "issues_empty.json"),
	})
}

func config() *snyk.Config {
	return &snyk.Config{URL: "https://api.eu.snyk.io", Organization: "abcd1234-5678-90ef-ghij-klmnopqrstuv", Token: secret.New("hunter2hunter2")}
}

func TestPullEndsWithAnEmptyPage(t *testing.T) {
	require.Empty(t, config().Validate())
	got := connectortest.ConformPuller(t, snyk.Registration(), config(), recorded)
	require.Len(t, got.Covered, 2, "projects")
	require.Len(t, got.Observed, 2, "issues")
	require.Equal(t, exposure.Run{Kind: exposure.RunFull, Complete: true}, got.Run)
	replay := recorded(t)
	connectortest.Sync(t, snyk.Registration(), config(), replay.Client(), time.Time{})
	require.Empty(t, replay.Unasked())
}

func TestAnEmptyPageIsTheEndWhateverItNames(t *testing.T) {
	empty := []byte(`{"data":[],"links":{"next":"/orgs/x/issues?starting_after=y"}}`)
	replay := connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: http.MethodGet, URL: base + "projects?limit=100&version=2024-10-15", Status: http.StatusOK, Body: empty},
		{Method: http.MethodGet, URL: base + "issues?limit=100&version=2024-10-15", Status: http.StatusOK, Body: empty},
	})
	require.True(t, connectortest.Sync(t, snyk.Registration(), config(), replay.Client(), time.Time{}).Run.Complete)
}

func TestPullOfWhatChangedSaysSo(t *testing.T) {
	replay := recorded(t)
	replay.Exchanges[1].URL += "&updated_after=2026-01-01T00%3A00%3A00Z"
	got := connectortest.Sync(t, snyk.Registration(), config(), replay.Client(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.Empty(t, replay.Unasked())
}

func TestPullFollowsNobodyElsewhere(t *testing.T) {
	replay := connectortest.NewReplay(t, []connectortest.Exchange{{Method: http.MethodGet, URL: base + "projects?limit=100&version=2024-10-15", Status: http.StatusOK,
		Body: []byte(`{"data":[{"id":"p","type":"project"}],"links":{"next":"https://api.example.org/rest/orgs"}}`)}})
	in, err := snyk.Registration().Open(connectors.Env{Source: "x", HTTP: replay.Client()}, config())
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	_, err = puller.Pull(t.Context(), connectors.PullRequest{}, &strings.Builder{})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}

func TestAWebhookIsSignedOverItsRawBody(t *testing.T) {
	key := secret.New("s3cret-key")
	in, err := snyk.Registration().Open(connectors.Env{Source: "x"}, &snyk.Config{PreviousSecret: key})
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	body := []byte(`{ "newIssues": [] }`)
	h := signature.HMAC{Header: "X-Hub-Signature", Prefix: "sha256=", Hash: signature.SHA256, Encoding: signature.Hex}
	header := http.Header{}
	header.Set("X-Hub-Signature", h.Sign(key, nil, body))
	header.Set("X-Snyk-Transport-ID", "998fe884")
	id, err := v.VerifyWebhook(header, body, time.Unix(0, 0))
	require.NoError(t, err)
	require.Equal(t, "998fe884", id)
	_, err = v.VerifyWebhook(header, []byte(`{"newIssues":[]}`), time.Unix(0, 0))
	require.Equal(t, fault.Denied, fault.KindOf(err), "the same JSON in other bytes is another body")
}
