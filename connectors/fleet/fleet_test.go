package fleet_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/fleet"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, fleet.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, fleet.Registration(), nil)
	}
	connectortest.Counts(t, fleet.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"host.json", "hosts.json"} {
		connectortest.Golden(t, fleet.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, fleet.Registration(), "fleetdm/har-hosts") }

func configured(t *testing.T) *fleet.Config {
	t.Helper()
	config, ok := fleet.Registration().Config().(*fleet.Config)
	require.True(t, ok)
	config.URL, config.Token, config.Page = "https://fleetdm.dev.jupiterone.io", secret.New("hunter2hunter2"), 250
	require.Empty(t, config.Validate())
	return config
}

// The recording asked for its pages in no order; we ask for them by ID.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	exchanges := connectortest.Recording(t, "fleetdm/har-hosts")
	for i := range exchanges {
		if strings.Contains(exchanges[i].URL, "per_page") {
			exchanges[i].URL += "&order_key=id"
		}
	}
	return connectortest.NewReplay(t, exchanges)
}

func TestASyncGetsAllThatWasRecorded(t *testing.T) {
	got := connectortest.ConformPuller(t, fleet.Registration(), configured(t), replay)
	require.Len(t, got.Covered, 2)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Equal(t, []string{"fleet:CVE-*"}, got.Run.Checks)
	policies := 0
	for _, obs := range got.Observed {
		if obs.Finding.Class == exposure.ClassCompliance {
			policies++
		}
	}
	require.Equal(t, 7, policies)
	require.Len(t, got.Observed, 33+9+policies)
	require.Contains(t, got.Covered[0].Asset.OwnerHints, asset.OwnerHint{Value: "testuser@testdomain.net", From: "device mapping google_chrome_profiles"})
	for _, cov := range got.Covered {
		require.Equal(t, exposure.TargetOK, cov.Outcome)
		for _, id := range cov.Asset.Identifiers {
			require.NotContains(t, []asset.IdentifierKind{asset.IP, asset.MAC}, id.Kind, "127.0.0.1 and 00:00:00:00:00:00 are nobody's")
		}
	}
	p := replay(t)
	connectortest.Sync(t, fleet.Registration(), configured(t), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

func TestAHostDeletedMeanwhileIsLeftOut(t *testing.T) {
	p := replay(t)
	for i := range p.Exchanges {
		if strings.HasSuffix(p.Exchanges[i].URL, "/hosts/2") {
			p.Exchanges[i].Status = 404
		}
	}
	got := connectortest.Sync(t, fleet.Registration(), configured(t), p.Client(), time.Time{})
	require.Len(t, got.Covered, 1)
	require.Equal(t, map[string]int{"claimed": 2, "received": 1, "deleted_meanwhile": 1}, got.Run.Counts)
}

func decodeHost(t *testing.T, old, replacement string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/host.json")
	require.NoError(t, err)
	require.Contains(t, string(body), old)
	rec, err := connectortest.Decode(t, fleet.Registration(), nil, []byte(strings.ReplaceAll(string(body), old, replacement)))
	require.NoError(t, err)
	return rec
}

func TestAPolicyIsFixedWhenItPassesAsOfItsCheck(t *testing.T) {
	checked := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for answer, want := range map[string]exposure.Status{"fail": exposure.StatusOpen, "pass": exposure.StatusFixed} {
		rec := decodeHost(t, `"response": "fail"`, `"response": "`+answer+`"`)
		for _, obs := range rec.Observed {
			if obs.Finding.Check == "fleet:policy-1" {
				require.Equal(t, want, obs.Finding.Status)
				require.Equal(t, checked, obs.Finding.LastSeen)
			}
		}
	}
	require.Equal(t, 2, decodeHost(t, `"response": "fail"`, `"response": ""`).Skipped["policy_without_answer"], "one that was not asked yet says nothing")
}

func TestAnUpgradeThatStaysVulnerableIsTheSameFinding(t *testing.T) {
	uids := func(rec *connectortest.Recorder) (out []string) {
		for _, obs := range rec.Observed {
			out = append(out, obs.Finding.UID, obs.Finding.Location, obs.Finding.Check)
		}
		return out
	}
	require.Equal(t, uids(decodeHost(t, "2.31.0", "2.31.0")), uids(decodeHost(t, "2.31.0", "2.31.9")))
}

func TestAHostWithoutAnyMatchedPackageIsNotCovered(t *testing.T) {
	body := `{"host":{"id":1,"hostname":"h","software_updated_at":"2026-11-20T08:00:00Z","software":[{"id":1,"name":"x","version":"1","source":"apps","generated_cpe":"","vulnerabilities":null}]}}`
	rec, err := connectortest.Decode(t, fleet.Registration(), nil, []byte(body))
	require.NoError(t, err)
	require.Equal(t, exposure.TargetPartial, rec.Covered[0].Outcome)
	rec, err = connectortest.Decode(t, fleet.Registration(), nil, []byte(strings.Replace(body, `"generated_cpe":""`, `"generated_cpe":"cpe:2.3:a:x"`, 1)))
	require.NoError(t, err)
	require.Equal(t, exposure.TargetOK, rec.Covered[0].Outcome)
	require.Equal(t, time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), rec.Covered[0].CheckedAt)
}
