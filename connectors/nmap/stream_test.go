package nmap

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

// generator streams a report of any size: hosts with ten open ports each.
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
		return []byte(`<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE nmaprun><nmaprun scanner="nmap" args="nmap -sV" start="1762160000" version="7.95"><scaninfo type="syn" protocol="tcp" numservices="1000" services="1-1000"/>`)
	case g.left > 0:
		return g.nextHost()
	case g.state == 1:
		g.state = 2
		return fmt.Appendf(nil, `<runstats><finished time="1762170000" exit="success"/><hosts up="%d" down="0" total="%d"/></runstats></nmaprun>`, g.host, g.host)
	}
	return nil
}

func (g *generator) nextHost() []byte {
	var b bytes.Buffer
	g.host++
	fmt.Fprintf(&b, `<host starttime="1762160001" endtime="1762160050"><status state="up" reason="syn-ack" reason_ttl="0"/>
<address addr="10.%d.%d.%d" addrtype="ipv4"/>
<hostnames>
<hostname name="h%d.quellsec.com" type="PTR"/>
</hostnames>
<ports><extraports state="closed" count="990">
<extrareasons reason="resets" count="990" proto="tcp" ports="1-20,31-1000"/>
</extraports>
`, g.host>>16&255, g.host>>8&255, g.host&255, g.host)
	const perHost = 10
	for i := range min(perHost, g.left) {
		fmt.Fprintf(&b, `<port protocol="tcp" portid="%d"><state state="open" reason="syn-ack" reason_ttl="64"/><service name="http" product="nginx" version="1.%d" extrainfo="Ubuntu" method="probed" conf="10"><cpe>cpe:/a:igor_sysoev:nginx:1.%d</cpe></service></port>
`, 21+i, i, i)
	}
	b.WriteString("</ports>\n<times srtt=\"3\" rttvar=\"0\" to=\"100000\"/>\n</host>\n")
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
		t.Skip("streams 40 MB")
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

func FuzzDecode(f *testing.F) {
	for _, sample := range Registration().Samples {
		f.Add(read(f, sample.File))
	}
	f.Add([]byte(report("nmap -sV --script vulners,x-*", reportHost(up, reportPort("22", "open", `<script id="vulners" output="CVE-2024-1"><elem key="cvss">1e9</elem></script>`)))))
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
