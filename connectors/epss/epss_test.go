package epss

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
)

func TestConformance(t *testing.T) { connectortest.Conform(t, Registration(), nil) }

const scores = "#model_version:v2025.03.14,score_date:2026-11-01T00:00:00Z\ncve,epss,percentile\nCVE-2024-0001,0.5,0.9\n"

func zipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(scores))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestScoresAreUnpackedWhereTheyArePacked(t *testing.T) {
	for name, body := range map[string][]byte{"packed": zipped(t), "plain": []byte(scores)} {
		t.Run(name, func(t *testing.T) {
			got := connectortest.ConformPuller(t, Registration(), defaults(), func(t *testing.T) *connectortest.Replay {
				t.Helper()
				return connectortest.NewReplay(t, []connectortest.Exchange{{Method: http.MethodGet, URL: defaults().URL, Status: http.StatusOK, Body: body}})
			})
			require.Equal(t, scores, string(got.Pages[0]))
		})
	}
}
