package snipeit_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/snipeit"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, snipeit.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, snipeit.Registration(), nil)
	}
	connectortest.Counts(t, snipeit.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"hardware.json", "users.json"} {
		connectortest.Golden(t, snipeit.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, snipeit.Registration(), "snipe-it/har-hardware") }

func configured(t *testing.T, set func(*snipeit.Config)) *snipeit.Config {
	t.Helper()
	config, ok := snipeit.Registration().Config().(*snipeit.Config)
	require.True(t, ok)
	config.URL, config.Token = "http://127.0.0.1:8080", secret.New("hunter2hunter2")
	set(config)
	require.Empty(t, config.Validate())
	return config
}

// The recording asked in no order; we ask by ID.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	exchanges := connectortest.Recording(t, "snipe-it/har-hardware")
	for i := range exchanges {
		exchanges[i].URL += "&sort=id&order=asc"
	}
	return connectortest.NewReplay(t, exchanges)
}

func TestASyncGetsAllThatWasRecorded(t *testing.T) {
	config := configured(t, func(*snipeit.Config) {})
	got := connectortest.ConformPuller(t, snipeit.Registration(), config, replay)
	require.Len(t, got.Covered, 3+1)
	require.True(t, got.Run.Complete, got.Run.Why)
	p := replay(t)
	connectortest.Sync(t, snipeit.Registration(), config, p.Client(), time.Time{})
	require.Len(t, p.Unasked(), 1)
	require.Contains(t, p.Unasked()[0], "/locations", "places are no assets, and owners even less")
}

// hints gives the clues of each asset of a body, by its name.
func hints(rec *connectortest.Recorder) map[string][]string {
	out := map[string][]string{}
	for _, cov := range rec.Covered {
		out[cov.Asset.Name] = nil
		for _, h := range cov.Asset.OwnerHints {
			out[cov.Asset.Name] = append(out[cov.Asset.Name], h.From+"="+h.Value)
		}
	}
	return out
}

func TestWhatIsCheckedOutToAnAssetBelongsToWhoeverHasThatOne(t *testing.T) {
	body, err := os.ReadFile("testdata/hardware.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, snipeit.Registration(), nil, body)
	require.NoError(t, err)
	got := hints(rec)
	through := []string{"assigned_to of the asset that has it=Ann Example", "assigned_to of the asset that has it email=ann@example.org"}
	require.Equal(t, through, got["T6"], "through two others")
	require.Equal(t, through, got["dock5"])
	require.Equal(t, []string{"custom field Cost Owner=payments", "company=Quell Lab", "assigned_to=Ann Example", "assigned_to email=ann@example.org"}, got["lap4"])
	require.Empty(t, got["circle2"], "a circle has no end")
	require.Empty(t, got["circle3"])
	require.Empty(t, got["old1"], "a place is no owner")
	for _, cov := range rec.Covered {
		require.Equal(t, cov.Asset.Name == "old1", cov.Asset.Gone, cov.Asset.Name)
		if cov.Asset.Name == "dock5" {
			require.Equal(t, asset.Edge{Kind: asset.EdgePartOf, To: asset.Identifier{Kind: asset.SourceAssetID, Value: "hardware/4"}, ToKind: asset.Host, ToName: "(T4) - QM-L"}, cov.Asset.Edges[0])
		}
	}
}

func TestASyncLooksUpAssetsOnOtherPages(t *testing.T) {
	const api = "http://127.0.0.1:8080/api/v1/hardware"
	config := configured(t, func(c *snipeit.Config) { c.Users, c.Page = false, 1 })
	row := func(id, assigned string) string {
		return `{"id":` + id + `,"name":"a` + id + `","asset_tag":"T` + id + `","assigned_to":` + assigned + `}`
	}
	to := func(id string) string { return `{"id":` + id + `,"type":"asset"}` }
	const ann = `{"id":1,"name":"Ann","type":"user"}`
	page := func(offset, r string) connectortest.Exchange {
		return connectortest.Exchange{Method: "GET", URL: api + "?limit=1&offset=" + offset + "&sort=id&order=asc", Status: 200, Body: []byte(`{"total":3,"rows":[` + r + `]}`)}
	}
	one := func(id, r string, status int) connectortest.Exchange {
		return connectortest.Exchange{Method: "GET", URL: api + "/" + id, Status: status, Body: []byte(r)}
	}
	got := connectortest.ConformPuller(t, snipeit.Registration(), config, func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, []connectortest.Exchange{
			page("0", row("1", to("2"))), page("1", row("2", to("3"))), page("2", row("3", ann)), one("2", row("2", to("3")), 200), one("3", row("3", ann), 200),
		})
	})
	want := []string{"assigned_to of the asset that has it=Ann"}
	require.Equal(t, map[string][]string{"a1": want, "a2": want, "a3": {"assigned_to=Ann"}}, hints(&got.Recorder))
	require.True(t, got.Run.Complete, got.Run.Why)

	circle := connectortest.NewReplay(t, []connectortest.Exchange{
		page("0", row("1", to("2"))), page("1", row("2", to("1"))), page("2", row("3", to("9"))), one("2", row("2", to("1")), 200), one("1", row("1", to("2")), 200), one("9", "", 404),
	})
	rec := connectortest.Sync(t, snipeit.Registration(), config, circle.Client(), time.Time{})
	require.Equal(t, map[string][]string{"a1": nil, "a2": nil, "a3": nil}, hints(&rec.Recorder))
}

func TestAListThatEndsEarlyMakesTheSyncIncomplete(t *testing.T) {
	p := replay(t)
	for i := range p.Exchanges {
		p.Exchanges[i].Body = []byte(strings.Replace(string(p.Exchanges[i].Body), `"total":3`, `"total":4`, 1))
	}
	last := connectortest.Exchange{Method: "GET", URL: "http://127.0.0.1:8080/api/v1/hardware?limit=500&offset=3&sort=id&order=asc", Status: 200, Body: []byte(`{"total":4,"rows":[]}`)}
	got := connectortest.Sync(t, snipeit.Registration(), configured(t, func(*snipeit.Config) {}), connectortest.NewReplay(t, append(p.Exchanges, last)).Client(), time.Time{})
	require.False(t, got.Run.Complete)
	require.Equal(t, "hardware gave 3 of 4 rows", got.Run.Why)
}

func TestTimesAreOfTheConfiguredZoneAndCategoriesAreChosen(t *testing.T) {
	body, err := os.ReadFile("testdata/hardware.json")
	require.NoError(t, err)
	config := configured(t, func(c *snipeit.Config) { c.TimeZone, c.Categories = "Europe/Berlin", []string{"server"} })
	rec, err := connectortest.Decode(t, snipeit.Registration(), config, body)
	require.NoError(t, err)
	require.Len(t, rec.Covered, 1)
	require.Equal(t, 5, rec.Skipped["asset_of_another_category"])
	require.Equal(t, time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC), rec.Covered[0].Asset.SeenAt)
}

func TestConfigNamesEveryProblem(t *testing.T) {
	require.Len(t, (&snipeit.Config{URL: "x", TimeZone: "Mars/Base"}).Validate(), 4)
}
