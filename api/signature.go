package api

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // vendors sign with HMAC-SHA1 still, which is not broken by SHA-1's collisions
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/secret"
)

// HMAC says how a vendor signs its webhooks: a keyed hash over the raw body as sent,
// compressed or not.
type HMAC struct {
	Header    string          // that holds the signature: "X-Hub-Signature-256"
	Algorithm string          // sha1, sha256 or sha512; empty = sha256
	Prefix    string          // before the signature in the header: "sha256=", "v1,"
	Encoding  string          // hex or base64; empty = hex
	Secrets   []secret.String // the current one, and the old one while rotating; whsec_… is base64 (Standard Webhooks)
	// TimestampHeader names a header with the time of sending, in Unix seconds or RFC
	// 3339, which must be within Window of now (zero = five minutes) on either side.
	TimestampHeader string
	Window          time.Duration
	// Signed is what is signed, where it is more than the body: text with {timestamp} and
	// {header:NAME}, which ends in {body}. Empty means {body}, or with a TimestampHeader
	// {timestamp}.{body}: a timestamp that isn't signed keeps nobody from replaying.
	Signed string
}

const (
	defaultWindow  = 5 * time.Minute
	maxSignatures  = 8    // in one header
	maxSignature   = 2048 // bytes of the header
	minSecretBytes = 8
)

var signedPart = regexp.MustCompile(`\{[^{}]*\}`)

// Validate says everything that is wrong with the settings.
func (h HMAC) Validate() []error {
	var errs []error
	if h.Header == "" {
		errs = append(errs, errors.New("header: name the header that holds the signature"))
	}
	if h.hash() == nil {
		errs = append(errs, fmt.Errorf("algorithm: %q is not one of sha1, sha256, sha512", h.Algorithm))
	}
	if h.Encoding != "" && h.Encoding != "hex" && h.Encoding != "base64" {
		errs = append(errs, fmt.Errorf("encoding: %q is not one of hex, base64", h.Encoding))
	}
	if len(h.Secrets) == 0 || len(h.Secrets) > 2 {
		errs = append(errs, errors.New("secrets: give one, or two while rotating"))
	}
	for i := range h.Secrets {
		if len(h.Secrets[i].Reveal()) < minSecretBytes {
			errs = append(errs, fmt.Errorf("secrets: one is shorter than %d bytes, which can be guessed", minSecretBytes))
		}
	}
	if h.Window < 0 {
		errs = append(errs, errors.New("window: must not be negative"))
	}
	return append(errs, h.validateSigned()...)
}

func (h HMAC) validateSigned() []error {
	signed := h.signed()
	before, ok := strings.CutSuffix(signed, "{body}")
	if !ok || strings.Contains(before, "{body}") {
		return []error{errors.New("signed: must end in {body}, and hold it once")}
	}
	for _, part := range signedPart.FindAllString(before, -1) {
		if part == "{timestamp}" && h.TimestampHeader == "" {
			return []error{errors.New("signed: {timestamp} needs timestamp_header")}
		}
		if part != "{timestamp}" && !strings.HasPrefix(part, "{header:") {
			return []error{fmt.Errorf("signed: %s is not one of {timestamp}, {header:NAME}, {body}", part)}
		}
	}
	return nil
}

func (h HMAC) signed() string {
	switch {
	case h.Signed != "":
		return h.Signed
	case h.TimestampHeader != "":
		return "{timestamp}.{body}"
	}
	return "{body}"
}

