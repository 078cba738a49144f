// Package connectortest is the conformance suite of connectors. Its tests walk the list
// of connectors/builtin and hold each to the contract; what is exported here serves the
// connectors' own tests.
package connectortest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Recorder is a sink that keeps all that it is told.
type Recorder struct {
	Runs     []exposure.Run         `json:"runs"`
	Covered  []exposure.Coverage    `json:"covered"`
	Observed []exposure.Observation `json:"observed"`
	Stated   []exposure.Statement   `json:"stated,omitempty"`
	Skipped  map[string]int         `json:"skipped"`
}

// Run implements connectors.Sink.
func (r *Recorder) Run(run exposure.Run) error {
	r.Runs = append(r.Runs, run)
	return nil
}

// Cover implements connectors.Sink.
func (r *Recorder) Cover(cov exposure.Coverage) error {
	r.Covered = append(r.Covered, cov)
	return nil
}

// Observe implements connectors.Sink.
func (r *Recorder) Observe(obs exposure.Observation) error {
	r.Observed = append(r.Observed, obs)
	return nil
}

// Statement implements connectors.Sink.
func (r *Recorder) Statement(st exposure.Statement) error {
	r.Stated = append(r.Stated, st)
	return nil
}

// Skip implements connectors.Sink.
func (r *Recorder) Skip(reason string, _ connectors.Position) {
	if r.Skipped == nil {
		r.Skipped = map[string]int{}
	}
	r.Skipped[reason]++
}

// Last is the run as last told of; what counts.
func (r *Recorder) Last() exposure.Run {
	if len(r.Runs) == 0 {
		return exposure.Run{}
	}
	return r.Runs[len(r.Runs)-1]
}

// Skips is how much was left out.
func (r *Recorder) Skips() int {
	total := 0
	for _, n := range r.Skipped {
		total += n
	}
	return total
}

// Open makes a decoder of a registration; a nil config stands for the defaults.
func Open(tb testing.TB, reg connectors.Registration, config any) connectors.Decoder {
	tb.Helper()
	if config == nil {
		config = reg.Config()
	}
	in, err := reg.Open(connectors.Env{Source: "test-source"}, config)
	require.NoError(tb, err)
	decoder, ok := in.(connectors.Decoder)
	require.True(tb, ok, "%s decodes bodies", reg.Name)
	return decoder
}

// Decode decodes a body under a configuration and gives what was emitted.
func Decode(tb testing.TB, reg connectors.Registration, config any, body []byte) (*Recorder, error) {
	tb.Helper()
	rec := &Recorder{}
	err := Open(tb, reg, config).Decode(tb.Context(), bytes.NewReader(body), rec)
	return rec, err
}

// Golden holds what a sample under testdata becomes to the file beside it, which update
// writes anew.
func Golden(t *testing.T, reg connectors.Registration, config any, file string, update bool) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	rec, err := Decode(t, reg, config, body)
	require.NoError(t, err)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(rec))
	path := filepath.Join("testdata", file+".golden")
	if update {
		require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

// Fuzz fuzzes a connector's decoder. The seeds are its samples and, where they are there,
// the real files of the given folder of shared samples. Whatever comes in: no panic, and
// no run that is complete although its report could not be read.
func Fuzz(f *testing.F, reg connectors.Registration, folder string) {
	f.Helper()
	for _, sample := range reg.Samples {
		seed, err := os.ReadFile(filepath.Join("testdata", sample.File))
		require.NoError(f, err)
		f.Add(seed)
	}
	files, err := filepath.Glob(filepath.Join(Shared(f, folder), "*"))
	require.NoError(f, err)
	const largest = 64 << 10 // bigger ones only make the fuzzer slow
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.IsDir() || info.Size() > largest {
			continue
		}
		seed, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(seed)
	}
	decoder := Open(f, reg, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		rec := &Recorder{}
		err := decoder.Decode(t.Context(), bytes.NewReader(body), rec)
		var syntax *connectors.SyntaxError
		if err != nil {
			require.ErrorAs(t, err, &syntax)
			require.False(t, rec.Last().Complete, "what could not be read to its end is not complete")
		}
		for _, obs := range rec.Observed {
			CheckObservation(t, obs)
		}
	})
}

