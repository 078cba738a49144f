package priority_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
)

const (
	network31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
	local31   = "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:N"
)

func vector(v string) []exposure.CVSS {
	return []exposure.CVSS{{Version: "3.1", Vector: v, Score: 9.8, By: "nvd"}}
}

func TestFacts(t *testing.T) {
	intel := priority.NewIntel(readKEV(t, catalogue), at, readEPSS(t, scores), priority.NewAssessed([]priority.Points{
		{CVE: cve(t, "CVE-2020-0001"), Exploitation: priority.None, Automatable: priority.No, TechnicalImpact: priority.Partial},
		{CVE: cve(t, "CVE-2020-0002"), Exploitation: priority.Active, Automatable: priority.Yes, TechnicalImpact: priority.Total},
	}))
	from := func(v priority.Value, from string) priority.Fact { return priority.Fact{Value: v, From: from} }
	for _, tt := range []struct {
		name   string
		e      exposure.Exposure
		a      asset.Asset
		scopes []scope.Scope
		want   func(*priority.Inputs)
	}{
		{"a check without a CVE counts as having a proof of concept", exposure.Exposure{Weakness: "nuclei:git-config"}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.CVE, in.KEV, in.Exploitation = false, from(priority.No, "no CVE, and KEV lists nothing else"), from(priority.PoC, "the check itself matched")
		}},
		{"a CVE that KEV doesn't list", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}}, asset.Asset{}, nil, func(*priority.Inputs) {}},
		{"the first of several CVEs in KEV", exposure.Exposure{CVEs: []string{"CVE-2024-1709", "CVE-2024-0001", "CVE-2021-44228"}}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.KEV, in.KEVAdded, in.EPSS = from(priority.Yes, "in KEV since 2021-12-10"), time.Date(2021, 12, 10, 0, 0, 0, 0, time.UTC), 0.94444
		}},
		{"ransomware is worth a word", exposure.Exposure{CVEs: []string{"CVE-2024-1709"}}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.KEV, in.KEVAdded, in.EPSS = from(priority.Yes, "in KEV since 2024-02-22, used for ransomware"), time.Date(2024, 2, 22, 0, 0, 0, 0, time.UTC), 0.94444
		}},
		{"a source's word on exploitation and EPSS", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}, Findings: []exposure.Finding{
			{Source: "a", Exploit: "poc", EPSS: 0.3}, {Source: "b", Exploit: "active", EPSS: 7}, {Connector: "c", Exploit: "poc"},
		}}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.Exploitation, in.EPSS = from(priority.Active, "b says that it is exploited"), 0.3
		}},
		{"a probe that confirmed it is a proof of concept", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}, Verdict: &exposure.Verdict{Outcome: exposure.Confirmed, Method: exposure.MethodTemplate}}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.Exploitation = from(priority.PoC, "a probe confirmed it")
		}},
		{"a covering run that saw it again is not", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}, Verdict: &exposure.Verdict{Outcome: exposure.Confirmed, Method: exposure.MethodCoveringRun}}, asset.Asset{}, nil, func(*priority.Inputs) {}},
		{"CISA's word counts before the vector", exposure.Exposure{CVEs: []string{"CVE-2020-0001"}, Findings: []exposure.Finding{{CVSS: vector(network31)}}}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.Exploitation, in.Automatable, in.TechnicalImpact = from(priority.None, "CISA Vulnrichment"), from(priority.No, "CISA Vulnrichment"), from(priority.Partial, "CISA Vulnrichment")
		}},
		{"CISA's reassurance about one CVE says nothing of another", exposure.Exposure{CVEs: []string{"CVE-2020-0001", "CVE-2020-0009"}}, asset.Asset{}, nil, func(*priority.Inputs) {}},
		{"CISA's alarm about one CVE is enough", exposure.Exposure{CVEs: []string{"CVE-2020-0002", "CVE-2020-0009"}}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.Exploitation, in.Automatable, in.TechnicalImpact = from(priority.Active, "CISA Vulnrichment"), from(priority.Yes, "CISA Vulnrichment"), from(priority.Total, "CISA Vulnrichment")
		}},
		{"of two vectors the worse counts, each with its name", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}, Findings: []exposure.Finding{
			{Source: "s", CVSS: []exposure.CVSS{{Version: "3.1", Vector: local31, Score: 5.5, By: "redhat"}, {Version: "3.1", Vector: network31, Score: 9.8}, {Version: "2.0", Vector: "AV:N/AC:L/Au:N/C:C/I:C/A:C", Score: 10}}},
		}}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.Automatable, in.TechnicalImpact = from(priority.Yes, "CVSS 3.1 9.8 by s"), from(priority.Total, "CVSS 3.1 9.8 by s")
		}},
		{"a score alone says neither", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}, Findings: []exposure.Finding{{CVSS: []exposure.CVSS{{Version: "3.1", Score: 10}}}}}, asset.Asset{}, nil, func(*priority.Inputs) {}},
		{"low severity is no total loss", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}, Severity: exposure.SeverityLow}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.TechnicalImpact = from(priority.Partial, "severity low")
		}},
		{"an informational check gives nothing to automate", exposure.Exposure{Severity: exposure.SeverityInfo}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.CVE, in.KEV, in.Exploitation = false, from(priority.No, "no CVE, and KEV lists nothing else"), from(priority.PoC, "the check itself matched")
			in.Automatable, in.TechnicalImpact = from(priority.No, "severity info"), from(priority.Partial, "severity info")
		}},
		{"the worst mission impact that a scope states", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}}, asset.Asset{}, []scope.Scope{
			{Name: "a", MissionImpact: scope.ImpactLow}, {Name: "b", MissionImpact: scope.ImpactHigh}, {Name: "c"}, {Name: "d", MissionImpact: "unknown"},
		}, func(in *priority.Inputs) {
			in.MissionImpact, in.Tolerances = from(priority.High, "scope b"), []exposure.DecisionOutcome{""}
		}},
		{"the internet by the asset", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}}, asset.Asset{Name: "web", Internet: asset.InternetYes}, []scope.Scope{{Name: "a", Internet: "no", Tolerance: "track"}}, func(in *priority.Inputs) {
			in.PubliclyExposed, in.Tolerances = from(priority.Yes, "asset web"), []exposure.DecisionOutcome{exposure.Track}
		}},
		{"the internet by a scope", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}}, asset.Asset{}, []scope.Scope{{Name: "a", Internet: "no"}, {Name: "b", Internet: "unknown"}}, func(in *priority.Inputs) {
			in.PubliclyExposed, in.Tolerances = from(priority.No, "scope a"), []exposure.DecisionOutcome{""}
		}},
		{"a regression counts from when it was seen again", exposure.Exposure{CVEs: []string{"CVE-2024-0001"}, OpenedAt: seen.Add(day)}, asset.Asset{}, nil, func(in *priority.Inputs) {
			in.Since = seen.Add(day)
		}},
		{"what calls itself a CVE and isn't", exposure.Exposure{CVEs: []string{"CVE-nonsense"}}, asset.Asset{}, nil, func(*priority.Inputs) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.e.FirstSeen = seen
			want := priority.Inputs{CVE: true, KEV: from(priority.No, "not in KEV"), KEVTaken: at, Intel: intel.Digest(), Since: seen}
			tt.want(&want)
			got := priority.Facts(tt.e, tt.a, tt.scopes, intel)
			for _, f := range []*priority.Fact{&got.Exploitation, &got.Automatable, &got.TechnicalImpact, &got.MissionImpact, &got.PubliclyExposed} {
				if !f.Known() {
					*f = priority.Fact{}
				}
			}
			require.Equal(t, want, got)
		})
	}
}

