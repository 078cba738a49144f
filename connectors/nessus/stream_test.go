package nessus

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

// generator streams a report of any size: hosts with a hundred findings each, of four
// hundred plugins whose texts are as long as real ones.
type generator struct {
	left    int // findings
	pending []byte
	host    int
	state   int
}

func (g *generator) Read(p []byte) (int, error) {
	if len(g.pending) == 0 {
		if g.pending = g.next(); g.pending == nil {
			return 0, io.EOF
		}
	}
	n := copy(p, g.pending)
	g.pending = g.pending[n:]
	return n, nil
}

func (g *generator) next() []byte {
	switch {
	case g.state == 0:
		g.state = 1
		return []byte(`<?xml version="1.0" ?><NessusClientData_v2><Policy><FamilySelection><FamilyItem><FamilyName>General</FamilyName><Status>enabled</Status></FamilyItem></FamilySelection></Policy><Report name="generated">`)
	case g.left > 0:
		return g.nextHost()
	case g.state == 1:
		g.state = 2
		return []byte(`</Report></NessusClientData_v2>`)
	}
	return nil
}

func (g *generator) nextHost() []byte {
	var b bytes.Buffer
	g.host++
	ip := fmt.Sprintf("10.%d.%d.%d", g.host>>16&255, g.host>>8&255, g.host&255)
	fmt.Fprintf(&b, `<ReportHost name="%s"><HostProperties><tag name="HOST_END_TIMESTAMP">1762164000</tag><tag name="HOST_START_TIMESTAMP">1762162200</tag><tag name="host-ip">%s</tag><tag name="host-fqdn">h%d.quellsec.com</tag><tag name="operating-system">Linux Kernel 6.1</tag></HostProperties>`+"\n", ip, ip, g.host)
	const perHost = 100
	for i := range min(perHost, g.left) {
		id := 10_000 + (g.host*37+i)%400
		fmt.Fprintf(&b, `<ReportItem port="%d" svc_name="www" protocol="tcp" severity="%d" pluginID="%d" pluginName="Made-up Product &lt; %d.1 Multiple Vulnerabilities" pluginFamily="Web Servers">
<cve>CVE-2024-%d</cve>
<cve>CVE-2025-%d</cve>
<cvss3_base_score>7.5</cvss3_base_score>
<cvss3_vector>CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H</cvss3_vector>
<description>%s&apos;s text.</description>
<exploit_available>false</exploit_available>
<fname>made_up_%d.nasl</fname>
<plugin_modification_date>2025/05/31</plugin_modification_date>
<plugin_name>Made-up Product</plugin_name>
<plugin_publication_date>2024/08/26</plugin_publication_date>
<plugin_type>remote</plugin_type>
<risk_factor>High</risk_factor>
<script_version>1.59</script_version>
<see_also>https://quellsec.com/advisory/%d</see_also>
<solution>Upgrade to version %d.1 or later.</solution>
<synopsis>The remote web server is affected by multiple vulnerabilities.</synopsis>
<plugin_output>
  URL               : https://%s/
  Installed version : %d.0.%d
  Fixed version     : %d.1
</plugin_output>
</ReportItem>
`, 8000+i, id%5, id, id, id, id, strings.Repeat("According to its banner, the version is prior to the fixed one. ", 8), id, id, id, ip, id, i, id)
	}
	b.WriteString("</ReportHost>\n")
	g.left -= perHost
	return b.Bytes()
}

// counter is a sink that keeps nothing.
type counter struct {
	findings int
	run      exposure.Run
	peak     uint64
}

func (c *counter) Run(run exposure.Run) error         { c.run = run; return nil }
func (c *counter) Cover(exposure.Coverage) error      { return nil }
func (c *counter) Statement(exposure.Statement) error { return nil }
func (c *counter) Skip(string, connectors.Position)   {}
func (c *counter) Observe(exposure.Observation) error {
	c.findings++
	if c.findings%50_000 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.peak = max(c.peak, m.HeapAlloc)
	}
	return nil
}

