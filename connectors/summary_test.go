package connectors_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

func TestSummaryCountsWhatPassesToTheNextSink(t *testing.T) {
	var out bytes.Buffer
	s := connectors.NewSummary("fake", connectors.NewLines(&out))
	db := asset.Description{Kind: asset.Host, Name: "db", Identifiers: []asset.Identifier{{Kind: asset.FQDN, Value: "db.example.org"}}}
	again := db // another description of the same asset
	again.Identifiers = append(again.Identifiers[:1:1], asset.Identifier{Kind: asset.IP, Value: "10.0.0.1"})
	nameless := asset.Description{Kind: asset.Host, Name: "x"}
	finding := &exposure.Finding{UID: "1", Check: "fake:a", Title: "<b>"}

	require.NoError(t, s.Run(exposure.Run{ID: "first"}))
	for _, d := range []*asset.Description{&db, &db, &again, &nameless} {
		require.NoError(t, s.Observe(exposure.Observation{Asset: d, Finding: finding}))
	}
	require.NoError(t, s.Cover(exposure.Coverage{Asset: asset.Description{Kind: asset.Host, Name: "clean"}}))
	s.Skip("no_check", connectors.Position{})
	s.Skip("no_check", connectors.Position{})
	require.NoError(t, s.Run(exposure.Run{ID: "last", Complete: true}))

	require.Equal(t, connectors.Report{
		Connector: "fake", Findings: 4, Assets: 3,
		Run:     exposure.Run{ID: "last", Complete: true, Targets: 3},
		Skipped: map[string]int{"no_check": 2},
	}, s.Report())
	require.Equal(t, 4, bytes.Count(out.Bytes(), []byte{'\n'}))
	require.NotContains(t, out.String(), "<b>")
}

func TestSummaryPassesOnTheNextSinksError(t *testing.T) {
	full := errors.New("disk full")
	s := connectors.NewSummary("fake", connectors.NewLines(failingWriter{full}))
	d := asset.Description{}
	require.ErrorIs(t, s.Observe(exposure.Observation{Asset: &d, Finding: &exposure.Finding{}}), full)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
