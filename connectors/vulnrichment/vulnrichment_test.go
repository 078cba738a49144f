package vulnrichment

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/fault"
)

func TestConformance(t *testing.T) { connectortest.Conform(t, Registration(), nil) }

const enriched = `{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2024-0001"},"containers":{"cna":{"title":"long"},"adp":[{"title":"CVE Program Container"},` +
	`{"title":"CISA ADP Vulnrichment","metrics":[{"other":{"type":"kev","content":{}}},{"other":{"type":"ssvc","content":{"options":[{"Exploitation":"active"}]}}}]}]}}`

// repository is an archive as the forge makes it.
func repository(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	archive := tar.NewWriter(z)
	for name, text := range files {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(text))}))
		_, err := archive.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestNothingButTheDecisionPointsIsKept(t *testing.T) {
	body := repository(t, map[string]string{
		"vulnrichment-develop/README.md": "# read me", "vulnrichment-develop/2024/0xxx/CVE-2024-0001.json": enriched,
		"vulnrichment-develop/2024/0xxx/CVE-2024-0002.json": `{"cveMetadata":{"cveId":"CVE-2024-0002"},"containers":{"adp":[]}}`,
	})
	got := connectortest.ConformPuller(t, Registration(), defaults(), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, []connectortest.Exchange{{Method: http.MethodGet, URL: defaults().URL, Status: http.StatusOK, Body: body}})
	})
	require.JSONEq(t, `{"cveMetadata":{"cveId":"CVE-2024-0001"},"containers":{"adp":[{"metrics":[{"other":{"type":"ssvc","content":{"options":[{"Exploitation":"active"}]}}}]}]}}`, string(got.Pages[0]))
}

func TestWhatIsNoArchiveIsAskedForAgain(t *testing.T) {
	for name, body := range map[string][]byte{
		"no archive": []byte("<html>"), "half a record": repository(t, map[string]string{"CVE-2024-0001.json": enriched[:40]}),
	} {
		replay := connectortest.NewReplay(t, []connectortest.Exchange{{Method: http.MethodGet, URL: defaults().URL, Status: http.StatusOK, Body: body}})
		in := &Instance{source: "x", config: *defaults(), http: replay.Client()}
		var page bytes.Buffer
		_, err := in.Pull(t.Context(), connectors.PullRequest{}, &page)
		require.True(t, fault.Is(err, fault.Unavailable), "%s: %v", name, err)
	}
}
