package inspector_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/inspector"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, inspector.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, inspector.Registration(), nil)
	}
	connectortest.Counts(t, inspector.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range inspector.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, inspector.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, inspector.Registration(), "aws-inspector2") }

func sample(t *testing.T) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/findings.json")
	require.NoError(t, err)
	return body
}

func decode(t *testing.T, body []byte) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, inspector.Registration(), nil, body)
	require.NoError(t, err)
	return rec
}

func TestClosedIsAFixAndSuppressedIsNot(t *testing.T) {
	got := map[string]exposure.Status{}
	rec := decode(t, sample(t))
	for _, obs := range rec.Observed {
		got[obs.Finding.Check] = obs.Finding.Status
		if obs.Finding.Status == exposure.StatusFixed {
			require.Equal(t, int64(1795000600100), obs.Finding.LastSeen.UnixMilli(), "a fix is later than the last sight")
		}
	}
	require.Equal(t, map[string]exposure.Status{"inspector:CVE-2026-1001": exposure.StatusOpen, "inspector:CVE-2026-1002": exposure.StatusFixed,
		"inspector:python/log-injection": exposure.StatusSuppressed, "inspector:network-reachability": exposure.StatusOpen, "inspector:something_new": exposure.StatusOpen}, got)
	require.Equal(t, map[string]int{"finding_without_id": 1}, rec.Skipped)
}

func TestPlacesAndAssetsAreNamedAsOthersNameThem(t *testing.T) {
	rec := decode(t, sample(t))
	require.Equal(t, "pkg:deb/debian/linux", rec.Observed[0].Finding.Location, "two versions in one image are one place")
	require.Equal(t, "pkg:pypi/requests#app/requests-{version}.dist-info/METADATA", rec.Observed[1].Finding.Location)
	require.Equal(t, "22/tcp", rec.Observed[4].Finding.Location)
	require.Equal(t, asset.InternetYes, rec.Observed[4].Asset.Internet)
	require.Equal(t, "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0", rec.Observed[2].Asset.Identifiers[0].Value)
	require.Equal(t, "arn:aws:lambda:eu-west-1:111122223333:function:pay", rec.Observed[3].Asset.Identifiers[0].Value)
}

func TestIdentityHoldsNeitherVersionNorSeverityNorLine(t *testing.T) {
	later := strings.NewReplacer("2.1.0", "2.1.1", "4.19.118", "4.19.120", "HIGH", "LOW", `"startLine": 7`, `"startLine": 90`, "@v1.0", "@v2.0").Replace(string(sample(t)))
	one, two := decode(t, sample(t)), decode(t, []byte(later))
	for i := range one.Observed {
		a, b := one.Observed[i].Finding, two.Observed[i].Finding
		require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
	}
}

func config() *inspector.Config {
	c, _ := inspector.Registration().Config().(*inspector.Config)
	c.Region, c.AccessKeyID, c.SecretKey = "eu-west-1", "AKIDEXAMPLE", secret.New("hunter2hunter2")
	return c
}

func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	var all struct {
		Findings []json.RawMessage `json:"findings"`
	}
	require.NoError(t, json.Unmarshal(sample(t), &all))
	page := func(token, next string, findings ...json.RawMessage) connectortest.Exchange {
		answer, err := json.Marshal(map[string]any{"findings": append([]json.RawMessage{}, findings...), "nextToken": next})
		require.NoError(t, err)
		return connectortest.Exchange{Method: http.MethodPost, URL: "https://inspector2.eu-west-1.amazonaws.com/findings/list", RequestBody: token, Status: http.StatusOK, Body: answer}
	}
	p := connectortest.NewReplay(t, []connectortest.Exchange{page("", "t1", all.Findings[0]), page("t1", "t2"), page("t2", "", all.Findings[1:5]...)})
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		var q struct {
			NextToken  string `json:"nextToken"`
			MaxResults int    `json:"maxResults"`
		}
		return json.Unmarshal(body, &q) == nil && q.NextToken == e.RequestBody && q.MaxResults == 100 && r.URL.String() == e.URL && r.Method == e.Method
	}
	return p
}

func TestPullFollowsTheTokensToTheEnd(t *testing.T) {
	got := connectortest.ConformPuller(t, inspector.Registration(), config(), replay)
	require.Len(t, got.Observed, 6)
	require.Len(t, got.Pages, 2, "an empty page leaves none behind")
	require.False(t, got.Run.Complete)
	require.Equal(t, exposure.RunFull, got.Run.Kind)

	p := replay(t)
	var asked string
	inner := p.Same
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		asked = string(body)
		return inner(r, body, e)
	}
	got = connectortest.Sync(t, inspector.Registration(), config(), p.Client(), time.Unix(1795000600, 0))
	require.Contains(t, asked, `"updatedAt":[{"startInclusive":1795000000}]`)
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.Empty(t, p.Unasked())
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	require.Equal(t, []string{"inspector2.eu-west-1.amazonaws.com"}, inspector.Registration().Reach(c))
	c.SecretKey, c.Topics, c.Header = secret.String{}, []string{"x"}, ""
	require.Len(t, c.Validate(), 3)
}