func (h HMAC) hash() func() hash.Hash {
	switch h.Algorithm {
	case "sha1":
		return sha1.New
	case "", "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

// signature is the check of one request. The body is written to it, then it is asked.
type signature struct {
	io.Writer
	sums  []hash.Hash // one per secret
	given [][]byte
	fresh bool
}

// begin starts the check of a request. What is missing or malformed in its headers makes
// the check fail at its end, after the same work.
func (h HMAC) begin(header http.Header, now time.Time) *signature {
	s := &signature{given: h.given(header.Get(h.Header)), fresh: h.fresh(header, now)}
	before := strings.TrimSuffix(h.signed(), "{body}")
	before = signedPart.ReplaceAllStringFunc(before, func(part string) string {
		if part == "{timestamp}" {
			return header.Get(h.TimestampHeader)
		}
		return header.Get(strings.TrimSuffix(strings.TrimPrefix(part, "{header:"), "}"))
	})
	writers := make([]io.Writer, 0, len(h.Secrets))
	for i := range h.Secrets {
		sum := hmac.New(h.hash(), keyOf(h.Secrets[i]))
		s.sums, writers = append(s.sums, sum), append(writers, sum)
	}
	s.Writer = io.MultiWriter(writers...)
	_, _ = io.WriteString(s.Writer, before) // a hash never fails (hash.Hash)
	return s
}

// keyOf is the key that a secret is. Standard Webhooks writes it in base64, after whsec_.
func keyOf(s secret.String) []byte {
	if text, ok := strings.CutPrefix(s.Reveal(), "whsec_"); ok {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil {
			return key
		}
	}
	return []byte(s.Reveal())
}

// given are the signatures in the header: some vendors send one per secret, separated by
// spaces.
func (h HMAC) given(value string) [][]byte {
	if len(value) > maxSignature {
		return nil
	}
	var out [][]byte
	for field := range strings.FieldsSeq(value) {
		text, ok := strings.CutPrefix(field, h.Prefix)
		if !ok || len(out) == maxSignatures {
			continue
		}
		raw, err := h.decode(text)
		if err == nil {
			out = append(out, raw)
		}
	}
	return out
}

func (h HMAC) decode(text string) ([]byte, error) {
	if h.Encoding == "base64" {
		return base64.StdEncoding.Strict().DecodeString(text)
	}
	return hex.DecodeString(text)
}

func (h HMAC) fresh(header http.Header, now time.Time) bool {
	if h.TimestampHeader == "" {
		return true
	}
	at, ok := parseTimestamp(header.Get(h.TimestampHeader))
	window := h.Window
	if window == 0 {
		window = defaultWindow
	}
	return ok && !at.Before(now.Add(-window)) && !at.After(now.Add(window))
}

// parseTimestamp reads Unix seconds, as most vendors write it, or RFC 3339.
func parseTimestamp(text string) (time.Time, bool) {
	const digits = 12 // more would leave what a time can hold
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), len(text) <= digits && seconds > 0
	}
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}

// good reports whether any signature fits any secret. All are compared, whatever the
// first ones say.
func (s *signature) good() bool {
	found := false
	for _, sum := range s.sums {
		want := sum.Sum(nil)
		for _, given := range s.given {
			if hmac.Equal(want, given) {
				found = true
			}
		}
	}
	return found && s.fresh
}

// bearer reports whether a header holds one of the secrets, which are compared all.
func bearer(value string, secrets []secret.String) bool {
	found := false
	for i := range secrets {
		if !secrets[i].Empty() && secrets[i].Equal(value) {
			found = true
		}
	}
	return found
}

// deliveryHeaders are where vendors put the ID of a delivery.
var deliveryHeaders = []string{"X-GitHub-Delivery", "X-H1-Delivery", "X-Snyk-Transport-Id", "Webhook-Id", "Idempotency-Key"}

// deliveryID is the vendor's ID of the delivery, from the header that the source names
// or the well-known ones. One that would not do in an address is hashed.
func deliveryID(header http.Header, named string) string {
	names := deliveryHeaders
	if named != "" {
		names = []string{named}
	}
	i := slices.IndexFunc(names, func(name string) bool { return header.Get(name) != "" })
	if i < 0 {
		return ""
	}
	return cleanDeliveryID(header.Get(names[i]))
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._:@+=-]{1,128}$`)

func cleanDeliveryID(id string) string {
	if id == "" || plainID.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:16])
}
