package connectortest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
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
	_, tells := in.(connectors.Notifier)
	_, keeps := in.(connectors.Tracker)
	require.Equal(tb, reg.Reach != nil, reg.API != "", "what calls somebody names the version of the API")
	if !tells && !keeps { // who may call, or live in the store
		require.Equal(tb, pulls, reg.Reach != nil, "what pulls says which hosts it talks to, and nothing else of the kind does")
	}
	if pulls {
		_, err := puller.Pull(tb.Context(), connectors.PullRequest{}, io.Discard)
		require.True(tb, fault.Is(err, fault.Invalid), "without a network it says so: %v", err)
	}
}

// serves reports whether an instance keeps tickets or sends messages, and is no source.
func serves(in connectors.Instance) bool {
	_, tracker := in.(connectors.Tracker)
	_, notifier := in.(connectors.Notifier)
	return tracker || notifier
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
	in, err := reg.Open(connectors.Env{Source: "x"}, reg.Config())
	require.NoError(tb, err)
	if !serves(in) { // a tracker or a notifier can be nothing without an address
		require.Empty(tb, problems(reg.Config()), "the defaults are valid")
	}
	text, err := json.Marshal(reg.Config())
	require.NoError(tb, err)
	again := reg.Config()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(tb, d.Decode(again))
	require.Equal(tb, reg.Config(), again)
}
