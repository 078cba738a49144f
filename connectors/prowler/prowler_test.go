package prowler_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/prowler"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, prowler.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, prowler.Registration(), nil)
	}
	connectortest.Counts(t, prowler.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range prowler.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, prowler.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, prowler.Registration(), "prowler") }

func sample(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(body)
}

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, prowler.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

// TestTheFormatsAgree holds the CSV to the OCSF of the same run: what is in both is one
// finding on one asset.
func TestTheFormatsAgree(t *testing.T) {
	key := func(obs exposure.Observation) string {
		return obs.Finding.UID + " " + obs.Finding.Check + " " + string(obs.Finding.Status) + " " + string(obs.Finding.Severity) + " " + obs.Asset.Identifiers[0].Key()
	}
	find := func(rec *connectortest.Recorder, check string) string {
		for _, obs := range rec.Observed {
			if obs.Finding.Check == check {
				return key(obs)
			}
		}
		return "not found: " + check
	}
	ocsf, csv := decode(t, sample(t, "v5.ocsf.json")), decode(t, sample(t, "v5.csv"))
	for _, check := range []string{"prowler:s3_bucket_public_access", "prowler:iam_root_mfa"} {
		require.Equal(t, find(ocsf, check), find(csv, check))
	}
}

func TestAFailedCheckIsPostureAndOneThatPassedAFix(t *testing.T) {
	rec := decode(t, sample(t, "v5.ocsf.json"))
	require.Equal(t, map[string]int{"check_that_a_person_must_make": 1}, rec.Skipped)
	want := []exposure.Status{exposure.StatusOpen, exposure.StatusFixed, exposure.StatusSuppressed, exposure.StatusOpen, exposure.StatusOpen}
	for i, obs := range rec.Observed {
		require.Equal(t, exposure.ClassCompliance, obs.Finding.Class, "whatever Prowler calls it")
		require.Equal(t, want[i], obs.Finding.Status, obs.Finding.UID)
	}
	require.Equal(t, "repository||github.com/quell-lab/shop", rec.Observed[3].Asset.Identifiers[0].Key())
	require.Equal(t, "storefront", rec.Observed[4].Asset.OwnerHints[0].Value)
}

func TestAChangedSeverityAndMessageKeepTheIdentity(t *testing.T) {
	body := sample(t, "v5.ocsf.json")
	one := decode(t, body).Observed[0].Finding
	two := decode(t, strings.NewReplacer("Critical", "Low", "5.16.1", "5.17.0", "is public.", "is still public.").Replace(body)).Observed[0].Finding
	require.Equal(t, []string{one.UID, one.Check, one.Location}, []string{two.UID, two.Check, two.Location})
}

func TestItIsSurerOfItsOwnThanOCSFIs(t *testing.T) {
	reg := prowler.Registration()
	require.Greater(t, reg.Recognize([]byte(sample(t, "v5.ocsf.json"))[:connectors.RecognizeBytes/4], ""), 60)
	require.Zero(t, reg.Recognize([]byte(`{"class_uid":2004,"finding_info":{},"metadata":{"event_code":"x","product":{"name":"Other"}}}`), ""))
}
