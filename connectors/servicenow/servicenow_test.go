package servicenow_test

import (
	"encoding/json"
	"flag"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/servicenow"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, servicenow.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, servicenow.Registration(), nil)
	}
	connectortest.Counts(t, servicenow.Registration(), nil)
}

func TestGolden(t *testing.T) {
	config, ok := servicenow.Registration().Config().(*servicenow.Config)
	require.True(t, ok)
	config.Zone, config.OwnerFields = "dc1", []string{"u_product_owner"}
	for _, file := range []string{"servers.json", "people.json", "vulnerable_items.json"} {
		connectortest.Golden(t, servicenow.Registration(), config, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, servicenow.Registration(), "servicenow-cmdb") }

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, servicenow.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

const host = "https://dev215226.service-now.com"

func configured(t *testing.T, set func(*servicenow.Config)) *servicenow.Config {
	t.Helper()
	config, ok := servicenow.Registration().Config().(*servicenow.Config)
	require.True(t, ok)
	config.URL, config.User, config.Password = host, "quell", secret.New("hunter2hunter2")
	set(config)
	require.Empty(t, config.Validate())
	return config
}

// The recording asked for whole records in no order. We ask for the columns that we use,
// in a fixed order and with display values, so its first pages are matched by their table;
// the links between pages are followed as they were recorded. What it holds of the class
// tree leads up from a class that stands in for one of a customer's own, and it has no
// memberships: those are written by hand.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	exchanges := connectortest.Recording(t, "servicenow-cmdb/har-cmdb")
	exchanges = append(exchanges,
		connectortest.Exchange{Method: "GET", URL: host + "/api/now/table/sys_user_grmember?sysparm_limit=500", Status: 200, Headers: map[string]string{"x-total-count": "1"},
			Body: []byte(`{"result":[{"sys_id":{"display_value":"m1","value":"m1"},"user":{"display_value":"Sean Bonnet","value":"02826bf03710200044e0bfc8bcbe5d6d"},"group":{"display_value":"Database","value":"287ee6fea9fe198100ada7950d0b1b73"}}]}`)},
		connectortest.Exchange{Method: "GET", URL: host + "/api/now/table/sys_db_object?sysparm_query=name%3Du_lab_server&sysparm_fields=super_class%2Cname&sysparm_limit=1", Status: 200,
			Body: []byte(`{"result":[{"super_class":{"value":"4882a4ce1802021076dae3f117ba1edf"},"name":"u_lab_server"}]}`)},
		connectortest.Exchange{Method: "GET", URL: host + "/api/now/table/u_lab_server?sysparm_limit=500", Status: 200, Headers: map[string]string{"x-total-count": "1"},
			Body: []byte(`{"result":[{"sys_id":"u1","name":"lab 1","sys_class_name":"u_lab_server_gpu"}]}`)})
	for i := range exchanges {
		exchanges[i].URL = strings.Replace(exchanges[i].URL, "sysparm_limit=3000", "sysparm_limit=500", 1)
		if !strings.Contains(exchanges[i].URL, "sysparm_offset") && !strings.Contains(exchanges[i].URL, "sys_db_object") {
			exchanges[i].URL += "&sysparm_query=ORDERBYsys_id&sysparm_fields=&sysparm_display_value=all&sysparm_exclude_reference_link=true"
		}
	}
	p := connectortest.NewReplay(t, exchanges)
	p.Ignore = []string{"sysparm_fields"} // which columns is checked below
	return p
}

func TestASyncGetsAllThatWasRecorded(t *testing.T) {
	config := configured(t, func(c *servicenow.Config) { c.Classes, c.Relations = []string{"u_lab_server", "cmdb_ci_server"}, false })
	got := connectortest.ConformPuller(t, servicenow.Registration(), config, replay)
	require.Len(t, got.Covered, 1+40+626+46+1)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Equal(t, exposure.RunFull, got.Run.Kind)
	require.Equal(t, 714, got.Run.Counts["received"])
	require.Equal(t, asset.Host, got.Covered[0].Asset.Kind, "a class of one's own is what its superclass is")
	require.Empty(t, got.Run.Checks, "an inventory proves no absence of weaknesses")
	p := replay(t)
	connectortest.Sync(t, servicenow.Registration(), config, p.Client(), time.Time{})
	for _, left := range p.Unasked() {
		require.Contains(t, left, "sys_db_object", "only classes that are known anyway are not asked for")
	}
}

func TestATableThatGivesLessThanItCountsMakesTheSyncIncomplete(t *testing.T) {
	config := configured(t, func(c *servicenow.Config) { c.Classes, c.Relations = []string{"cmdb_ci_server"}, false })
	p := replay(t)
	for i := range p.Exchanges {
		if strings.Contains(p.Exchanges[i].URL, "sys_user_group") {
			p.Exchanges[i].Headers["x-total-count"] = "47"
		}
	}
	got := connectortest.Sync(t, servicenow.Registration(), config, p.Client(), time.Time{})
	require.False(t, got.Run.Complete)
	require.Equal(t, "sys_user_group gave 46 of 47 records", got.Run.Why)
}

func TestAChangedSinceSyncIsPartialAndBeginsADayEarly(t *testing.T) {
	config := configured(t, func(c *servicenow.Config) {
		c.Classes, c.People, c.Relations = []string{"cmdb_ci_server"}, false, false
	})
	q := url.Values{"sysparm_limit": {"500"}, "sysparm_query": {"sys_updated_on>=2026-11-01 10:00:00^ORDERBYsys_id"}, "sysparm_fields": {""}, "sysparm_display_value": {"all"}, "sysparm_exclude_reference_link": {"true"}}
	p := connectortest.NewReplay(t, []connectortest.Exchange{{Method: "GET", URL: host + "/api/now/table/cmdb_ci_server?" + q.Encode(), Status: 200, Headers: map[string]string{"x-total-count": "0"}, Body: []byte(`{"result":[]}`)}})
	p.Ignore = []string{"sysparm_fields"}
	got := connectortest.Sync(t, servicenow.Registration(), config, p.Client(), time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC))
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.False(t, got.Run.Complete)
}

