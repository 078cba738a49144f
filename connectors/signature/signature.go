// Package signature checks how vendors sign their webhooks: over the raw body, in
// constant time, with two secrets while one is rotated and a window for what carries a
// time. One value describes one vendor's way.
package signature

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // vendors sign with HMAC-SHA1 still, which is not broken by SHA-1's collisions
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// Window is how far a signed time may be from ours.
const Window = 5 * time.Minute

const (
	mostSignatures = 8    // in one header, while the vendor rotates
	longestHeader  = 4096 // bytes
)

// HMAC is a keyed hash over the body, or over what Message makes of it.
type HMAC struct {
	Header   string // that holds the signature: "X-Hub-Signature-256"
	Prefix   string // before the signature in the header: "sha256="
	Hash     func() hash.Hash
	Encoding Encoding
	// Message gives what is signed, where it is more or other than the body. It may give
	// several, where a vendor's ways differ; nil: the body.
	Message func(header http.Header, body []byte) [][]byte
	// TimeHeader holds the time of sending, in Unix seconds or RFC 3339, which must be within
	// Window. It keeps nobody from replaying unless Message has it signed.
	TimeHeader string
	IDHeader   string // that holds the delivery's ID
}

// Encoding is how a signature is written.
type Encoding func(string) ([]byte, error)

// The encodings.
var (
	Hex    Encoding = hex.DecodeString                //nolint:gochecknoglobals // constants, which functions can't be
	Base64 Encoding = base64.StdEncoding.DecodeString //nolint:gochecknoglobals // likewise
	SHA1            = sha1.New                        //nolint:gochecknoglobals // likewise
	SHA256          = sha256.New                      //nolint:gochecknoglobals // likewise
	SHA512          = sha512.New                      //nolint:gochecknoglobals // likewise
)

// Verify gives the delivery's ID, or an error of kind denied that doesn't say which
// secret would have fitted. Secrets that are empty are passed over; none left denies all.
func (v HMAC) Verify(header http.Header, body []byte, now time.Time, secrets ...secret.String) (string, error) {
	if !configured(secrets) {
		return "", fault.New(fault.Denied, "verifying a webhook: no secret is configured")
	}
	if v.TimeHeader != "" && !fresh(header.Get(v.TimeHeader), now) {
		return "", fault.New(fault.Denied, "verifying a webhook: the time in %s is missing or more than %s off", v.TimeHeader, Window)
	}
	messages := [][]byte{body}
	if v.Message != nil {
		messages = v.Message(header, body)
	}
	given := v.given(header.Get(v.Header))
	good := false
	for _, s := range secrets {
		if s.Empty() {
			continue
		}
		for _, message := range messages {
			mac := hmac.New(v.Hash, key(s))
			mac.Write(message)
			sum := mac.Sum(nil)
			for _, g := range given {
				good = hmac.Equal(g, sum) || good
			}
		}
	}
	if !good {
		return "", fault.New(fault.Denied, "verifying a webhook: the signature in %s does not fit", v.Header)
	}
	return header.Get(v.IDHeader), nil
}

// Sign gives the header's value as the vendor would write it, for those who play its part.
func (v HMAC) Sign(s secret.String, header http.Header, body []byte) string {
	message := body
	if v.Message != nil {
		message = v.Message(header, body)[0]
	}
	mac := hmac.New(v.Hash, key(s))
	mac.Write(message)
	sum := mac.Sum(nil)
	if b, err := v.Encoding(hex.EncodeToString(sum)); err == nil && bytes.Equal(b, sum) {
		return v.Prefix + hex.EncodeToString(sum)
	}
	return v.Prefix + base64.StdEncoding.EncodeToString(sum)
}

// given decodes the signatures of a header: several, with spaces between, where the
// vendor signs with two keys.
func (v HMAC) given(value string) [][]byte {
	if len(value) > longestHeader {
		return nil
	}
	var out [][]byte
	for _, part := range strings.Fields(value) {
		text, ok := strings.CutPrefix(part, v.Prefix)
		if sum, err := v.Encoding(text); ok && err == nil && len(out) < mostSignatures {
			out = append(out, sum)
		}
	}
	return out
}

// key is the secret's bytes. Standard Webhooks writes them as base64 behind "whsec_".
func key(s secret.String) []byte {
	if text, ok := strings.CutPrefix(s.Reveal(), "whsec_"); ok {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			return raw
		}
	}
	return []byte(s.Reveal())
}

func configured(secrets []secret.String) bool {
	for _, s := range secrets {
		if !s.Empty() {
			return true
		}
	}
	return false
}

func fresh(stamp string, now time.Time) bool {
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil {
			return false
		}
		at = time.Unix(seconds, 0)
	}
	return now.Sub(at).Abs() <= Window
}

// StandardWebhooks is the signature of standardwebhooks.com, version 1.
func StandardWebhooks() HMAC {
	return HMAC{
		Header: "webhook-signature", Prefix: "v1,", Hash: SHA256, Encoding: Base64, TimeHeader: "webhook-timestamp", IDHeader: "webhook-id",
		Message: func(header http.Header, body []byte) [][]byte {
			return [][]byte{append([]byte(header.Get("webhook-id")+"."+header.Get("webhook-timestamp")+"."), body...)}
		},
	}
}

// Token checks a plain shared secret in a header, after an optional scheme such as
// "Bearer ". For vendors that sign nothing.
func Token(header http.Header, name, scheme string, secrets ...secret.String) error {
	value := header.Get(name)
	if n := len(scheme); n > 0 {
		if len(value) < n || !strings.EqualFold(value[:n], scheme) {
			value = ""
		} else {
			value = value[n:]
		}
	}
	good := false
	for _, s := range secrets {
		good = !s.Empty() && s.Equal(value) || good
	}
	if !good {
		return fault.New(fault.Denied, "verifying a webhook: %s does not show the secret", name)
	}
	return nil
}
