package connectors_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

func TestCVSSOfKeepsWhatIsAScore(t *testing.T) {
	const v31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
	tests := []struct {
		name   string
		vector string
		score  float64
		want   []exposure.CVSS
	}{
		{"vector and score", v31, 9.8, []exposure.CVSS{{Version: "3.1", Vector: v31, Score: 9.8, By: "nvd"}}},
		{"version 2", "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5, []exposure.CVSS{{Version: "2.0", Vector: "AV:N/AC:L/Au:N/C:P/I:P/A:P", Score: 7.5, By: "nvd"}}},
		{"a score alone", "", 5, []exposure.CVSS{{Score: 5, By: "nvd"}}},
		{"a vector that is none", "high", 5, []exposure.CVSS{{Score: 5, By: "nvd"}}},
		{"an impossible score", v31, 99, []exposure.CVSS{{Version: "3.1", Vector: v31, By: "nvd"}}},
		{"nothing", "", 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, connectors.CVSSOf(tt.vector, tt.score, "nvd")) })
	}
}
