package connectortest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

// exceptions are rules that a connector is allowed to break, with the reason. One that is
// not needed any more fails.
var exceptions = map[string]string{}

// rules are what every connector is held to; those about bodies hold for connectors that
// recognise any, and not for trackers and notifiers.
var rules = []struct {
	name   string
	check  func(t testing.TB, reg connectors.Registration)
	bodies bool
}{
	{"the registration is complete", registrationIsComplete, false},
	{"the example is valid", exampleIsValid, false},
	{"the configuration survives a round trip", configSurvives, false},
	{"samples give their counts", samplesGiveTheirCounts, true},
	{"the same body gives the same set", decodingIsDeterministic, true},
	{"how a body is cut into reads doesn't matter", readsDontMatter, true},
	{"samples are recognised by their own connector", samplesAreRecognised, true},
	{"cancellation stops", cancellationStops, true},
	{"the sink's error is passed on", sinkErrorIsPassedOn, true},
	{"the body's error is passed on", bodyErrorIsPassedOn, true},
	{"truncated input is a syntax error after what came before", truncationIsReported, true},
	{"mutated input is never a panic", mutationsAreSurvived, true},
	{"wrong format is refused", wrongFormatIsRefused, true},
	{"no secret is in an error", secretsStayOut, true},
}

func TestEveryConnectorKeepsTheContract(t *testing.T) {
	for _, reg := range builtin.List() {
		for _, rule := range rules {
			name := reg.Name + "/" + rule.name
			if rule.bodies && reg.Recognize == nil {
				continue
			}
			t.Run(name, func(t *testing.T) {
				if reason, excepted := exceptions[name]; excepted {
					require.NotEmpty(t, reason)
					require.True(t, fails(t, rule.check, reg), "the exception is stale: %s", reason)
					return
				}
				rule.check(t, reg)
			})
		}
	}
}

// probe is a test that is allowed to fail.
type probe struct {
	testing.TB
	failed bool
}

// stopped is what FailNow panics with.
type stopped struct{}

func (p *probe) Errorf(string, ...any) { p.failed = true }
func (p *probe) FailNow()              { p.failed = true; panic(stopped{}) }

// fails reports whether a connector breaks a rule.
func fails(t *testing.T, check func(testing.TB, connectors.Registration), reg connectors.Registration) bool {
	t.Helper()
	p := &probe{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != (stopped{}) {
				panic(r)
			}
		}()
		check(p, reg)
	}()
	return p.failed
}

func TestABrokenRuleIsSeen(t *testing.T) {
	reg, err := builtin.Find("fake")
	require.NoError(t, err)
	require.False(t, fails(t, registrationIsComplete, reg))
	reg.Docs.Limits = ""
	require.True(t, fails(t, registrationIsComplete, reg))
}

func TestExceptionsNameRulesThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, reg := range builtin.List() {
		for _, rule := range rules {
			known[reg.Name+"/"+rule.name] = true
		}
	}
	for name := range exceptions {
		require.True(t, known[name], name)
	}
}

func registrationIsComplete(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for what, text := range map[string]string{"title": reg.Title, "summary": reg.Summary, "needs": reg.Docs.Needs, "maps": reg.Docs.Maps,
		"fixed": reg.Docs.Fixed, "coverage": reg.Docs.Coverage, "limits": reg.Docs.Limits, "example": reg.Docs.Example} {
		require.NotEmpty(tb, strings.TrimSpace(text), what)
	}
	require.Equal(tb, reg.Recognize != nil, len(reg.Samples) > 0, "samples are of what it recognises")
	typ := reflect.TypeOf(reg.Config())
	require.Equal(tb, reflect.Pointer, typ.Kind())
	require.Equal(tb, reflect.Struct, typ.Elem().Kind())
	for i := range typ.Elem().NumField() {
		f := typ.Elem().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		other, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		require.NotEmpty(tb, name, f.Name)
		require.Equal(tb, name, other, f.Name)
		require.NotEmpty(tb, f.Tag.Get("doc"), f.Name)
	}
	if typ.Elem().NumField() > 0 { // values without fields may share an address
		one, two := reg.Config(), reg.Config()
		require.NotSame(tb, one, two, "each source has a configuration of its own")
	}
	_, err := reg.Open(connectors.Env{Source: "x"}, struct{}{})
	require.Error(tb, err, "a configuration of another type is refused")
	in, err := reg.Open(connectors.Env{Source: "x"}, reg.Config())
	require.NoError(tb, err)
	require.Equal(tb, reg.Name, in.Connector())
}

