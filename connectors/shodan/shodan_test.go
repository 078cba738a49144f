package shodan_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
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
	"github.com/quellsec/quell/connectors/shodan"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, shodan.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, shodan.Registration(), nil)
	}
	connectortest.Counts(t, shodan.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range shodan.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, shodan.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, shodan.Registration(), "shodan") }

func sample(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return body
}

func decode(t *testing.T, body []byte) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, shodan.Registration(), nil, body)
	require.NoError(t, err)
	return rec
}

func TestABannerOfMonitorIsAServiceAndItsWeaknesses(t *testing.T) {
	rec := decode(t, sample(t, "banner.json"))
	require.Equal(t, exposure.RunEvent, rec.Last().Kind)
	require.Equal(t, asset.InternetYes, rec.Covered[0].Asset.Internet)
	require.Equal(t, "ssl", rec.Covered[0].Asset.Services[0].Tunnel)
	checks := make([]string, 0, len(rec.Observed))
	for _, o := range rec.Observed {
		checks = append(checks, o.Finding.Check+" "+o.Finding.Location+" "+string(o.Finding.Severity)+" "+o.Finding.Exploit)
	}
	require.Equal(t, []string{"shodan:CVE-2026-40001 443/tcp high ", "shodan:CVE-2026-40002 443/tcp critical active", "shodan:trigger:ssl_expired 443/tcp medium "}, checks)
	require.Contains(t, rec.Observed[0].Finding.Tags, "unverified")
	require.NotContains(t, rec.Observed[1].Finding.Tags, "unverified")
	text, err := json.Marshal(rec)
	require.NoError(t, err)
	require.NotContains(t, string(text), "hunter2")
}

func TestNothingOfShodansClosesAnything(t *testing.T) {
	for _, file := range []string{"banner.json", "host.json", "search.json", "download.jsonl"} {
		rec := decode(t, sample(t, file))
		require.False(t, rec.Last().Complete, file)
		for _, cov := range rec.Covered {
			require.Equal(t, exposure.TargetPartial, cov.Outcome, file)
		}
	}
	require.Empty(t, decode(t, []byte(strings.Replace(string(sample(t, "search.json")), `"module": "https"`, `"module": "https", "alert": {"id": "X", "trigger": "new_service"}`, 1))).Observed, "a new service is no weakness")
}

func TestAnUpdateThatStaysWeakIsTheSameFinding(t *testing.T) {
	a := decode(t, sample(t, "banner.json")).Observed[0].Finding
	b := decode(t, []byte(strings.NewReplacer("1.18.0", "1.19.0", "7.5", "3.1").Replace(string(sample(t, "banner.json"))))).Observed[0].Finding
	require.NotEqual(t, a.Severity, b.Severity)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
}

func config(hosts ...string) *shodan.Config {
	return &shodan.Config{URL: "https://api.shodan.io", Key: secret.New("hunter2hunter2"), Hosts: hosts}
}

// lookups answers as the API does: 200.. hosts that are known, and a 404 that says that
// nothing is.
func lookups(t *testing.T) *connectortest.Replay {
	t.Helper()
	get := func(ip string, status int, body []byte) connectortest.Exchange {
		return connectortest.Exchange{Method: http.MethodGet, URL: "https://api.shodan.io/shodan/host/" + ip + "?key=hunter2hunter2", Status: status, Body: body}
	}
	nothing := []byte(`{"error": "No information available for that IP."}`)
	exchanges := make([]connectortest.Exchange, 0, 12)
	exchanges = append(exchanges, get("203.0.113.8", 200, sample(t, "host.json")))
	for _, ip := range []string{"203.0.113.9", "203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.13", "203.0.113.14", "203.0.113.15", "198.51.100.7", "198.51.100.8", "198.51.100.9"} {
		exchanges = append(exchanges, get(ip, 404, nothing))
	}
	exchanges = append(exchanges, get("198.51.100.10", 200, sample(t, "host.json")))
	return connectortest.NewReplay(t, exchanges)
}

func TestPullLooksUpEveryHost(t *testing.T) {
	c := config("203.0.113.8/29", "198.51.100.7", "198.51.100.8", "198.51.100.9", "198.51.100.10")
	require.Empty(t, c.Validate())
	got := connectortest.ConformPuller(t, shodan.Registration(), c, lookups)
	require.Len(t, got.Pages, 2)
	require.Len(t, got.Covered, 4)
	require.False(t, got.Run.Complete)
	replay := lookups(t)
	connectortest.Sync(t, shodan.Registration(), c, replay.Client(), time.Time{})
	require.Empty(t, replay.Unasked())
}

func TestHostsAreAddressesOrSmallNetworks(t *testing.T) {
	for _, bad := range []string{"203.0.113.0/16", "2001:db8::/64", "www.quell-lab.net", ""} {
		require.NotEmpty(t, config(bad).Validate(), bad)
	}
	require.Empty(t, config("203.0.113.0/24", "2001:db8::1").Validate())
}

func TestAWebhookIsSignedWithTheKey(t *testing.T) {
	body := sample(t, "banner.json")
	mac := hmac.New(sha1.New, []byte("hunter2hunter2"))
	mac.Write(body)
	in, err := shodan.Registration().Open(connectors.Env{Source: "x"}, config())
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	header := http.Header{}
	header.Set("SHODAN-SIGNATURE-SHA1", hex.EncodeToString(mac.Sum(nil)))
	id, err := v.VerifyWebhook(header, body, time.Unix(0, 0))
	require.NoError(t, err)
	require.NotEmpty(t, id)
	_, err = v.VerifyWebhook(header, append(body, ' '), time.Unix(0, 0))
	require.Equal(t, fault.Denied, fault.KindOf(err))
}
