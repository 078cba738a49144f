package probe

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
)

func TestAProbeThatTheRulesForbidIsRefusedInWordsAndDialsNothing(t *testing.T) {
	ln, visits := counter(t, "127.0.0.1:0")
	for name, c := range map[string]struct {
		change func(*lifecycle.ProbeRequest)
		why    string
	}{
		"no consent":       {func(r *lifecycle.ProbeRequest) { r.Engagement.Probe = false }, "consent"},
		"another vantage":  {func(r *lifecycle.ProbeRequest) { r.Engagement.Vantage = "internet" }, "vantage"},
		"another protocol": {func(r *lifecycle.ProbeRequest) { r.Engagement.Protocols = []string{"http"} }, "protocol"},
		"another port":     {func(r *lifecycle.ProbeRequest) { r.Engagement.Ports = []string{"1"} }, "port"},
		"outside the window": {func(r *lifecycle.ProbeRequest) {
			r.Engagement.Windows = []scope.Window{{From: "01:00", To: "02:00"}}
		}, "window"},
		"a loopback address": {func(r *lifecycle.ProbeRequest) { r.Engagement.Networks = nil }, "loopback"},
		"metadata by name":   {func(r *lifecycle.ProbeRequest) { r.Verification.Target = "meta.example:80" }, "metadata"},
		"internal by name":   {func(r *lifecycle.ProbeRequest) { r.Verification.Target = "inside.example:80" }, "private"},
		"not the asset's own": {func(r *lifecycle.ProbeRequest) {
			r.Verification.Target, r.Engagement.Networks, r.Addresses = "other.example:80", nil, []string{"8.8.8.8"}
		}, "neither an address of the asset"},
		"rules that also apply": {func(r *lifecycle.ProbeRequest) { r.Engagement.Also = []scope.Engagement{{}} }, "consent"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, func(o *Options) { o.Now = func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) } })
			r.names.answers = map[string][]string{"meta.example": {"169.254.169.254"}, "inside.example": {"10.0.0.1"}, "other.example": {"1.1.1.1"}}
			req := request(exposure.MethodConnect, "", ln.Addr().String())
			c.change(&req)
			result, err := r.Probe(t.Context(), req)
			require.NoError(t, err)
			require.Contains(t, result.Refused, c.why)
			require.Empty(t, result.Verdict)
			require.Empty(t, r.kept.blobs)
		})
	}
	require.Zero(t, visits.Load())
}

func TestANameThatDoesNotResolveIsInconclusive(t *testing.T) {
	r := newRig(t, nil, nil)
	v := r.verdict(t, request(exposure.MethodConnect, "", "gone.example:80"))
	require.Equal(t, exposure.Inconclusive, v.Outcome)
	require.Contains(t, v.Reason, "does not resolve")
}

func TestTheWallAdmitsItsOneAddressOnAllowedPortsOnly(t *testing.T) {
	w := &wall{addr: netip.MustParseAddr("127.0.0.1"), pace: &pacer{}, allows: func(port int) error {
		if port != 80 {
			return errors.New("no")
		}
		return nil
	}}
	require.NoError(t, w.admit(t.Context(), "tcp4", "127.0.0.1:80", nil))
	require.NoError(t, w.admit(t.Context(), "tcp6", "[::ffff:127.0.0.1]:80", nil))
	for _, c := range [][2]string{{"tcp4", "127.0.0.2:80"}, {"tcp4", "127.0.0.1:81"}, {"udp4", "127.0.0.1:80"}, {"tcp6", "[::1]:80"}, {"unix", "/tmp/x"}} {
		require.Error(t, w.admit(t.Context(), c[0], c[1], nil), c)
	}
	require.Equal(t, "127.0.0.1:80", w.dialled[0])
	w.close()
	require.Error(t, w.admit(t.Context(), "tcp4", "127.0.0.1:80", nil), "after the probe")
}