func TestWithoutIntelligenceKEVIsUnknown(t *testing.T) {
	in := priority.Facts(exposure.Exposure{CVEs: []string{"CVE-2024-1709"}}, asset.Asset{}, nil, priority.Intel{})
	require.False(t, in.KEV.Known())
	require.Zero(t, in.KEVTaken)
	require.Empty(t, in.Intel)
}

func TestVectorsGiveAutomatableAndTechnicalImpact(t *testing.T) {
	for _, tt := range []struct {
		vector              string
		automatable, impact priority.Value
	}{
		{network31, priority.Yes, priority.Total},
		{local31, priority.No, priority.Partial},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", priority.No, priority.Total},
		{"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N", priority.No, priority.Partial},
		{"CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:N", priority.No, priority.Total},
		{"CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:L/A:H", priority.Yes, priority.Partial},
		{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", priority.Yes, priority.Total},
		{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/AU:N", priority.No, priority.Partial},
		{"CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:N/SC:H/SI:H/SA:N/AU:Y", priority.Yes, priority.Total},
		{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:H/VI:H/VA:N/SC:N/SI:N/SA:N", priority.No, priority.Partial},
		{"", "", ""},
		{"AV:N/AC:L/Au:N/C:C/I:C/A:C", "", ""},
		{"CVSS:3.1/AV:N", "", ""},
		{"CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "", ""},
		{"CVSS:9.9/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "", ""},
		{network31 + strings.Repeat("/E:H", 200), "", ""},
	} {
		t.Run(tt.vector[:min(80, len(tt.vector))], func(t *testing.T) {
			in := priority.Facts(exposure.Exposure{CVEs: []string{"CVE-2024-0001"}, Findings: []exposure.Finding{{CVSS: vector(tt.vector)}}}, asset.Asset{}, nil, priority.Intel{})
			require.Equal(t, tt.automatable, in.Automatable.Value)
			require.Equal(t, tt.impact, in.TechnicalImpact.Value)
		})
	}
}

func FuzzVector(f *testing.F) {
	f.Add(network31)
	f.Add("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/AU:Y")
	f.Add("CVSS:3.0/")
	f.Fuzz(func(t *testing.T, v string) {
		e := exposure.Exposure{CVEs: []string{v}, Findings: []exposure.Finding{{CVSS: vector(v)}}}
		d, _ := priority.Decide(priority.Facts(e, asset.Asset{}, nil, priority.Intel{}), priority.DefaultPolicy(), at)
		require.NotEmpty(t, d.Outcome)
	})
}

func BenchmarkFactsAndDecide(b *testing.B) {
	intel := priority.NewIntel(readKEV(b, catalogue), at, readEPSS(b, scores), nil)
	d := priority.NewDecider(priority.DefaultPolicy())
	e := exposure.Exposure{FirstSeen: seen, CVEs: []string{"CVE-2024-0001"}, Severity: exposure.SeverityHigh, Findings: []exposure.Finding{{Source: "nessus", CVSS: vector(network31)}}}
	scopes := []scope.Scope{{Name: "prod", MissionImpact: scope.ImpactHigh}}
	b.ReportAllocs()
	for b.Loop() {
		d.Decide(priority.Facts(e, asset.Asset{}, scopes, intel), at)
	}
}
