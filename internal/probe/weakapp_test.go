package probe

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/demo/weakapp"
	"github.com/quellsec/quell/internal/exposure"
)

func TestEveryWeaknessOfTheDemoIsConfirmedAndRefutedOnceItIsMended(t *testing.T) {
	app, err := weakapp.Start(t.Context(), weakapp.Ephemeral())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, app.Close()) })
	index, err := LoadIndex(filepath.Join("..", "demo", "templates"))
	require.NoError(t, err)
	require.Empty(t, index.Refused())
	r := newRig(t, nil, func(o *Options) { o.Index = index })
	for _, c := range []struct {
		weakness weakapp.Weakness
		method   exposure.Method
		check    string
		target   string
		mended   exposure.VerdictOutcome
	}{
		{weakapp.GitConfig, exposure.MethodTemplate, "quell-demo-git-config", app.PortalURL(), exposure.Refuted},
		{weakapp.OpenAdmin, exposure.MethodTemplate, "quell-demo-open-admin", app.PortalURL(), exposure.Refuted},
		{weakapp.DefaultLogin, exposure.MethodTemplate, "quell-demo-default-login", app.PortalURL(), exposure.Refuted},
		{weakapp.ClusterEnv, exposure.MethodCVETemplate, "CVE-2023-28432", app.FilesURL(), exposure.Refuted},
		{weakapp.ExpiredCertificate, exposure.MethodTemplate, "quell-demo-expired-certificate", app.PortalTLSURL(), exposure.Refuted},
		{weakapp.OldTLS, exposure.MethodTemplate, "quell-demo-old-tls", app.PortalTLSURL(), exposure.Refuted},
		{weakapp.DebugConsole, exposure.MethodTemplate, "quell-demo-debug-console", app.ConsoleAddr(), exposure.Inconclusive},
	} {
		require.NoError(t, app.Set(c.weakness, true))
		v := r.verdict(t, request(c.method, c.check, c.target))
		require.Equal(t, exposure.Confirmed, v.Outcome, "%s: %s", c.check, v.Reason)
		require.NotContains(t, string(r.kept.blobs[v.Evidence[0]]), "not-a-real-password")
		require.NoError(t, app.Set(c.weakness, false))
		v = r.verdict(t, request(c.method, c.check, c.target))
		require.Equal(t, c.mended, v.Outcome, "%s: %s", c.check, v.Reason)
	}
	require.NoError(t, app.Set(weakapp.DebugConsole, false))
	v := r.verdict(t, request(exposure.MethodConnect, "", app.ConsoleAddr()))
	require.Equal(t, exposure.Refuted, v.Outcome, "a closed port is what a connect looks for, and not what a template does")
}

// BenchmarkProbe measures what one probe by template costs, and what it leaves behind.
func BenchmarkProbe(b *testing.B) {
	app, err := weakapp.Start(b.Context(), weakapp.Ephemeral())
	require.NoError(b, err)
	b.Cleanup(func() { _ = app.Close() })
	index, err := LoadIndex(filepath.Join("..", "demo", "templates"))
	require.NoError(b, err)
	p, err := New(Options{Vantage: "lab", Index: index, StateDir: b.TempDir(), Key: testKey, Evidence: &memory{}, RequestTimeout: 2 * time.Second})
	require.NoError(b, err)
	before := runtime.NumGoroutine()
	for b.Loop() {
		result, err := p.Probe(b.Context(), request(exposure.MethodTemplate, "quell-demo-git-config", app.PortalURL()))
		require.NoError(b, err)
		require.Equal(b, exposure.Confirmed, result.Verdict.Outcome)
	}
	b.ReportMetric(float64(runtime.NumGoroutine()-before)/float64(b.N), "goroutines/op")
	b.ReportMetric(resident(b), "rss-MiB")
}

// resident is the resident set of this process, in MiB; zero where the system won't tell.
func resident(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			require.NoError(b, err)
			return kib / 1024
		}
	}
	return 0
}
