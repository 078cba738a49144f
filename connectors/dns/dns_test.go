package dns_test

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/dns"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, dns.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, dns.Registration(), nil)
	}
	connectortest.Counts(t, dns.Registration(), nil)
}

func TestGolden(t *testing.T) {
	config := configured(t, func(c *dns.Config) {
		c.Owners = map[string]string{"quell-lab.net": "infra", "old.quell-lab.net": "web"}
	})
	for _, file := range []string{"cloudflare.json", "powerdns.json", "zones.json"} {
		connectortest.Golden(t, dns.Registration(), config, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, dns.Registration(), "cloudflare-dns/har-zones") }

func configured(t *testing.T, set func(*dns.Config)) *dns.Config {
	t.Helper()
	config, ok := dns.Registration().Config().(*dns.Config)
	require.True(t, ok)
	set(config)
	require.Empty(t, config.Validate())
	return config
}

// The recording asked for zones by five hundred; the names of as many would not fit into
// a cursor.
func recorded(t *testing.T) *connectortest.Replay {
	t.Helper()
	exchanges := connectortest.Recording(t, "cloudflare-dns/har-zones")
	exchanges[0].URL = strings.Replace(exchanges[0].URL, "per_page=500", "per_page=20", 1)
	return connectortest.NewReplay(t, exchanges)
}

func TestASyncOfCloudflareGetsAllThatWasRecorded(t *testing.T) {
	config := configured(t, func(c *dns.Config) { c.Provider, c.Token = "cloudflare", secret.New("hunter2hunter2") })
	got := connectortest.ConformPuller(t, dns.Registration(), config, recorded)
	require.Len(t, got.Covered, 1+12+7+3, "the zone, and all records but those that lead nowhere")
	require.Equal(t, map[string]int{"record_that_leads_nowhere": 4}, got.Skipped)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Equal(t, map[string]int{"claimed": 26, "received": 26}, got.Run.Counts)
	require.Empty(t, got.Observed, "nobody was asked about targets outside, so nothing is said of them")
	for _, cov := range got.Covered {
		require.Equal(t, exposure.TargetPartial, cov.Outcome)
	}
	p := recorded(t)
	connectortest.Sync(t, dns.Registration(), config, p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

func TestAZoneThatGivesLessThanItCountsMakesTheSyncIncomplete(t *testing.T) {
	config := configured(t, func(c *dns.Config) { c.Provider, c.Token = "cloudflare", secret.New("x") })
	p := recorded(t)
	p.Exchanges[1].Body = []byte(strings.Replace(string(p.Exchanges[1].Body), `"total_count":26`, `"total_count":27`, 1))
	p.Exchanges[1].Body = []byte(strings.Replace(string(p.Exchanges[1].Body), `"total_count": 26`, `"total_count": 27`, 1))
	got := connectortest.Sync(t, dns.Registration(), config, p.Client(), time.Time{})
	require.Equal(t, "the zones gave 26 of 27 records", got.Run.Why)
}

func TestASyncOfPowerDNSReadsZoneByZone(t *testing.T) {
	const base = "http://pdns.quell-lab.net:8081/api/v1/servers/localhost/zones"
	config := configured(t, func(c *dns.Config) {
		c.Provider, c.URL, c.Token = "powerdns", "http://pdns.quell-lab.net:8081", secret.New("hunter2hunter2")
	})
	list := `[{"id":"b.example.","name":"b.example.","kind":"Native"},{"id":"a.example.","name":"a.example.","kind":"Native"},{"id":"c.example.","name":"c.example."}]`
	zone := func(name string) string {
		return `{"account":"","name":"` + name + `","rrsets":[{"name":"www.` + name + `","type":"A","records":[{"content":"192.0.2.1","disabled":false}]}]}`
	}
	got := connectortest.ConformPuller(t, dns.Registration(), config, func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, []connectortest.Exchange{
			{Method: "GET", URL: base, Status: 200, Body: []byte(list)},
			{Method: "GET", URL: base + "/a.example.", Status: 200, Body: []byte(zone("a.example."))},
			{Method: "GET", URL: base + "/b.example.", Status: 200, Body: []byte(zone("b.example."))},
			{Method: "GET", URL: base + "/c.example.", Status: 404},
		})
	})
	names := make([]string, 0, len(got.Covered))
	for _, cov := range got.Covered {
		names = append(names, cov.Asset.Name)
	}
	require.Equal(t, []string{"a.example", "www.a.example", "b.example", "www.b.example"}, names)
	require.True(t, got.Run.Complete, got.Run.Why)
}

// zoneOf is a whole zone of lab.example.org with the given records: "name type content".
func zoneOf(t *testing.T, lookups map[string]string, records ...string) *connectortest.Recorder {
	t.Helper()
	type rec struct {
		Name    string `json:"name"`
		Type    string `json:"type"`
		Content string `json:"content"`
	}
	list := make([]rec, 0, len(records))
	for _, r := range records {
		part := strings.SplitN(r, " ", 3)
		list = append(list, rec{part[0], part[1], part[2]})
	}
	body, err := json.Marshal(struct {
		Version int               `json:"quell_dns"`
		Zone    string            `json:"zone"`
		Whole   bool              `json:"whole"`
		Lookups map[string]string `json:"lookups"`
		Page    any               `json:"page"`
	}{1, "lab.example.org", true, lookups, map[string]any{"records": list}})
	require.NoError(t, err)
	got, err := connectortest.Decode(t, dns.Registration(), nil, body)
	require.NoError(t, err)
	return got
}

func TestDanglingAliasesAreNoticed(t *testing.T) {
	const alias = "a.lab.example.org CNAME "
	for _, tt := range []struct {
		name     string
		records  []string
		lookups  map[string]string
		dangling bool
		covered  bool
	}{
		{"a target in the zone that exists", []string{alias + "b.lab.example.org.", "b.lab.example.org A 192.0.2.1"}, nil, false, true},
		{"one that doesn't", []string{alias + "b.lab.example.org."}, nil, true, true},
		{"one that comes before", []string{"b.lab.example.org A 192.0.2.1", alias + "B.lab.example.org"}, nil, false, true},
		{"one that a wildcard answers for", []string{alias + "b.c.lab.example.org.", "*.c.lab.example.org A 192.0.2.1"}, nil, false, true},
		{"one above other names", []string{alias + "b.lab.example.org.", "x.b.lab.example.org A 192.0.2.1"}, nil, false, true},
		{"one in a zone that others serve", []string{alias + "x.b.lab.example.org.", "b.lab.example.org NS ns.example.net."}, nil, false, false},
		{"one outside that nobody was asked about", []string{alias + "x.example.net."}, nil, false, false},
		{"one outside that exists", []string{alias + "x.example.net."}, map[string]string{"x.example.net": "found"}, false, true},
		{"one outside that doesn't", []string{alias + "x.example.net."}, map[string]string{"x.example.net": "missing"}, true, true},
		{"one outside of which a resolver says something else", []string{alias + "x.example.net."}, map[string]string{"x.example.net": "servfail"}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := zoneOf(t, tt.lookups, tt.records...)
			require.Len(t, got.Observed, map[bool]int{true: 1}[tt.dangling])
			for _, cov := range got.Covered {
				if cov.Asset.Name == "a.lab.example.org" {
					require.Equal(t, tt.covered, cov.Outcome == exposure.TargetOK)
				}
			}
		})
	}
}

