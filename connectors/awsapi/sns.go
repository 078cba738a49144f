package awsapi

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Message is what SNS delivers to an HTTPS endpoint.
type Message struct {
	Type             string  `json:"Type"`
	MessageID        string  `json:"MessageId"`
	Token            string  `json:"Token,omitempty"`
	TopicArn         string  `json:"TopicArn"`
	Subject          *string `json:"Subject,omitempty"`
	Message          string  `json:"Message"`
	Timestamp        string  `json:"Timestamp"`
	SignatureVersion string  `json:"SignatureVersion"`
	Signature        string  `json:"Signature"`
	SigningCertURL   string  `json:"SigningCertURL"`
	SubscribeURL     string  `json:"SubscribeURL,omitempty"`
}

// The types of messages.
const (
	Notification             = "Notification"
	SubscriptionConfirmation = "SubscriptionConfirmation"
	unsubscribeConfirmation  = "UnsubscribeConfirmation"
)

// Canonical is what SNS signs: the names and values of some fields, by name, a line each.
func (m *Message) Canonical() []byte {
	fields := []string{"Message", m.Message, "MessageId", m.MessageID}
	if m.Type == Notification {
		if m.Subject != nil { // an empty one is signed too
			fields = append(fields, "Subject", *m.Subject)
		}
		fields = append(fields, "Timestamp", m.Timestamp, "TopicArn", m.TopicArn, "Type", m.Type)
	} else {
		fields = append(fields, "SubscribeURL", m.SubscribeURL, "Timestamp", m.Timestamp, "Token", m.Token, "TopicArn", m.TopicArn, "Type", m.Type)
	}
	return []byte(strings.Join(fields, "\n") + "\n")
}

// Topics verifies the messages of the topics that a source knows. It keeps the
// certificates that it fetched.
type Topics struct {
	known []string
	http  *http.Client
	mu    sync.Mutex
	certs map[string]*x509.Certificate
}

// NewTopics makes a verifier for topics by their ARNs. Certificates are fetched, and
// subscriptions confirmed, over the given client.
func NewTopics(over *http.Client, arns []string) *Topics {
	return &Topics{known: arns, http: over, certs: map[string]*x509.Certificate{}}
}

// TopicHosts are the hosts that topics are served from: those of SNS in their regions.
func TopicHosts(arns []string) []string {
	var out []string
	for _, arn := range arns {
		if host := topicHost(arn); host != "" && !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	return out
}

// topicHost is the host that a topic's certificates are at: a name that Amazon alone can
// serve. Empty for what is no topic.
func topicHost(arn string) string {
	parts := strings.Split(arn, ":")
	const all = 6
	if len(parts) != all || parts[0] != "arn" || parts[2] != "sns" || parts[3] == "" || strings.Trim(parts[3], "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ""
	}
	return Host("sns", parts[3])
}

// IsTopic reports whether a text is the ARN of a topic.
func IsTopic(arn string) bool { return topicHost(arn) != "" }

// IsMessage reports whether a call says that it comes from SNS.
func IsMessage(header http.Header) bool { return header.Get("X-Amz-Sns-Message-Type") != "" }

// SNS sends a message again for an hour at most, under the time it was published at.
const (
	oldest = 75 * time.Minute
	newest = 5 * time.Minute
)

// Verify checks a message and gives its ID. A confirmation of a subscription to a known
// topic is answered, once its signature is good; unknown topics are denied before anything
// is fetched.
func (t *Topics) Verify(body []byte, now time.Time) (string, error) {
	var m Message
	if !plain(body) || json.Unmarshal(body, &m) != nil {
		return "", denied("it is no message of SNS")
	}
	host := topicHost(m.TopicArn)
	if host == "" || !slices.Contains(t.known, m.TopicArn) {
		return "", denied("its topic is not one of topics")
	}
	if at, err := time.Parse(time.RFC3339, m.Timestamp); err != nil || now.Sub(at) > oldest || at.Sub(now) > newest {
		return "", denied("its time is missing, or too far off")
	}
	switch m.Type {
	case Notification, SubscriptionConfirmation, unsubscribeConfirmation:
	default:
		return "", denied("its type is not known")
	}
	if !onHost(m.SigningCertURL, host) || !strings.HasSuffix(m.SigningCertURL, ".pem") {
		return "", denied("its certificate is not at the host of SNS in the topic's region")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second) // verifiers are given no context
	defer cancel()
	cert, err := t.certificate(ctx, m.SigningCertURL, host)
	if err != nil {
		return "", err
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return "", denied("its certificate is not valid now")
	}
	if err := check(cert, &m); err != nil {
		return "", err
	}
	if m.Type == SubscriptionConfirmation {
		if !onHost(m.SubscribeURL, host) {
			return "", denied("the address to confirm at is not at the host of SNS in the topic's region")
		}
		if _, err := t.fetch(ctx, m.SubscribeURL, host); err != nil {
			return "", err
		}
	}
	return m.MessageID, nil
}

// plain reports whether a body is one object that names each field once, however it is
// spelled: what was verified must be what is read later.
func plain(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return false
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		var value json.RawMessage
		if err != nil || !ok || seen[strings.ToLower(name)] || d.Decode(&value) != nil {
			return false
		}
		seen[strings.ToLower(name)] = true
	}
	_, err := d.Token()
	return err == nil && !d.More()
}

