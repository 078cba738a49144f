package openscap_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/openscap"
	"github.com/quellsec/quell/internal/exposure"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, openscap.Registration(), nil) }

func TestResultsBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range openscap.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, openscap.Registration(), nil, sample.File, *update)
		})
	}
}

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, openscap.Registration(), nil)
	}
	connectortest.Counts(t, openscap.Registration(), nil)
}

func decode(t *testing.T, results ...string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, openscap.Registration(), nil, []byte(`<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2">`+strings.Join(results, "")+`</Benchmark>`))
	require.NoError(t, err)
	for _, obs := range rec.Observed {
		connectortest.CheckObservation(t, obs)
	}
	return rec
}

func result(host, rules string) string {
	return `<TestResult id="t" end-time="2026-11-20T12:00:00Z"><target>` + host + `</target>` + rules + `</TestResult>`
}

func rule(id, word string) string {
	return `<rule-result idref="` + id + `" severity="low"><result>` + word + `</result></rule-result>`
}

func TestOnlyAJudgementIsOne(t *testing.T) {
	for word, want := range map[string]struct {
		status  exposure.Status
		covered bool
	}{
		"fail": {exposure.StatusOpen, true}, "fixed": {exposure.StatusFixed, true}, "pass": {"", true}, "error": {"", false}, "unknown": {"", false},
		"notapplicable": {"", false}, "notchecked": {"", false}, "notselected": {"", false}, "informational": {"", false}, "a-new-word": {"", false},
	} {
		rec := decode(t, result("h.quell-lab.net", rule("r", word)+rule("other", "pass")))
		checks := []string{"openscap:other"}
		if want.covered {
			checks = append(checks, "openscap:r")
		}
		require.Equal(t, checks, rec.Last().Checks, word)
		require.True(t, rec.Last().Complete, word)
		if want.status == "" {
			require.Empty(t, rec.Observed, word)
			continue
		}
		require.Equal(t, want.status, rec.Observed[0].Finding.Status, word)
		require.Equal(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), rec.Observed[0].Finding.LastSeen)
	}
}

func TestWhatAPersonOverridesIsNoCheck(t *testing.T) {
	override := func(before, after string) string {
		return result("h", `<rule-result idref="r"><result>`+after+`</result><override authority="A"><old-result>`+before+`</old-result><new-result>`+after+`</new-result><remark>why</remark></override></rule-result>`)
	}
	rec := decode(t, override("fail", "pass"))
	require.Equal(t, exposure.StatusSuppressed, rec.Observed[0].Finding.Status)
	require.Equal(t, "overridden by A: why", rec.Observed[0].Finding.StatusNote)
	require.Equal(t, exposure.StatusSuppressed, decode(t, override("fail", "notapplicable")).Observed[0].Finding.Status)
	require.Equal(t, exposure.StatusOpen, decode(t, override("pass", "fail")).Observed[0].Finding.Status)
}

func TestOnlyRulesThatWereJudgedEverywhereAreCovered(t *testing.T) {
	rec := decode(t, result("a.quell-lab.net", rule("both", "pass")+rule("one", "pass")+rule("doubt", "pass")), result("b.quell-lab.net", rule("both", "fail")+rule("doubt", "error")))
	require.Equal(t, []string{"openscap:both"}, rec.Last().Checks)
	require.Len(t, rec.Covered, 2)
}

func TestAResultProvesItself(t *testing.T) {
	good := result("h", rule("r", "pass"))
	for name, body := range map[string]string{
		"no end":             strings.Replace(good, "end-time", "x", 1),
		"nothing was judged": result("h", rule("r", "notapplicable")),
		"no test result":     `<Rule id="r"/>`,
		"a nameless rule":    result("h", rule("r", "pass")+`<rule-result><result>fail</result></rule-result>`),
	} {
		run := decode(t, body).Last()
		require.False(t, run.Complete, name)
		require.NotEmpty(t, run.Why, name)
	}
	require.True(t, decode(t, good).Last().Complete)
}

func TestARuleWithCVEsIsAVulnerability(t *testing.T) {
	f := decode(t, `<Rule id="r" severity="high"><title>t</title><ident>CVE-2024-1000</ident></Rule>`, result("h", rule("r", "fail"))).Observed[0].Finding
	require.Equal(t, exposure.ClassVulnerability, f.Class)
	require.Equal(t, "CVE-2024-1000", exposure.WeaknessOf(*f))
	require.Equal(t, exposure.SeverityLow, f.Severity, "the result's own comes first")
}

func TestWhatIsNoXCCDFIsRefused(t *testing.T) {
	for _, body := range []string{`<a/>`, `<NessusClientData_v2/>`, `{}`, ``} {
		_, err := connectortest.Decode(t, openscap.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, openscap.Registration(), "openscap") }
