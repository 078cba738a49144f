package gcpasset_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/gcpasset"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, gcpasset.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, gcpasset.Registration(), nil)
	}
	connectortest.Counts(t, gcpasset.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range gcpasset.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, gcpasset.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, gcpasset.Registration(), "gcp-asset/har-iam") }

func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return string(body)
}

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, gcpasset.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestPoliciesSayWhoMayAndWhatIsPublic(t *testing.T) {
	got := decode(t, sample(t, "policies.json")).Covered
	require.Equal(t, asset.InternetYes, got[0].Asset.Internet)
	ann := got[1].Asset
	require.Equal(t, "source_asset||user:ann@quell-lab.net", ann.Identifiers[0].Key())
	require.Len(t, ann.Edges, 2, "one identity, however its name is written")
	require.Equal(t, asset.EdgeCanAccess, ann.Edges[0].Kind)
	require.Equal(t, "roles/storage.objectViewer", ann.Edges[0].Note)
	require.Equal(t, []asset.OwnerHint{{Value: "billing@quell-lab.net", From: "role owner"}}, got[2].Asset.OwnerHints)
	require.Equal(t, asset.InternetUnknown, got[5].Asset.Internet)
}

func TestASiteIsCoveredByAScanThatEndedWellAlone(t *testing.T) {
	whole := sample(t, "scan.json")
	tests := []struct {
		name, from, to string
		want           exposure.Outcome
	}{
		{"well", "", "", exposure.TargetOK},
		{"failed", `"SUCCESS"`, `"ERROR"`, exposure.TargetPartial},
		{"with a warning", `"executionState"`, `"warningTraces":[{"code":"INSUFFICIENT_CRAWL_RESULTS"}],"executionState"`, exposure.TargetPartial},
		{"with an error", `"executionState"`, `"errorTrace":{"code":"INTERNAL_ERROR"},"executionState"`, exposure.TargetPartial},
		{"of which not all was read", `"whole": true`, `"whole": false`, exposure.TargetPartial},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, strings.Replace(whole, tt.from, tt.to, 1))
			require.Len(t, rec.Covered, 2)
			require.Equal(t, tt.want, rec.Covered[0].Outcome)
			require.Equal(t, "https://shop.quell-lab.net:443", rec.Covered[0].Asset.Identifiers[0].Value)
			require.Equal(t, rec.Covered[0].Asset.Identifiers, rec.Observed[0].Asset.Identifiers)
			require.Equal(t, "443/tcp/search", rec.Observed[0].Finding.Location)
		})
	}
}

var serviceAccount = sync.OnceValue(func() string { //nolint:gochecknoglobals // a key takes a while to make
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	body, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "a@x.iam.gserviceaccount.com", "private_key": string(text), "private_key_id": "hunter2hunter2"})
	if err != nil {
		panic(err)
	}
	return string(body)
})

const project = "projects/j1-gc-integration-dev-v3"

func config() *gcpasset.Config {
	c, _ := gcpasset.Registration().Config().(*gcpasset.Config)
	c.Scope, c.Credentials, c.WebScanner = project, secret.New(serviceAccount()), true
	return c
}

// replay joins the two recordings of one project, and adds what neither has: the search
// over resources, and the findings of a scan.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	get := func(address, body string) connectortest.Exchange {
		return connectortest.Exchange{Method: http.MethodGet, URL: address, Status: http.StatusOK, Body: []byte(body)}
	}
	exchanges := append(connectortest.Recording(t, "gcp-asset/har-iam"), connectortest.Recording(t, "gcp-asset/har-web-scanner")...)
	const search, run = "https://cloudasset.googleapis.com/v1/" + project + ":searchAllResources?pageSize=500", "https://websecurityscanner.googleapis.com/v1/" + project + "/scanConfigs/5312405048066048/scanRuns/5474312570732544/findings"
	exchanges = append(exchanges, get(search, sample(t, "resources.json")), get(search+"&pageToken=t2", `{}`),
		get(run, `{"findings":[{"findingType":"CLEAR_TEXT_PASSWORD","severity":"MEDIUM","finalUrl":"https://shop.quell-lab.net/login","trackingId":"1"}],"nextPageToken":"2"}`),
		get(run+"?pageToken=2", `{"findings":[{"findingType":"XSS","severity":"HIGH","finalUrl":"https://shop.quell-lab.net/x","trackingId":"2"}]}`))
	p := connectortest.NewReplay(t, exchanges)
	p.Token = connectortest.TokenAnswer("/token") //nolint:bodyclose // a function that makes answers
	return p
}

func TestPullGoesThroughBothSearchesAndTheScans(t *testing.T) {
	got := connectortest.ConformPuller(t, gcpasset.Registration(), config(), replay)
	require.Len(t, got.Observed, 2)
	require.Equal(t, []string{"gcpasset:web:*"}, got.Run.Checks)
	require.True(t, got.Run.Complete)
	resources, partial := 0, 0
	for _, c := range got.Covered {
		if strings.HasPrefix(c.Asset.Identifiers[0].Value, "//") {
			resources++
		}
		if c.Outcome == exposure.TargetPartial {
			partial++
		}
	}
	require.Equal(t, 4+19, resources, "four of the search, nineteen of the recording")
	require.Equal(t, len(got.Covered), partial, "the recorded scan ended with a warning: it proves nothing")

	p := replay(t)
	connectortest.Sync(t, gcpasset.Registration(), config(), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())

	c := config()
	c.WebScanner, c.IAM = false, false
	run := connectortest.Sync(t, gcpasset.Registration(), c, replay(t).Client(), time.Time{}).Run
	require.Empty(t, run.Checks, "an inventory checks nothing")
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	require.Equal(t, []string{"cloudasset.googleapis.com", "oauth2.googleapis.com", "websecurityscanner.googleapis.com"}, gcpasset.Registration().Reach(c))
	c.Scope, c.Credentials = "folders/1/../2", secret.New("hunter2hunter2")
	require.Len(t, c.Validate(), 3)
}
