package gcpscc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/gcpscc"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, gcpscc.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, gcpscc.Registration(), nil)
	}
	connectortest.Counts(t, gcpscc.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range gcpscc.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, gcpscc.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, gcpscc.Registration(), "gcp-scc") }

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, gcpscc.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return string(body)
}

func TestInactiveIsAFixOnlyOfWhatIsCheckedAgain(t *testing.T) {
	tests := []struct {
		name, fields string
		want         exposure.Status
	}{
		{"active", `"state":"ACTIVE","findingClass":"MISCONFIGURATION"`, exposure.StatusOpen},
		{"muted", `"state":"ACTIVE","findingClass":"MISCONFIGURATION","mute":"MUTED"`, exposure.StatusSuppressed},
		{"unmuted", `"state":"ACTIVE","findingClass":"MISCONFIGURATION","mute":"UNMUTED"`, exposure.StatusOpen},
		{"inactive", `"state":"INACTIVE","findingClass":"MISCONFIGURATION"`, exposure.StatusFixed},
		{"inactive and muted", `"state":"INACTIVE","findingClass":"VULNERABILITY","mute":"MUTED"`, exposure.StatusFixed},
		{"an inactive threat", `"state":"INACTIVE","findingClass":"THREAT"`, exposure.StatusArchived},
		{"inactive of no class", `"state":"INACTIVE"`, exposure.StatusArchived},
		{"inactive of an old scanner", `"state":"INACTIVE","sourceProperties":{"ScannerName":"SQL_SCANNER"}`, exposure.StatusFixed},
		{"a word that nobody knows", `"state":"GONE","findingClass":"VULNERABILITY"`, exposure.StatusOpen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, `{"finding":{"name":"organizations/1/sources/2/findings/3","category":"X","resourceName":"//x.googleapis.com/y",`+tt.fields+`}}`)
			require.Equal(t, tt.want, rec.Observed[0].Finding.Status)
		})
	}
}

func TestAFindingHasOneUIDInBothVersions(t *testing.T) {
	list, note := decode(t, sample(t, "findings.json")), decode(t, sample(t, "notification.json"))
	require.Equal(t, "55/a2", note.Observed[0].Finding.UID)
	require.Equal(t, list.Observed[1].Finding.UID, note.Observed[0].Finding.UID)
	push := decode(t, sample(t, "push.json"))
	require.Equal(t, note.Observed, push.Observed)
	require.Equal(t, exposure.RunEvent, push.Last().Kind)
}

func TestPlacesAndOwnersAreRead(t *testing.T) {
	rec := decode(t, sample(t, "findings.json"))
	require.Equal(t, "pkg:deb/debian/openssl", rec.Observed[4].Finding.Location)
	require.Equal(t, "gcpscc:CVE-2026-1001", rec.Observed[4].Finding.Check)
	require.Equal(t, "active", rec.Observed[4].Finding.Exploit)
	require.Equal(t, "//compute.googleapis.com/projects/billing-prod/zones/europe-west1-b/instances/web1", rec.Observed[5].Asset.Identifiers[0].Value)
	hints := make([]string, 0, len(rec.Observed[0].Asset.OwnerHints))
	for _, h := range rec.Observed[0].Asset.OwnerHints {
		hints = append(hints, h.From+"="+h.Value)
	}
	require.Equal(t, []string{"project=billing-prod", "folder=Finance", "tag owner=billing", "contact security=sec@quell-lab.net"}, hints)
}

// serviceAccount is the JSON of a key, with a secret where errors would repeat it.
var serviceAccount = sync.OnceValue(func() string { //nolint:gochecknoglobals // a key takes a while to make
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	body, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "a@quell-lab.iam.gserviceaccount.com", "private_key": string(text), "private_key_id": "hunter2hunter2", "token_uri": "https://evil.example.org/"})
	if err != nil {
		panic(err)
	}
	return string(body)
})

func config() *gcpscc.Config {
	c, _ := gcpscc.Registration().Config().(*gcpscc.Config)
	c.Parent, c.Credentials = "organizations/1234567890", secret.New(serviceAccount())
	return c
}

func replay(t *testing.T, filter string) *connectortest.Replay {
	t.Helper()
	const address = "https://securitycenter.googleapis.com/v2/organizations/1234567890/sources/-/locations/global/findings?pageSize=1000"
	get := func(query, body string) connectortest.Exchange {
		return connectortest.Exchange{Method: http.MethodGet, URL: address + filter + query, Status: http.StatusOK, Body: []byte(body)}
	}
	p := connectortest.NewReplay(t, []connectortest.Exchange{get("", sample(t, "findings.json")), get("&pageToken=t2", `{"nextPageToken":"t3"}`),
		get("&pageToken=t3", `{"listFindingsResults":[`+sample(t, "notification.json")+`]}`)})
	token := connectortest.TokenAnswer("/token") //nolint:bodyclose // a function that makes answers
	p.Token = func(r *http.Request) *http.Response {
		if r.URL.Host != "oauth2.googleapis.com" {
			return nil
		}
		return token(r)
	}
	return p
}

func TestPullFollowsTheTokensToTheEnd(t *testing.T) {
	got := connectortest.ConformPuller(t, gcpscc.Registration(), config(), func(t *testing.T) *connectortest.Replay { t.Helper(); return replay(t, "") })
	require.Len(t, got.Observed, 8)
	require.Len(t, got.Pages, 2, "an empty page leaves none behind")
	require.False(t, got.Run.Complete)

	p := replay(t, "&filter=event_time+%3E+%222026-11-18T23%3A50%3A00Z%22")
	got = connectortest.Sync(t, gcpscc.Registration(), config(), p.Client(), time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC))
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.Empty(t, p.Unasked())
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	require.Equal(t, []string{"securitycenter.googleapis.com", "oauth2.googleapis.com"}, gcpscc.Registration().Reach(c))
	c.Parent, c.Credentials, c.Location, c.Account = "organizations/../x", secret.New("hunter2hunter2"), "", "a@b"
	problems := c.Validate()
	require.Len(t, problems, 4)
	for _, p := range problems {
		require.NotContains(t, p.Error(), "hunter2")
	}
}
