package nuclei_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/nuclei"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files")

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range nuclei.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, nuclei.Registration(), &nuclei.Config{Zone: "dmz"}, sample.File, *update)
		})
	}
}

func decode(t *testing.T, config *nuclei.Config, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, nuclei.Registration(), config, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestIdentityIsTheTemplateTheMatcherAndThePlace(t *testing.T) {
	tests := []struct {
		name, result string
		check        string
		location     string
		asset        string
	}{
		{"a path without its query", `{"template-id":"a","type":"http","host":"https://h.quell-lab.net","matched-at":"https://h.quell-lab.net/x/y?q=1#z","ip":"203.0.113.1"}`, "nuclei:a", "443/tcp/x/y", "fqdn||h.quell-lab.net ip|dmz|203.0.113.1"},
		{"a named matcher", `{"template-id":"a","matcher-name":"m","type":"http","host":"http://h.quell-lab.net:8080/","matched-at":"http://h.quell-lab.net:8080/"}`, "nuclei:a:m", "8080/tcp", "fqdn||h.quell-lab.net"},
		{"somebody else's server", `{"template-id":"a","type":"http","host":"https://h.quell-lab.net","matched-at":"https://login.cloud.example/t","ip":"198.51.100.7"}`, "nuclei:a", "", "fqdn||h.quell-lab.net"},
		{"a TCP service", `{"template-id":"a","type":"tcp","host":"10.0.0.1:22","matched-at":"10.0.0.1:22","ip":"10.0.0.1"}`, "nuclei:a", "22/tcp", "ip|dmz|10.0.0.1"},
		{"TLS of a URL", `{"template-id":"a","type":"ssl","host":"https://h.quell-lab.net/login","matched-at":"https://h.quell-lab.net/login"}`, "nuclei:a", "443/tcp", "fqdn||h.quell-lab.net"},
		{"a port in a field of its own", `{"template-id":"a","type":"ssl","host":"h.quell-lab.net","port":"8443","matched-at":"h.quell-lab.net"}`, "nuclei:a", "8443/tcp", "fqdn||h.quell-lab.net"},
		{"a DNS name", `{"template-id":"a","type":"dns","host":"https://h.quell-lab.net","matched-at":"https://h.quell-lab.net"}`, "nuclei:a", "", "fqdn||h.quell-lab.net"},
		{"IPv6", `{"template-id":"a","type":"http","host":"https://[2001:db8::5]","matched-at":"https://[2001:db8::5]/"}`, "nuclei:a", "443/tcp", "ip|dmz|2001:db8::5"},
		{"control characters", `{"template-id":"a\u0000\u001b[31m","type":"http","host":"h.quell-lab.net","matched-at":"http://h.quell-lab.net/\u0000x"}`, "nuclei:a[31m", "80/tcp/x", "fqdn||h.quell-lab.net"},
		{"this very machine", `{"template-id":"a","type":"http","host":"127.0.0.2","port":"18083","matched-at":"http://127.0.0.2:18083/","ip":"127.0.0.2"}`, "nuclei:a", "18083/tcp", "ip|dmz|127.0.0.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, &nuclei.Config{Zone: "dmz"}, tt.result)
			require.Len(t, rec.Observed, 1)
			obs := rec.Observed[0]
			connectortest.CheckObservation(t, obs)
			require.Equal(t, tt.check, obs.Finding.Check)
			require.Equal(t, tt.location, obs.Finding.Location)
			keys := make([]string, 0, len(obs.Asset.Identifiers))
			for _, id := range obs.Asset.Identifiers {
				keys = append(keys, id.Key())
			}
			require.Equal(t, tt.asset, strings.Join(keys, " "))
		})
	}
}

func TestNoCredentialIsTakenOver(t *testing.T) {
	rec := decode(t, &nuclei.Config{}, `{"template-id":"a","type":"http","host":"https://ann:hunter2222@h.quell-lab.net","matched-at":"https://ann:hunter2222@h.quell-lab.net/x",`+
		`"extracted-results":["password=hunter2222"],"request":"Authorization: Basic hunter2222","curl-command":"curl -H 'Cookie: hunter2222'"}`)
	require.NotContains(t, fmt.Sprintf("%+v %+v", *rec.Observed[0].Asset, *rec.Observed[0].Finding), "hunter2222")
	require.Equal(t, "https://h.quell-lab.net/x", rec.Observed[0].Finding.Target)
}

func TestAReportAloneCoversNothing(t *testing.T) {
	rec := decode(t, &nuclei.Config{}, `{"template-id":"a","type":"http","host":"h.quell-lab.net","matched-at":"http://h.quell-lab.net"}`)
	require.False(t, rec.Last().Complete)
	require.Equal(t, exposure.RunPartial, rec.Last().Kind)
	require.Empty(t, rec.Covered)
	require.Contains(t, rec.Last().Why, "does not say what was run")
}

