package burp_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/burp"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, burp.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, burp.Registration(), nil)
	}
	connectortest.Counts(t, burp.Registration(), nil)
}

func TestReports(t *testing.T) {
	for _, s := range burp.Registration().Samples {
		connectortest.Golden(t, burp.Registration(), nil, s.File, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, burp.Registration(), "burp") }

func read(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(body)
}

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, burp.Registration(), whole(), []byte(body))
	require.NoError(t, err)
	return rec
}

func whole() *burp.Config {
	return &burp.Config{URL: "https://burp.example.org", APIKey: secret.New("hunter2hunter2"), Page: 2, Complete: true, Checks: []string{"burp:*"}}
}

func TestOnlyAFinishedScanOfAWholeSourceIsComplete(t *testing.T) {
	body := read(t, "testdata/scan.json")
	rec := decode(t, body)
	require.Equal(t, "the scan has not succeeded: its status is auditing", rec.Last().Why)
	for _, status := range []string{"failed", "cancelled", "paused", "crawling", "a new word"} {
		require.False(t, decode(t, strings.Replace(body, "auditing", status, 1)).Last().Complete, status)
	}
	done := strings.Replace(body, "auditing", "succeeded", 1)
	rec = decode(t, done)
	require.True(t, rec.Last().Complete, rec.Last().Why)
	require.True(t, rec.Last().Covers(rec.Covered[0], "burp:5245344", "443/tcp/b"))
	require.False(t, rec.Last().Covers(rec.Covered[0], "burp:5245344", "8443/tcp/b"), "another port is another site")
	byItself, err := connectortest.Decode(t, burp.Registration(), nil, []byte(done))
	require.NoError(t, err)
	require.False(t, byItself.Last().Complete, "it doesn't say what was checked")
}

func TestAFalsePositiveIsNoFix(t *testing.T) {
	for file, at := range map[string]int{"testdata/issues.xml": 1, "testdata/scan.json": 1, "testdata/graphql.json": 1} {
		require.Equal(t, exposure.StatusSuppressed, decode(t, read(t, file)).Observed[at].Finding.Status, file)
		require.Equal(t, exposure.StatusOpen, decode(t, read(t, file)).Observed[0].Finding.Status, file)
	}
}

func TestTheSameIssueIsTheSameInEveryFormat(t *testing.T) {
	rest, graphql := decode(t, read(t, "testdata/scan.json")).Observed[0].Finding, decode(t, read(t, "testdata/graphql.json")).Observed[0].Finding
	require.Equal(t, "burp:1049088", rest.Check)
	require.Equal(t, rest.Check, graphql.Check)
	require.Equal(t, "443/tcp/a", rest.Location)
	require.Equal(t, rest.Location, graphql.Location)
	require.Equal(t, []string{"CWE-89"}, graphql.CWEs)
}

func TestAnIdentityOutlivesWhatChanges(t *testing.T) {
	body := read(t, "testdata/issues.xml")
	changed := strings.NewReplacer("<serialNumber>11", "<serialNumber>99", "High", "Medium", "?v=1", "?v=2", "2026.9", "2026.10", "(reflected)", "(mirrored)").Replace(body)
	one, two := decode(t, body), decode(t, changed)
	for i := range one.Observed {
		require.Equal(t, one.Observed[i].Finding.UID, two.Observed[i].Finding.UID)
	}
	require.NotEqual(t, one.Observed[0].Finding.UID, one.Observed[1].Finding.UID, "another insertion point is another issue")
	require.Equal(t, "burp:134217728:vulnerable-version-of-jquery-found", one.Observed[2].Finding.Check)
}

func TestNothingOfResponsesAndCredentialsIsKept(t *testing.T) {
	for _, file := range []string{"testdata/issues.xml", "testdata/scan.json", "testdata/graphql.json"} {
		for _, o := range decode(t, read(t, file)).Observed {
			text, err := json.Marshal(o)
			require.NoError(t, err)
			require.NotContains(t, string(text), "secret")
			require.NotContains(t, string(text), "abcdefghijkl")
		}
	}
}

// asked is a query with its answer.
func asked(name, variables, answer string) connectortest.Exchange {
	return connectortest.Exchange{Method: "POST", URL: "https://burp.example.org/graphql/v1", RequestBody: name + " " + variables, Status: 200, Body: []byte(answer)}
}