func TestAClaimableTargetIsWorse(t *testing.T) {
	for target, want := range map[string]exposure.Severity{"x.azurewebsites.net": exposure.SeverityHigh, "x.s3.amazonaws.com": exposure.SeverityHigh, "x.example.net": exposure.SeverityMedium, "azurewebsites.net.example.net": exposure.SeverityMedium} {
		got := zoneOf(t, map[string]string{target: "missing"}, "a.lab.example.org CNAME "+target+".")
		require.Equal(t, want, got.Observed[0].Finding.Severity, target)
		require.Equal(t, target, got.Observed[0].Finding.Location)
	}
}

func TestWhatANameLeadsTo(t *testing.T) {
	for record, want := range map[string]asset.Edge{
		"a.lab.example.org A 192.0.2.7":                           {Kind: asset.EdgeResolvesTo, To: asset.Identifier{Kind: asset.IP, Value: "192.0.2.7"}, ToKind: asset.Host, ToName: "192.0.2.7"},
		"a.lab.example.org AAAA 2001:DB8::7":                      {Kind: asset.EdgeResolvesTo, To: asset.Identifier{Kind: asset.IP, Value: "2001:db8::7"}, ToKind: asset.Host, ToName: "2001:db8::7"},
		"a.lab.example.org ALIAS b.example.net.":                  {Kind: asset.EdgeResolvesTo, To: asset.Identifier{Kind: asset.FQDN, Value: "b.example.net"}, ToKind: asset.Domain, ToName: "b.example.net", Note: "alias"},
		"a.lab.example.org MX 10 mx.example.net.":                 {Kind: asset.EdgeDependsOn, To: asset.Identifier{Kind: asset.FQDN, Value: "mx.example.net"}, ToKind: asset.Domain, ToName: "mx.example.net", Note: "mx"},
		"_sip._tcp.a.lab.example.org SRV 0 5 5060 s.example.net.": {Kind: asset.EdgeDependsOn, To: asset.Identifier{Kind: asset.FQDN, Value: "s.example.net"}, ToKind: asset.Domain, ToName: "s.example.net", Note: "srv"},
	} {
		got := zoneOf(t, nil, record)
		require.Equal(t, "a.lab.example.org", got.Covered[0].Asset.Name)
		require.Equal(t, []asset.Edge{want}, got.Covered[0].Asset.Edges, record)
	}
	for _, record := range []string{`a.lab.example.org TXT "secret=invented"`, "*.lab.example.org A 192.0.2.1", "a.lab.example.org MX 0 .", "a.lab.example.org A not-an-address", "_dmarc.lab.example.org CNAME x.example.net."} {
		require.Equal(t, 1, zoneOf(t, nil, record).Skips(), record)
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	for _, tt := range []struct {
		config dns.Config
		want   int
	}{
		{dns.Config{Page: 5}, 0},
		{dns.Config{URL: "x", Resolver: "resolver.example.org", TSIGName: "k"}, 5},
		{dns.Config{Page: 5, Provider: "powerdns"}, 1},
		{dns.Config{Page: 5, Provider: "cloudflare"}, 1},
		{dns.Config{Page: 5, Provider: "axfr", Server: "ns1"}, 2},
		{dns.Config{Page: 5, Provider: "bind"}, 1},
	} {
		require.Len(t, tt.config.Validate(), tt.want, "%+v", tt.config)
	}
}