func TestACompleteSourceCoversTheTargetsThatItsReportHasALineFor(t *testing.T) {
	config := &nuclei.Config{Complete: true, Checks: []string{"nuclei:a", "nuclei:cve-*"},
		Targets: []string{"https://seen.quell-lab.net", "silent.quell-lab.net", "failed.quell-lab.net:8443", "clean.quell-lab.net"}}
	require.Empty(t, config.Validate())
	body := `{"template-id":"a","type":"http","host":"https://seen.quell-lab.net","matched-at":"https://seen.quell-lab.net/x","timestamp":"2026-11-20T10:00:00Z"}
{"template-id":"a","type":"http","host":"clean.quell-lab.net","matcher-status":false,"timestamp":"2026-11-20T10:00:09Z"}
{"template-id":"a","type":"http","host":"failed.quell-lab.net:8443","matcher-status":false}
{"template-id":"a","type":"http","host":"failed.quell-lab.net:8443","error":"no route to host"}`
	rec := decode(t, config, body)
	run := rec.Last()
	require.True(t, run.Complete)
	require.Equal(t, []string{"nuclei:a", "nuclei:a:*", "nuclei:cve-*"}, run.Checks)
	require.Equal(t, 4, run.Targets)
	require.Equal(t, "2026-11-20T10:00:09Z", run.Finished.Format("2006-01-02T15:04:05Z"))
	require.Equal(t, map[string]int{"matcher_status_false": 2, "error_line": 1}, rec.Skipped)

	outcomes := map[string]exposure.Outcome{}
	for _, cov := range rec.Covered {
		outcomes[cov.Asset.Name] = cov.Outcome
	}
	require.Equal(t, map[string]exposure.Outcome{"seen.quell-lab.net": exposure.TargetOK, "silent.quell-lab.net": exposure.TargetPartial,
		"failed.quell-lab.net": exposure.TargetPartial, "clean.quell-lab.net": exposure.TargetOK}, outcomes)
	seen := rec.Covered[0]
	require.True(t, run.Covers(seen, "nuclei:a:m", "443/tcp/y"))
	require.False(t, run.Covers(seen, "nuclei:a", "8443/tcp"), "a port that is not scanned")
	require.False(t, run.Covers(seen, "nuclei:b", "443/tcp"), "a template that is not run")
	require.False(t, run.Covers(rec.Covered[1], "nuclei:a", "443/tcp"), "a target that may be dead")
}

func TestNothingIsCompleteAboutAnEmptyOrBrokenReport(t *testing.T) {
	config := &nuclei.Config{Complete: true, Checks: []string{"nuclei:*"}, Targets: []string{"h.quell-lab.net"}}
	for name, body := range map[string]string{
		"empty":     "",
		"an array":  "[]",
		"truncated": `{"template-id":"a","host":"h.quell-lab.net","matched-at":"h.quell-lab.net"}` + "\n" + `{"template-id":"b"`,
	} {
		rec, _ := connectortest.Decode(t, nuclei.Registration(), config, []byte(body))
		require.False(t, rec.Last().Complete, name)
		require.NotEmpty(t, rec.Last().Why, name)
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	require.Len(t, (&nuclei.Config{Complete: true}).Validate(), 2)
	require.Len(t, (&nuclei.Config{Complete: true, Checks: []string{"git-config", "nuclei:"}, Targets: []string{"", "a b"}}).Validate(), 4)
}

func TestTemplatesThatDifferInOneByteAreNotMixedUp(t *testing.T) {
	rec := decode(t, &nuclei.Config{}, `{"template-id":"a","info":{"severity":"low"},"host":"h"}{"template-id":"a","info":{"severity":"high"},"host":"h"}{"template-id":"a","info":{"severity":"low"},"host":"h"}`)
	require.Equal(t, exposure.SeverityLow, rec.Observed[0].Finding.Severity)
	require.Equal(t, exposure.SeverityHigh, rec.Observed[1].Finding.Severity)
	require.Equal(t, exposure.SeverityLow, rec.Observed[2].Finding.Severity)
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, nuclei.Registration(), "nuclei") }

func BenchmarkDecode(b *testing.B) {
	report, err := os.ReadFile("testdata/v3.jsonl")
	require.NoError(b, err)
	results := bytes.SplitAfter(report, []byte("\n"))[:6] // the findings
	const hosts = 200
	lines := make([][]byte, 0, hosts*len(results))
	for host := range hosts {
		for _, result := range results {
			lines = append(lines, bytes.ReplaceAll(result, []byte("portal"), fmt.Appendf(nil, "host%03d", host)))
		}
	}
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(len(bytes.Join(lines, nil)) / len(lines) * n))
			connectortest.Benchmark(b, nuclei.Registration(), n, func() io.Reader {
				return &connectortest.Repeat{N: n, Part: func(i int) []byte { return lines[i%len(lines)] }}
			})
		})
	}
}