// CheckObservation holds one observation to what ingest relies on.
func CheckObservation(tb testing.TB, obs exposure.Observation) {
	tb.Helper()
	require.NotNil(tb, obs.Asset)
	require.NotNil(tb, obs.Finding)
	f := obs.Finding
	require.NotEmpty(tb, f.UID)
	require.NotEmpty(tb, f.Check)
	require.NotEmpty(tb, f.Title)
	require.NotEmpty(tb, f.Severity)
	require.NotEmpty(tb, f.Status)
	require.NotEmpty(tb, f.Class)
	for _, part := range []string{f.UID, f.Check, f.Location} {
		require.NotContains(tb, part, "\x00", "identities hold no NUL")
	}
	for _, cve := range f.CVEs {
		require.True(tb, connectors.IsCVE(cve), cve)
	}
	if len(f.Vendor) > 0 {
		require.True(tb, json.Valid(f.Vendor), "vendor's fields are JSON: %s", f.Vendor)
	}
}

// CheckDescription holds the description of an asset to what ingest relies on.
func CheckDescription(tb testing.TB, d *asset.Description) {
	tb.Helper()
	require.NotEmpty(tb, d.Kind)
	require.NotEmpty(tb, d.Name)
	for _, e := range d.Edges {
		require.NotEmpty(tb, e.Kind)
		require.NotEmpty(tb, e.To.Kind)
		require.NotEmpty(tb, e.To.Value)
	}
}

// Folder is a connector's own folder, from wherever the test runs.
func Folder(tb testing.TB, connector string) string {
	tb.Helper()
	return filepath.Join(root(tb), "connectors", connector)
}

// Shared is a folder of the samples that are shared between projects; it may not exist.
func Shared(tb testing.TB, folder string) string {
	tb.Helper()
	return filepath.Join(root(tb), "..", "shared", "samples", folder)
}

// root is the folder of go.mod.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	require.NoError(tb, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(tb, dir, parent, "no go.mod above the test")
		dir = parent
	}
}

// Repeat is a body made of a head, a part n times and a tail, which is never held whole.
type Repeat struct {
	Head, Tail string
	Part       func(i int) []byte // may reuse what it returns
	N          int

	state int
	i     int
	rest  []byte
}

// Read implements io.Reader.
func (b *Repeat) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		switch {
		case b.state == 0:
			b.rest, b.state = []byte(b.Head), 1
		case b.i < b.N:
			b.rest = b.Part(b.i)
			b.i++
		case b.state == 1:
			b.rest, b.state = []byte(b.Tail), 2
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Count is a sink that only counts, for benchmarks.
type Count struct{ Observed, Skipped int }

// Run implements connectors.Sink.
func (*Count) Run(exposure.Run) error { return nil }

// Cover implements connectors.Sink.
func (*Count) Cover(exposure.Coverage) error { return nil }

// Observe implements connectors.Sink.
func (c *Count) Observe(exposure.Observation) error {
	c.Observed++
	return nil
}

// Statement implements connectors.Sink.
func (*Count) Statement(exposure.Statement) error { return nil }

// Skip implements connectors.Sink.
func (c *Count) Skip(string, connectors.Position) { c.Skipped++ }

// Benchmark decodes a body over and over and reports findings per second, of which body
// says how many it has.
func Benchmark(b *testing.B, reg connectors.Registration, findings int, body func() io.Reader) {
	b.Helper()
	decoder := Open(b, reg, nil)
	b.ReportAllocs()
	for b.Loop() {
		var count Count
		if err := decoder.Decode(context.Background(), body(), &count); err != nil {
			b.Fatal(err)
		}
		if count.Observed != findings {
			b.Fatal(errors.New("not all findings were decoded"))
		}
	}
	b.ReportMetric(float64(findings)*float64(b.N)/b.Elapsed().Seconds(), "findings/s")
}
