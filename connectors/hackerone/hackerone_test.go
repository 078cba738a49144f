package hackerone_test

import (
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/hackerone"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, hackerone.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, hackerone.Registration(), nil)
	}
	connectortest.Counts(t, hackerone.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range hackerone.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, hackerone.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, hackerone.Registration(), "hackerone") }

func decode(t *testing.T, file string, changes ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, hackerone.Registration(), nil, []byte(strings.NewReplacer(changes...).Replace(string(body))))
	require.NoError(t, err)
	return rec
}

func TestOnlyResolvedIsFixed(t *testing.T) {
	for state, want := range map[string]exposure.Status{
		"new": exposure.StatusOpen, "retesting": exposure.StatusOpen, "resolved": exposure.StatusFixed, "duplicate": exposure.StatusArchived,
		"informative": exposure.StatusArchived, "not-applicable": exposure.StatusArchived, "spam": exposure.StatusArchived, "something new": exposure.StatusOpen,
	} {
		got := decode(t, "webhook.json", `"state": "resolved"`, `"state": "`+state+`"`).Observed[0].Finding
		require.Equal(t, want, got.Status, state)
	}
	require.Equal(t, time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC), decode(t, "webhook.json").Observed[0].Finding.LastSeen, "when it was closed")
}

func TestAnAttackPatternIsNoWeakness(t *testing.T) {
	rec := decode(t, "reports.json")
	require.Equal(t, []string{"CWE-352"}, rec.Observed[0].Finding.CWEs)
	require.Empty(t, rec.Observed[1].Finding.CWEs)
	require.Contains(t, rec.Observed[1].Finding.Tags, "capec-597")
}

func TestAReclassifiedReportIsTheSame(t *testing.T) {
	a := decode(t, "reports.json").Observed[0].Finding
	b := decode(t, "reports.json", "cwe-352", "cwe-79", `"rating": "high"`, `"rating": "low"`, "Invented weakness", "Renamed").Observed[0].Finding
	require.NotEqual(t, a, b)
	require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
	require.NotContains(t, a.Description, "hunter2")
}

func TestAnExportSpeaksOfTheReportsOfTheAPI(t *testing.T) {
	api := decode(t, "reports.json").Observed[0]
	for _, file := range []string{"export.json", "export.csv"} {
		x := decode(t, file).Observed[0]
		require.Equal(t, api.Finding.UID, x.Finding.UID)
		require.Equal(t, api.Asset.Identifiers[0], x.Asset.Identifiers[0])
		require.Equal(t, []string{"CVE-2026-30001", "CVE-2026-30002"}, x.Finding.CVEs)
	}
}

const first = "https://api.hackerone.com/v1/reports?filter%5Bprogram%5D%5B%5D=jupiterone_demo_h1b"

// recorded is the recording, whose first request had no size of page. It ends with a page
// that names a third one: that is answered as HackerOne does, by an empty page with yet
// another next one, as is among the samples.
func recorded(t *testing.T) *connectortest.Replay {
	t.Helper()
	exchanges := connectortest.Recording(t, "hackerone/har-report")
	exchanges[0].URL += "&page%5Bsize%5D=100"
	empty, err := os.ReadFile(connectortest.Shared(t, "hackerone/vuln_disclosure_zero.json"))
	require.NoError(t, err)
	return connectortest.NewReplay(t, append(exchanges, connectortest.Exchange{Method: http.MethodGet, URL: first + "&page%5Bnumber%5D=3", Status: http.StatusOK, Body: empty}))
}

func config() *hackerone.Config {
	return &hackerone.Config{URL: "https://api.hackerone.com", Programs: []string{"jupiterone_demo_h1b"}, Identifier: "quell", Token: secret.New("hunter2hunter2")}
}

func TestPullEndsWithAnEmptyPage(t *testing.T) {
	require.Empty(t, config().Validate())
	got := connectortest.ConformPuller(t, hackerone.Registration(), config(), recorded)
	require.Len(t, got.Observed, 50)
	require.Equal(t, exposure.Run{Kind: exposure.RunFull, Complete: true}, got.Run)
	replay := recorded(t)
	connectortest.Sync(t, hackerone.Registration(), config(), replay.Client(), time.Time{})
	require.Empty(t, replay.Unasked())
}

func TestPullOfWhatChangedSaysSo(t *testing.T) {
	replay := recorded(t)
	replay.Exchanges[0].URL += "&filter%5Blast_activity_at__gt%5D=2026-01-01T00%3A00%3A00Z"
	got := connectortest.Sync(t, hackerone.Registration(), config(), replay.Client(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
}

func TestAWebhookIsSignedOverItsRawBody(t *testing.T) {
	key := secret.New("s3cret-key")
	in, err := hackerone.Registration().Open(connectors.Env{Source: "x"}, &hackerone.Config{Secret: secret.New("newer"), PreviousSecret: key})
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	body := []byte(`{ "data": {} }`)
	h := signature.HMAC{Header: "X-H1-Signature", Prefix: "sha256=", Hash: signature.SHA256, Encoding: signature.Hex}
	header := http.Header{}
	header.Set("X-H1-Signature", h.Sign(key, nil, body))
	header.Set("X-H1-Delivery", "d-1")
	id, err := v.VerifyWebhook(header, body, time.Unix(0, 0))
	require.NoError(t, err)
	require.Equal(t, "d-1", id)
	_, err = v.VerifyWebhook(header, []byte(`{"data":{}}`), time.Unix(0, 0))
	require.Equal(t, fault.Denied, fault.KindOf(err))
}