func exampleIsValid(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	type entry struct {
		Name, Connector string
		Config          yaml.Node
	}
	var file struct{ Sources, Trackers, Notifiers []entry }
	strictly(tb, reg.Docs.Example, &file)
	entries := slices.Concat(file.Sources, file.Trackers, file.Notifiers)
	require.Len(tb, entries, 1)
	require.Equal(tb, reg.Recognize != nil, len(file.Sources) == 1, "what recognises bodies is a source")
	require.Equal(tb, reg.Name, entries[0].Connector)
	require.NotEmpty(tb, entries[0].Name)
	config := reg.Config()
	if node := &entries[0].Config; !node.IsZero() {
		text, err := yaml.Marshal(node)
		require.NoError(tb, err)
		strictly(tb, string(text), config)
	}
	require.Empty(tb, problems(config))
	_, err := reg.Open(connectors.Env{Source: entries[0].Name}, config)
	require.NoError(tb, err)
}

func strictly(tb testing.TB, text string, v any) {
	tb.Helper()
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	require.NoError(tb, d.Decode(v))
}

func problems(config any) []error {
	if v, ok := config.(interface{ Validate() []error }); ok {
		return v.Validate()
	}
	return nil
}

func configSurvives(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	require.Empty(tb, problems(reg.Config()), "the defaults are valid")
	text, err := json.Marshal(reg.Config())
	require.NoError(tb, err)
	again := reg.Config()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(tb, d.Decode(again))
	require.Equal(tb, reg.Config(), again)
}

// samples gives the connector's sample bodies by name.
func samples(tb testing.TB, reg connectors.Registration) map[string][]byte {
	tb.Helper()
	out := map[string][]byte{}
	for _, s := range reg.Samples {
		body, err := os.ReadFile(filepath.Join("..", reg.Name, "testdata", s.File))
		require.NoError(tb, err)
		out[s.File] = body
	}
	return out
}

func samplesGiveTheirCounts(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	bodies := samples(tb, reg)
	for _, s := range reg.Samples {
		rec, err := connectortest.Decode(tb, reg, nil, bodies[s.File])
		require.NoError(tb, err, s.File)
		require.Len(tb, rec.Observed, s.Findings, s.File)
		run := rec.Last()
		require.Equal(tb, s.Complete, run.Complete, "%s: %s", s.File, run.Why)
		require.Equal(tb, s.Complete, run.Why == "", "%s: a run that isn't complete says why", s.File)
		require.NotEmpty(tb, run.ID, s.File)
		require.Equal(tb, reg.Name, run.Connector, s.File)
		for _, obs := range rec.Observed {
			connectortest.CheckObservation(tb, obs)
			require.Equal(tb, reg.Name, obs.Finding.Connector)
		}
	}
}

func set(tb testing.TB, rec *connectortest.Recorder) []string {
	tb.Helper()
	out := make([]string, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		text, err := json.Marshal(obs)
		require.NoError(tb, err)
		out = append(out, string(text))
	}
	return out
}

func decodingIsDeterministic(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for file, body := range samples(tb, reg) {
		one, err := connectortest.Decode(tb, reg, nil, body)
		require.NoError(tb, err, file)
		two, err := connectortest.Decode(tb, reg, nil, body)
		require.NoError(tb, err, file)
		require.ElementsMatch(tb, set(tb, one), set(tb, two), file)
		require.Equal(tb, one.Last(), two.Last(), file)
	}
}

