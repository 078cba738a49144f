package probe

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/exposure"
)

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

func mustAddr(t *testing.T, ln net.Listener) netip.Addr {
	t.Helper()
	to, err := netip.ParseAddrPort(ln.Addr().String())
	require.NoError(t, err)
	return to.Addr()
}

func TestSecretsAreTakenOutOfEvidence(t *testing.T) {
	for name, text := range map[string]string{
		"authorization":     "GET / HTTP/1.1\r\nAuthorization: Basic S3CRET==\r\n",
		"cookie":            "Cookie: a=S3CRET; b=S3CRET\r\n",
		"set-cookie":        "HTTP/1.1 200 OK\r\nSet-Cookie: sid=S3CRET; Path=/\r\n",
		"api key header":    "X-Api-Key: S3CRET",
		"some token header": "X-Vault-Token: S3CRET",
		"URL credentials":   "url = https://bob:S3CRET@git.example/x.git",
		"query":             "GET /?user=x&access_token=S3CRET&y=1 HTTP/1.1",
		"form":              "username=admin&password=S3CRET",
		"JSON":              `{"MINIO_ROOT_PASSWORD": "S3CRET", "a": 1}`,
		"JSON with quotes":  `{"password":"a\"S3CRET\"b"}`,
		"JSON in JSON":      `{"body":"{\"password\":\"S3CRET\"}"}`,
		"JSON cut off":      `{"password":"S3CRET and mo`,
		"number":            `{"token":123456789S3CRET}`,
		"environment":       "DB_PASSWORD=\"S3CRET with spaces\"\nX=1",
		"YAML":              "db:\n  password: S3CRET and more\n",
		"XML":               "<password>S3CRET</password>",
		"private key":       "-----BEGIN RSA PRIVATE KEY-----\nS3CRET\nmoreS3CRET\n-----END RSA PRIVATE KEY-----",
		"private key cut":   "-----BEGIN OPENSSH PRIVATE KEY-----\nS3CRET\n",
		"bearer in a body":  "curl -H 'x: Bearer S3CRETS3CRET'",
	} {
		got := redact(text)
		require.NotContains(t, got, "S3CRET", name)
		require.Contains(t, got, mark, name)
	}
	for _, token := range []string{"AKIAIOSFODNN7EXAMPLE", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.sig"} {
		require.NotContains(t, redact("x "+token+" y"), token)
	}
	require.Equal(t, "[core]\n\tbare = false\n", redact("[core]\n\tbare = false\n"), "what is no secret stays")
}

func TestRedactionGivesValidTextOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"password=", "\"token\": \"", "Cookie: ", "\r\n", "\"", "\\", "-----BEGIN PRIVATE KEY-----", "\xff", "&", "x"}))).Draw(t, "parts")
		once := redact(strings.Join(parts, ""))
		require.True(t, utf8.ValidString(once))
	})
}

func FuzzSeal(f *testing.F) {
	f.Add("GET /", "HTTP/1.1 200 OK\r\nSet-Cookie: x\r\n\r\n", 1)
	f.Add("\x00\x01", strings.Repeat("\x00", 1000), 500)
	f.Fuzz(func(t *testing.T, request, response string, times int) {
		const most = 1 << 20
		if n := len(response); n > 0 {
			response = strings.Repeat(response, max(min(times, most/n), 1))
		}
		blob, err := seal(exposure.Evidence{Kind: "http", Request: request, Response: response})
		require.NoError(t, err)
		require.LessOrEqual(t, len(blob.body), maxEvidence)
		require.True(t, json.Valid(blob.body))
		require.Equal(t, digest(blob.body), blob.sum)
	})
}

func TestEvidenceThatIsTooLongIsCutAndSaysSo(t *testing.T) {
	blob, err := seal(exposure.Evidence{Kind: "http", Request: "GET /", Response: strings.Repeat("\x01", 1<<20)})
	require.NoError(t, err)
	require.LessOrEqual(t, len(blob.body), maxEvidence)
	var e exposure.Evidence
	require.NoError(t, json.Unmarshal(blob.body, &e))
	require.Equal(t, "GET /", e.Request)
	require.Contains(t, e.Response, "[cut]")
}