func denied(why string) error { return fault.New(fault.Denied, "verifying a webhook: %s", why) }

// check verifies the signature: RSA PKCS #1 v1.5 over SHA-1 in version 1, SHA-256 in 2.
func check(cert *x509.Certificate, m *Message) error {
	algorithm := x509.SHA1WithRSA
	switch m.SignatureVersion {
	case "1":
	case "2":
		algorithm = x509.SHA256WithRSA
	default:
		return denied("the version of its signature is not known")
	}
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil {
		return denied("its signature is not base64")
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || verify(key, algorithm, m.Canonical(), signature) != nil {
		return denied("its signature does not fit")
	}
	return nil
}

// onHost reports whether an address is https, at exactly the host and its usual port.
func onHost(address, host string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host == host && u.User == nil
}

func (t *Topics) certificate(ctx context.Context, address, host string) (*x509.Certificate, error) {
	t.mu.Lock()
	cert := t.certs[address]
	t.mu.Unlock()
	if cert != nil {
		return cert, nil
	}
	text, err := t.fetch(ctx, address, host)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, denied("its certificate can't be read")
	}
	cert, err = x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, denied("its certificate can't be read")
	}
	const most = 16 // certificates of a few regions, changed once a year
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.certs) >= most {
		clear(t.certs)
	}
	t.certs[address] = cert
	return cert, nil
}

func (t *Topics) fetch(ctx context.Context, address, host string) ([]byte, error) {
	const largest = 64 << 10
	if t.http == nil {
		return nil, fault.New(fault.Unavailable, "calling SNS: there is no network here")
	}
	var body bytes.Buffer
	_, err := httpclient.API{HTTP: t.http, Base: "https://" + host, Vendor: "SNS", Largest: largest}.Copy(ctx, httpclient.Call{Path: address, Accept: "*/*"}, &body)
	return body.Bytes(), err
}

// Hooks verifies calls that come from SNS or, with a secret in a header, from an API
// destination of EventBridge.
type Hooks struct {
	Topics  *Topics
	Header  string
	Secrets []secret.String
}

// Verify checks a call and gives the message's or the event's ID.
func (h *Hooks) Verify(header http.Header, body []byte, now time.Time) (string, error) {
	if IsMessage(header) {
		return h.Topics.Verify(body, now)
	}
	if err := signature.Token(header, h.Header, "", h.Secrets...); err != nil {
		return "", err //nolint:wrapcheck // it says what was checked
	}
	var event struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(body, &event) // the decoder will say what is wrong with it
	return event.ID, nil
}
