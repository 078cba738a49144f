package gcpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/gcpapi"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var newKey = sync.OnceValue(func() *rsa.PrivateKey { //nolint:gochecknoglobals // a key takes a while to make
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// google serves the keys, and counts how often.
type google struct {
	asked []string
	fail  bool
}

func (g *google) RoundTrip(r *http.Request) (*http.Response, error) {
	g.asked = append(g.asked, r.URL.String())
	status := http.StatusOK
	if g.fail {
		status = http.StatusBadGateway
	}
	pub := newKey().PublicKey
	body, _ := json.Marshal(map[string]any{"keys": []map[string]string{{"kid": "k1", "kty": "RSA", "alg": "RS256",
		"n": base64.RawURLEncoding.EncodeToString(pub.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(pub.E)).Bytes())}}})
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body))), Request: r}, nil
}

const (
	audience = "https://quell.example.org/hooks/scc"
	account  = "push@quell-lab.iam.gserviceaccount.com"
)

func now() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func good() jwt.MapClaims {
	return jwt.MapClaims{"iss": "https://accounts.google.com", "aud": audience, "email": account, "email_verified": true,
		"exp": now().Add(time.Hour).Unix(), "iat": now().Add(-time.Minute).Unix(), "sub": "1"}
}

func header(t *testing.T, method jwt.SigningMethod, key any, kid string, c jwt.MapClaims) http.Header {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return http.Header{"Authorization": {"Bearer " + text}}
}

func TestAPushOfOurAccountForOurAudienceIsTaken(t *testing.T) {
	g := &google{}
	p := gcpapi.NewPushes(&http.Client{Transport: g}, audience, account)
	for range 3 {
		id, err := p.Verify(header(t, jwt.SigningMethodRS256, newKey(), "k1", good()), []byte(`{"message":{"messageId":"m-7"}}`), now())
		require.NoError(t, err)
		require.Equal(t, "m-7", id)
	}
	require.Equal(t, []string{"https://www.googleapis.com/oauth2/v3/certs"}, g.asked, "keys are fetched once")
	_, err := p.Verify(header(t, jwt.SigningMethodRS256, newKey(), "k2", good()), nil, now().Add(30*time.Second))
	require.Equal(t, fault.Denied, fault.KindOf(err))
	require.Len(t, g.asked, 1, "an unknown key is not asked for at every call")
	_, err = p.Verify(header(t, jwt.SigningMethodRS256, newKey(), "k2", good()), nil, now().Add(2*time.Minute))
	require.Equal(t, fault.Denied, fault.KindOf(err))
	require.Len(t, g.asked, 2)
}

func TestOtherPushesAreDenied(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	with := func(name string, value any) jwt.MapClaims {
		c := good()
		c[name] = value
		if value == nil {
			delete(c, name)
		}
		return c
	}
	tests := []struct {
		name   string
		header http.Header
	}{
		{"no token", http.Header{}},
		{"a password", http.Header{"Authorization": {"Basic x"}}},
		{"another key", header(t, jwt.SigningMethodRS256, other, "k1", good())},
		{"no signature", header(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "k1", good())},
		{"a shared secret", header(t, jwt.SigningMethodHS256, []byte("x"), "k1", good())},
		{"another audience", header(t, jwt.SigningMethodRS256, newKey(), "k1", with("aud", "https://elsewhere.example"))},
		{"another account", header(t, jwt.SigningMethodRS256, newKey(), "k1", with("email", "evil@example.org"))},
		{"an account that is not verified", header(t, jwt.SigningMethodRS256, newKey(), "k1", with("email_verified", false))},
		{"another issuer", header(t, jwt.SigningMethodRS256, newKey(), "k1", with("iss", "https://evil.example"))},
		{"an expired one", header(t, jwt.SigningMethodRS256, newKey(), "k1", with("exp", now().Add(-2*time.Minute).Unix()))},
		{"one that never expires", header(t, jwt.SigningMethodRS256, newKey(), "k1", with("exp", nil))},
		{"one of the future", header(t, jwt.SigningMethodRS256, newKey(), "k1", with("iat", now().Add(time.Hour).Unix()))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := gcpapi.NewPushes(&http.Client{Transport: &google{}}, audience, account).Verify(tt.header, nil, now())
			require.Equal(t, fault.Denied, fault.KindOf(err), "%v", err)
		})
	}
	_, err = gcpapi.NewPushes(&http.Client{Transport: &google{}}, "", "").Verify(tests[0].header, nil, now())
	require.Equal(t, fault.Denied, fault.KindOf(err))
	_, err = gcpapi.NewPushes(&http.Client{Transport: &google{fail: true}}, audience, account).Verify(header(t, jwt.SigningMethodRS256, newKey(), "k1", good()), nil, now())
	require.Equal(t, fault.Unavailable, fault.KindOf(err), "Pub/Sub will send it again")
}

func TestAKeyIsCheckedWithoutRepeatingIt(t *testing.T) {
	require.NoError(t, gcpapi.CheckKey(secret.New(`{"type":"service_account","client_email":"a@b","private_key":"x"}`)))
	err := gcpapi.CheckKey(secret.New(`hunter2hunter2`))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}
