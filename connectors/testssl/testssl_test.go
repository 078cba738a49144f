package testssl_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/testssl"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, testssl.Registration(), nil) }

func TestTablesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range testssl.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, testssl.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, testssl.Registration(), nil)
	}
	connectortest.Counts(t, testssl.Registration(), nil)
}

func decode(t *testing.T, config *testssl.Config, rows ...string) *connectortest.Recorder {
	t.Helper()
	if config == nil {
		config = &testssl.Config{}
	}
	body := "\"id\",\"fqdn/ip\",\"port\",\"severity\",\"finding\",\"cve\",\"cwe\"\n" + strings.Join(rows, "\n") + "\n"
	rec, err := connectortest.Decode(t, testssl.Registration(), config, []byte(body))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func row(id, host, severity, text string) string {
	return `"` + id + `","` + host + `","443","` + severity + `","` + text + `","",""`
}

const one, two = "a.quell-lab.net/192.0.2.1", "b.quell-lab.net/192.0.2.2"

func TestOnlyWhatEveryHostWasTestedForIsCovered(t *testing.T) {
	rec := decode(t, &testssl.Config{Fresh: true}, row("SSLv3", one, "OK", ""), row("BREACH", one, "HIGH", ""), row("heartbleed", one, "WARN", ""), row("ROBOT", one, "OK", ""), row("FREAK", one, "OK", ""), row("FREAK", one, "WARN", "on the second address"), row("scanTime", one, "INFO", "1"),
		row("SSLv3", two, "LOW", ""), row("BREACH", two, "OK", ""), row("heartbleed", two, "OK", ""), row("FREAK", two, "OK", ""), row("scanTime", two, "INFO", "1"))
	require.True(t, rec.Last().Complete, rec.Last().Why)
	require.Equal(t, []string{"testssl:BREACH", "testssl:SSLv3", "testssl:scanTime"}, rec.Last().Checks)
	require.Equal(t, []string{"443/tcp"}, rec.Covered[0].Locations)
}

func TestOnlyAScanThatEndedIsComplete(t *testing.T) {
	fresh := &testssl.Config{Fresh: true}
	for _, tt := range []struct {
		name     string
		config   *testssl.Config
		rows     []string
		complete bool
		outcome  exposure.Outcome
	}{
		{"one that ended", fresh, []string{row("SSLv3", one, "OK", ""), row("scanTime", one, "INFO", "1")}, true, exposure.TargetOK},
		{"of unknown time", nil, []string{row("SSLv3", one, "OK", ""), row("scanTime", one, "INFO", "1")}, false, exposure.TargetOK},
		{"one that was cut off", fresh, []string{row("SSLv3", one, "OK", "")}, false, exposure.TargetPartial},
		{"a host that didn't answer", fresh, []string{row("scanProblem", one, "FATAL", "Can't connect")}, false, exposure.TargetUnreachable},
		{"one of two hosts", fresh, []string{row("SSLv3", one, "OK", ""), row("scanTime", one, "INFO", "1"), row("scanProblem", two, "FATAL", "")}, false, exposure.TargetOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, tt.config, tt.rows...)
			require.Equal(t, tt.complete, rec.Last().Complete, rec.Last().Why)
			require.Equal(t, tt.outcome, rec.Covered[0].Outcome)
			require.Empty(t, rec.Observed)
		})
	}
	require.False(t, decode(t, fresh).Last().Complete, "no rows")
}

func TestSeveritiesSayWhatARowIs(t *testing.T) {
	for severity, findings := range map[string]int{"OK": 0, "INFO": 0, "DEBUG": 0, "WARN": 0, "FATAL": 0, "LOW": 1, "MEDIUM": 1, "HIGH": 1, "CRITICAL": 1, "NEW": 0} {
		rec := decode(t, nil, row("x", one, severity, "t"))
		require.Len(t, rec.Observed, findings, severity)
		require.Equal(t, 1-findings, rec.Skips(), severity)
	}
}

func TestIdentityDoesNotMoveWithTextOrSeverity(t *testing.T) {
	a, b := decode(t, nil, row("cert_expirationStatus", one, "MEDIUM", "31 days")), decode(t, nil, row("cert_expirationStatus", one, "HIGH", "12 days"))
	require.Equal(t, a.Observed[0].Finding.UID, b.Observed[0].Finding.UID)
	require.Equal(t, "443/tcp", a.Observed[0].Finding.Location)
}

func TestAFailedTargetIsNoCleanOne(t *testing.T) {
	body, err := os.ReadFile(connectortest.Shared(t, "testssl/failed_target.csv"))
	if os.IsNotExist(err) {
		t.Skip("no samples")
	}
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, testssl.Registration(), &testssl.Config{Fresh: true}, body)
	require.NoError(t, err)
	require.False(t, rec.Last().Complete)
	require.Equal(t, exposure.TargetUnreachable, rec.Covered[0].Outcome)
}

func TestWhatIsNoTableOfTestsslsIsRefused(t *testing.T) {
	for _, body := range []string{"a,b\n1,2\n", `{"id":1}`, ``} {
		_, err := connectortest.Decode(t, testssl.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, testssl.Registration(), "testssl") }
