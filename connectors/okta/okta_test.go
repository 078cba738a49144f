package okta_test

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/okta"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, okta.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, okta.Registration(), nil)
	}
	connectortest.Counts(t, okta.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"apps.json", "users.json", "groups.json", "app_users.json"} {
		connectortest.Golden(t, okta.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, okta.Registration(), "okta/har-steps") }

func configured(t *testing.T) *okta.Config {
	t.Helper()
	config, ok := okta.Registration().Config().(*okta.Config)
	require.True(t, ok)
	config.URL, config.Token = "https://dev-857255.okta.com", secret.New("hunter2hunter2")
	require.Empty(t, config.Validate())
	return config
}

// The recording left the size of a page to Okta and embedded nothing.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	exchanges := connectortest.Recording(t, "okta/har-steps")
	for i := range exchanges {
		e := &exchanges[i]
		e.URL += "?limit=50"
		if strings.Contains(e.URL, "/apps/0") {
			part := strings.Split(strings.TrimSuffix(e.URL, "?limit=50"), "/")
			e.URL += "&expand=" + strings.TrimSuffix(part[len(part)-1], "s")
		}
	}
	return connectortest.NewReplay(t, exchanges)
}

func TestASyncGetsAllThatWasRecorded(t *testing.T) {
	got := connectortest.ConformPuller(t, okta.Registration(), configured(t), replay)
	require.Len(t, got.Covered, 3+2+6+(0+0)+(1+1)+(0+4)+7+0)
	require.True(t, got.Run.Complete, got.Run.Why)
	edges := map[asset.EdgeKind]int{}
	for _, cov := range got.Covered {
		for _, e := range cov.Asset.Edges {
			edges[e.Kind]++
			require.NotEqual(t, e.To.Value, e.ToName, "its name is known")
		}
	}
	require.Equal(t, map[asset.EdgeKind]int{asset.EdgeCanAccess: 6, asset.EdgeMemberOf: 7}, edges)
	p := replay(t)
	connectortest.Sync(t, okta.Registration(), configured(t), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

func TestPagingFollowsTheLinkOnTheSameHostOnly(t *testing.T) {
	config := configured(t)
	config.Assignments, config.Memberships = false, false
	page := func(query, next string) connectortest.Exchange {
		e := connectortest.Exchange{Method: "GET", URL: config.URL + "/api/v1/apps?" + query, Status: 200, Headers: map[string]string{}, Body: []byte(`[{"id":"` + query[len(query)-1:] + `","label":"x","signOnMode":"BOOKMARK"}]`)}
		if next != "" {
			e.Headers["link"] = `<` + config.URL + `/api/v1/apps?limit=50>; rel="self", <` + next + `>; rel="next"`
		}
		return e
	}
	rest := []connectortest.Exchange{
		{Method: "GET", URL: config.URL + "/api/v1/groups?limit=50", Status: 200, Body: []byte(`[]`)},
		{Method: "GET", URL: config.URL + "/api/v1/users?limit=50", Status: 200, Body: []byte(`[]`)},
	}
	p := connectortest.NewReplay(t, slices.Concat(rest, []connectortest.Exchange{page("limit=50", config.URL+"/api/v1/apps?after=a2"), page("after=a2", "")}))
	require.Len(t, connectortest.Sync(t, okta.Registration(), config, p.Client(), time.Time{}).Covered, 2)
}

func TestAnAssignmentSaysWhoCanAccessWhat(t *testing.T) {
	body := `{"quell_okta":1,"list":"app_users","of":{"id":"a1","name":"Shop"},"page":[{"id":"u1","scope":"GROUP","_embedded":{"user":{"id":"u1","profile":{"firstName":"Ann","lastName":"Example","login":"ann@example.org"}}}}]}`
	rec, err := connectortest.Decode(t, okta.Registration(), nil, []byte(body))
	require.NoError(t, err)
	ann := rec.Covered[0].Asset
	require.Equal(t, "Ann Example", ann.Name)
	require.Equal(t, []asset.Edge{{Kind: asset.EdgeCanAccess, To: asset.Identifier{Kind: asset.SourceAssetID, Value: "app/a1"}, ToKind: asset.SaaSApplication, ToName: "Shop", Note: "group"}}, ann.Edges)
}

func TestNothingIsGoneForBeingInactive(t *testing.T) {
	for _, body := range []string{`[{"id":"a","label":"x","signOnMode":"SAML_2_0","status":"INACTIVE"}]`, `[{"id":"u","status":"DEPROVISIONED","profile":{"login":"x"}}]`} {
		rec, err := connectortest.Decode(t, okta.Registration(), nil, []byte(body))
		require.NoError(t, err)
		require.False(t, rec.Covered[0].Asset.Gone)
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	require.Len(t, (&okta.Config{URL: "acme"}).Validate(), 3)
}
