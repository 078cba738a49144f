package nessus

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
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
		hosts, items, repeats, checks   int
		authenticated, ok, operatingSys int
	}{
		{file: "nessus_many_vuln.xml", hosts: 1, items: 7, checks: 1, ok: 1, operatingSys: 1},
		{file: "nessus_with_cvssv3.nessus", hosts: 1, items: 49, repeats: 1, checks: 1, ok: 1, operatingSys: 1},
		{file: "sample.nessus", hosts: 3, items: 149, repeats: 2, checks: 1, authenticated: 1, ok: 1, operatingSys: 3},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(connectortest.Shared(t, "nessus"), tt.file)
			body, err := os.ReadFile(path)
			if err != nil {
				t.Skip("no sample at " + path)
			}
			sink, err := decode(t, bytes.NewReader(body))
			require.NoError(t, err)
			require.Len(t, sink.Covered, tt.hosts)
			require.Len(t, sink.Observed, tt.items)
			require.Empty(t, sink.Skipped)
			run := sink.Runs[0]
			require.True(t, run.Complete, run.Why)
			require.Equal(t, tt.hosts, run.Targets)
			require.Len(t, run.Checks, tt.checks)
			require.False(t, run.Started.IsZero())
			require.True(t, run.Finished.After(run.Started))
			authenticated, ok, operatingSys := 0, 0, 0
			for _, cov := range sink.Covered {
				if cov.Authenticated {
					authenticated++
				}
				if cov.Outcome == exposure.TargetOK {
					ok++
				}
				if cov.Asset.OS != "" {
					operatingSys++
				}
				require.NotEmpty(t, cov.Asset.Identifiers)
				require.NotEmpty(t, cov.Asset.Services)
			}
			require.Equal(t, []int{tt.authenticated, tt.ok, tt.operatingSys}, []int{authenticated, ok, operatingSys})
			uids := map[string]string{}
			for _, obs := range sink.Observed {
				uid := obs.Asset.Name + obs.Finding.UID
				if evidence, again := uids[uid]; again {
					require.Equal(t, evidence, obs.Finding.Evidence, "repeats are one finding")
				}
				uids[uid] = obs.Finding.Evidence
				require.Regexp(t, `^nessus:\d+$`, obs.Finding.Check)
				require.NotEqual(t, exposure.SeverityUnknown, obs.Finding.Severity)
				require.False(t, obs.Finding.LastSeen.IsZero())
			}
			require.Len(t, uids, tt.items-tt.repeats)
		})
	}
}

// report wraps hosts into a document.
func report(policy, hosts string) string {
	return `<NessusClientData_v2><Policy>` + policy + `</Policy><Report name="r">` + hosts + `</Report></NessusClientData_v2>`
}

const scanned = `<ReportItem port="0" protocol="tcp" severity="0" pluginID="19506"><plugin_output>Credentialed checks : no</plugin_output></ReportItem>`

func reportHost(items string) string {
	return `<ReportHost name="h1.quellsec.com"><HostProperties><tag name="HOST_END_TIMESTAMP">1762164000</tag></HostProperties>` + items + `</ReportHost>`
}

func TestCoverageSaysHowTheScanOfAHostWent(t *testing.T) {
	t.Parallel()
	item := func(plugin, output string) string {
		return `<ReportItem port="0" protocol="tcp" severity="0" pluginID="` + plugin + `"><plugin_output>` + output + `</plugin_output></ReportItem>`
	}
	tests := []struct {
		name, hosts string
		outcome     exposure.Outcome
		auth        bool
	}{
		{"scanned to its end", reportHost(scanned), exposure.TargetOK, false},
		{"scanned with credentials", reportHost(item("19506", "\nCredentialed checks : yes, as 'x' via ssh\n")), exposure.TargetOK, true},
		{"without scan information, as filtered exports are", reportHost(item("10287", "x")), exposure.TargetPartial, false},
		{"without its end", strings.Replace(reportHost(scanned), "HOST_END_TIMESTAMP", "X", 1), exposure.TargetPartial, false},
		{"with credentials that failed", reportHost(scanned + item("104410", "x")), exposure.TargetPartial, false},
		{"considered dead", reportHost(item("10180", "The remote host (h1) is considered as dead - not scanning")), exposure.TargetUnreachable, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink, err := decode(t, strings.NewReader(report("", tt.hosts)))
			require.NoError(t, err)
			require.Len(t, sink.Covered, 1)
			require.Equal(t, tt.outcome, sink.Covered[0].Outcome)
			require.Equal(t, tt.auth, sink.Covered[0].Authenticated)
		})
	}
}

