package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/priority"
)

func TestAFigureSaysWhetherItMeetsItsAim(t *testing.T) {
	for _, c := range []struct {
		name   string
		figure Figure
		want   string
	}{
		{"a rate above its aim", Figure{Name: "decode", Value: 312345.6, Unit: "findings/s", Aim: 300000}, "figure decode 312346 findings/s aim 300000 ok"},
		{"a rate below it", Figure{Name: "decode", Value: 299999, Unit: "findings/s", Aim: 300000}, "figure decode 299999 findings/s aim 300000 short"},
		{"a time within its aim", Figure{Name: "list", Value: 20, Unit: "ms", Aim: 20, Most: true}, "figure list 20.0 ms aim 20.0 ok"},
		{"a time beyond it", Figure{Name: "list", Value: 20.04, Unit: "ms", Aim: 20, Most: true}, "figure list 20.0 ms aim 20.0 short"},
		{"a small value", Figure{Name: "ratio", Value: 0.789, Unit: "ratio", Aim: 0.8}, "figure ratio 0.79 ratio aim 0.80 short"},
		{"no value at all", Figure{Name: "ratio", Value: math.NaN(), Unit: "ratio", Aim: 0.8}, "figure ratio NaN ratio aim 0.80 short"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.figure.String()) })
	}
}

func TestReportsAreReadToTheLastFinding(t *testing.T) {
	for _, format := range []string{"nuclei", "nessus", "trivy", "nmap"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, writeReport(filepath.Join(dir, format), Report{Format: format, Findings: 450, Hosts: 3, At: reportTime}))
			o, err := decode(t.Context(), task{Dir: dir, Format: format, Findings: 450})
			require.NoError(t, err)
			require.Positive(t, o.Seconds)
			_, err = decode(t.Context(), task{Dir: dir, Format: format, Findings: 451})
			require.ErrorContains(t, err, "450 findings out of 451")
		})
	}
}

func TestAReScanChangesEveryHundredthFinding(t *testing.T) {
	old := Report{Format: "nessus", Findings: 1000, Hosts: 5, At: reportTime}
	again := old
	again.Changed = 100
	require.Equal(t, 10, again.changes())
	require.Zero(t, old.changes())
	was, is := lines(t, old), lines(t, again)
	require.Len(t, is, len(was))
	changed := 0
	for i := range was {
		if was[i] != is[i] {
			changed++
		}
	}
	require.Equal(t, 10, changed)
}

func lines(t *testing.T, r Report) []string {
	t.Helper()
	body, err := io.ReadAll(r.Open())
	require.NoError(t, err)
	return strings.Split(string(body), "\n")
}

func TestWhatIsMeasuredIsWhatItIsCalled(t *testing.T) {
	dir := t.TempDir()
	first := task{Dir: dir, Format: "nessus", Findings: 1000, Hosts: 5, At: reportTime}
	o, err := ingestOnce(t.Context(), first)
	require.NoError(t, err)
	require.InEpsilon(t, 1000, o.Values["created"], 0)
	_, err = ingestOnce(t.Context(), first) // the same body: what it counts is nothing
	require.NoError(t, err)
	later := first
	later.At = reportTime.AddDate(0, 0, 1)
	o, err = ingestOnce(t.Context(), later)
	require.NoError(t, err)
	require.InEpsilon(t, 1000, o.Values["unchanged"], 0)
	rescan := first
	rescan.At, rescan.Changed = reportTime.AddDate(0, 0, 2), 100
	o, err = ingestOnce(t.Context(), rescan) // fails by itself if not ten closed and ten came
	require.NoError(t, err)
	require.InEpsilon(t, 10, o.Values["closed"], 0)
	o, err = list(t.Context(), task{Dir: dir})
	require.NoError(t, err)
	require.InEpsilon(t, 1010, o.Values["exposures"], 0)
	require.Greater(t, o.Values["deep"], 1.0)
}

func TestARescanThatClosesTooFewIsNoMeasurement(t *testing.T) {
	first := task{Dir: t.TempDir(), Format: "nessus", Findings: 200, Hosts: 1, At: reportTime}
	_, err := ingestOnce(t.Context(), first)
	require.NoError(t, err)
	first.Changed = 100 // at the same time as before: nothing can be absent
	_, err = ingestOnce(t.Context(), first)
	require.ErrorContains(t, err, "2 findings changed")
}

func TestEveryWebhookIsStored(t *testing.T) {
	o, err := webhooks(t.Context(), task{Dir: t.TempDir(), Findings: 50}) // fails by itself if one is not
	require.NoError(t, err)
	require.InEpsilon(t, 50, o.Values["sent"], 0)
}

func TestAChildDoesWhatItIsAsked(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, writeReport(filepath.Join(dir, "nmap"), Report{Format: "nmap", Findings: 30, Hosts: 1, At: reportTime}))
	input, err := json.Marshal(task{Kind: "decode", Dir: dir, Format: "nmap", Findings: 30, Profile: filepath.Join(dir, "cpu")})
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, Main(t.Context(), []string{"-child"}, strings.NewReader(string(input)), &out, io.Discard))
	var o outcome
	require.NoError(t, json.Unmarshal([]byte(out.String()), &o))
	require.Positive(t, o.PeakMB)
	require.FileExists(t, filepath.Join(dir, "cpu"))
	require.ErrorContains(t, Main(t.Context(), []string{"-child"}, strings.NewReader(`{"kind":"dance"}`), io.Discard, io.Discard), `no "dance"`)
}

func TestTheCommandLineIsChecked(t *testing.T) {
	for _, c := range []struct{ name, args, want string }{
		{"no scale", "-scale=0", "above 0"},
		{"too large a scale", "-scale=2", "at most 1"},
		{"a broken expression", "-only=(", "reading -only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorContains(t, Main(t.Context(), []string{c.args}, nil, io.Discard, io.Discard), c.want)
		})
	}
	var out strings.Builder
	require.NoError(t, Main(t.Context(), []string{"-only=nothing at all"}, nil, &out, io.Discard))
	require.Empty(t, out.String())
}

func TestGroundsDecideWithoutTheSamples(t *testing.T) {
	body, err := generatedKEV(reportTime)
	require.NoError(t, err)
	made, err := priority.ReadKEV(bytes.NewReader(body))
	require.NoError(t, err)
	require.Equal(t, 1400, made.Len())
	g, err := grounds(reportTime)
	require.NoError(t, err)
	kev, _ := g.Intel.KEV()
	require.Greater(t, kev.Len(), 1000)
}

func TestQuantilesAreByRank(t *testing.T) {
	ds := make([]time.Duration, 0, 100)
	for i := range 100 {
		ds = append(ds, time.Duration(100-i))
	}
	require.Equal(t, time.Duration(51), quantile(ds, 0.5))
	require.Equal(t, time.Duration(100), quantile(ds, 0.99))
	require.Equal(t, time.Duration(100), quantile(ds, 1))
	require.Zero(t, quantile(nil, 0.5))
}

func TestEventuallyGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, eventually(ctx, func() (bool, error) { return false, nil }), context.Canceled)
	require.NoError(t, eventually(ctx, func() (bool, error) { return true, nil }))
}
