package awsapi_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // what SNS signs with in version 1
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

const (
	topic    = "arn:aws:sns:eu-west-1:111122223333:findings"
	certURL  = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
	stamp    = "2026-11-20T12:00:00.000Z"
	confirms = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=y"
)

// signer plays the part of SNS.
type signer struct {
	key  *rsa.PrivateKey
	cert []byte
}

var newSigner = sync.OnceValue(func() *signer { //nolint:gochecknoglobals // a key takes a while to make
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &signer{key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
})

func (s *signer) sign(tb testing.TB, m awsapi.Message) []byte {
	tb.Helper()
	hash, sum := crypto.SHA256, sha256.Sum256(m.Canonical())
	digest := sum[:]
	if m.SignatureVersion == "1" {
		old := sha1.Sum(m.Canonical())
		hash, digest = crypto.SHA1, old[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, hash, digest)
	require.NoError(tb, err)
	m.Signature = base64.StdEncoding.EncodeToString(signature)
	body, err := json.Marshal(m)
	require.NoError(tb, err)
	return body
}

// amazon serves the certificate and takes confirmations, and notes what it was asked for.
type amazon struct {
	cert  []byte
	asked []string
}

func (a *amazon) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r.URL.String())
	body := []byte("<ConfirmSubscriptionResponse/>")
	if strings.HasSuffix(r.URL.Path, ".pem") {
		body = a.cert
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func text(s string) *string { return &s }

func message(version string) awsapi.Message {
	return awsapi.Message{Type: awsapi.Notification, MessageID: "m-1", TopicArn: topic, Subject: text("Finding"), Message: `{"detail":{}}`,
		Timestamp: stamp, SignatureVersion: version, SigningCertURL: certURL}
}

func now() time.Time { return time.Date(2026, 11, 20, 12, 1, 0, 0, time.UTC) }

func TestMessagesOfAKnownTopicAreVerified(t *testing.T) {
	s := newSigner()
	for _, version := range []string{"1", "2"} {
		a := &amazon{cert: s.cert}
		topics := awsapi.NewTopics(&http.Client{Transport: a}, []string{topic})
		for range 2 {
			id, err := topics.Verify(s.sign(t, message(version)), now())
			require.NoError(t, err)
			require.Equal(t, "m-1", id)
		}
		without := message(version)
		without.Subject = nil
		_, err := topics.Verify(s.sign(t, without), now())
		require.NoError(t, err, "a message without a subject")
		require.Equal(t, []string{certURL}, a.asked, "the certificate is fetched once")
	}
}

func TestASubscriptionIsConfirmedForAKnownTopicAlone(t *testing.T) {
	s := newSigner()
	m := message("2")
	m.Type, m.Token, m.SubscribeURL, m.Subject = awsapi.SubscriptionConfirmation, "y", confirms, nil
	a := &amazon{cert: s.cert}
	_, err := awsapi.NewTopics(&http.Client{Transport: a}, []string{topic}).Verify(s.sign(t, m), now())
	require.NoError(t, err)
	require.Equal(t, []string{certURL, confirms}, a.asked)

	a = &amazon{cert: s.cert}
	_, err = awsapi.NewTopics(&http.Client{Transport: a}, []string{topic + "2"}).Verify(s.sign(t, m), now())
	require.Equal(t, fault.Denied, fault.KindOf(err))
	require.Empty(t, a.asked, "nothing is fetched for a stranger")

	m.SubscribeURL = "https://sns.eu-west-1.amazonaws.com.evil.example/"
	a = &amazon{cert: s.cert}
	_, err = awsapi.NewTopics(&http.Client{Transport: a}, []string{topic}).Verify(s.sign(t, m), now())
	require.Equal(t, fault.Denied, fault.KindOf(err))
	require.Equal(t, []string{certURL}, a.asked)
}

func TestForgedMessagesAreDenied(t *testing.T) {
	s := newSigner()
	tests := []struct {
		name   string
		change func(m *awsapi.Message)
		after  func(body string) string
		fetch  bool
	}{
		{name: "another message", after: func(b string) string { return strings.Replace(b, "detail", "retail", 1) }, fetch: true},
		{name: "another subject", after: func(b string) string { return strings.Replace(b, `"Finding"`, `"Funding"`, 1) }, fetch: true},
		{name: "a field that comes twice", after: func(b string) string { return `{"message":"x",` + b[1:] }},
		{name: "a second value", after: func(b string) string { return b + `{}` }},
		{name: "a certificate elsewhere", change: func(m *awsapi.Message) { m.SigningCertURL = "https://evil.example.org/x.pem" }},
		{name: "a certificate at a host that begins so", change: func(m *awsapi.Message) { m.SigningCertURL = "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem" }},
		{name: "a certificate of another region", change: func(m *awsapi.Message) { m.SigningCertURL = "https://sns.us-east-1.amazonaws.com/x.pem" }},
		{name: "a certificate in the clear", change: func(m *awsapi.Message) { m.SigningCertURL = strings.Replace(certURL, "https", "http", 1) }},
		{name: "a certificate at another port", change: func(m *awsapi.Message) { m.SigningCertURL = "https://sns.eu-west-1.amazonaws.com:8443/x.pem" }},
		{name: "a certificate behind a user", change: func(m *awsapi.Message) { m.SigningCertURL = "https://x@sns.eu-west-1.amazonaws.com/x.pem" }},
		{name: "no certificate", change: func(m *awsapi.Message) { m.SigningCertURL = "https://sns.eu-west-1.amazonaws.com/topic" }},
		{name: "a day late", change: func(m *awsapi.Message) { m.Timestamp = "2026-11-19T12:00:00.000Z" }},
		{name: "of the future", change: func(m *awsapi.Message) { m.Timestamp = "2026-11-20T13:00:00.000Z" }},
		{name: "another version", change: func(m *awsapi.Message) { m.SignatureVersion = "3" }, fetch: true},
		{name: "another type", change: func(m *awsapi.Message) { m.Type = "Note" }},
		{name: "another topic", change: func(m *awsapi.Message) { m.TopicArn += "x" }},
		{name: "no JSON", after: func(string) string { return "x" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := message("2")
			if tt.change != nil {
				tt.change(&m)
			}
			body := string(s.sign(t, m))
			if tt.after != nil {
				body = tt.after(body)
			}
			a := &amazon{cert: s.cert}
			_, err := awsapi.NewTopics(&http.Client{Transport: a}, []string{topic}).Verify([]byte(body), now())
			require.Equal(t, fault.Denied, fault.KindOf(err), "%v", err)
			require.Equal(t, tt.fetch, len(a.asked) > 0)
		})
	}
	_, err := awsapi.NewTopics(&http.Client{Transport: &amazon{cert: s.cert}}, []string{topic}).Verify(s.sign(t, message("2")), now().AddDate(1, 0, 0))
	require.Equal(t, fault.Denied, fault.KindOf(err))
}

// TestTheCanonicalTextIsAmazonsExample holds the text that is signed to the example of
// Amazon's guide ("Verifying the signatures of Amazon SNS messages").
func TestTheCanonicalTextIsAmazonsExample(t *testing.T) {
	m := awsapi.Message{Type: awsapi.Notification, MessageID: "4d4dc071-ddbf-465d-bba8-08f81c89da64", Subject: text("My subject"), Message: "Test", Timestamp: "2019-01-31T04:37:04.321Z", TopicArn: "arn:aws:sns:us-east-2:123456789012:s4-MySNSTopic-1G1WEFCOXTC0P"}
	require.Equal(t, "Message\nTest\nMessageId\n4d4dc071-ddbf-465d-bba8-08f81c89da64\nSubject\nMy subject\nTimestamp\n2019-01-31T04:37:04.321Z\n"+
		"TopicArn\narn:aws:sns:us-east-2:123456789012:s4-MySNSTopic-1G1WEFCOXTC0P\nType\nNotification\n", string(m.Canonical()))
}

func TestAnEventNeedsTheSecretInItsHeader(t *testing.T) {
	h := awsapi.Hooks{Topics: awsapi.NewTopics(nil, nil), Header: "X-Api-Key", Secrets: []secret.String{secret.New("one"), secret.New("two")}}
	header := http.Header{}
	_, err := h.Verify(header, []byte(`{"id":"e-1"}`), now())
	require.Equal(t, fault.Denied, fault.KindOf(err))
	header.Set("X-Api-Key", "two")
	id, err := h.Verify(header, []byte(`{"id":"e-1"}`), now())
	require.NoError(t, err)
	require.Equal(t, "e-1", id)
	header.Set("X-Amz-Sns-Message-Type", awsapi.Notification)
	_, err = h.Verify(header, []byte(`{"TopicArn":"`+topic+`"}`), now())
	require.Equal(t, fault.Denied, fault.KindOf(err), "the secret doesn't stand in for a signature")
}
