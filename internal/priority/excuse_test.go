package priority_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/priority"
)

func TestATrustedAuthorsWordLowersADecisionAndNothingElse(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	said := func(source, cve string, status exposure.StatementStatus, days int) exposure.Stated {
		return exposure.Stated{Source: source, Vulnerability: cve, Status: status, Author: "Acme PSIRT", Justification: "code_not_reachable", At: at.AddDate(0, 0, days)}
	}
	const no, yes = exposure.StatementNotAffected, exposure.StatementAffected
	for _, c := range []struct {
		name    string
		cves    []string
		stated  []exposure.Stated
		lowered bool
	}{
		{"nobody says anything", []string{"CVE-2024-1"}, nil, false},
		{"the trusted one says so", []string{"CVE-2024-1"}, []exposure.Stated{said("acme", "CVE-2024-1", no, 0)}, true},
		{"somebody says so", []string{"CVE-2024-1"}, []exposure.Stated{said("blog", "CVE-2024-1", no, 0)}, false},
		{"of one of two", []string{"CVE-2024-1", "CVE-2024-2"}, []exposure.Stated{said("acme", "CVE-2024-1", no, 0)}, false},
		{"of both", []string{"CVE-2024-1", "CVE-2024-2"}, []exposure.Stated{said("acme", "CVE-2024-1", no, 0), said("acme", "cve-2024-2", no, 0)}, true},
		{"and changed his mind", []string{"CVE-2024-1"}, []exposure.Stated{said("acme", "CVE-2024-1", yes, 1), said("acme", "CVE-2024-1", no, 0)}, false},
		{"having changed his mind", []string{"CVE-2024-1"}, []exposure.Stated{said("acme", "CVE-2024-1", no, 1), said("acme", "CVE-2024-1", yes, 0)}, true},
		{"and the opposite at one time", []string{"CVE-2024-1"}, []exposure.Stated{said("acme", "CVE-2024-1", no, 0), said("acme", "CVE-2024-1", yes, 0)}, false},
		{"that it is looked into", []string{"CVE-2024-1"}, []exposure.Stated{said("acme", "CVE-2024-1", exposure.StatementUnderInvestigation, 0)}, false},
		{"that it is fixed", []string{"CVE-2024-1"}, []exposure.Stated{said("acme", "CVE-2024-1", exposure.StatementFixed, 0)}, false},
		{"of what has no CVE", nil, []exposure.Stated{said("acme", "GHSA-x", no, 0)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := priority.Inputs{CVE: true, KEV: priority.Fact{Value: priority.Yes, From: "in KEV"}, KEVTaken: at, Since: at,
				PubliclyExposed: priority.Fact{Value: priority.Yes}, CVEs: c.cves, Stated: c.stated}
			policy := priority.DefaultPolicy()
			policy.Trusted = []string{"acme"}
			d, due := priority.Decide(in, policy, at)
			plain := in
			plain.Stated, plain.CVEs = nil, nil
			without, urgent := priority.Decide(plain, policy, at)
			require.Equal(t, exposure.Act, without.Outcome)
			if !c.lowered {
				require.Equal(t, without, d)
				require.Equal(t, urgent, due)
				return
			}
			require.Equal(t, exposure.Track, d.Outcome)
			require.False(t, d.Admit)
			require.Empty(t, d.Missing)
			require.NotEqual(t, without.Digest, d.Digest)
			require.Contains(t, d.Why[0], "says Acme PSIRT (code not reachable) on 20")
			require.Contains(t, d.Why[1], "SSVC Coordinator 2.0.3 says act", "what it would be without is told")
			require.True(t, due.After(urgent))
		})
	}
	trusting := priority.DefaultPolicy()
	trusting.Trusted = []string{"acme"}
	require.NotEqual(t, priority.DefaultPolicy().Digest(), trusting.Digest(), "whom to believe is a part of the policy")
}
