package webhookout_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/notifiertest"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/connectors/webhookout"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

var key = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// standard is how a receiver checks, by the package with which our own sources do.
func standard() signature.HMAC {
	return signature.HMAC{Header: "Webhook-Signature", Prefix: "v1,", Hash: signature.SHA256, Encoding: signature.Base64, TimeHeader: "Webhook-Timestamp", IDHeader: "Webhook-Id",
		Message: func(h http.Header, body []byte) [][]byte {
			return [][]byte{[]byte(h.Get("Webhook-Id") + "." + h.Get("Webhook-Timestamp") + "." + string(body))}
		}}
}

func open(t *testing.T, c *webhookout.Config) connectors.Poster {
	t.Helper()
	require.Empty(t, c.Validate())
	reg := webhookout.Registration()
	in, err := reg.Open(connectors.Env{Source: "soar", HTTP: httpclient.New(httpclient.Options{Reach: reg.Reach(c), Rate: 1000, Now: time.Now}), Now: func() time.Time { return epoch }}, c)
	require.NoError(t, err)
	poster, ok := in.(connectors.Poster)
	require.True(t, ok)
	return poster
}

func TestItIsANotifier(t *testing.T) {
	notifiertest.Run(t, func(t *testing.T) notifiertest.Rig {
		t.Helper()
		seen := map[string]string{}
		var order []string
		s := notifiertest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			id, verr := standard().Verify(r.Header, body, epoch, secret.New(key))
			if err != nil || verr != nil || !json.Valid(body) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if _, known := seen[id]; !known {
				order = append(order, id)
			}
			var call struct {
				Type string
				Data connectors.Message
			}
			_ = json.Unmarshal(body, &call)
			seen[id] = call.Type + strings.NewReplacer("\x1b", "", "<script>", "").Replace(call.Data.Subject) // JSON carries any text
			w.WriteHeader(http.StatusNoContent)
		})
		return notifiertest.Rig{Notifier: open(t, &webhookout.Config{URL: s.URL + "/hook", Secret: secret.New(key)}), To: "soar", Next: s.Next, Secrets: []string{key, key[6:]},
			Got: func() []string {
				out := make([]string, 0, len(order))
				for _, id := range order {
					out = append(out, seen[id])
				}
				return out
			}}
	})
}

func TestBothKeysSignWhileOneIsRotatedAndAnEd25519KeySignsToo(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	var header http.Header
	var body []byte
	s := notifiertest.NewServer(t, func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, err = io.ReadAll(r.Body)
	})
	c := &webhookout.Config{URL: s.URL, Secret: secret.New("whsk_" + base64.StdEncoding.EncodeToString(private.Seed())), Previous: secret.New(key)}
	_, err = open(t, c).Post(t.Context(), notifiertest.Message("x"), connectors.Attempt{To: "soar"})
	require.NoError(t, err)
	parts := strings.Fields(header.Get("Webhook-Signature"))
	require.Len(t, parts, 2)
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(parts[0], "v1a,"))
	require.NoError(t, err)
	message := header.Get("Webhook-Id") + "." + header.Get("Webhook-Timestamp") + "." + string(body)
	require.True(t, ed25519.Verify(public, []byte(message), sum))
	_, err = standard().Verify(header, body, epoch, secret.New(key))
	require.NoError(t, err)
	_, err = standard().Verify(header, append(body, ' '), epoch, secret.New(key))
	require.Error(t, err)
}

// The vector is that of the specification's reference libraries.
func TestTheSignatureIsThatOfTheSpecification(t *testing.T) {
	h := http.Header{"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"}, "Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}}
	_, err := standard().Verify(h, []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0), secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	require.NoError(t, err, "the check of these tests is the specification's")
}

func TestGoneAndRedirectsAreRefusals(t *testing.T) {
	status := http.StatusGone
	s := notifiertest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", status)
	})
	poster := open(t, &webhookout.Config{URL: s.URL, Secret: secret.New(key)})
	_, err := poster.Post(t.Context(), notifiertest.Message("x"), connectors.Attempt{})
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	status = http.StatusFound
	_, err = poster.Post(t.Context(), notifiertest.Message("x"), connectors.Attempt{})
	require.Error(t, err)
}

func TestKeysThatAreNoneAreRefusedWithoutRepeatingThem(t *testing.T) {
	for _, bad := range []string{"hunter2hunter2", "whsec_c2hvcnQ=", "whsk_c2hvcnQ=", "whsec_%%%"} {
		errs := (&webhookout.Config{URL: "https://x.example", Secret: secret.New(bad)}).Validate()
		require.Len(t, errs, 1)
		require.NotContains(t, errs[0].Error(), bad)
	}
	require.Len(t, (&webhookout.Config{}).Validate(), 2)
}
