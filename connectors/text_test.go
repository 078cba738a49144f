package connectors_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

func TestUIDIsReadableWhileShort(t *testing.T) {
	require.Equal(t, "nuclei:git-config|443/tcp", connectors.UID("nuclei:git-config", "443/tcp"))
	long := strings.Repeat("a", 300)
	require.Len(t, connectors.UID(long), 32)
	require.NotEqual(t, connectors.UID(long, "b"), connectors.UID(long, "c"))
}

func TestTimeReadsWhatScannersWrite(t *testing.T) {
	tests := []struct{ text, want string }{
		{"2022-09-09T21:18:55.271592+02:00", "2022-09-09T19:18:55.271Z"},
		{"2021-08-25T12:20:30.000000005Z", "2021-08-25T12:20:30Z"},
		{"2024-01-04 11:02:11", "2024-01-04T11:02:11Z"},
		{"2024-01-04T11:02:11", "2024-01-04T11:02:11Z"},
		{"2021-01-06", "2021-01-06T00:00:00Z"},
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
		{"1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
		{"yesterday", "0001-01-01T00:00:00Z"},
		{"", "0001-01-01T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			require.Equal(t, tt.want, connectors.Time(tt.text).Format(time.RFC3339Nano))
		})
	}
}

func TestRedactHidesCredentials(t *testing.T) {
	tests := []struct{ name, text, hidden string }{
		{"a bearer token", "GET / HTTP/1.1\r\nAuthorization: Bearer abc.def.ghi\r\nAccept: */*", "abc.def"},
		{"a session cookie with attributes", "Set-Cookie: sid=0123456789; Path=/; HttpOnly", "0123456789"},
		{"a second cookie", "Cookie: a=1; session=topsecretvalue", "topsecretvalue"},
		{"a form's password", "username=admin&password=hunter22", "hunter22"},
		{"a key in JSON", `{"api_key": "zzzzzzzz"}`, "zzzzzzzz"},
		{"a cloud key", "found AKIAIOSFODNN7EXAMPLE here", "IOSFODNN"},
		{"a forge token", "ghp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"},
		{"a private key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAAA\n-----END RSA PRIVATE KEY-----", "MIIE"},
		{"a private key cut short", "-----BEGIN PRIVATE KEY-----\nMIIE", "MIIE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := connectors.Redact(tt.text)
			require.NotContains(t, got, tt.hidden)
			require.Contains(t, got, "[redacted]")
		})
	}
	require.Equal(t, "nginx/1.14.2 on port 443", connectors.Redact("nginx/1.14.2 on port 443"))
}

func TestMaskLeavesEnoughToFindASecretAgain(t *testing.T) {
	require.Equal(t, "ghp_****", connectors.Mask("ghp_0123456789"))
	require.Equal(t, "****", connectors.Mask("hunter2"))
}

func TestIdentIsFitForAnIdentity(t *testing.T) {
	require.Equal(t, "git-config", connectors.Ident(" git\x00-con\x1b\nfig "))
	long := strings.Repeat("é", 300)
	require.LessOrEqual(t, len(connectors.Ident(long)), 512)
	require.NotEqual(t, connectors.Ident(long+"a"), connectors.Ident(long+"b"), "long texts stay apart")
}
