package connectortest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// The rules about bodies: what a connector makes of its samples, whole, cut, broken and not its own.

// samples gives the connector's sample bodies by name.
func samples(tb testing.TB, reg connectors.Registration) map[string][]byte {
	tb.Helper()
	out := map[string][]byte{}
	for _, s := range reg.Samples {
		body, err := os.ReadFile(filepath.Join(Folder(tb, reg.Name), "testdata", s.File))
		require.NoError(tb, err)
		out[s.File] = body
	}
	return out
}

func samplesGiveTheirCounts(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	bodies := samples(tb, reg)
	for _, s := range reg.Samples {
		rec, err := Decode(tb, reg, nil, bodies[s.File])
		require.NoError(tb, err, s.File)
		require.Len(tb, rec.Observed, s.Findings, s.File)
		require.Len(tb, rec.Stated, s.Statements, s.File)
		if s.Assets > 0 {
			require.Len(tb, rec.Covered, s.Assets, s.File)
		}
		for _, cov := range rec.Covered {
			CheckDescription(tb, &cov.Asset)
		}
		run := rec.Last()
		require.Equal(tb, s.Complete, run.Complete, "%s: %s", s.File, run.Why)
		require.Equal(tb, s.Complete, run.Why == "", "%s: a run that isn't complete says why", s.File)
		require.NotEmpty(tb, run.ID, s.File)
		require.Equal(tb, reg.Name, run.Connector, s.File)
		for _, obs := range rec.Observed {
			CheckObservation(tb, obs)
			require.Equal(tb, reg.Name, obs.Finding.Connector)
		}
	}
}

// set is what was emitted, as texts.
func set(tb testing.TB, rec *Recorder) []string {
	tb.Helper()
	out := make([]string, 0, len(rec.Observed)+len(rec.Covered)+len(rec.Stated))
	add := func(v any) {
		text, err := json.Marshal(v)
		require.NoError(tb, err)
		out = append(out, string(text))
	}
	for _, obs := range rec.Observed {
		add(obs)
	}
	for _, cov := range rec.Covered {
		add(cov)
	}
	for _, st := range rec.Stated {
		add(st)
	}
	return out
}

func decodingIsDeterministic(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for file, body := range samples(tb, reg) {
		one, err := Decode(tb, reg, nil, body)
		require.NoError(tb, err, file)
		two, err := Decode(tb, reg, nil, body)
		require.NoError(tb, err, file)
		require.ElementsMatch(tb, set(tb, one), set(tb, two), file)
		require.Equal(tb, one.Last(), two.Last(), file)
	}
}

func readsDontMatter(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for file, body := range samples(tb, reg) {
		whole, err := Decode(tb, reg, nil, body)
		require.NoError(tb, err, file)
		var bytewise Recorder
		require.NoError(tb, Open(tb, reg, nil).Decode(tb.Context(), iotest.OneByteReader(bytes.NewReader(body)), &bytewise), file)
		require.Equal(tb, set(tb, whole), set(tb, &bytewise), file)
		require.Equal(tb, whole.Skipped, bytewise.Skipped, file)
	}
}

func samplesAreRecognised(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for file, body := range samples(tb, reg) {
		require.Positive(tb, reg.Recognize(body[:min(len(body), connectors.RecognizeBytes)], file), file)
	}
	require.Zero(tb, reg.Recognize(nil, ""))
	require.Zero(tb, reg.Recognize([]byte("\x00\x01\x02"), ""))
}

// stopper fails at the first thing that it is told, and counts what comes after.
type stopper struct {
	Recorder
	stop func() error
}

func (s *stopper) Observe(obs exposure.Observation) error {
	return errors.Join(s.Recorder.Observe(obs), s.stop())
}

func (s *stopper) Cover(cov exposure.Coverage) error {
	return errors.Join(s.Recorder.Cover(cov), s.stop())
}

func (s *stopper) Statement(st exposure.Statement) error {
	return errors.Join(s.Recorder.Statement(st), s.stop())
}

// busiest is the sample with the most in it.
func busiest(tb testing.TB, reg connectors.Registration) []byte {
	tb.Helper()
	size := func(s connectors.Sample) int { return s.Findings + s.Assets + s.Statements }
	best := reg.Samples[0]
	for _, s := range reg.Samples {
		if size(s) > size(best) {
			best = s
		}
	}
	require.Greater(tb, size(best), 1)
	return samples(tb, reg)[best.File]
}

func cancellationStops(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	cancel()
	var rec Recorder
	err := Open(tb, reg, nil).Decode(ctx, bytes.NewReader(busiest(tb, reg)), &rec)
	require.ErrorIs(tb, err, context.Canceled)
	require.False(tb, rec.Last().Complete)
	require.LessOrEqual(tb, len(rec.Observed)+len(rec.Stated), 1)
}

