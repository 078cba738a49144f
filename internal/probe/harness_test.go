package probe

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
)

// memory keeps evidence for a test.
type memory struct {
	mu    sync.Mutex
	blobs map[string][]byte
	fail  error
}

func (m *memory) Put(_ context.Context, sum string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.blobs == nil {
		m.blobs = map[string][]byte{}
	}
	m.blobs[sum] = body
	return nil
}

// names resolves from a table and counts; each name's answers are given in turn, the
// last one for ever.
type names struct {
	answers map[string][]string
	asked   atomic.Int64
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	asked := int(n.asked.Add(1))
	answers := n.answers[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr(answers[min(asked, len(answers))-1])}, nil
}

var testKey = ed25519.NewKeyFromSeed([]byte("a seed of a key for tests only.."))

// rig is a prober with everything in memory.
type rig struct {
	*Prober
	kept  *memory
	names *names
}

func newRig(t *testing.T, templates map[string]string, change func(*Options)) *rig {
	t.Helper()
	dir := t.TempDir()
	for name, text := range templates {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	index, err := LoadIndex(dir)
	require.NoError(t, err)
	r := &rig{kept: &memory{}, names: &names{answers: map[string][]string{}}}
	o := Options{Vantage: "lab", Index: index, StateDir: t.TempDir(), Key: testKey, Evidence: r.kept, Resolver: r.names, NameServers: []string{fakeDNS.address}, RequestTimeout: 2 * time.Second}
	if change != nil {
		change(&o)
	}
	r.Prober, err = New(o)
	require.NoError(t, err)
	return r
}

// lab are rules that allow the loopback network.
func lab() scope.Engagement {
	return scope.Engagement{Probe: true, Networks: []string{"127.0.0.0/8"}, RatePerHost: 1000}
}

func request(method exposure.Method, check, target string) lifecycle.ProbeRequest {
	return lifecycle.ProbeRequest{Exposure: "exp1", Cause: "test", Engagement: lab(),
		Verification: exposure.Verification{Method: method, Check: check, Target: target}}
}

// verdict probes and checks what holds for every verdict.
func (r *rig) verdict(t *testing.T, req lifecycle.ProbeRequest) exposure.Verdict {
	t.Helper()
	result, err := r.Probe(t.Context(), req)
	require.NoError(t, err)
	require.Empty(t, result.Refused)
	v := result.Verdict
	pub, ok := testKey.Public().(ed25519.PublicKey)
	require.True(t, ok)
	require.NoError(t, exposure.VerifyVerdict(pub, req.Exposure, v))
	require.NotEmpty(t, v.Evidence)
	require.NotEmpty(t, v.Reason)
	require.NotContains(t, v.Reason, "\n")
	for _, sum := range v.Evidence {
		require.Equal(t, sum, digest(r.kept.blobs[sum]))
		require.LessOrEqual(t, len(r.kept.blobs[sum]), maxEvidence)
	}
	return v
}

// evidence reads back the verdict's first evidence.
func (r *rig) evidence(t *testing.T, v exposure.Verdict) exposure.Evidence {
	t.Helper()
	var e exposure.Evidence
	require.NoError(t, json.Unmarshal(r.kept.blobs[v.Evidence[0]], &e))
	return e
}

// counter is a listener that only counts who comes.
func counter(t *testing.T, address string) (net.Listener, *atomic.Int64) {
	t.Helper()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	var n atomic.Int64
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			_ = conn.Close()
		}
	}()
	return ln, &n
}

// closedPort is an address of loopback on which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return ln.Addr().String()
}

const gitConfig = `id: git-config
info:
  name: Git configuration exposed
  author: quell
  severity: medium
http:
  - method: GET
    path: ["{{BaseURL}}/.git/config"]
    matchers-condition: and
    matchers:
      - type: word
        words: ["[core]"]
      - type: status
        status: [200]
`

func following(template string) string {
	return strings.Replace(template, "  - method: GET", "  - method: GET\n    redirects: true\n    max-redirects: 3", 1)
}
