package censys_test

import (
	"encoding/base64"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/censys"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, censys.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, censys.Registration(), nil)
	}
	connectortest.Counts(t, censys.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range censys.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, censys.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, censys.Registration(), "censys-asm") }

func one(t *testing.T, changes ...string) exposure.Observation {
	t.Helper()
	body, err := os.ReadFile("testdata/opened.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, censys.Registration(), nil, []byte(strings.NewReplacer(changes...).Replace(string(body))))
	require.NoError(t, err)
	require.Len(t, rec.Observed, 1)
	return rec.Observed[0]
}

func TestNoEventIsAFix(t *testing.T) {
	for typ, want := range map[string]exposure.Status{
		"risk_instance_opened": exposure.StatusOpen, "risk_instance_reopened": exposure.StatusOpen, "risk_instance_severity_changed": exposure.StatusOpen,
		"risk_instance_accepted": exposure.StatusSuppressed, "risk_instance_closed": exposure.StatusArchived, "risk_instance_vaporised": exposure.StatusOpen,
	} {
		require.Equal(t, want, one(t, "risk_instance_opened", typ).Finding.Status, typ)
	}
}

func TestTheImpactedAssetIsATextWithAPrefix(t *testing.T) {
	for impacted, want := range map[string]struct {
		id       asset.Identifier
		location string
	}{
		"Host: 203.0.113.7":                   {asset.Identifier{Kind: asset.IP, Value: "203.0.113.7"}, ""},
		"Host: www.quell-lab.net":             {asset.Identifier{Kind: asset.FQDN, Value: "www.quell-lab.net"}, ""},
		"Web Entity: shop.quell-lab.net:8443": {asset.Identifier{Kind: asset.FQDN, Value: "shop.quell-lab.net"}, "8443/tcp"},
		"Host: 2001:db8::7":                   {asset.Identifier{Kind: asset.IP, Value: "2001:db8::7"}, ""},
		"Certificate: ab12":                   {asset.Identifier{Kind: asset.Label, Value: "certificate ab12"}, ""},
		"something else":                      {asset.Identifier{Kind: asset.Label, Value: "something else"}, ""},
	} {
		obs := one(t, "Host: 203.0.113.7", impacted)
		require.Equal(t, want.id, obs.Asset.Identifiers[0], impacted)
		require.Equal(t, want.location, obs.Finding.Location, impacted)
	}
}

func TestAChangedSeverityMovesNothing(t *testing.T) {
	a, b := one(t).Finding, one(t, `"medium"`, `"critical"`, "EOL software", "Old software").Finding
	require.NotEqual(t, a.Severity, b.Severity)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
}

func TestACallHasToShowTheSecret(t *testing.T) {
	body := []byte(`{"event":{"id":"1001"}}`)
	verify := func(set func(*censys.Config), name, value string) (string, error) {
		reg := censys.Registration()
		c, ok := reg.Config().(*censys.Config)
		require.True(t, ok)
		c.Secret, c.PreviousSecret = secret.New("newer"), secret.New("s3cret")
		set(c)
		in, err := reg.Open(connectors.Env{Source: "x"}, c)
		require.NoError(t, err)
		v, ok := in.(connectors.WebhookVerifier)
		require.True(t, ok)
		header := http.Header{}
		header.Set(name, value)
		return v.VerifyWebhook(header, body, time.Unix(0, 0))
	}
	plain := func(*censys.Config) {}
	own := func(c *censys.Config) { c.Header = "X-Api-Key" }
	basic := func(c *censys.Config) { c.Username = "censys" }
	encode := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		set         func(*censys.Config)
		name, value string
		good        bool
	}{
		{plain, "Authorization", "Bearer s3cret", true}, {plain, "Authorization", "s3cret", true}, {plain, "Authorization", "Bearer wrong", false}, {plain, "X-Api-Key", "s3cret", false},
		{own, "X-Api-Key", "newer", true}, {basic, "Authorization", encode("censys:s3cret"), true}, {basic, "Authorization", encode("other:s3cret"), false},
		{basic, "Authorization", "Bearer s3cret", false}, {plain, "Authorization", "", false},
	} {
		id, err := verify(tt.set, tt.name, tt.value)
		if !tt.good {
			require.Equal(t, fault.Denied, fault.KindOf(err), tt.value)
			continue
		}
		require.NoError(t, err, tt.value)
		require.Equal(t, "1001", id)
	}
}
