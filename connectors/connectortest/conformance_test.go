package connectortest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
)

// exceptions are rules that a connector is allowed to break, with the reason. One that is
// not needed any more fails.
var exceptions = map[string]map[string]string{}

func TestEveryConnectorKeepsTheContract(t *testing.T) {
	for _, reg := range builtin.List() {
		t.Run(reg.Name, func(t *testing.T) { connectortest.Conform(t, reg, exceptions[reg.Name]) })
	}
}

func TestABrokenRuleIsSeen(t *testing.T) {
	reg, err := builtin.Find("fake")
	require.NoError(t, err)
	check := func(tb testing.TB, reg connectors.Registration) {
		tb.Helper()
		require.NotEmpty(tb, reg.Docs.Limits)
	}
	require.False(t, connectortest.Breaks(t, check, reg))
	reg.Docs.Limits = ""
	require.True(t, connectortest.Breaks(t, check, reg))
}

func TestExceptionsNameConnectorsThatExist(t *testing.T) {
	for name := range exceptions {
		_, err := builtin.Find(name)
		require.NoError(t, err)
	}
}

// TestSamplesAreRecognisedByTheirOwnConnectorAlone shows every connector's samples to all
// the others.
func TestSamplesAreRecognisedByTheirOwnConnectorAlone(t *testing.T) {
	for _, reg := range builtin.List() {
		for _, s := range reg.Samples {
			body, err := os.ReadFile(filepath.Join("..", reg.Name, "testdata", s.File))
			require.NoError(t, err)
			head := body[:min(len(body), connectors.RecognizeBytes)]
			for _, other := range builtin.List() {
				if other.Recognize != nil && other.Name != reg.Name {
					require.Less(t, other.Recognize(head, s.File), reg.Recognize(head, s.File), "%s of %s is taken for %s", s.File, reg.Name, other.Name)
				}
			}
			found, err := builtin.Recognize(body, s.File)
			require.NoError(t, err, s.File)
			require.Equal(t, reg.Name, found.Name, s.File)
		}
	}
}
