package netbox_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/netbox"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, netbox.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, netbox.Registration(), nil)
	}
	connectortest.Counts(t, netbox.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"devices.json", "addresses.json", "deleted.json"} {
		connectortest.Golden(t, netbox.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, netbox.Registration(), "netbox") }

func configured(t *testing.T, set func(*netbox.Config)) *netbox.Config {
	t.Helper()
	config, ok := netbox.Registration().Config().(*netbox.Config)
	require.True(t, ok)
	set(config)
	require.Empty(t, config.Validate())
	return config
}

// The recording holds the devices of NetBox's own demo, asked for without paging; the
// other lists are written by hand, interfaces in two pages whose link names another host,
// as NetBox does behind a proxy.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	const api, rest = "https://demo.netbox.dev/api/", "&ordering=id"
	exchanges := connectortest.Recording(t, "netbox/har-devices")
	exchanges[0].URL += "?limit=200&offset=0&exclude=config_context" + rest
	for _, e := range []struct{ path, body string }{
		{"virtualization/virtual-machines/?limit=200&offset=0&exclude=config_context", `{"count":1,"next":null,"results":[{"id":7,"name":"vm7","cluster":{"id":1},"device":{"id":161,"name":"AXA"}}]}`},
		{"dcim/interfaces/?limit=200&offset=0", `{"count":2,"next":"http://10.0.0.1/api/dcim/interfaces/?limit=1&offset=1","results":[{"id":1,"device":{"id":161,"name":"AXA"},"name":"e0","mac_address":"52:54:00:AA:00:01"}]}`},
		{"dcim/interfaces/?limit=200&offset=1", `{"count":2,"next":null,"results":[{"id":2,"device":{"id":161,"name":"AXA"},"name":"e1","mac_address":null,"primary_mac_address":{"id":3,"mac_address":"52:54:00:AA:00:02"}}]}`},
		{"virtualization/interfaces/?limit=200&offset=0", `{"count":1,"next":null,"results":[{"id":1,"virtual_machine":{"id":7,"name":"vm7"},"name":"e0","mac_address":"52:54:00:AA:00:03"}]}`},
		{"ipam/ip-addresses/?limit=200&offset=0", `{"count":0,"next":null,"results":[]}`},
		{"ipam/services/?limit=200&offset=0", `{"count":1,"next":null,"results":[{"id":1,"parent_object_type":"virtualization.virtualmachine","parent":{"id":7,"name":"vm7"},"name":"https","ports":[443],"protocol":{"value":"tcp","label":"TCP"}}]}`},
		{"tenancy/contacts/?limit=200&offset=0", `{"count":1,"next":null,"results":[{"id":1,"name":"Ann Example","email":"ann@example.org"}]}`},
		{"tenancy/contact-assignments/?limit=200&offset=0", `{"count":1,"next":null,"results":[{"id":1,"object_type":"dcim.device","object_id":161,"object":{"id":161,"name":"AXA"},"contact":{"id":1,"name":"Ann Example"},"role":{"id":1,"name":"Technical"}}]}`},
	} {
		exchanges = append(exchanges, connectortest.Exchange{Method: "GET", URL: api + e.path + rest, Status: 200, Body: []byte(e.body)})
	}
	return connectortest.NewReplay(t, exchanges)
}