func TestOnlyRetiredItemsAreGone(t *testing.T) {
	for _, tt := range []struct {
		name, columns string
		gone          bool
	}{
		{"operational", `"operational_status":"1","install_status":"1"`, false},
		{"non-operational", `"operational_status":"2"`, false},
		{"absent since discovery missed it", `"install_status":"100"`, false},
		{"stolen", `"install_status":"8"`, false},
		{"retired by number", `"operational_status":"6"`, true},
		{"retired by install status", `"install_status":{"display_value":"Retired","value":"7"}`, true},
		{"retired by word", `"operational_status":"Retired"`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, `{"result":[{"sys_id":"1","name":"x","sys_class_name":"cmdb_ci_server",`+tt.columns+`}]}`)
			require.Equal(t, tt.gone, rec.Covered[0].Asset.Gone)
		})
	}
}

func TestTheDefaultOfInternetFacingSaysNothing(t *testing.T) {
	for value, want := range map[string]string{"true": asset.InternetYes, "false": asset.InternetUnknown, "": asset.InternetUnknown} {
		rec := decode(t, `{"result":[{"sys_id":"1","name":"x","sys_class_name":"cmdb_ci_server","internet_facing":"`+value+`"}]}`)
		require.Equal(t, want, rec.Covered[0].Asset.Internet, value)
	}
}

func TestOnlyTheScannersOwnWordMakesAVulnerableItemFixed(t *testing.T) {
	for _, tt := range []struct {
		state, substate, source string
		want                    exposure.Status
	}{
		{"Open", "", "", exposure.StatusOpen},
		{"Resolved", "", "", exposure.StatusOpen},
		{"Deferred", "Risk accepted", "", exposure.StatusSuppressed},
		{"Closed", "", "", exposure.StatusArchived},
		{"Closed", "Fixed", "", exposure.StatusArchived},
		{"Closed", "Fixed", "Fixed", exposure.StatusFixed},
		{"Closed", "Cancelled", "Fixed", exposure.StatusArchived},
		{"Closed", "Stale", "", exposure.StatusExpired},
		{"Open", "", "Fixed", exposure.StatusOpen},
		{"Something new", "", "", exposure.StatusOpen},
	} {
		t.Run(tt.state+" "+tt.substate+" "+tt.source, func(t *testing.T) {
			text, err := json.Marshal(map[string]any{"result": []any{map[string]string{"sys_id": "1", "number": "VIT1", "risk_score": "1", "state": tt.state, "substate": tt.substate,
				"source_status": tt.source, "last_found": "2026-11-01", "closed_at": "2026-11-02 00:00:00"}}})
			require.NoError(t, err)
			f := decode(t, string(text)).Observed[0].Finding
			require.Equal(t, tt.want, f.Status)
			if f.Status == exposure.StatusFixed {
				require.Equal(t, time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), f.LastSeen)
			}
		})
	}
}

func TestARelationIsAnEdgeOfTheEndThatItIsReadFrom(t *testing.T) {
	page := func(kind string) string {
		return `{"quell_servicenow":1,"table":"cmdb_rel_ci","page":{"result":[{"sys_id":"r","parent":{"display_value":"Shop","value":"p"},"child":{"display_value":"db1","value":"c"},
			"type.name":{"display_value":"` + kind + `","value":"` + kind + `"},"parent.sys_class_name":"cmdb_ci_service","child.sys_class_name":"cmdb_ci_linux_server"}]}}`
	}
	rec := decode(t, page("Depends on::Used by"))
	require.Equal(t, "Shop", rec.Covered[0].Asset.Name)
	require.Equal(t, asset.Edge{Kind: asset.EdgeDependsOn, To: asset.Identifier{Kind: asset.SourceAssetID, Value: "c"}, ToKind: asset.Host, ToName: "db1", Note: "Depends on::Used by"}, rec.Covered[0].Asset.Edges[0])
	rec = decode(t, page("Contains::Contained by"))
	require.Equal(t, "db1", rec.Covered[0].Asset.Name)
	require.Equal(t, asset.EdgePartOf, rec.Covered[0].Asset.Edges[0].Kind)
	require.Equal(t, 1, decode(t, page("Hums to::Hummed to by")).Skipped["relation_of_unmapped_type"])
}

func TestPasswordsAreNeitherAskedForNorKept(t *testing.T) {
	text, err := json.Marshal(decode(t, `{"result":[{"sys_id":"1","user_name":"ann","name":"Ann","user_password":"Pa55word","sys_class_name":"sys_user"}]}`))
	require.NoError(t, err)
	require.NotContains(t, string(text), "Pa55word")
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := servicenow.Config{URL: "https://ann:pw@x.example.org", Classes: []string{"Robert'); --"}, Kinds: map[string]string{"u_x": "planet"}}
	require.Len(t, c.Validate(), 5)
	c = servicenow.Config{URL: "https://x.example.org", User: "a", Password: secret.New("b"), ClientID: "c", ClientSecret: secret.New("d"), Page: 1}
	require.Len(t, c.Validate(), 1, "one of the two ways, not both")
	require.Equal(t, []string{"x.example.org:443"}, servicenow.Registration().Reach(&c))
	require.Nil(t, servicenow.Registration().Reach(connectors.Registration{}))
}
