package device42_test

import (
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/device42"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, device42.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, device42.Registration(), nil)
	}
	connectortest.Counts(t, device42.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"devices.json", "endusers.json"} {
		connectortest.Golden(t, device42.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) {
	connectortest.Fuzz(f, device42.Registration(), "device42/har-endusers")
}

func configured(t *testing.T) *device42.Config {
	t.Helper()
	config, ok := device42.Registration().Config().(*device42.Config)
	require.True(t, ok)
	config.URL, config.User, config.Password, config.Page = "https://swaggerdemo.device42.com", "guest", secret.New("hunter2hunter2"), 25
	require.Empty(t, config.Validate())
	return config
}

func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	return connectortest.NewReplay(t, slices.Concat(connectortest.Recording(t, "device42/har-devices"), connectortest.Recording(t, "device42/har-endusers")))
}

func TestASyncGetsAllThatWasRecorded(t *testing.T) {
	p := replay(t)
	got := connectortest.Sync(t, device42.Registration(), configured(t), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
	require.Len(t, got.Covered, 905+391)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Equal(t, map[string]int{"claimed": 905, "received": 905}, got.Run.Counts)
	hints := 0
	for _, cov := range got.Covered {
		for _, h := range cov.Asset.OwnerHints {
			if strings.HasPrefix(h.From, "custom field Owner") {
				hints++
			}
		}
		for _, id := range cov.Asset.Identifiers {
			require.NotEqual(t, "1.1.1.1", id.Value)
		}
	}
	require.Positive(t, hints)
}

// The recording has too many pages to be asked for again after every fault: a sync of
// four stands for it.
func TestTheSyncSurvivesWhatGoesWrong(t *testing.T) {
	const api = "https://swaggerdemo.device42.com/api/1.0/"
	got := connectortest.ConformPuller(t, device42.Registration(), configured(t), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, []connectortest.Exchange{
			{Method: "GET", URL: api + "devices/all/?limit=25&offset=0&blankasnull=yes", Status: 200, Body: []byte(`{"total_count":3,"Devices":[{"device_id":1},{"device_id":2}]}`)},
			{Method: "GET", URL: api + "devices/all/?limit=25&offset=2&blankasnull=yes", Status: 200, Body: []byte(`{"total_count":3,"Devices":[{"device_id":3}]}`)},
			{Method: "GET", URL: api + "endusers/?limit=100&offset=0", Status: 200, Body: []byte(`{"values":[{"id":1,"name":"Ann"}]}`)},
			{Method: "GET", URL: api + "endusers/?limit=100&offset=1", Status: 200, Body: []byte(`{"values":[]}`)},
		})
	})
	require.Len(t, got.Covered, 4)
	require.True(t, got.Run.Complete, got.Run.Why)
}

func TestAListThatEndsEarlyMakesTheSyncIncomplete(t *testing.T) {
	config := configured(t)
	config.EndUsers = false
	p := connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: "GET", URL: config.URL + "/api/1.0/devices/all/?limit=25&offset=0&blankasnull=yes", Status: 200, Body: []byte(`{"total_count":3,"Devices":[{"device_id":1},{"device_id":2}]}`)},
		{Method: "GET", URL: config.URL + "/api/1.0/devices/all/?limit=25&offset=2&blankasnull=yes", Status: 200, Body: []byte(`{"total_count":3,"Devices":[]}`)},
	})
	got := connectortest.Sync(t, device42.Registration(), config, p.Client(), time.Time{})
	require.False(t, got.Run.Complete)
	require.Equal(t, "the list gave 2 of 3 devices", got.Run.Why)
}

func TestAPlainAddressMayLeadToItsOwnHostOverTLS(t *testing.T) {
	reg := device42.Registration()
	require.Equal(t, []string{"d42.example.org:80", "d42.example.org:443"}, reg.Reach(&device42.Config{URL: "http://d42.example.org"}))
	require.Equal(t, []string{"d42.example.org:443"}, reg.Reach(&device42.Config{URL: "https://d42.example.org"}))

	config := configured(t)
	config.URL, config.EndUsers = "http://d42.example.org", false
	const path = "d42.example.org/api/1.0/devices/all/?limit=25&offset=0&blankasnull=yes"
	p := connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: "GET", URL: "http://" + path, Status: http.StatusMovedPermanently, Headers: map[string]string{"Location": "https://" + path}},
		{Method: "GET", URL: "https://" + path, Status: 200, Body: []byte(`{"total_count":1,"Devices":[{"device_id":1}]}`)},
	})
	require.True(t, connectortest.Sync(t, device42.Registration(), config, p.Client(), time.Time{}).Run.Complete)
}

func TestWhatPeopleTypeInIsNoIdentity(t *testing.T) {
	body, err := os.ReadFile("testdata/devices.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, device42.Registration(), nil, body)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"device_without_id": 1}, rec.Skipped)
	first := rec.Covered[0].Asset
	require.NotContains(t, first.Identifiers, asset.Identifier{Kind: asset.IP, Value: "1.1.1.1"})
	require.Contains(t, first.Identifiers, asset.Identifier{Kind: asset.MAC, Value: "52:54:00:ab:00:12"})
	require.Contains(t, first.OwnerHints, asset.OwnerHint{Value: "Team-Data", From: "custom field Owner"})
	require.False(t, rec.Covered[1].Asset.Gone, "out of service is not out of the world")
	require.Len(t, rec.Covered[2].Asset.Identifiers, 1, "8.8.8.8 is nobody's")
}
