package bugcrowd_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/bugcrowd"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, bugcrowd.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, bugcrowd.Registration(), nil)
	}
	connectortest.Counts(t, bugcrowd.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range bugcrowd.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, bugcrowd.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, bugcrowd.Registration(), "bugcrowd") }

func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return string(body)
}

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, bugcrowd.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestOnlyResolvedIsFixedAndADuplicateNever(t *testing.T) {
	for state, want := range map[string]exposure.Status{
		"new": exposure.StatusOpen, "triaged": exposure.StatusOpen, "unresolved": exposure.StatusOpen, "resolved": exposure.StatusFixed, "informational": exposure.StatusArchived,
		"out_of_scope": exposure.StatusArchived, "not_applicable": exposure.StatusArchived, "not_reproducible": exposure.StatusArchived, "wont_fix": exposure.StatusSuppressed, "unheard_of": exposure.StatusOpen,
	} {
		f := decode(t, strings.Replace(sample(t, "list.json"), `"state": "unresolved"`, `"state": "`+state+`"`, 1)).Observed[0].Finding
		require.Equal(t, want, f.Status, state)
	}
	rec := decode(t, sample(t, "page.json"))
	require.Equal(t, exposure.StatusArchived, rec.Observed[2].Finding.Status, "resolved, but a duplicate")
	require.Equal(t, time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC), rec.Observed[1].Finding.LastSeen)
}

func TestPriorityOneIsTheWorst(t *testing.T) {
	rec := decode(t, sample(t, "page.json"))
	require.Equal(t, exposure.SeverityCritical, rec.Observed[0].Finding.Severity)
	require.Equal(t, exposure.SeverityInfo, rec.Observed[2].Finding.Severity)
}

func TestTheTargetCountsMoreThanWhatWasTyped(t *testing.T) {
	rec := decode(t, sample(t, "page.json"))
	require.Equal(t, "t-1", rec.Observed[0].Asset.Identifiers[0].Value)
	require.Equal(t, asset.Identifier{Kind: asset.FQDN, Value: "api.quell-lab.net"}, rec.Observed[0].Asset.Identifiers[1])
	require.Len(t, rec.Observed[1].Asset.Identifiers, 1, "an app is on no host, whatever the address")
	require.Equal(t, asset.FQDN, rec.Observed[3].Asset.Identifiers[0].Kind, "without a target the address is all there is")
}

func TestIdentityOutlivesWhatIsEdited(t *testing.T) {
	a := decode(t, sample(t, "page.json")).Observed[0].Finding
	b := decode(t, strings.NewReplacer(`"severity": 1`, `"severity": 4`, "Invented weakness", "Renamed", "/v2/login", "/v3/login", "xss.stored", "xss.reflected").Replace(sample(t, "page.json"))).Observed[0].Finding
	require.NotEqual(t, a, b)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
}

const list = "https://api.bugcrowd.com/submissions?include=target%2Cprogram%2Cassignee&page%5Blimit%5D=100&sort=submitted-asc&filter%5Bprogram%5D=acme&page%5Boffset%5D="

// The recordings are of an API that is no more, so these exchanges are made from samples.
func pages(total string) func(t *testing.T) *connectortest.Replay {
	return func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, []connectortest.Exchange{
			{Method: http.MethodGet, URL: list + "0", Status: http.StatusOK, Body: []byte(sample(t, "page.json"))},
			{Method: http.MethodGet, URL: list + "4", Status: http.StatusOK, Body: []byte(`{"data":[],"meta":{"count":0,"total_hits":` + total + `}}`)},
		})
	}
}

func config() *bugcrowd.Config {
	return &bugcrowd.Config{URL: "https://api.bugcrowd.com", Program: "acme", Token: secret.New("hunter2hunter2")}
}

func TestPullEndsWithAnEmptyPageAndCounts(t *testing.T) {
	require.Empty(t, config().Validate())
	got := connectortest.ConformPuller(t, bugcrowd.Registration(), config(), pages("4"))
	require.Len(t, got.Observed, 4)
	require.True(t, got.Run.Complete)
	short := connectortest.Sync(t, bugcrowd.Registration(), config(), pages("5")(t).Client(), time.Time{})
	require.False(t, short.Run.Complete, "Bugcrowd claims one more")
}

func TestAWebhookIsSignedWithItsTime(t *testing.T) {
	const key, body = "s3cret-key", `{"data":{}}`
	now := time.Unix(1_770_000_000, 0)
	stamp := strconv.FormatInt(now.Unix(), 10)
	in, err := bugcrowd.Registration().Open(connectors.Env{Source: "x"}, &bugcrowd.Config{Secret: secret.New(key)})
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	sign := func(message string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(message))
		return "timestamp=" + stamp + ";sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	for _, message := range []string{body + "." + stamp, stamp + "." + body, body} {
		id, err := v.VerifyWebhook(http.Header{"X-Bugcrowd-Digest": {sign(message)}}, []byte(body), now)
		require.NoError(t, err)
		require.Len(t, id, 64, "the signature tells a replay")
	}
	for name, digest := range map[string]string{"another body": sign("x." + stamp), "no time": strings.SplitN(sign(body), ";", 2)[1], "nothing": ""} {
		_, err := v.VerifyWebhook(http.Header{"X-Bugcrowd-Digest": {digest}}, []byte(body), now)
		require.Equal(t, fault.Denied, fault.KindOf(err), name)
	}
	_, err = v.VerifyWebhook(http.Header{"X-Bugcrowd-Digest": {sign(body + "." + stamp)}}, []byte(body), now.Add(time.Hour))
	require.Equal(t, fault.Denied, fault.KindOf(err), "an hour later")
}
