package nmap

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files")

// record is a sink that keeps everything and answers Observe with an error.
type record struct {
	connectortest.Recorder
	full error
}

func (s *record) Observe(obs exposure.Observation) error {
	return errors.Join(s.Recorder.Observe(obs), s.full)
}

func zoned() *Config {
	config := defaults()
	config.Zone = "dc1"
	return config
}

func decoder(tb testing.TB, config *Config) connectors.Decoder {
	tb.Helper()
	require.Empty(tb, config.Validate())
	return connectortest.Open(tb, Registration(), config)
}

func decode(tb testing.TB, body io.Reader) (*record, error) {
	tb.Helper()
	sink := &record{}
	return sink, decoder(tb, zoned()).Decode(tb.Context(), body, sink)
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(tb, err)
	return body
}

func TestReportsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	for _, sample := range Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			t.Parallel()
			connectortest.Golden(t, Registration(), zoned(), sample.File, *update)
			sink, err := decode(t, bytes.NewReader(read(t, sample.File)))
			require.NoError(t, err)
			require.Len(t, sink.Observed, sample.Findings)
			require.Len(t, sink.Runs, 1)
			require.Equal(t, sample.Complete, sink.Runs[0].Complete)
		})
	}
}

func TestRealReportsGiveTheirNaturalCounts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file                            string
		hosts, up, ports, open, scripts int
		complete                        bool
	}{
		{"no-host.xml", 0, 0, 0, 0, 0, false},
		{"no-ports.xml", 1, 1, 0, 0, 0, true},
		{"local-network-verbose.xml", 251, 5, 21, 21, 0, false},
		{"issue12411.xml", 2, 2, 7, 4, 0, true},
		{"issue4406.xml", 1, 1, 25, 25, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(connectortest.Shared(t, "nmap"), tt.file)
			body, err := os.ReadFile(path)
			if err != nil {
				t.Skip("no sample at " + path)
			}
			sink, err := decode(t, bytes.NewReader(body))
			require.NoError(t, err)
			run := sink.Runs[0]
			require.Equal(t, tt.complete, run.Complete, run.Why)
			require.Len(t, sink.Covered, tt.hosts)
			require.Equal(t, map[string]int{"hosts": tt.hosts, "up": tt.up, "ports": tt.ports}, run.Counts)
			services := 0
			for _, cov := range sink.Covered {
				services += len(cov.Asset.Services)
			}
			require.Equal(t, tt.open, services)
			require.Len(t, sink.Observed, tt.open+tt.scripts)
			require.Equal(t, tt.ports-tt.open, sink.Skipped["port not open"])
		})
	}
}

// report wraps hosts into a finished scan of ports 1 to 100.
func report(args, hosts string) string {
	return `<nmaprun scanner="nmap" args="` + args + `" start="1762160000"><scaninfo protocol="tcp" services="1-100"/>` + hosts +
		`<runstats><finished time="1762160100" exit="success"/><hosts up="1"/></runstats></nmaprun>`
}

func reportHost(status, ports string) string {
	return `<host endtime="1762160050"><status ` + status + `/><address addr="10.0.0.1" addrtype="ipv4"/><ports>` + ports + `</ports></host>`
}

const up = `state="up" reason="syn-ack"`

func reportPort(id, state, scripts string) string {
	return `<port protocol="tcp" portid="` + id + `"><state state="` + state + `" reason="r"/>` + scripts + `</port>`
}

func TestCoverageNamesThePortsThatAnswered(t *testing.T) {
	t.Parallel()
	const closed = `<extraports state="closed" count="98"><extrareasons reason="resets" count="98"/></extraports>`
	two := reportPort("22", "open", "") + reportPort("80", "filtered", "")
	tests := []struct {
		name, status, ports string
		outcome             exposure.Outcome
		locations           []string
	}{
		{"the rest closed, counted", up, closed + two, exposure.TargetOK, []string{"1-79/tcp", "81-100/tcp"}},
		{"the rest closed, listed", up, `<extraports state="closed" count="3"><extrareasons proto="tcp" ports="1-2,5"/></extraports>` + two, exposure.TargetOK, []string{"1-2/tcp", "5/tcp", "22/tcp"}},
		{"the rest filtered", up, `<extraports state="filtered" count="98"/>` + two, exposure.TargetOK, []string{"22/tcp"}},
		{"two groups that are only counted", up, `<extraports state="closed" count="90"/><extraports state="filtered" count="8"/>` + two, exposure.TargetOK, []string{"22/tcp"}},
		{"one group listed, the other counted", up, `<extraports state="filtered" count="8"><extrareasons proto="tcp" ports="1-8"/></extraports><extraports state="closed" count="90"/>` + two, exposure.TargetOK, []string{"9-79/tcp", "81-100/tcp"}},
		{"a count that doesn't fit", up, `<extraports state="closed" count="50"/>` + two, exposure.TargetOK, []string{"22/tcp"}},
		{"closed one by one", up, reportPort("22", "closed", "") + reportPort("23", "open|filtered", "") + reportPort("24", "unfiltered", ""), exposure.TargetOK, []string{"22/tcp"}},
		{"nothing answered", up, `<extraports state="filtered" count="100"/>`, exposure.TargetPartial, nil},
		{"nothing answered on a host taken for up", `state="up" reason="user-set"`, `<extraports state="filtered" count="100"/>`, exposure.TargetUnreachable, nil},
		{"down", `state="down" reason="no-response"`, "", exposure.TargetUnreachable, nil},
		{"a list scan", `state="unknown" reason="user-set"`, "", exposure.TargetPartial, nil},
		{"a script that failed at its port", up, reportPort("22", "open", `<script id="vulners" output="ERROR: Script execution failed"/>`) + reportPort("23", "closed", ""), exposure.TargetOK, []string{"23/tcp"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink, err := decode(t, strings.NewReader(report("nmap", reportHost(tt.status, tt.ports))))
			require.NoError(t, err)
			require.Len(t, sink.Covered, 1)
			require.Equal(t, tt.outcome, sink.Covered[0].Outcome)
			require.Equal(t, tt.locations, sink.Covered[0].Locations)
		})
	}
}

