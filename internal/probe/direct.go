package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// connect re-tests an open port. A refused connection is an answer of a live host; so it
// takes two in a row. Silence is none: a filter drops what it likes.
func (v *visit) connect(ctx context.Context) finding {
	t := v.t
	t.url = nil
	say := func(outcome exposure.VerdictOutcome, reason string) finding {
		e := v.note("tcp", t, "connect", "")
		e.Note = reason
		return finding{outcome: outcome, reason: reason, evidence: []exposure.Evidence{e}}
	}
	first := v.connects(ctx, v.wall, t)
	if first.why == "" {
		return say(exposure.Confirmed, fmt.Sprintf("port %d accepts connections", t.port))
	}
	if !first.closed {
		return say(exposure.Inconclusive, first.why)
	}
	switch again := v.connects(ctx, v.wall, t); {
	case again.why == "":
		return say(exposure.Confirmed, fmt.Sprintf("port %d accepts connections, at the second attempt", t.port))
	case !again.closed:
		return say(exposure.Inconclusive, again.why)
	}
	return say(exposure.Refuted, fmt.Sprintf("the host refuses connections to port %d", t.port))
}

// header re-tests a response header that was reported as missing.
func (v *visit) header(ctx context.Context, name string) finding {
	t, why := v.withScheme(ctx, v.wall, v.t)
	if why != "" {
		return inconclusive(why)
	}
	got, why := v.alive(ctx, v.wall, t)
	say := func(outcome exposure.VerdictOutcome, reason string) finding {
		e := v.note("http", t, got.request, got.response)
		e.Matcher, e.Note = name, reason
		return finding{outcome: outcome, reason: reason, evidence: []exposure.Evidence{e}}
	}
	name = http.CanonicalHeaderKey(strings.TrimSpace(name))
	switch value := strings.TrimSpace(got.header.Get(name)); {
	case why != "":
		return say(exposure.Inconclusive, why)
	case name == "":
		return say(exposure.Inconclusive, "the exposure does not say which header is missing")
	case got.status >= http.StatusMultipleChoices:
		return say(exposure.Inconclusive, fmt.Sprintf("the target answered with status %d, which says nothing about its pages", got.status))
	case name == "Strict-Transport-Security" && t.url.Scheme != "https":
		return say(exposure.Inconclusive, "Strict-Transport-Security counts over https alone, and the target is http")
	case value == "":
		return say(exposure.Confirmed, "the response has no "+name)
	default:
		return say(exposure.Refuted, fmt.Sprintf("the response has %s: %s", name, redact(clip(value, 200))))
	}
}

// The TLS checks that Verification.Check may name, in any case and with - or _.
const (
	TLSExpired      = "expired"
	TLSSelfSigned   = "self_signed"
	TLSHostname     = "hostname"
	TLSWeakProtocol = "weak_protocol" // TLS 1.0 or 1.1; SSL 2 and 3 can't be spoken here
	TLSWeakCipher   = "weak_cipher"   // RC4 or 3DES
)

// TLSCheck reads a hint of what is wrong with a TLS port; empty: no direct check is meant.
func TLSCheck(hint string) string {
	hint = strings.NewReplacer("-", "_", " ", "_", ".", "_").Replace(strings.ToLower(hint))
	for _, known := range []struct {
		check string
		words []string
	}{
		{"", []string{"sslv2", "sslv3", "ssl_2", "ssl_3", "ssl2", "ssl3", "export", "null", "anon", "heartbleed", "strength"}}, // not to be spoken here
		{TLSExpired, []string{"expir"}},
		{TLSSelfSigned, []string{"self_sign"}},
		{TLSHostname, []string{"hostname", "mismatch", "wrong_host"}},
		{TLSWeakCipher, []string{"rc4", "3des", "sweet32", "weak_cipher"}},
		{TLSWeakProtocol, []string{"weak_protocol", "weak_version", "deprecated_tls", "old_tls", "tls10", "tls11", "tls1_0", "tls1_1", "tls_1_0", "tls_1_1", "tlsv1_0", "tlsv1_1"}},
	} {
		if slices.ContainsFunc(known.words, func(word string) bool { return strings.Contains(hint, word) }) {
			return known.check
		}
	}
	return ""
}

