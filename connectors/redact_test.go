package connectors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRedact compares the shortcut with the patterns themselves.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{
		"Authorization: Basic YWRtaW46YWRtaW4=", "they API-KEY=12345678", "x-api-key: abc", "Set-Cookie: a=b; c", "pa\u017F\u017Fword=1",
		"AKIAABCDEFGHIJKLMNOP", "ghp_abcdefghijklmnopqrstuvwxyz", "github_pat_abcdefghijklmnopqrst", "glpat-abcdefghijklmnopqr",
		"xoxb-1234567890", "eyJhbGciOi.eyJzdWIiOi.x", "-----BEGIN RSA PRIVATE KEY-----\nabc", "session_id=4; pwd:x", "Installed version : 2.4.0",
		"acce\u017F\u017F_to\u212Aen=abc", "the password is hunter2, the token: 1", "secret\"\n = x", "a proxy-authorization:x", "é-Set-Cookie = a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := known.ReplaceAllString(secretish.ReplaceAllString(text, "$1$2[redacted]"), "[redacted]")
		require.Equal(t, want, Redact(text))
	})
}
