package connectors_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

func TestSeverityReadsScannersWords(t *testing.T) {
	for word, want := range map[string]exposure.Severity{
		"Critical": exposure.SeverityCritical, "HIGH": exposure.SeverityHigh, "moderate": exposure.SeverityMedium,
		"negligible": exposure.SeverityLow, "Informational": exposure.SeverityInfo, "": exposure.SeverityUnknown, "purple": exposure.SeverityUnknown,
	} {
		require.Equal(t, want, connectors.Severity(word), word)
	}
}

func TestCVEsKeepsWhatIsOne(t *testing.T) {
	require.Equal(t, []string{"CVE-2021-44228", "CVE-2024-10979"},
		connectors.CVEs([]string{"cve-2024-10979", "CVE-2021-44228", "CVE-2021-44228 ", "CVE-2021-1", "2021-44228", "CVE-20x1-44228", "GHSA-x", ""}))
	require.Nil(t, connectors.CVEs(nil))
}

func TestCWEsAreWrittenOneWay(t *testing.T) {
	require.Equal(t, []string{"CWE-200", "CWE-79"}, connectors.CWEs([]string{"cwe-79", "CWE-079", "200", "0", "-1", "CWE-", "NVD-CWE-Other"}))
}