func TestChecksComeFromThePolicyOrAreUnknown(t *testing.T) {
	t.Parallel()
	set := func(value string) string {
		return `<Preferences><ServerPreferences><preference><name>plugin_set</name><value>` + value + `</value></preference></ServerPreferences></Preferences>`
	}
	family := func(name, status string) string {
		return `<FamilySelection><FamilyItem><FamilyName>` + name + `</FamilyName><Status>` + status + `</Status></FamilyItem></FamilySelection>`
	}
	var long strings.Builder
	for i := range maxSet + 1 {
		fmt.Fprintf(&long, "%d;", 10_000+i)
	}
	all := []string{"nessus:*"}
	tests := []struct {
		name, policy, plugins string
		want                  []string
	}{
		{"no policy", "", pluginsReport, nil},
		{"no policy, but the operator vouches", "", pluginsAll, all},
		{"a short set", set(" 19506;10180;\n7 "), pluginsReport, []string{"nessus:19506", "nessus:10180", "nessus:7"}},
		{"a short set with all families on", set("7") + family("General", "enabled"), pluginsReport, []string{"nessus:7"}},
		{"a long set with all families on", set(long.String()) + family("General", "enabled"), pluginsReport, all},
		{"a long set with a family off", set(long.String()) + family("General", "disabled"), pluginsReport, nil},
		{"a long set with a family on in part", set(long.String()) + family("General", "mixed"), pluginsReport, nil},
		{"a long set without families", set(long.String()), pluginsReport, nil},
		{"what default policies leave off", set(long.String()) + family("Tenable.ot", "disabled") + family("Policy Compliance", "disabled"), pluginsReport, all},
		{"all families on", family("Port scanners", "mixed") + family("General", "enabled"), pluginsReport, all},
		{"nonsense", set("99999999999999999999;-;x"), pluginsReport, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := defaults()
			config.Plugins = tt.plugins
			sink := &record{}
			require.NoError(t, decoder(t, config).Decode(t.Context(), strings.NewReader(report(tt.policy, reportHost(scanned))), sink))
			require.Equal(t, tt.want, sink.Runs[0].Checks)
		})
	}
}

func TestWhatAllPluginsLeavesOutHasASchemeOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, item := range []string{
		`<ReportItem port="0" protocol="tcp" pluginID="500001" pluginFamily="Tenable.ot"/>`,
		`<ReportItem port="0" protocol="tcp" pluginID="21157" pluginFamily="Policy Compliance"><cm:compliance-check-name>1.1</cm:compliance-check-name></ReportItem>`,
	} {
		sink, err := decode(t, strings.NewReader(report(`<FamilySelection><FamilyItem><Status>enabled</Status></FamilyItem></FamilySelection>`, reportHost(scanned+item))))
		require.NoError(t, err)
		run, cov := sink.Runs[0], sink.Covered[0]
		require.True(t, run.Covers(cov, "nessus:19506", ""))
		require.False(t, run.Covers(cov, sink.Observed[1].Finding.Check, ""))
	}
}

func TestTimesWithoutAZoneAreInTheSourcesZone(t *testing.T) {
	t.Parallel()
	config := defaults()
	config.TimeZone = "Europe/Berlin"
	sink := &record{}
	host := `<ReportHost name="h"><HostProperties><tag name="HOST_START">Wed Jul  2 09:05:00 2025</tag><tag name="HOST_END">Wed Jul 2 10:05:00 2025</tag></HostProperties></ReportHost>`
	require.NoError(t, decoder(t, config).Decode(t.Context(), strings.NewReader(report("", host)), sink))
	require.Equal(t, time.Date(2025, 7, 2, 7, 5, 0, 0, time.UTC), sink.Runs[0].Started)
	require.Equal(t, time.Date(2025, 7, 2, 8, 5, 0, 0, time.UTC), sink.Covered[0].CheckedAt)
}

func TestOneReportHasOneRunID(t *testing.T) {
	t.Parallel()
	id := func(body string) string {
		sink, err := decode(t, strings.NewReader(body))
		require.NoError(t, err)
		return sink.Runs[0].ID
	}
	body := report("", reportHost(scanned))
	require.Equal(t, id(body), id("<!-- exported again -->"+body))
	require.NotEqual(t, id(body), id(strings.Replace(body, "1762164000", "1762250400", 1)), "the next scan is another run")
}

