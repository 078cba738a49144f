package connectortest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

// TestMemoryDoesNotGrowWithTheReport streams 50 MB through the JSON decoders, of which
// nothing may stay behind. The XML ones have such a test of their own.
func TestMemoryDoesNotGrowWithTheReport(t *testing.T) {
	if testing.Short() {
		t.Skip("streams 50 MB per connector")
	}
	const size = 50 << 20
	bodies := map[string]func() *connectortest.Repeat{
		"fake": func() *connectortest.Repeat {
			return &connectortest.Repeat{Head: `{"fake_report":1,"findings":[{"check":"first"}`, Tail: "]}",
				Part: part(`,{"host":"h%d.quell-lab.net","check":"a","title":"t","text":"` + strings.Repeat("x", 300) + `"}`)}
		},
		"generic": func() *connectortest.Repeat {
			return &connectortest.Repeat{Part: part(`{"host":"h%d.quell-lab.net","title":"t","description":"` + strings.Repeat("x", 300) + `"}` + "\n")}
		},
		"nuclei": func() *connectortest.Repeat {
			return &connectortest.Repeat{Part: part(`{"template-id":"t","info":{"name":"n%[1]d","description":"` + strings.Repeat("x", 300) + `"},"type":"http","host":"https://h%[1]d.quell-lab.net","matched-at":"https://h%[1]d.quell-lab.net/x"}` + "\n")}
		},
		"trivy": func() *connectortest.Repeat {
			return &connectortest.Repeat{Head: `{"SchemaVersion":2,"ArtifactName":"a","Results":[{"Target":"t","Class":"os-pkgs","Vulnerabilities":[{"VulnerabilityID":"CVE-2024-1000"}`, Tail: `]}]}`,
				Part: part(`,{"VulnerabilityID":"CVE-2024-1%05d","PkgName":"p","Description":"` + strings.Repeat("x", 300) + `"}`)}
		},
	}
	for name, make := range bodies {
		t.Run(name, func(t *testing.T) {
			reg, err := builtin.Find(name)
			require.NoError(t, err)
			body := make()
			body.N = size / len(body.Part(0))
			sink := &heapWatch{every: body.N / 8}
			require.NoError(t, connectortest.Open(t, reg, nil).Decode(t.Context(), body, sink))
			require.GreaterOrEqual(t, sink.Observed, body.N)
			// The caches of hosts and templates are bounded, and are what may still grow.
			require.Less(t, sink.most, sink.first+40<<20)
		})
	}
}

func part(format string) func(int) []byte {
	var scratch []byte
	return func(i int) []byte {
		scratch = fmt.Appendf(scratch[:0], format, i%100_000)
		return scratch
	}
}

// heapWatch looks at the heap now and then, after a collection.
type heapWatch struct {
	connectortest.Count
	every       int
	first, most uint64
}

func (h *heapWatch) Observe(obs exposure.Observation) error {
	if err := h.Count.Observe(obs); err != nil || h.Observed%h.every != 1 {
		return err
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if h.first == 0 {
		h.first = m.HeapAlloc
	}
	h.most = max(h.most, m.HeapAlloc)
	return nil
}