func TestAPortProvesItsAbsenceOnlyWhereItAnswered(t *testing.T) {
	t.Parallel()
	sink, err := decode(t, bytes.NewReader(read(t, "office.xml")))
	require.NoError(t, err)
	run, cov := sink.Runs[0], sink.Covered[1]
	require.True(t, run.Covers(cov, "nmap:open-port", "23/tcp"), "closed")
	require.False(t, run.Covers(cov, "nmap:open-port", "8080/tcp"), "filtered")
	require.False(t, run.Covers(cov, "nmap:open-port", "9999/tcp"), "not scanned")
	require.True(t, run.Covers(cov, "nmap:vulners", "23/tcp"))
	require.True(t, run.Covers(cov, "nmap:smb-vuln-ms08-067", ""), "host scripts look at the host")
	require.False(t, run.Covers(cov, "nmap:http-vuln-cve2017-5638", "23/tcp"), "not among the scripts")
	require.False(t, run.Covers(sink.Covered[0], "nmap:open-port", "23/tcp"), "down")
	require.False(t, run.Covers(sink.Covered[3], "nmap:open-port", "23/tcp"), "all filtered")
}

func TestScriptsAreKnownByNameOnly(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"nmap -sV --script=nmap-vulners/vulners.nse x": "nmap:vulners",
		"nmap --script=vulners x":                      "",
		"nmap -sSV --script +vulners x":                "nmap:vulners",
		"nmap --script vuln,default,http-vuln-* x":     "nmap:http-vuln-*",
		"nmap --script 'default and not http-*' x":     "",
		"nmap --script all x":                          "nmap:*",
		"nmap --script=*-vuln x":                       "",
		"nmap -A x":                                    "",
		"":                                             "",
	} {
		require.Equal(t, want, strings.Join(scripts(args), " "), args)
	}
}

func TestARunIsCompleteOnlyWhenItSaysSoAndLosesNoHost(t *testing.T) {
	t.Parallel()
	whole := report("nmap", reportHost(up, reportPort("22", "open", "")))
	tests := []struct{ name, body, why string }{
		{"finished", whole, ""},
		{"finished with an error", strings.Replace(whole, `exit="success"`, `exit="error" errormsg="no route"`, 1), "no route"},
		{"never finished", strings.Replace(whole, `<finished time="1762160100" exit="success"/>`, "", 1), "doesn't say"},
		{"hosts missing", strings.Replace(whole, `up="1"`, `up="3"`, 1), "3 hosts were up, 1 are in"},
		{"hosts without open ports left out on purpose", strings.Replace(strings.Replace(whole, `up="1"`, `up="3"`, 1), `args="nmap"`, `args="nmap --open"`, 1), ""},
		{"nothing up", report("nmap", reportHost(`state="down"`, "")), "no host was up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink, err := decode(t, strings.NewReader(tt.body))
			require.NoError(t, err)
			require.Equal(t, tt.why == "", sink.Runs[0].Complete)
			require.Contains(t, sink.Runs[0].Why, tt.why)
		})
	}
}

func TestAHostScanProvesNothingAboutPorts(t *testing.T) {
	t.Parallel()
	body := strings.Replace(report("nmap -sn", reportHost(up, "")), `<scaninfo protocol="tcp" services="1-100"/>`, "", 1)
	sink, err := decode(t, strings.NewReader(body))
	require.NoError(t, err)
	require.Empty(t, sink.Runs[0].Checks)
	require.False(t, sink.Runs[0].Covers(sink.Covered[0], "nmap:open-port", "22/tcp"))
}

