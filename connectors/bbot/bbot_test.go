package bbot_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/bbot"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, bbot.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, bbot.Registration(), nil)
	}
	connectortest.Counts(t, bbot.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range bbot.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, bbot.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, bbot.Registration(), "bbot") }

func decode(t *testing.T, config any, file string, changes ...string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, bbot.Registration(), config, []byte(strings.NewReplacer(changes...).Replace(string(body))))
	require.NoError(t, err)
	return rec
}

func TestBothVersionsWriteTheirTimes(t *testing.T) {
	require.Equal(t, time.Date(2026, 1, 4, 15, 40, 13, 716e6, time.UTC), decode(t, nil, "v2.jsonl").Covered[0].Asset.SeenAt)
	require.Equal(t, time.Date(2026, 1, 4, 15, 40, 13, 740e6, time.UTC), decode(t, nil, "v1.jsonl").Covered[0].Asset.SeenAt)
}

func TestTheScopeDecidesWhatIsOurs(t *testing.T) {
	rec := decode(t, nil, "v2.jsonl")
	require.Equal(t, 1, rec.Skipped["event_out_of_scope"])
	wider := decode(t, &bbot.Config{Distance: 1}, "v2.jsonl")
	require.Len(t, wider.Covered, len(rec.Covered)+1)
}

func TestANameDoesNotOwnTheAddressesThatItResolvesTo(t *testing.T) {
	a := decode(t, nil, "v2.jsonl").Covered[0].Asset
	require.Equal(t, []asset.Identifier{{Kind: asset.FQDN, Value: "www.quell-lab.net"}}, a.Identifiers)
	require.Len(t, a.Edges, 2)
	require.Equal(t, asset.EdgeResolvesTo, a.Edges[0].Kind)
}

func TestAFindingKeepsItsIdentity(t *testing.T) {
	one := decode(t, nil, "v2.jsonl")
	two := decode(t, nil, "v2.jsonl", "HIGH", "LOW", "version 1.2", "version 1.3", "33bc005c", "deadbeef", "T15:40:13", "T18:00:00")
	for i := range one.Observed {
		a, b := one.Observed[i].Finding, two.Observed[i].Finding
		require.NotEqual(t, a.LastSeen, b.LastSeen)
		require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
	}
	f := one.Observed[1].Finding
	require.Equal(t, "bbot:baddns:Invented takeover", f.Check)
	require.Equal(t, []string{"CVE-2026-50001"}, f.CVEs)
	require.Equal(t, exposure.SeverityHigh, f.Severity)
	require.Equal(t, "443/tcp/app", one.Observed[0].Finding.Location)
}

func TestNothingIsProvenAndNoSecretKept(t *testing.T) {
	rec := decode(t, nil, "v2.jsonl")
	require.False(t, rec.Last().Complete)
	require.Equal(t, "SCAN:b6ef48bc", rec.Last().ID)
	text, err := json.Marshal(rec)
	require.NoError(t, err)
	require.NotContains(t, string(text), "hunter2")
}
