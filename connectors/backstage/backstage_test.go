package backstage_test

import (
	"flag"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/backstage"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, backstage.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, backstage.Registration(), nil)
	}
	connectortest.Counts(t, backstage.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"entities.json", "page.json", "catalog-info.yaml"} {
		connectortest.Golden(t, backstage.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, backstage.Registration(), "backstage") }

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, backstage.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestAFileAndTheCatalogNameTheSameEntityAndOwner(t *testing.T) {
	file := decode(t, "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: Shop\n  namespace: retail\nspec:\n  type: service\n  owner: Payments\n  dependsOn: [resource:db]\n")
	api := decode(t, `[{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{"name":"Shop","namespace":"retail"},"spec":{"type":"service","owner":"Payments"},
		"relations":[{"type":"ownedBy","targetRef":"group:retail/payments"},{"type":"dependsOn","targetRef":"resource:retail/db"}]}]`)
	one, two := file.Covered[0].Asset, api.Covered[0].Asset
	require.Equal(t, "component:retail/shop", one.Identifiers[0].Value)
	require.Equal(t, one.Identifiers, two.Identifiers)
	require.Equal(t, one.Edges, two.Edges)
	require.Equal(t, "group:retail/payments", one.OwnerHints[0].Value)
	require.Equal(t, one.OwnerHints[0].Value, two.OwnerHints[0].Value)
	require.Equal(t, asset.WebApplication, one.Kind)
}

func TestARepositoryOfSeveralEntitiesInheritsAllOwnersAndIsNoneOfThem(t *testing.T) {
	rec := decode(t, `[
		{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{"name":"a","annotations":{"github.com/project-slug":"Quell/Mono"}},"spec":{"type":"service","owner":"x"}},
		{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{"name":"b","annotations":{"backstage.io/source-location":"url:https://github.com/quell/mono/tree/main/b/"}},"spec":{"type":"service","owner":"user:ann"}}]`)
	require.Len(t, rec.Covered, 4)
	for _, i := range []int{1, 3} {
		require.Equal(t, []asset.Identifier{{Kind: asset.RepositoryName, Value: "github.com/quell/mono"}}, rec.Covered[i].Asset.Identifiers)
		require.Equal(t, asset.EdgeBuiltFrom, rec.Covered[i-1].Asset.Edges[0].Kind)
	}
	require.Equal(t, asset.OwnerHint{Value: "group:default/x", From: "spec.owner of component:default/a"}, rec.Covered[1].Asset.OwnerHints[0])
	require.Equal(t, asset.OwnerHint{Value: "user:default/ann", From: "spec.owner of component:default/b"}, rec.Covered[3].Asset.OwnerHints[0])
}

func TestRepositoriesAreFoundWhereverTheyAreNamed(t *testing.T) {
	for annotation, want := range map[string]string{
		`"gitlab.com/project-slug":"group/sub/app"`:                                                        "gitlab.com/group/sub/app",
		`"gitlab.com/project-slug":"g/a","gitlab.com/instance":"git.quell-lab.net"`:                        "git.quell-lab.net/g/a",
		`"backstage.io/managed-by-location":"url:https://git.quell-lab.net/g/s/app/-/blob/main/info.yaml"`: "git.quell-lab.net/g/s/app",
		`"backstage.io/managed-by-location":"file:/private/tmp/entities.yaml"`:                             "",
	} {
		rec := decode(t, `{"apiVersion":"backstage.io/v1alpha1","kind":"API","metadata":{"name":"a","annotations":{`+annotation+`}}}`)
		if want == "" {
			require.Len(t, rec.Covered, 1, annotation)
			continue
		}
		require.Equal(t, want, rec.Covered[1].Asset.Name, annotation)
	}
}

func TestBrokenYAMLIsASyntaxErrorAfterWhatCameBefore(t *testing.T) {
	first := "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: a}\n---\n"
	for name, second := range map[string]string{"malformed": "kind: [unclosed", "no map": "- a\n- b", "odd keys": "? [1, 2]\n: x"} {
		rec, err := connectortest.Decode(t, backstage.Registration(), nil, []byte(first+second))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, name)
		require.Len(t, rec.Covered, 1, name)
		require.False(t, rec.Last().Complete)
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"
	_, err := connectortest.Decode(t, backstage.Registration(), nil, []byte(bomb))
	require.Error(t, err, "aliases that multiply are refused")
}

const base = "https://backstage.example.org/api/catalog/entities/by-query?"

func configured(t *testing.T) *backstage.Config {
	t.Helper()
	config, ok := backstage.Registration().Config().(*backstage.Config)
	require.True(t, ok)
	config.URL, config.Token, config.Page = "https://backstage.example.org", secret.New("hunter2hunter2"), 2
	require.Empty(t, config.Validate())
	return config
}

func replay(total string) func(t *testing.T) *connectortest.Replay {
	return func(t *testing.T) *connectortest.Replay {
		t.Helper()
		page, err := os.ReadFile("testdata/page.json")
		require.NoError(t, err)
		first := url.Values{"limit": {"2"}, "fields": {""}, "filter": {"kind=component", "kind=api", "kind=resource", "kind=system", "kind=group", "kind=user"}}
		p := connectortest.NewReplay(t, []connectortest.Exchange{
			{Method: "GET", URL: base + first.Encode(), Status: 200, Body: page},
			{Method: "GET", URL: base + "limit=2&fields=&cursor=next2", Status: 200, Body: []byte(`{"items":[{"apiVersion":"backstage.io/v1alpha1","kind":"Group","metadata":{"name":"last"}}],"totalItems":` + total + `,"pageInfo":{"prevCursor":"x"}}`)},
		})
		p.Ignore = []string{"fields"}
		return p
	}
}

func TestASyncFollowsTheCursorToItsEnd(t *testing.T) {
	got := connectortest.ConformPuller(t, backstage.Registration(), configured(t), replay("3"))
	require.Len(t, got.Covered, 3)
	require.True(t, got.Run.Complete, got.Run.Why)
	p := replay("4")(t)
	short := connectortest.Sync(t, backstage.Registration(), configured(t), p.Client(), time.Time{})
	require.False(t, short.Run.Complete)
	require.Equal(t, "the catalog gave 3 of 4 entities", short.Run.Why)
}
