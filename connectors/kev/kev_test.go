package kev

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
)

func TestConformance(t *testing.T) { connectortest.Conform(t, Registration(), nil) }

func TestTheCatalogueIsPulledAsItIs(t *testing.T) {
	const body = `{"title":"t","catalogVersion":"2026.11.01","dateReleased":"2026-11-01T00:00:00Z","count":0,"vulnerabilities":[]}`
	got := connectortest.ConformPuller(t, Registration(), defaults(), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, []connectortest.Exchange{{Method: http.MethodGet, URL: defaults().URL, Status: http.StatusOK, Body: []byte(body)}})
	})
	require.Equal(t, body, string(got.Pages[0])) //nolint:testifylint // byte for byte
	require.Equal(t, 6*time.Hour, Registration().Every)
}

func TestConfigNamesEveryProblem(t *testing.T) {
	require.Empty(t, (&Config{}).Validate(), "no address: it is not pulled")
	require.Len(t, (&Config{URL: "ftp://example.org"}).Validate(), 1)
}
