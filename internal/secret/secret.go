// Package secret holds text that must never be printed: it shows itself as
// "[redacted]" to fmt, slog, JSON and YAML, and gives its value to Reveal alone.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// String is a secret text. Its zero value is the empty secret.
type String struct{ value string } //nolint:recvcheck // reading a text needs a pointer, printing one a value

// New makes a secret of a text.
func New(value string) String { return String{value} }

// Reveal gives the text. Call it only where the text leaves for its peer.
func (s String) Reveal() string { return s.value }

// Empty reports whether there is no secret.
func (s String) Empty() bool { return s.value == "" }

// Equal compares with a text in constant time.
func (s String) Equal(text string) bool {
	return subtle.ConstantTimeCompare([]byte(s.value), []byte(text)) == 1
}

// String implements fmt.Stringer without the value.
func (s String) String() string { return redacted }

// GoString implements fmt.GoStringer without the value.
func (s String) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb prints the value.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText keeps the value out of JSON and YAML.
func (s String) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue keeps the value out of logs.
func (s String) LogValue() slog.Value { return slog.StringValue(redacted) }

// UnmarshalText takes a value in. Nothing but internal/config, which resolves references
// first, should read secrets from a file.
func (s *String) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}
