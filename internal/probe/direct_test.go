package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func TestAnOpenPortIsConfirmedAndARefusedOneRefuted(t *testing.T) {
	ln, _ := counter(t, "127.0.0.1:0")
	r := newRig(t, nil, nil)
	v := r.verdict(t, request(exposure.MethodConnect, "", ln.Addr().String()))
	require.Equal(t, exposure.Confirmed, v.Outcome, v.Reason)
	require.NoError(t, ln.Close())
	v = r.verdict(t, request(exposure.MethodConnect, "", ln.Addr().String()))
	require.Equal(t, exposure.Refuted, v.Outcome, v.Reason)
	require.Equal(t, ln.Addr().String(), r.evidence(t, v).Address)
}

func TestAPortThatDoesNotAnswerIsInconclusive(t *testing.T) {
	// A connection that is never granted its turn times out, like one that a filter drops.
	r := newRig(t, nil, func(o *Options) { o.Timeout = 50 * time.Millisecond })
	ln, _ := counter(t, "127.0.0.1:0")
	r.hosts.of(mustAddr(t, ln)).pace.next = time.Now().Add(time.Hour)
	v := r.verdict(t, request(exposure.MethodConnect, "", ln.Addr().String()))
	require.Equal(t, exposure.Inconclusive, v.Outcome, v.Reason)
	require.Contains(t, v.Reason, "timed out")
}

func TestErrorsOfReachingATargetAreTold(t *testing.T) {
	require.Contains(t, reachability("x", &net.OpError{Op: "dial", Err: timeoutError{}}).why, "timed out")
	require.Empty(t, reachability("x", nil).why)
	require.Contains(t, reachability("x", io.EOF).why, "EOF")
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "slow" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestAMissingHeaderIsConfirmedAndAPresentOneRefuted(t *testing.T) {
	status, value := atomic.Int64{}, atomic.Value{}
	status.Store(http.StatusOK)
	value.Store("")
	server := site(t, func(w http.ResponseWriter, _ *http.Request) {
		if text, _ := value.Load().(string); text != "" {
			w.Header().Set("X-Frame-Options", text)
		}
		w.WriteHeader(int(status.Load()))
	})
	r := newRig(t, nil, nil)
	look := func(check, target string) exposure.Verdict {
		return r.verdict(t, request(exposure.MethodHTTPHeader, check, target))
	}
	require.Equal(t, exposure.Confirmed, look("x-frame-options", server.URL).Outcome)
	value.Store("DENY")
	require.Equal(t, exposure.Refuted, look("x-frame-options", server.Listener.Addr().String()).Outcome, "a host:port is asked as http, too")
	require.Equal(t, exposure.Inconclusive, look("Strict-Transport-Security", server.URL).Outcome)
	require.Equal(t, exposure.Inconclusive, look("", server.URL).Outcome)
	for _, s := range []int64{http.StatusNotFound, http.StatusForbidden, http.StatusInternalServerError, http.StatusFound} {
		status.Store(s)
		require.Equal(t, exposure.Inconclusive, look("x-frame-options", server.URL).Outcome, s)
	}
	require.Equal(t, exposure.Inconclusive, look("x-frame-options", "http://"+closedPort(t)).Outcome)
}

// tlsSite serves TLS with a certificate of its own.
func tlsSite(t *testing.T, end time.Time, config *tls.Config) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "self"}, NotBefore: end.Add(-time.Hour), NotAfter: end, DNSNames: []string{"good.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = config
	server.Config.ErrorLog = quietLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestTLSWeaknessesAreCheckedDirectly(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	old := tlsSite(t, now.Add(-time.Hour), &tls.Config{MinVersion: tls.VersionTLS10})
	current := tlsSite(t, now.Add(time.Hour), &tls.Config{MinVersion: tls.VersionTLS12})
	ca := httptest.NewTLSServer(http.NotFoundHandler()) // its certificate is signed by itself, but for example.com
	t.Cleanup(ca.Close)
	plainText, _ := counter(t, "127.0.0.1:0")
	r := newRig(t, nil, func(o *Options) { o.Now = func() time.Time { return now } })
	for _, c := range []struct {
		check, target string
		want          exposure.VerdictOutcome
	}{
		{"expired", old, exposure.Confirmed}, {"certificate-expiry", current, exposure.Refuted},
		{"self-signed", current, exposure.Confirmed},
		{"hostname", current, exposure.Confirmed},
		{"weak_protocol", old, exposure.Confirmed}, {"TLS 1.0", old, exposure.Confirmed}, {"tls11", old, exposure.Confirmed},
		{"weak_protocol", current, exposure.Refuted}, {"TLSv1.1", current, exposure.Refuted},
		{"weak_cipher", current, exposure.Refuted},
		{"sslv3", current, exposure.Inconclusive}, {"something else", current, exposure.Inconclusive},
		{"expired", plainText.Addr().String(), exposure.Inconclusive}, {"expired", closedPort(t), exposure.Inconclusive},
	} {
		v := r.verdict(t, request(exposure.MethodTLS, c.check, c.target))
		require.Equal(t, c.want, v.Outcome, "%s at %s: %s", c.check, c.target, v.Reason)
	}
}

func TestBlockPagesAreKnownAndOrdinaryRefusalsAreNot(t *testing.T) {
	h := func(pairs ...string) http.Header {
		header := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			header.Set(pairs[i], pairs[i+1])
		}
		return header
	}
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
		block  bool
	}{
		"cloudflare challenge":          {403, h("Cf-Mitigated", "challenge"), "", true},
		"akamai":                        {403, h("Server", "AkamaiGHost"), "", true},
		"aws waf challenge":             {202, h("X-Amzn-Waf-Action", "challenge"), "", true},
		"imperva with status 200":       {200, h(), "Request unsuccessful. Incapsula incident ID: 1-2", true},
		"f5 with status 200":            {200, h(), "The requested URL was rejected. Please consult. Your support ID is: 9", true},
		"a captcha":                     {503, h(), "<div class=g-recaptcha>", true},
		"a plain 403":                   {403, h("Server", "nginx"), "<h1>403 Forbidden</h1>", false},
		"a 404 behind cloudflare":       {404, h("Server", "cloudflare", "Cf-Ray", "1"), "not found", false},
		"a login page with a captcha":   {200, h(), "captcha", false},
		"a plain 403 behind cloudflare": {403, h("Server", "cloudflare", "Cf-Ray", "1"), "Forbidden", false},
	} {
		require.Equal(t, c.block, blockPage(c.status, c.header, c.body) != "", name)
	}
}