// issues are n issues of a scan as the API gives them.
func issues(scan string, total int, paths ...string) string {
	list := make([]string, 0, len(paths))
	for _, p := range paths {
		list = append(list, `{"issue_type":{"type_index":"1049088","name":"SQL injection"},"serial_number":"1","severity":"high","confidence":"firm","path":"`+p+`","origin":"https://s.quell-lab.net"}`)
	}
	count, _ := json.Marshal(total)
	return `{"data":{"scan":{"id":"` + scan + `","status":"succeeded","start_time":"2026-11-20T01:00:00Z","end_time":"2026-11-20T03:00:00Z","issue_counts":{"total":` + string(count) + `},"issues":[` + strings.Join(list, ",") + `]}}}`
}

func replay(t *testing.T, exchanges []connectortest.Exchange) *connectortest.Replay {
	t.Helper()
	p := connectortest.NewReplay(t, exchanges)
	p.Same = sameQuery
	return p
}

// sameQuery compares the name of a query and its variables.
func sameQuery(r *http.Request, body []byte, e *connectortest.Exchange) bool {
	var q struct {
		OperationName string          `json:"operationName"`
		Query         string          `json:"query"`
		Variables     json.RawMessage `json:"variables"`
	}
	return json.Unmarshal(body, &q) == nil && r.URL.String() == e.URL && strings.HasPrefix(q.Query, "query "+q.OperationName) &&
		r.Header.Get("Authorization") == "hunter2hunter2" && q.OperationName+" "+string(q.Variables) == e.RequestBody
}

func TestPullingReadsTheLastGoodScanOfEachSite(t *testing.T) {
	exchanges := []connectortest.Exchange{
		asked("Sites", "null", `{"data":{"site_tree":{"sites":[{"id":"10","name":"c","scope_v2":{"start_urls":["https://c.quell-lab.net/"]}},{"id":"2","name":"a","scope_v2":{"start_urls":["https://s.quell-lab.net/"]}},{"id":"9","name":"b","scope_v2":null}]}}}`),
		asked("Scans", `{"site":"2"}`, `{"data":{"scans":[{"id":"42","status":"succeeded"}]}}`),
		asked("Issues", `{"count":2,"scan":"42","start":0}`, issues("42", 3, "/a", "/b")),
		asked("Issues", `{"count":2,"scan":"42","start":2}`, issues("42", 3, "/c")),
		asked("Scans", `{"site":"9"}`, `{"data":{"scans":[]}}`),
		asked("Scans", `{"site":"10"}`, `{"data":{"scans":[{"id":"50","status":"succeeded"}]}}`),
		asked("Issues", `{"count":2,"scan":"50","start":0}`, issues("50", 0)),
	}
	got := connectortest.ConformPuller(t, burp.Registration(), whole(), func(t *testing.T) *connectortest.Replay { t.Helper(); return replay(t, exchanges) })
	require.Len(t, got.Observed, 3)
	require.Len(t, got.Covered, 3, "two pages of one site, and the start address of a clean one")
	require.Equal(t, "c.quell-lab.net", got.Covered[2].Asset.Name)
	require.Equal(t, []string{"443/tcp*"}, got.Covered[2].Locations)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Equal(t, map[string]int{"claimed": 3, "received": 3}, got.Run.Counts)
	p := replay(t, exchanges)
	connectortest.Sync(t, burp.Registration(), whole(), p.Client(), got.Run.Started)
	require.Empty(t, p.Unasked())

	short := append([]connectortest.Exchange{}, exchanges...)
	short[3] = asked("Issues", `{"count":2,"scan":"42","start":2}`, issues("42", 3))
	require.False(t, connectortest.Sync(t, burp.Registration(), whole(), replay(t, short).Client(), got.Run.Started).Run.Complete, "one issue is missing")
}

func TestARefusalInAGoodAnswerIsSeen(t *testing.T) {
	p := replay(t, []connectortest.Exchange{asked("Sites", "null", `{"data":null,"errors":[{"message":"not allowed","extensions":{"code":403}}]}`)})
	in, err := burp.Registration().Open(connectors.Env{Source: "x", HTTP: p.Client()}, whole())
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	_, err = puller.Pull(t.Context(), connectors.PullRequest{}, &strings.Builder{})
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
}