func TestThePacerSpacesRequestsAndTheContextEndsTheWait(t *testing.T) {
	p := &pacer{}
	require.Equal(t, time.Hour, p.setRate(1.0/3600))
	require.NoError(t, p.wait(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.wait(ctx), context.Canceled)
	require.Greater(t, time.Until(p.next), time.Hour, "the second slot is an hour after the first")
}

func TestTheEnginesNameServerKnowsOneName(t *testing.T) {
	w := &wall{addr: netip.MustParseAddr("192.0.2.7")}
	s := &nameServer{name: "app.example", wall: w}
	ask := func(name string, kind dnsmessage.Type) dnsmessage.Message {
		query := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}}}
		packed, err := query.Pack()
		require.NoError(t, err)
		packed, err = s.answer(packed)
		require.NoError(t, err)
		var m dnsmessage.Message
		require.NoError(t, m.Unpack(packed))
		require.EqualValues(t, 7, m.ID)
		return m
	}
	m := ask("App.Example.", dnsmessage.TypeA)
	require.Len(t, m.Answers, 1)
	require.Equal(t, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}, m.Answers[0].Body)
	require.Empty(t, ask("app.example.", dnsmessage.TypeAAAA).Answers)
	require.Empty(t, w.strayed())
	m = ask("evil.example.", dnsmessage.TypeA)
	require.Equal(t, dnsmessage.RCodeNameError, m.RCode)
	require.Equal(t, []string{"evil.example"}, w.strayed())
}

func FuzzNameServer(f *testing.F) {
	f.Add([]byte("\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03app\x07example\x00\x00\x01\x00\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		s := &nameServer{name: "app.example", wall: &wall{addr: netip.MustParseAddr("192.0.2.7")}}
		answer, err := s.answer(packet)
		if err == nil {
			var m dnsmessage.Message
			require.NoError(t, m.Unpack(answer))
			require.True(t, m.Response)
		}
	})
}

func TestTargetsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"http://a.example/x?y#z": "a.example:80", "https://[2001:db8::1]/": "[2001:db8::1]:443", "a.example:8080": "a.example:8080",
		"a.example": "a.example:443", "[2001:db8::1]:22": "[2001:db8::1]:22",
	} {
		got, err := parseTarget(text, "ssl")
		require.NoError(t, err, text)
		require.Equal(t, want, got.hostport())
	}
	for _, text := range []string{"", "ftp://a/", "http://u:p@a/", "http:///x", "a:0", "a:99999", "a b:80", "a.example\r\nX:80", "http://a%00b/",
		"file:///etc/passwd", "http://a:b/", "[fe80::1%25eth0]:80", "http://[fe80::1%25eth0]/", "@file:80", "http://a\\b/"} {
		_, err := parseTarget(text, "ssl")
		require.Error(t, err, "%q", text)
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"http://a/", "a:1", "https://[::1]:8443/p?q", "http://u@a", "::1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTarget(text, "http")
		if err != nil {
			return
		}
		require.True(t, validHost(got.host))
		again, err := parseTarget(got.hostport(), "http")
		require.NoError(t, err)
		require.Equal(t, got.hostport(), again.hostport())
	})
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	good := newRig(t, nil, nil).opts
	for name, change := range map[string]func(*Options){
		"no vantage": func(o *Options) { o.Vantage = "" }, "no index": func(o *Options) { o.Index = nil },
		"no store": func(o *Options) { o.Evidence = nil }, "no key": func(o *Options) { o.Key = nil },
		"no state directory": func(o *Options) { o.StateDir = "/nonexistent" },
	} {
		o := good
		change(&o)
		_, err := New(o)
		require.True(t, fault.Is(err, fault.Invalid), name)
	}
}

func TestAMethodThatIsNoProbeIsInvalid(t *testing.T) {
	_, err := newRig(t, nil, nil).Probe(t.Context(), request(exposure.MethodCoveringRun, "", "127.0.0.1:1"))
	require.True(t, fault.Is(err, fault.Invalid))
}

func TestWithoutItsEvidenceAVerdictIsNotGiven(t *testing.T) {
	server := site(t, func(http.ResponseWriter, *http.Request) {})
	r := newRig(t, nil, nil)
	r.kept.fail = errors.New("store is down")
	_, err := r.Probe(t.Context(), request(exposure.MethodConnect, "", server.Listener.Addr().String()))
	require.ErrorContains(t, err, "store is down")
}

func TestAProbeThatIsStoppedFromOutsideGivesNoVerdict(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := site(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := newRig(t, map[string]string{"git.yaml": gitConfig}, nil).Probe(ctx, request(exposure.MethodTemplate, "git-config", server.URL))
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
}