func TestASyncGetsAllLists(t *testing.T) {
	config := configured(t, func(c *netbox.Config) { c.URL, c.Token = "https://demo.netbox.dev", secret.New("hunter2hunter2") })
	got := connectortest.ConformPuller(t, netbox.Registration(), config, replay)
	require.Len(t, got.Covered, 21+1+2+1+0+1+1+1)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Empty(t, got.Run.Checks)
	vm := got.Covered[21].Asset
	require.Equal(t, asset.Edge{Kind: asset.EdgeRunsOn, To: asset.Identifier{Kind: asset.SourceAssetID, Value: "dcim/devices/161"}, ToKind: asset.Host, ToName: "AXA"}, vm.Edges[0])
	last := got.Covered[len(got.Covered)-1].Asset
	require.Equal(t, []asset.OwnerHint{{Value: "Ann Example", From: "contact technical"}}, last.OwnerHints)
	require.Equal(t, "dcim/devices/161", last.Identifiers[0].Value)
	p := replay(t)
	connectortest.Sync(t, netbox.Registration(), config, p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

func TestAListThatGivesLessThanItCountsMakesTheSyncIncomplete(t *testing.T) {
	config := configured(t, func(c *netbox.Config) { c.URL, c.Token = "https://demo.netbox.dev", secret.New("x") })
	p := replay(t)
	for i := range p.Exchanges {
		p.Exchanges[i].Body = []byte(strings.Replace(string(p.Exchanges[i].Body), `"count":0`, `"count":3`, 1))
	}
	got := connectortest.Sync(t, netbox.Registration(), config, p.Client(), time.Time{})
	require.False(t, got.Run.Complete)
	require.Equal(t, "ipam/ip-addresses gave 0 of 3 objects", got.Run.Why)
}

func TestADeviceWithoutANameIsKnownByItsIDAlone(t *testing.T) {
	body, err := os.ReadFile("testdata/devices.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, netbox.Registration(), nil, body)
	require.NoError(t, err)
	nameless := rec.Covered[1].Asset
	require.Equal(t, "QM-1 (2)", nameless.Name)
	ids, junk := asset.Usable(nameless, "dcim")
	require.Equal(t, []asset.Identifier{{Kind: asset.SourceAssetID, Scope: "dcim", Value: "dcim/devices/2"}}, ids)
	require.Len(t, junk, 1, "its serial is a placeholder")
	require.NotEqual(t, rec.Covered[0].Asset.Identifiers[0], rec.Covered[3].Asset.Identifiers[0], "device 1 and virtual machine 1 are two")
	require.Equal(t, "Edge Router", nameless.Tags["role"], "under its old name too")
}

func TestADeletedDeviceIsGoneAndAnUpdatedOneIsNot(t *testing.T) {
	body, err := os.ReadFile("testdata/deleted.json")
	require.NoError(t, err)
	for event, gone := range map[string]bool{"deleted": true, "updated": false, "created": false} {
		rec, err := connectortest.Decode(t, netbox.Registration(), nil, []byte(strings.Replace(string(body), `"deleted"`, `"`+event+`"`, 1)))
		require.NoError(t, err)
		require.Equal(t, gone, rec.Covered[0].Asset.Gone, event)
		require.Equal(t, exposure.RunEvent, rec.Last().Kind)
		require.Equal(t, time.Date(2026, 11, 20, 10, 0, 0, 5e8, time.UTC), rec.Last().Finished)
	}
	later := `{"event":"deleted","timestamp":"2026-11-20T10:00:00Z","object_type":"dcim.interface","data":{"id":5,"device":{"id":3,"name":"edge1"},"mac_address":"52:54:00:AA:00:01"}}`
	rec, err := connectortest.Decode(t, netbox.Registration(), nil, []byte(later))
	require.NoError(t, err)
	require.Empty(t, rec.Covered, "a deleted interface doesn't take its device along")
}

func TestWebhooksNeedTheirSignature(t *testing.T) {
	// the example of RFC 4231, section 4.3 (test case 2), with HMAC-SHA-512
	const key, text = "Jefe", "what do ya want for nothing?"
	const sum = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
	verify := func(signature, body string, set func(*netbox.Config)) (string, error) {
		in, err := netbox.Registration().Open(connectors.Env{Source: "dcim"}, configured(t, set))
		require.NoError(t, err)
		h := http.Header{}
		h.Set("X-Hook-Signature", signature)
		v, ok := in.(connectors.WebhookVerifier)
		require.True(t, ok)
		return v.VerifyWebhook(h, []byte(body), time.Unix(0, 0))
	}
	_, err := verify(sum, text, func(c *netbox.Config) { c.Secret = secret.New(key) })
	require.NoError(t, err)
	_, err = verify(sum, text, func(c *netbox.Config) { c.Secret, c.PreviousSecret = secret.New("new"), secret.New(key) })
	require.NoError(t, err)
	for name, call := range map[string]func() (string, error){
		"another body": func() (string, error) {
			return verify(sum, text+"!", func(c *netbox.Config) { c.Secret = secret.New(key) })
		},
		"another secret": func() (string, error) {
			return verify(sum, text, func(c *netbox.Config) { c.Secret = secret.New("x") })
		},
		"no secret": func() (string, error) { return verify(sum, text, func(*netbox.Config) {}) },
		"SHA-256": func() (string, error) {
			return verify("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", text, func(c *netbox.Config) { c.Secret = secret.New(key) })
		},
	} {
		_, err := call()
		require.True(t, fault.Is(err, fault.Denied), name)
	}
}

func TestADeliveryIsNamedByItsRequestEventAndObject(t *testing.T) {
	config := configured(t, func(c *netbox.Config) { c.Secret = secret.New("k") })
	in, err := netbox.Registration().Open(connectors.Env{Source: "dcim"}, config)
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	for body, want := range map[string]string{
		`{"event":"updated","model":"device","request_id":"r1","data":{"id":5}}`:                  "r1|updated|device|5",
		`{"event":"updated","object_type":"dcim.device","request":{"id":"r2"},"data":{"id":"6"}}`: "r2|updated|dcim.device|6",
		`{"event":"updated","data":{"id":5}}`:                                                     "",
	} {
		h := http.Header{}
		h.Set("X-Hook-Signature", sign(t, body))
		id, err := v.VerifyWebhook(h, []byte(body), time.Unix(0, 0))
		require.NoError(t, err)
		require.Equal(t, want, id)
		require.True(t, json.Valid([]byte(body)))
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	require.Len(t, (&netbox.Config{URL: "ftp://x"}).Validate(), 3)
}