func sinkErrorIsPassedOn(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	full := errors.New("the store is full")
	s := &stopper{stop: func() error { return full }}
	err := Open(tb, reg, nil).Decode(tb.Context(), bytes.NewReader(busiest(tb, reg)), s)
	require.ErrorIs(tb, err, full)
	require.Len(tb, set(tb, &s.Recorder), 1, "nothing more is emitted")
	require.False(tb, s.Last().Complete)
}

func bodyErrorIsPassedOn(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	broken := errors.New("the connection broke")
	body := busiest(tb, reg)
	var rec Recorder
	err := Open(tb, reg, nil).Decode(tb.Context(), io.MultiReader(bytes.NewReader(body[:len(body)*2/3]), iotest.ErrReader(broken)), &rec)
	require.ErrorIs(tb, err, broken)
	require.False(tb, rec.Last().Complete)
}

func truncationIsReported(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for file, body := range samples(tb, reg) {
		whole, err := Decode(tb, reg, nil, body)
		require.NoError(tb, err, file)
		body = bytes.TrimRight(body, " \t\r\n")
		ended := 0 // cuts at which lines happen to end are whole reports
		for cut := 1; cut < len(body); cut += 1 + len(body)/200 {
			rec, err := Decode(tb, reg, nil, body[:cut])
			if err == nil {
				ended++
				continue
			}
			var syntax *connectors.SyntaxError
			require.ErrorAs(tb, err, &syntax, "%s cut at %d", file, cut)
			require.Positive(tb, syntax.Line+int(syntax.Offset), "%s cut at %d has no position", file, cut)
			require.False(tb, rec.Last().Complete, "%s cut at %d", file, cut)
			require.Subset(tb, uids(whole), uids(rec), "%s cut at %d", file, cut)
		}
		if !linewise(file) {
			require.Zero(tb, ended, "%s: some cuts went unnoticed", file)
		}
	}
}

// uids names findings without what a report adds to their asset later on.
func uids(rec *Recorder) []string {
	out := make([]string, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		out = append(out, obs.Asset.Name+" "+obs.Finding.UID+" "+obs.Finding.Title)
	}
	for _, st := range rec.Stated {
		out = append(out, st.ID)
	}
	return out
}

// linewise are formats without an end, where a cut behind a line can't be seen.
func linewise(file string) bool {
	switch filepath.Ext(file) {
	case ".jsonl", ".csv":
		return true
	}
	return false
}

func wrongFormatIsRefused(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for _, body := range []string{`{"a":1}{"b"`, "<?xml version=\"1.0\"?><a/>", "\x00\x01\x02", "\xff\xfe{\x00", strings.Repeat("[", 1000), "hello"} {
		_, err := Decode(tb, reg, nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(tb, err, &syntax, "%.20q", body)
	}
}

// secretsStayOut puts a secret where it breaks a report, so that errors would quote it.
func secretsStayOut(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	const hidden = "hunter2hunter2"
	for file, body := range samples(tb, reg) {
		for cut := len(body) / 10; cut < len(body); cut += 1 + len(body)/10 {
			broken := append(append(bytes.Clone(body[:cut]), " password="+hidden+" "...), body[cut:]...)
			_, err := Decode(tb, reg, nil, broken)
			require.NotContains(tb, fmt.Sprint(err), hidden, "%s broken at %d", file, cut)
		}
	}
}
func mutationsAreSurvived(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same mutations every time
	const rounds = 300
	decoder := Open(tb, reg, nil)
	for _, body := range samples(tb, reg) {
		for range rounds {
			mutant := bytes.Clone(body)
			for range 1 + random.IntN(4) {
				mutate(random, &mutant)
			}
			var rec Recorder
			err := decoder.Decode(tb.Context(), bytes.NewReader(mutant), &rec)
			var syntax *connectors.SyntaxError
			require.True(tb, err == nil || errors.As(err, &syntax), "%v", err)
			for _, obs := range rec.Observed {
				CheckObservation(tb, obs)
			}
		}
	}
}

func mutate(random *rand.Rand, body *[]byte) {
	b := *body
	if len(b) < 2 {
		return
	}
	i, j := random.IntN(len(b)), random.IntN(len(b))
	switch random.IntN(4) {
	case 0:
		b[i] = byte(random.IntN(256)) //nolint:gosec // it is one
	case 1:
		*body = slices.Delete(b, min(i, j), max(i, j))
	case 2:
		*body = slices.Insert(b, i, bytes.Repeat([]byte{"[{<\"&,"[random.IntN(6)]}, 100)...)
	case 3:
		*body = slices.Insert(b, i, bytes.Clone(b[min(i, j):max(i, j)])...)
	}
}