func readsDontMatter(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for file, body := range samples(tb, reg) {
		whole, err := connectortest.Decode(tb, reg, nil, body)
		require.NoError(tb, err, file)
		var bytewise connectortest.Recorder
		require.NoError(tb, connectortest.Open(tb, reg, nil).Decode(tb.Context(), iotest.OneByteReader(bytes.NewReader(body)), &bytewise), file)
		require.Equal(tb, set(tb, whole), set(tb, &bytewise), file)
		require.Equal(tb, whole.Skipped, bytewise.Skipped, file)
	}
}

func samplesAreRecognised(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for file, body := range samples(tb, reg) {
		head := body[:min(len(body), connectors.RecognizeBytes)]
		for _, other := range builtin.List() {
			if other.Recognize == nil {
				continue
			}
			if sure := other.Recognize(head, ""); other.Name != reg.Name {
				require.Less(tb, sure, reg.Recognize(head, ""), "%s is taken for %s", file, other.Name)
			}
		}
		found, err := builtin.Recognize(body, file)
		require.NoError(tb, err, file)
		require.Equal(tb, reg.Name, found.Name, file)
	}
	require.Zero(tb, reg.Recognize(nil, ""))
	require.Zero(tb, reg.Recognize([]byte("\x00\x01\x02"), ""))
}

// stopper cancels or fails at the first finding, and counts what comes after.
type stopper struct {
	connectortest.Recorder
	stop func() error
}

func (s *stopper) Observe(obs exposure.Observation) error {
	return errors.Join(s.Recorder.Observe(obs), s.stop())
}

// busiest is the sample with the most findings.
func busiest(tb testing.TB, reg connectors.Registration) []byte {
	tb.Helper()
	best := reg.Samples[0]
	for _, s := range reg.Samples {
		if s.Findings > best.Findings {
			best = s
		}
	}
	require.Greater(tb, best.Findings, 1)
	return samples(tb, reg)[best.File]
}

func cancellationStops(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	cancel()
	var rec connectortest.Recorder
	err := connectortest.Open(tb, reg, nil).Decode(ctx, bytes.NewReader(busiest(tb, reg)), &rec)
	require.ErrorIs(tb, err, context.Canceled)
	require.False(tb, rec.Last().Complete)
	require.LessOrEqual(tb, len(rec.Observed), 1)
}

func sinkErrorIsPassedOn(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	full := errors.New("the store is full")
	s := &stopper{stop: func() error { return full }}
	err := connectortest.Open(tb, reg, nil).Decode(tb.Context(), bytes.NewReader(busiest(tb, reg)), s)
	require.ErrorIs(tb, err, full)
	require.Len(tb, s.Observed, 1, "nothing more is emitted")
	require.False(tb, s.Last().Complete)
}

func bodyErrorIsPassedOn(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	broken := errors.New("the connection broke")
	body := busiest(tb, reg)
	var rec connectortest.Recorder
	err := connectortest.Open(tb, reg, nil).Decode(tb.Context(), io.MultiReader(bytes.NewReader(body[:len(body)*2/3]), iotest.ErrReader(broken)), &rec)
	require.ErrorIs(tb, err, broken)
	require.False(tb, rec.Last().Complete)
}

func truncationIsReported(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for file, body := range samples(tb, reg) {
		whole, err := connectortest.Decode(tb, reg, nil, body)
		require.NoError(tb, err, file)
		body = bytes.TrimRight(body, " \t\r\n")
		ended := 0 // cuts at which lines happen to end are whole reports
		for cut := 1; cut < len(body); cut += 1 + len(body)/200 {
			rec, err := connectortest.Decode(tb, reg, nil, body[:cut])
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
func uids(rec *connectortest.Recorder) []string {
	out := make([]string, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		out = append(out, obs.Asset.Name+" "+obs.Finding.UID+" "+obs.Finding.Title)
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
		_, err := connectortest.Decode(tb, reg, nil, []byte(body))
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
			_, err := connectortest.Decode(tb, reg, nil, broken)
			require.NotContains(tb, fmt.Sprint(err), hidden, "%s broken at %d", file, cut)
		}
	}
}