func TestAHostThatNothingIdentifiesIsKnownByItsLabel(t *testing.T) {
	t.Parallel()
	sink, err := decode(t, strings.NewReader(report("", strings.Replace(reportHost(scanned), "h1.quellsec.com", "[REDACTED]", 1))))
	require.NoError(t, err)
	require.Equal(t, []asset.Identifier{{Kind: asset.Label, Scope: "test-source", Value: "[REDACTED]"}}, sink.Covered[0].Asset.Identifiers)
}

func TestAnInstanceIsKnownAsItsCloudNamesIt(t *testing.T) {
	host := strings.Replace(reportHost(""), "<HostProperties>", `<HostProperties><tag name="aws-instance-instance-id">i-0123456789abcdef0</tag><tag name="aws-instance-accountId">111122223333</tag><tag name="aws-instance-region">cn-north-1</tag>`, 1)
	sink, err := decode(t, strings.NewReader(report("", host)))
	require.NoError(t, err)
	want := cloud.Describe(cloud.Resource{ID: "arn:aws-cn:ec2:cn-north-1:111122223333:instance/i-0123456789abcdef0"}).Identifiers
	require.Len(t, want, 2)
	require.Subset(t, sink.Covered[0].Asset.Identifiers, want)
}

func TestManyFindingsOnOneHostAreNotHeldBack(t *testing.T) {
	t.Parallel()
	var items strings.Builder
	for i := range 2*maxPending + 1 {
		fmt.Fprintf(&items, `<ReportItem port="%d" svc_name="www" protocol="tcp" severity="1" pluginID="7" pluginName="x"/>`, i+1)
	}
	sink, err := decode(t, strings.NewReader(report("", reportHost(items.String()))))
	require.NoError(t, err)
	require.Len(t, sink.Observed, 2*maxPending+1)
	require.Len(t, sink.Observed[0].Asset.Services, maxPending+1, "what was emitted isn't changed by what comes later")
	require.Len(t, sink.Covered[0].Asset.Services, 2*maxPending+1)
}

func TestABrokenReportEmitsWhatCameBeforeAndIsIncomplete(t *testing.T) {
	t.Parallel()
	body := read(t, "two-hosts.nessus")
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
		{"HTML", "<html><body>log in</body></html>", "root element is <html>"},
		{"version 1", "<NessusClientData/>", "root element is <NessusClientData>"},
		{"billion laughs", `<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><NessusClientData_v2>&b;</NessusClientData_v2>`, "declares entities"},
		{"deep nesting", "<NessusClientData_v2>" + strings.Repeat("<a>", 1000), "nest deeper"},
		{"JSON", `{"a":1}`, "text outside"},
		{"a second document", report("", reportHost(scanned)) + report("", ""), "second root"},
		{"a title of a million characters", report("", reportHost(`<ReportItem pluginID="1" port="0" pluginName="`+strings.Repeat("A", 1_000_000)+`"/>`)), ""},
		{"a port that is none", report("", reportHost(`<ReportItem pluginID="1" port="-99999999999" protocol="tcp"/>`)), ""},
		{"a time that is none", strings.Replace(report("", reportHost(scanned)), "1762164000", "99999999999999999", 1), ""},
		{"control characters", report("", reportHost("<ReportItem pluginID=\"1\" port=\"0\" pluginName=\"\x1b[31m=cmd()\x00\"/>")), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink, err := decode(t, strings.NewReader(tt.body))
			if tt.says == "" {
				require.NoError(t, err)
				require.Len(t, sink.Observed, 1)
				require.NotContains(t, sink.Observed[0].Finding.Title, "\x00")
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
	require.ErrorIs(t, d.Decode(t.Context(), bytes.NewReader(read(t, "two-hosts.nessus")), sink), full)
	require.Len(t, sink.Observed, 1)
	require.Empty(t, sink.Covered)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Decode(ctx, bytes.NewReader(read(t, "two-hosts.nessus")), &record{}), context.Canceled)
}

func TestRecognizeKnowsItsFormat(t *testing.T) {
	t.Parallel()
	require.Equal(t, 100, recognize(read(t, "no-hosts.nessus"), ""))
	require.Equal(t, 60, recognize([]byte("<!-- long licence"), "Scan.NESSUS"))
	require.Zero(t, recognize([]byte("<nmaprun>"), "scan.xml"))
	require.Zero(t, recognize(nil, ""))
}

func TestConfigReportsEveryProblem(t *testing.T) {
	t.Parallel()
	require.Len(t, (&Config{TimeZone: "Mars/Base", Plugins: "some"}).Validate(), 2)
	require.Empty(t, defaults().Validate())
}
