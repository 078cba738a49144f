package exposure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func BenchmarkNewExposure(b *testing.B) {
	f := exposure.Finding{UID: "1", Check: "nessus:1", Title: "a weakness", CVEs: []string{"CVE-2024-1"}, Location: "443/tcp", Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}
	b.ReportAllocs()
	for b.Loop() {
		exposure.NewExposure(exposure.BornInput{Asset: host, Finding: f, Source: "a", Run: "r", CheckedAt: epoch, At: epoch, Cause: "d", Actor: exposure.Actor{Kind: exposure.Source, Name: "a"}})
	}
}

func BenchmarkRefresh(b *testing.B) {
	e := born("nessus:1", "")
	f := e.Findings[0]
	b.ReportAllocs()
	for b.Loop() {
		seen(e, "a", "run-2", epoch.Add(time.Hour), f)
	}
}

func BenchmarkDiffKeys(b *testing.B) {
	keys := make([]exposure.SeenKey, 200)
	for i := range keys {
		keys[i] = exposure.SeenKey{ID: exposure.NewID("a", "w", fmt.Sprint(i)), Digest: 1}
	}
	old, err := exposure.PackKeys(keys)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		exposure.DiffKeys(old, old, nil)
	}
}