func TestMemoryDoesNotGrowWithTheReport(t *testing.T) {
	if testing.Short() {
		t.Skip("streams 150 MB")
	}
	const findings = 100_000
	d := decoder(t, defaults())
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	sink := &counter{}
	require.NoError(t, d.Decode(t.Context(), &generator{left: findings}, sink))
	require.Equal(t, findings, sink.findings)
	require.True(t, sink.run.Complete, sink.run.Why)
	require.Less(t, int64(sink.peak)-int64(before.HeapAlloc), int64(16<<20), "live memory half-way and at the end")
}

func TestPluginsAreForgottenBeforeTheyFillTheMemory(t *testing.T) {
	t.Parallel()
	var ps plugins
	it := &reportItem{}
	text := bytes.Repeat([]byte("x"), 100<<10)
	for i := range 500 {
		it.plugin = fmt.Append(it.plugin[:0], i)
		it.leaves, it.arena = it.leaves[:0], it.arena[:0]
		it.add([]byte("description"), text)
		require.Equal(t, "nessus:"+string(it.plugin), ps.of(it).finding.Check)
		require.LessOrEqual(t, ps.size, maxRemembered)
		require.LessOrEqual(t, len(ps.byID), maxRemembered/len(text))
	}
}

func TestAPluginThatSaysSomethingElseIsNotMistakenForItsLastWords(t *testing.T) {
	t.Parallel()
	item := func(severity, text string) string {
		return `<ReportItem port="1" protocol="tcp" severity="` + severity + `" pluginID="7"><synopsis>` + text + `</synopsis></ReportItem>`
	}
	host := func(items string) string { return `<ReportHost name="a">` + items + `</ReportHost>` }
	sink, err := decode(t, strings.NewReader(report("", host(item("1", "a"))+host(item("3", "a"))+host(item("1", "b"))+host(item("1", "a")))))
	require.NoError(t, err)
	got := make([]string, 0, len(sink.Observed))
	for _, obs := range sink.Observed {
		got = append(got, string(obs.Finding.Severity)+" "+obs.Finding.Description)
	}
	require.Equal(t, []string{"low a", "high a", "low b", "low a"}, got)
}

func FuzzDecode(f *testing.F) {
	for _, sample := range Registration().Samples {
		f.Add(read(f, sample.File))
	}
	f.Add([]byte(report(`<Preferences><ServerPreferences><preference><name>plugin_set</name><value>1;2</value></preference></ServerPreferences></Preferences>`, reportHost(scanned))))
	files, err := filepath.Glob(filepath.Join(connectortest.Shared(f, Name), "*"))
	require.NoError(f, err)
	for _, file := range files {
		seed, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(seed[:min(len(seed), 64<<10)]) // more only makes the fuzzer slow
	}
	d := decoder(f, defaults())
	f.Fuzz(func(t *testing.T, body []byte) {
		sink := &record{}
		err := d.Decode(t.Context(), bytes.NewReader(body), sink)
		var syntax *connectors.SyntaxError
		if err != nil {
			require.ErrorAs(t, err, &syntax)
			require.LessOrEqual(t, syntax.Offset, int64(len(body)))
		}
		for _, run := range sink.Runs {
			require.False(t, run.Complete && (err != nil || len(sink.Covered) == 0))
		}
		for _, obs := range sink.Observed {
			connectortest.CheckObservation(t, obs)
			require.LessOrEqual(t, len(obs.Finding.Evidence), exposure.MaxEvidence)
			require.LessOrEqual(t, len(obs.Finding.Vendor), exposure.MaxVendor)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, findings := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(findings), func(b *testing.B) {
			body, err := io.ReadAll(&generator{left: findings})
			require.NoError(b, err)
			d := decoder(b, defaults())
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				sink := &counter{findings: 1 - 1<<40} // without its look at the memory
				if err := d.Decode(b.Context(), bytes.NewReader(body), sink); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(findings)*float64(b.N)/b.Elapsed().Seconds(), "findings/s")
		})
	}
}
