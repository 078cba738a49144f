package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/secret"
)

func verify(h HMAC, header http.Header, body string, now time.Time) bool {
	s := h.begin(header, now)
	// In two pieces, as a stream comes.
	_, _ = s.Write([]byte(body[:len(body)/2]))
	_, _ = s.Write([]byte(body[len(body)/2:]))
	return s.good()
}

func secrets(texts ...string) []secret.String {
	out := make([]secret.String, 0, len(texts))
	for _, text := range texts {
		out = append(out, secret.New(text))
	}
	return out
}

// The vectors: GitHub's documentation of webhook signatures; RFC 2202 and RFC 4231, test
// case 2, for the hashes.
func TestSignaturesAgreeWithPublishedVectors(t *testing.T) {
	for name, v := range map[string]struct {
		hmac  HMAC
		value string
		body  string
	}{
		"GitHub": {HMAC{Prefix: "sha256=", Secrets: secrets("It's a Secret to Everybody")},
			"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "Hello, World!"},
		"RFC 2202, HMAC-SHA-1": {HMAC{Algorithm: "sha1", Secrets: secrets("Jefe")},
			"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", "what do ya want for nothing?"},
		"RFC 4231, HMAC-SHA-256": {HMAC{Algorithm: "sha256", Secrets: secrets("Jefe")},
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "what do ya want for nothing?"},
		"RFC 4231, HMAC-SHA-512": {HMAC{Algorithm: "sha512", Secrets: secrets("Jefe")},
			"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
			"what do ya want for nothing?"},
	} {
		v.hmac.Header = "X-Signature"
		header := http.Header{"X-Signature": {v.value}}
		require.True(t, verify(v.hmac, header, v.body, noon), name)
		require.False(t, verify(v.hmac, header, v.body+" ", noon), name)
		v.hmac.Secrets = append(secrets("the new one"), v.hmac.Secrets...)
		require.True(t, verify(v.hmac, header, v.body, noon), "%s, while the secret is rotated", name)
		v.hmac.Secrets = v.hmac.Secrets[:1]
		require.False(t, verify(v.hmac, header, v.body, noon), "%s, after it", name)
	}
}

func sign(key, message string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(message))
	return hex.EncodeToString(h.Sum(nil))
}

func TestASignedTimestampMustBeWithinItsWindow(t *testing.T) {
	h := HMAC{Header: "X-Signature", Prefix: "v0=", TimestampHeader: "X-Timestamp", Signed: "v0:{timestamp}:{body}", Window: time.Minute, Secrets: secrets(hookSecret)}
	require.Empty(t, h.Validate())
	for name, c := range map[string]struct {
		timestamp string
		signed    string // the timestamp that was signed; empty = the same
		good      bool
	}{
		"now":                           {timestamp: unix(noon), good: true},
		"a minute ago":                  {timestamp: unix(noon.Add(-time.Minute)), good: true},
		"a minute ahead":                {timestamp: unix(noon.Add(time.Minute)), good: true},
		"RFC 3339":                      {timestamp: noon.Format(time.RFC3339), good: true},
		"longer ago":                    {timestamp: unix(noon.Add(-61 * time.Second))},
		"further ahead":                 {timestamp: unix(noon.Add(61 * time.Second))},
		"none":                          {timestamp: ""},
		"no time":                       {timestamp: "yesterday"},
		"negative":                      {timestamp: "-" + unix(noon)},
		"more than a time can hold":     {timestamp: "99999999999999999"},
		"a fresh one that isn't signed": {timestamp: unix(noon), signed: unix(noon.Add(-time.Hour))},
	} {
		signed := c.signed
		if signed == "" {
			signed = c.timestamp
		}
		header := http.Header{"X-Signature": {"v0=" + sign(hookSecret, "v0:"+signed+":{}")}, "X-Timestamp": {c.timestamp}}
		require.Equal(t, c.good, verify(h, header, "{}", noon), name)
	}
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func TestStandardWebhooksAreUnderstood(t *testing.T) {
	h := HMAC{Header: "webhook-signature", Prefix: "v1,", Encoding: "base64", TimestampHeader: "webhook-timestamp",
		Signed: "{header:webhook-id}.{timestamp}.{body}", Secrets: secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}
	require.Empty(t, h.Validate())
	header := http.Header{}
	header.Set("Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	header.Set("Webhook-Timestamp", "1614265330")
	// The example of the Standard Webhooks specification, beside a signature by another key.
	header.Set("Webhook-Signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v1a,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	require.True(t, verify(h, header, `{"test": 2432232314}`, time.Unix(1614265330, 0)))
	header.Set("Webhook-Id", "another")
	require.False(t, verify(h, header, `{"test": 2432232314}`, time.Unix(1614265330, 0)))
}

func TestSettingsThatCannotWorkAreNamed(t *testing.T) {
	for name, h := range map[string]HMAC{
		"header":    {Secrets: secrets(hookSecret)},
		"algorithm": {Header: "X", Algorithm: "md5", Secrets: secrets(hookSecret)},
		"encoding":  {Header: "X", Encoding: "base32", Secrets: secrets(hookSecret)},
		"secrets":   {Header: "X", Secrets: secrets("short")},
		"window":    {Header: "X", Window: -1, Secrets: secrets(hookSecret)},
		"signed":    {Header: "X", Signed: "{body}.{timestamp}", Secrets: secrets(hookSecret)},
		"timestamp": {Header: "X", Signed: "{timestamp}{body}", Secrets: secrets(hookSecret)},
		"{what}":    {Header: "X", Signed: "{what}{body}", Secrets: secrets(hookSecret)},
	} {
		errs := h.Validate()
		require.Len(t, errs, 1, name)
		require.ErrorContains(t, errs[0], name)
		require.NotContains(t, errs[0].Error(), "short ")
	}
}

// FuzzSignature holds the check against one that is written the plain way.
func FuzzSignature(f *testing.F) {
	good := "sha256=" + sign(hookSecret, "{}")
	for _, seed := range []string{good, "", "sha256=", good + " x", "x " + good, strings.ToUpper(good), good[:len(good)-1], "sha256=" + good, strings.Repeat(good+" ", 40)} {
		f.Add(seed, "{}", "1795435200")
	}
	f.Fuzz(func(t *testing.T, value, body, timestamp string) {
		plain := HMAC{Header: "X-Signature", Prefix: "sha256=", Secrets: secrets(hookSecret)}
		want := false
		for i, field := range strings.Fields(value) {
			if i < maxSignatures && len(value) <= maxSignature && strings.EqualFold(field, "sha256="+sign(hookSecret, body)) && strings.HasPrefix(field, "sha256=") {
				want = true
			}
		}
		if len(strings.Fields(value)) <= maxSignatures {
			require.Equal(t, want, verify(plain, http.Header{"X-Signature": {value}}, body, noon))
		}
		stamped := plain
		stamped.TimestampHeader = "X-Timestamp"
		header := http.Header{"X-Signature": {"sha256=" + sign(hookSecret, timestamp+"."+body)}, "X-Timestamp": {timestamp}}
		at, ok := parseTimestamp(timestamp)
		fresh := ok && !at.Before(noon.Add(-defaultWindow)) && !at.After(noon.Add(defaultWindow))
		require.Equal(t, fresh, verify(stamped, header, body, noon))
		_ = cleanDeliveryID(value)
	})
}
