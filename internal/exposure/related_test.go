package exposure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func TestACheckOfSeveralCVEsIsRelatedToTheExposuresOfEach(t *testing.T) {
	check := exposure.Exposure{ID: "a", Asset: "01A", Weakness: "nessus:1", CVEs: []string{"CVE-2024-1", "CVE-2024-2"}}
	one := exposure.Exposure{ID: "b", Asset: "01A", Weakness: "CVE-2024-1", CVEs: []string{"CVE-2024-1"}}
	both := exposure.Exposure{ID: "c", Asset: "01A", Weakness: "qualys:7", CVEs: []string{"CVE-2024-1", "CVE-2024-2", "CVE-2024-3"}}
	others := []exposure.Exposure{one, both, one, check,
		{ID: "d", Asset: "01A", Weakness: "CVE-2024-9", CVEs: []string{"CVE-2024-9"}},
		{ID: "e", Asset: "01B", Weakness: "CVE-2024-1", CVEs: []string{"CVE-2024-1"}},
		{ID: "f", Asset: "01A", Weakness: "CVE-2024-2", CVEs: []string{"CVE-2024-2"}, State: exposure.Merged},
	}
	related := exposure.RelatedTo(check, others)
	require.Len(t, related, 2)
	require.Equal(t, exposure.ID("c"), related[0].ID, "what has most in common comes first")
	require.Equal(t, []string{"CVE-2024-1"}, related[1].CVEs)
	require.NotNil(t, exposure.RelatedTo(one, nil), "nothing is a list, too")
}
