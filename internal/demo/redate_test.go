package demo

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	list "github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
)

// TestAllReportsAreOfTheMinuteBefore decodes each report, in another year than it was
// recorded in: nothing in it was seen long ago, and nothing later than now.
func TestAllReportsAreOfTheMinuteBefore(t *testing.T) {
	began := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	for file, name := range map[string]string{"nmap.xml": "nmap", "nuclei.jsonl": "nuclei", "trivy.json": "trivy", "nmap-after.xml": "nmap", "nuclei-after.jsonl": "nuclei", "trivy-after.json": "trivy"} {
		body, err := files.ReadFile("testdata/" + file)
		require.NoError(t, err)
		reg, err := list.Find(name)
		require.NoError(t, err)
		rec, err := connectortest.Decode(t, reg, nil, redate(body, began))
		require.NoError(t, err)
		require.NotEmpty(t, rec.Runs)
		recent := func(at time.Time) {
			require.False(t, at.After(began), "%s: %s", file, at)
			require.WithinDuration(t, began, at, 10*time.Minute, file)
		}
		dated := 0
		for _, obs := range rec.Observed {
			if !obs.Finding.LastSeen.IsZero() {
				recent(obs.Finding.LastSeen)
				dated++
			}
		}
		if at := rec.Last().Finished; !at.IsZero() {
			recent(at)
			dated++
		}
		require.NotZero(t, dated, file)
		require.Len(t, redate(body, began), len(body), "only digits differ in %s", file)
		require.False(t, bytes.Contains(redate(body, began), []byte(`"2026-11-23T`)), file)
	}
}