// tls re-tests a weakness of a TLS port.
func (v *visit) tls(ctx context.Context, hint string) finding {
	t := v.t
	t.url = nil
	var shown string
	say := func(outcome exposure.VerdictOutcome, reason string) finding {
		e := v.note("tls", t, "TLS handshake", shown)
		e.Matcher, e.Note = hint, reason
		return finding{outcome: outcome, reason: reason, evidence: []exposure.Evidence{e}}
	}
	check := TLSCheck(hint)
	if check == "" {
		return say(exposure.Inconclusive, fmt.Sprintf("this probe has no direct check for %q", clip(hint, 100)))
	}
	state, err := v.handshake(ctx, t, lookAnyway())
	if err != nil {
		return say(exposure.Inconclusive, reachability("a TLS handshake with "+t.hostport(), err).why)
	}
	shown = describe(state)
	leaf := state.PeerCertificates[0]
	judge := func(weak bool, yes, no string) finding {
		if weak {
			return say(exposure.Confirmed, yes)
		}
		return say(exposure.Refuted, no)
	}
	switch check {
	case TLSExpired:
		end := leaf.NotAfter.UTC().Format(time.DateOnly)
		return judge(v.at.After(leaf.NotAfter), "the certificate ended on "+end, "the certificate holds until "+end)
	case TLSSelfSigned:
		return judge(selfSigned(leaf), "the certificate is signed by itself", "the certificate is signed by "+leaf.Issuer.String())
	case TLSHostname:
		return judge(leaf.VerifyHostname(t.host) != nil, "the certificate is not for "+t.host, "the certificate is for "+t.host)
	}
	return v.oldTLS(ctx, t, check, hint, say)
}

// oldTLS offers only what is weak. It is refuted only when that is refused, twice, by a
// port that completes other handshakes before and after.
func (v *visit) oldTLS(ctx context.Context, t target, check, hint string, say func(exposure.VerdictOutcome, string) finding) finding {
	offer, what := weakOffer(check, hint)
	for range 2 {
		state, err := v.handshake(ctx, t, offer)
		if err == nil {
			return say(exposure.Confirmed, fmt.Sprintf("the port accepts %s with %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)))
		}
		if !refusal(err) {
			return say(exposure.Inconclusive, reachability("offering "+what+" to "+t.hostport(), err).why)
		}
	}
	if _, err := v.handshake(ctx, t, lookAnyway()); err != nil {
		return say(exposure.Inconclusive, reachability("a last TLS handshake with "+t.hostport(), err).why)
	}
	return say(exposure.Refuted, "the port refuses "+what+" and accepts other handshakes")
}

func weakOffer(check, hint string) (*tls.Config, string) {
	offer := lookAnyway()
	if check == TLSWeakCipher {
		offer.MaxVersion, offer.CipherSuites = tls.VersionTLS12, weakSuites()
		return offer, "RC4 or 3DES"
	}
	offer.MaxVersion = tls.VersionTLS11
	switch digits := strings.NewReplacer(".", "", "_", "", "-", "").Replace(hint); {
	case strings.HasSuffix(digits, "10"):
		offer.MaxVersion = tls.VersionTLS10
		return offer, "TLS 1.0"
	case strings.HasSuffix(digits, "11"):
		offer.MinVersion = tls.VersionTLS11
		return offer, "TLS 1.1"
	}
	return offer, "TLS 1.0 or 1.1"
}

// refusal reports whether a handshake was turned down, by an alert or by hanging up.
func refusal(err error) bool {
	var alert tls.AlertError
	return errors.As(err, &alert) || strings.Contains(err.Error(), "remote error: tls:") ||
		strings.Contains(err.Error(), "server selected unsupported protocol version") ||
		errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

func weakSuites() []uint16 {
	var ids []uint16
	for _, suite := range tls.InsecureCipherSuites() {
		if strings.Contains(suite.Name, "RC4") || strings.Contains(suite.Name, "3DES") {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

func (v *visit) handshake(ctx context.Context, t target, config *tls.Config) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*v.opts.RequestTimeout)
	defer cancel()
	conn, err := v.wall.dial(ctx, t.hostport(), v.opts.RequestTimeout)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	config = config.Clone()
	config.ServerName = t.host
	client := tls.Client(conn, config)
	defer func() { _ = client.Close() }() // only a look
	if err := client.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, err
	}
	state := client.ConnectionState()
	if len(state.PeerCertificates) == 0 {
		return state, errors.New("the server showed no certificate")
	}
	return state, nil
}

func selfSigned(cert *x509.Certificate) bool {
	return cert.Subject.String() == cert.Issuer.String() && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

func describe(state tls.ConnectionState) string {
	leaf := state.PeerCertificates[0]
	return fmt.Sprintf("version: %s\ncipher: %s\nsubject: %s\nissuer: %s\nnot_before: %s\nnot_after: %s\nnames: %s\nsha256: %s\n",
		tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), leaf.Subject, leaf.Issuer,
		leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339), strings.Join(leaf.DNSNames, " "), digest(leaf.Raw))
}