func TestOpenPortsCanBeServicesOnly(t *testing.T) {
	t.Parallel()
	sink := &record{}
	d := decoder(t, &Config{OpenPorts: openServices})
	require.NoError(t, d.Decode(t.Context(), bytes.NewReader(read(t, "office.xml")), sink))
	require.Len(t, sink.Observed, 3, "the scripts'")
	require.Len(t, sink.Covered[1].Asset.Services, 3)
}

func TestNamesFromReverseDNSAreWeak(t *testing.T) {
	t.Parallel()
	sink, err := decode(t, bytes.NewReader(read(t, "office.xml")))
	require.NoError(t, err)
	require.Equal(t, []asset.Identifier{
		{Kind: asset.FQDN, Value: "gate.office.quellsec.com"},
		{Kind: asset.MAC, Scope: "dc1", Value: "02:00:5e:30:00:01"},
		{Kind: asset.IP, Scope: "dc1", Value: "10.30.0.1"},
		{Kind: asset.Hostname, Scope: "dc1", Value: "old-name.quellsec.com"},
	}, sink.Covered[1].Asset.Identifiers)
}

func TestABrokenReportEmitsWhatCameBeforeAndIsIncomplete(t *testing.T) {
	t.Parallel()
	body := read(t, "office.xml")
	whole, err := decode(t, bytes.NewReader(body))
	require.NoError(t, err)
	seen := 0
	for size := 0; size < len(body)-1; size = min(size+100, max(size+1, len(body)-2)) {
		sink, err := decode(t, bytes.NewReader(body[:size]))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, "cut at %d", size)
		require.LessOrEqual(t, syntax.Offset, int64(size))
		require.Len(t, sink.Runs, 1)
		require.False(t, sink.Runs[0].Complete)
		require.GreaterOrEqual(t, len(sink.Observed), seen, "more of the report gives no fewer findings")
		seen = len(sink.Observed)
		for i, obs := range sink.Observed {
			require.Equal(t, whole.Observed[i].Finding.UID, obs.Finding.UID)
		}
	}
	require.Len(t, whole.Observed, seen)
}

func TestHostileReportsAreRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, says string }{
		{"nothing", "", "no element"},
		{"HTML", "<html/>", "root element is <html>"},
		{"billion laughs", `<!DOCTYPE nmaprun [<!ENTITY a "aaaaaaaaaa">]><nmaprun>&a;</nmaprun>`, "declares entities"},
		{"deep nesting", report("", reportHost(up, reportPort("1", "open", `<script id="x" output="">`+strings.Repeat("<table>", 1000)))), "nest deeper"},
		{"JSON", `{"a":1}`, "text outside"},
		{"a port that is none", report("", reportHost(up, reportPort("99999", "open", "")+reportPort("-1", "open", "")+reportPort("7", "open", ""))), ""},
		{"port lists that are none", strings.Replace(report("", reportHost(up, reportPort("7", "open", ""))), "1-100", "9-1,-,70000,1-99999999,,x", 1), ""},
		{"a banner of a million characters", report("", reportHost(up, reportPort("7", "open", `<service name="`+strings.Repeat("A", 1_000_000)+`"/>`))), ""},
		{"a script output of a million characters", report("", reportHost(up, reportPort("7", "open", `<script id="banner" output="`+strings.Repeat("CVE-2024-1000 ", 70_000)+`"/>`))), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink, err := decode(t, strings.NewReader(tt.body))
			if tt.says == "" {
				require.NoError(t, err)
				require.Len(t, sink.Observed, 1)
				return
			}
			var syntax *connectors.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.ErrorContains(t, err, tt.says)
			if len(sink.Runs) > 0 {
				require.False(t, sink.Runs[0].Complete)
			}
		})
	}
}

func TestDecodeStopsAtTheFirstErrorOfItsSinkAndWithItsContext(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	sink := &record{full: full}
	d := decoder(t, defaults())
	require.ErrorIs(t, d.Decode(t.Context(), bytes.NewReader(read(t, "office.xml")), sink), full)
	require.Len(t, sink.Observed, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Decode(ctx, bytes.NewReader(read(t, "office.xml")), &record{}), context.Canceled)
}

func TestRecognizeKnowsItsFormat(t *testing.T) {
	t.Parallel()
	require.Equal(t, 100, recognize(read(t, "office.xml"), ""))
	require.Zero(t, recognize([]byte("<NessusClientData_v2>"), "scan.xml"))
}

func TestConfigReportsEveryProblem(t *testing.T) {
	t.Parallel()
	require.Len(t, (&Config{OpenPorts: "some"}).Validate(), 1)
	require.Empty(t, defaults().Validate())
}
