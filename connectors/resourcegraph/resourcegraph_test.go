package resourcegraph_test

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
	"github.com/quellsec/quell/connectors/resourcegraph"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, resourcegraph.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, resourcegraph.Registration(), nil)
	}
	connectortest.Counts(t, resourcegraph.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range resourcegraph.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, resourcegraph.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) {
	connectortest.Fuzz(f, resourcegraph.Registration(), "azure-resource-graph")
}

func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return string(body)
}

func TestResourcesAreKnownAndOwned(t *testing.T) {
	rec, err := connectortest.Decode(t, resourcegraph.Registration(), nil, []byte(sample(t, "rows.json")))
	require.NoError(t, err)
	got := make([]asset.Description, 0, len(rec.Covered))
	for _, c := range rec.Covered {
		got = append(got, c.Asset)
	}
	const machine = "/subscriptions/aaaa1111-0000-0000-0000-000000000001/resourcegroups/shop/providers/microsoft.compute/virtualmachines/web1"
	require.Equal(t, machine, got[0].Identifiers[0].Value)
	require.Equal(t, "cloud_instance|azure|0c1d2e3f-0000-4000-8000-0123456789ab", got[0].Identifiers[1].Key())
	require.Equal(t, []asset.OwnerHint{{Value: "ann@quell-lab.net", From: "tag owner"}, {Value: "storefront", From: "resource group tag team"}}, got[0].OwnerHints)
	require.Equal(t, asset.EphemeralAutoscaled, got[1].Ephemeral)
	require.Equal(t, machine, got[2].Identifiers[0].Value, "a network interface is its machine's")
	require.Equal(t, "mac", string(got[2].Identifiers[1].Kind))
	require.Equal(t, asset.InternetYes, got[2].Internet)
	require.Equal(t, asset.EdgeExposes, got[3].Edges[0].Kind)
	require.True(t, strings.HasSuffix(got[3].Edges[0].To.Value, "/networkinterfaces/web1-nic"))
	require.Equal(t, asset.WebApplication, got[4].Kind)
	require.Equal(t, asset.InternetYes, got[4].Internet)
	require.Equal(t, asset.InternetNo, got[5].Internet)
	require.Equal(t, asset.Domain, got[6].Kind)
	require.Equal(t, asset.Identity, got[7].Kind)
	require.Equal(t, map[string]int{"row_that_is_no_resource": 1}, rec.Skipped)
}

func config() *resourcegraph.Config {
	c, _ := resourcegraph.Registration().Config().(*resourcegraph.Config)
	c.Tenant, c.ClientID, c.ClientSecret, c.Types = "quell-lab.net", "id", secret.New("hunter2hunter2"), []string{"microsoft.compute/virtualmachines"}
	return c
}

func replay(t *testing.T, last string) *connectortest.Replay {
	t.Helper()
	const address = "https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
	p := connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: http.MethodPost, URL: address, RequestBody: "", Status: http.StatusOK, Body: []byte(sample(t, "rows.json"))},
		{Method: http.MethodPost, URL: address, RequestBody: "t2", Status: http.StatusOK, Body: []byte(last)},
	})
	p.Token = connectortest.TokenAnswer("/oauth2/v2.0/token") //nolint:bodyclose // a function that makes answers
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		var q struct {
			Query   string
			Options struct {
				Token string `json:"$skipToken"`
				Top   int    `json:"$top"`
			}
		}
		return json.Unmarshal(body, &q) == nil && r.URL.String() == e.URL && q.Options.Token == e.RequestBody && q.Options.Top == 1000 &&
			strings.Contains(q.Query, "where type in~ ('microsoft.compute/virtualmachines')") && strings.HasSuffix(q.Query, "order by id asc")
	}
	return p
}

func TestPullFollowsTheTokenToTheEnd(t *testing.T) {
	const whole, cut = `{"totalRecords":9,"count":0,"data":[],"resultTruncated":"false"}`, `{"totalRecords":9,"count":0,"data":[],"resultTruncated":"true"}`
	got := connectortest.ConformPuller(t, resourcegraph.Registration(), config(), func(t *testing.T) *connectortest.Replay { t.Helper(); return replay(t, whole) })
	require.Len(t, got.Covered, 8)
	require.True(t, got.Run.Complete)
	require.Empty(t, got.Run.Checks)
	p := replay(t, cut)
	require.False(t, connectortest.Sync(t, resourcegraph.Registration(), config(), p.Client(), time.Time{}).Run.Complete, "what Azure cut off is not all")
	require.Empty(t, p.Unasked())
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	c.ClientSecret, c.Cloud, c.Types = secret.String{}, "", []string{"x') | y"}
	require.Len(t, c.Validate(), 3)
}
