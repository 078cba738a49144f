package connectortest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Conform holds a connector to the contract, as a test of its own; the suite of this
// package does so for all of the list, and adds what needs the others. Exceptions are
// rules that it is allowed to break, with the reason; one that is not needed fails.
func Conform(t *testing.T, reg connectors.Registration, exceptions map[string]string) {
	t.Helper()
	known := map[string]bool{}
	for _, rule := range rules {
		known[rule.name] = true
		if rule.bodies && !decodes(t, reg) {
			continue
		}
		t.Run(rule.name, func(t *testing.T) {
			if reason, excepted := exceptions[rule.name]; excepted {
				require.NotEmpty(t, reason)
				require.True(t, Breaks(t, rule.check, reg), "the exception is stale: %s", reason)
				return
			}
			rule.check(t, reg)
		})
	}
	for name := range exceptions {
		require.True(t, known[name], "there is no rule %q", name)
	}
}

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
	{"its statuses are of ours", statusesAreKnown, false},
	{"a webhook without its secret is denied", webhooksAreDenied, false},
	{"it says what it calls and how", pullersSayWhatTheyCall, false},
	{"samples give their counts", samplesGiveTheirCounts, true},
	{"the same body gives the same set", decodingIsDeterministic, true},
	{"how a body is cut into reads doesn't matter", readsDontMatter, true},
	{"samples are recognised", samplesAreRecognised, true},
	{"cancellation stops", cancellationStops, true},
	{"the sink's error is passed on", sinkErrorIsPassedOn, true},
	{"the body's error is passed on", bodyErrorIsPassedOn, true},
	{"truncated input is a syntax error after what came before", truncationIsReported, true},
	{"mutated input is never a panic", mutationsAreSurvived, true},
	{"wrong format is refused", wrongFormatIsRefused, true},
	{"no secret is in an error", secretsStayOut, true},
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

// Breaks reports whether a connector breaks a rule.
func Breaks(t *testing.T, check func(testing.TB, connectors.Registration), reg connectors.Registration) bool {
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

// decodes reports whether a connector reads bodies of findings, assets or statements.
func decodes(tb testing.TB, reg connectors.Registration) bool {
	tb.Helper()
	in, err := reg.Open(connectors.Env{Source: "x"}, reg.Config())
	require.NoError(tb, err)
	_, ok := in.(connectors.Decoder)
	return ok
}

func statusesAreKnown(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for word, status := range reg.Statuses {
		require.Equal(tb, strings.ToLower(strings.TrimSpace(word)), word)
		require.Contains(tb, exposure.Statuses(), status, word)
	}
	require.Equal(tb, exposure.StatusOpen, reg.Statuses.Of("a word that nobody knows"), "only a known word closes anything")
}

func webhooksAreDenied(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	in, err := reg.Open(connectors.Env{Source: "x"}, reg.Config())
	require.NoError(tb, err)
	if verifier, ok := in.(connectors.WebhookVerifier); ok {
		_, err := verifier.VerifyWebhook(http.Header{"Authorization": {"Bearer "}, "X-Hub-Signature-256": {"sha256="}}, []byte("{}"), time.Unix(1_700_000_000, 0))
		require.True(tb, fault.Is(err, fault.Denied), "%v", err)
	}
}

func pullersSayWhatTheyCall(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	in, err := reg.Open(connectors.Env{Source: "x"}, reg.Config())
	require.NoError(tb, err)
	puller, pulls := in.(interface {
		Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error)
	})
	require.Equal(tb, pulls, reg.Reach != nil, "what pulls says which hosts it talks to, and nothing else does")
	require.Equal(tb, pulls, reg.API != "", "what pulls names the version of the API")
	if pulls {
		_, err := puller.Pull(tb.Context(), connectors.PullRequest{}, io.Discard)
		require.True(tb, fault.Is(err, fault.Invalid), "without a network it says so: %v", err)
	}
}

func registrationIsComplete(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	for what, text := range map[string]string{"title": reg.Title, "summary": reg.Summary, "needs": reg.Docs.Needs, "maps": reg.Docs.Maps,
		"fixed": reg.Docs.Fixed, "coverage": reg.Docs.Coverage, "limits": reg.Docs.Limits, "example": reg.Docs.Example} {
		require.NotEmpty(tb, strings.TrimSpace(text), what)
	}
	require.Equal(tb, decodes(tb, reg), len(reg.Samples) > 0, "samples are of what it decodes")
	require.Equal(tb, decodes(tb, reg), reg.Recognize != nil, "what it decodes it recognises")
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
	in, err := reg.Open(connectors.Env{Source: "x"}, reg.Config())
	require.NoError(tb, err)
	_, feeds := in.(connectors.Feed)
	require.Equal(tb, feeds || reg.Recognize != nil, len(file.Sources) == 1, "what reads bodies is a source")
	require.Equal(tb, reg.Name, entries[0].Connector)
	require.NotEmpty(tb, entries[0].Name)
	config := reg.Config()
	if node := &entries[0].Config; !node.IsZero() {
		text, err := yaml.Marshal(node)
		require.NoError(tb, err)
		strictly(tb, string(text), config)
	}
	require.Empty(tb, problems(config))
	_, err = reg.Open(connectors.Env{Source: entries[0].Name}, config)
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
