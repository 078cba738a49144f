package connectortest_test

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/priority"
)

// feeds count what priority reads of a body of each feed.
var feeds = map[string]func(body []byte) (int, error){
	"kev": func(body []byte) (int, error) {
		k, err := priority.ReadKEV(bytes.NewReader(body))
		return k.Len(), err
	},
	"epss": func(body []byte) (int, error) {
		e, err := priority.ReadEPSS(bytes.NewReader(body))
		return e.Len(), err
	},
	"vulnrichment": func(body []byte) (n int, err error) {
		err = priority.ReadVulnrichmentAll(bytes.NewReader(body), func(priority.Points) error { n++; return nil })
		return n, err
	},
	"nvd": func(body []byte) (n int, err error) {
		err = priority.ReadNVD(bytes.NewReader(body), func(priority.NVDEntry) error { n++; return nil })
		return n, err
	},
}

// TestFeedsAreReadByWhoDecidesWithThem holds the tables of the feeds of intelligence, as
// Counts does those of findings.
func TestFeedsAreReadByWhoDecidesWithThem(t *testing.T) {
	index := connectortest.SampleCounts(t)
	for name, read := range feeds {
		for _, row := range connectortest.CountRows(t, name) {
			t.Run(row.File, func(t *testing.T) {
				told := index[row.File]
				require.Equal(t, connectortest.SampleCount{Natural: row.Natural, Upstream: row.Upstream}, told)
				body, err := os.ReadFile(connectortest.Shared(t, row.File))
				require.NoError(t, err)
				n, err := read(body)
				if row.Observations == "-" {
					require.Error(t, err)
					require.NotEmpty(t, row.Explanation)
					return
				}
				require.NoError(t, err)
				require.Equal(t, row.Observations, strconv.Itoa(n))
			})
		}
	}
}
